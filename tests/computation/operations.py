"""For each type of operation that is translated, graphs that have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tests.computation.session_graphs import SessionGraph

raw = tf.raw_ops
#: Makes outputs; those whose kernel a CPU may not have, with what is to be answered instead.
Make = Callable[[SessionGraph, str], Any]
STRATEGIES: dict[str, Make] = {}


def strategy(*names: str) -> Callable[[Make], Make]:
    """Enter what draws graphs with an operation, under its types."""

    def enter(function: Make) -> Make:
        STRATEGIES.update(dict.fromkeys(names, function))
        return function

    return enter


def _shaped(g: SessionGraph, least: int = 0, most: int = 3, **given: Any) -> Any:
    return g.input(*g.d.shape(least, most), **given)


def _attr(value: Any) -> Any:
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    if isinstance(value, bool):
        return AttrValue(b=value)
    if isinstance(value, float):
        return AttrValue(f=value)
    if isinstance(value, int):
        return AttrValue(i=value)
    if isinstance(value, str):
        return AttrValue(s=value.encode())
    if isinstance(value, tf.DType):
        return AttrValue(type=value.as_datatype_enum)
    made = AttrValue()
    if value and isinstance(value[0], str):
        made.list.s.extend(text.encode() for text in value)
    elif value and isinstance(value[0], tf.DType):
        made.list.type.extend(dtype.as_datatype_enum for dtype in value)
    elif value:
        made.list.i.extend(value)
    else:
        made.list.SetInParent()
    return made


def create(op: str, inputs: list[Any], dtypes: list[Any], **given: Any) -> Any:
    """Return the outputs of an operation that has no function of its own."""
    graph = tf.compat.v1.get_default_graph()
    attributes = {name: _attr(value) for name, value in given.items()}
    return graph.create_op(op, inputs, dtypes, attrs=attributes, name=op.strip("_")).outputs


_ANY = (
    "Exp",
    "Expm1",
    "Sigmoid",
    "Tanh",
    "Sin",
    "Cos",
    "Erf",
    "Erfc",
    "Softplus",
    "Softsign",
    "Selu",
)
_POSITIVE = ("Sqrt", "Rsqrt", "Reciprocal", "Inv", "Log", "Log1p")
_SIGNED = ("Square", "Abs", "Sign", "Neg")


@strategy(*_ANY, "Floor", "Ceil", "Round", "Rint", "Elu", "Relu", "Relu6", "Softmax", "LogSoftmax")
def _single(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, low=-8.0, high=8.0)
    if op in ("Exp", "Expm1", "Sin", "Cos"):
        x = x * 0.25
    argument = {
        "Softplus": "features", "Softsign": "features", "Selu": "features", "Elu": "features",
        "Relu": "features", "Relu6": "features", "Softmax": "logits", "LogSoftmax": "logits",
    }.get(op, "x")  # fmt: skip
    return getattr(raw, op)(**{argument: x})


@strategy(*_POSITIVE)
def _positive(g: SessionGraph, op: str) -> Any:
    return getattr(raw, op)(x=_shaped(g, low=0.1, high=4.0))


@strategy(*_SIGNED)
def _signed(g: SessionGraph, op: str) -> Any:
    return getattr(raw, op)(x=_shaped(g, dtype=g.d.pick(["float32", "int32"]), low=-5, high=5))


@strategy("LogicalNot")
def _negated(g: SessionGraph, op: str) -> Any:
    return raw.LogicalNot(x=_shaped(g, dtype="bool"))


def _beside(g: SessionGraph, x: Any, low: float = -2.0, high: float = 2.0) -> Any:
    """Return a second operand: an input, or a constant that is broadcast."""
    shape = x.shape.as_list()[1:]
    if g.d.chance():
        made = g.input(*shape, dtype=x.dtype.name, low=low, high=high)
    else:
        narrow = g.d.narrowed([1, *shape])
        value = g.d.reals(narrow, low, high)
        made = tf.constant(np.rint(value) if x.dtype.is_integer else value, x.dtype)
    return made


@strategy("Add", "AddV2", "Sub", "Mul", "Maximum", "Minimum", "SquaredDifference")
def _pair(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, dtype=g.d.pick(["float32", "float32", "int32"]), low=-5, high=5)
    y = _beside(g, x)
    x, y = g.d.pick([(x, y), (y, x)])
    return getattr(raw, op)(x=x, y=y)


@strategy("RealDiv", "Div")
def _quotient(g: SessionGraph, op: str) -> Any:
    dtype = "float32" if op == "RealDiv" else g.d.pick(["float32", "int32"])
    x = _shaped(g, dtype=dtype, low=-5, high=5)
    return getattr(raw, op)(x=x, y=_beside(g, x, 1, 4))


@strategy("FloorDiv", "FloorMod")
def _floored(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, dtype="int32", low=-9, high=9)
    return getattr(raw, op)(x=x, y=_beside(g, x, 1, 4))


@strategy("Pow")
def _power(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, low=0.2, high=3.0)
    named = tf.constant(g.d.pick([2.0, 0.5, -0.5, -1.0, 3.0, 1.0]))
    return raw.Pow(x=x, y=g.d.pick([named, _beside(g, x)]))


@strategy("Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual")
def _test(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, dtype="int32", low=-2, high=2)
    return getattr(raw, op)(x=x, y=_beside(g, x))


@strategy("LogicalAnd", "LogicalOr")
def _logical(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, dtype="bool")
    return getattr(raw, op)(x=x, y=g.input(*x.shape.as_list()[1:], dtype="bool"))


@strategy("Select", "SelectV2")
def _select(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    shape = x.shape.as_list()[1:]
    y = g.input(*shape)
    if op == "Select":
        return raw.Select(condition=g.input(*shape, dtype="bool"), x=x, y=y)
    narrow = [1 if g.d.chance() else size for size in shape]
    return raw.SelectV2(condition=g.input(*narrow, dtype="bool"), t=x, e=y)


@strategy("AddN")
def _added(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    return raw.AddN(inputs=[x, x * 0.5, tf.sin(x)][: g.d.whole(1, 3)])


@strategy("ClipByValue")
def _clipped(g: SessionGraph, op: str) -> Any:
    return raw.ClipByValue(t=_shaped(g), clip_value_min=-0.5, clip_value_max=g.d.pick([0.75, 9.0]))


@strategy("Bucketize")
def _bucketized(g: SessionGraph, op: str) -> Any:
    boundaries = sorted({g.d.whole(-3, 3) / 2.0 for _ in range(g.d.whole(1, 4))})
    return raw.Bucketize(input=_shaped(g), boundaries=boundaries)


@strategy("LeakyRelu")
def _leaky(g: SessionGraph, op: str) -> Any:
    return raw.LeakyRelu(features=_shaped(g), alpha=g.d.pick([0.2, 0.1, 0.0]))


@strategy("Cast")
def _cast(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, dtype=g.d.pick(["int32", "float32", "uint8", "int16"]), low=0, high=90)
    if g.d.chance():
        x = raw.Cast(x=x, DstT=g.d.pick([tf.int32, tf.int64]))
    return raw.Cast(x=x, DstT=g.d.pick([tf.float32, tf.int32, tf.int64, tf.bool, tf.uint8]))


def _axes(g: SessionGraph, rank: int) -> list[int]:
    return [g.d.pick([axis, axis - rank]) for axis in g.d.some(rank)]


@strategy("Mean", "Sum", "Max", "Min", "Prod", "Any", "All")
def _reduced(g: SessionGraph, op: str) -> Any:
    dtype = "bool" if op in ("Any", "All") else g.d.pick(["float32", "int32"])
    x = _shaped(g, dtype="float32" if op == "Mean" else dtype, low=-3, high=3)
    axes = tf.constant(_axes(g, x.shape.rank), g.d.pick([tf.int32, tf.int64]))
    return getattr(raw, op)(input=x, axis=axes, keep_dims=g.d.chance())


@strategy("ArgMax", "ArgMin")
def _best(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, 1)
    axis = g.d.whole(-x.shape.rank, x.shape.rank - 1)
    return getattr(raw, op)(input=x, dimension=axis, output_type=g.d.pick([tf.int32, tf.int64]))


@strategy("Cumsum")
def _cumsum(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, 1)
    return raw.Cumsum(x=x, axis=g.d.whole(-x.shape.rank, x.shape.rank - 1))


@strategy("Reshape")
def _reshape(g: SessionGraph, op: str) -> Any:
    x = g.input(*g.d.pick([(2, 3), (4,), (2, 2, 3)]))
    rest = int(np.prod(x.shape.as_list()[1:]))
    rows = tf.shape(x)[0]
    shapes = [[-1, rest], [rows, rest], [rows, 1, -1], [rows * 1, rest, 1], tf.shape(x), [-1]]
    shapes[3] = tf.concat([tf.shape(x)[:1], [rest, 1]], 0)
    return raw.Reshape(tensor=x, shape=tf.convert_to_tensor(g.d.pick(shapes)))


@strategy("Squeeze")
def _squeeze(g: SessionGraph, op: str) -> Any:
    x = g.input(*g.d.pick([(1, 3), (3, 1), (1, 1)]))
    ones = [n for n, size in enumerate(x.shape.as_list()) if size == 1]
    axes = [axis - g.d.pick([0, x.shape.rank]) for axis in ones[: g.d.whole(1, 2)]]
    return raw.Squeeze(input=x, axis=axes)


@strategy("ExpandDims")
def _expand(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    return raw.ExpandDims(input=x, axis=g.d.whole(-x.shape.rank - 1, x.shape.rank))


@strategy("Transpose")
def _transpose(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    return raw.Transpose(x=x, perm=list(g.d.perm(x.shape.rank)))


@strategy("ConcatV2")
def _concat(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, 1)
    return raw.ConcatV2(values=[x, tf.sin(x), x], axis=g.d.whole(-x.shape.rank, x.shape.rank - 1))


@strategy("Pack")
def _pack(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    return raw.Pack(values=[x, tf.sin(x)], axis=g.d.whole(-x.shape.rank - 1, x.shape.rank))


@strategy("Unpack")
def _unpack(g: SessionGraph, op: str) -> Any:
    x = g.input(3, *g.d.shape(0, 2))
    return raw.Unpack(value=x, num=3, axis=g.d.pick([1, 1 - x.shape.rank]))


@strategy("Split")
def _split(g: SessionGraph, op: str) -> Any:
    x = g.input(*g.d.shape(0, 1), 6)
    return raw.Split(axis=g.d.pick([-1, x.shape.rank - 1]), value=x, num_split=g.d.pick([1, 2, 3]))


@strategy("SplitV")
def _split_unevenly(g: SessionGraph, op: str) -> Any:
    sizes = g.d.pick([[1, 5], [2, -1], [-1, 1, 2]])
    return raw.SplitV(
        value=g.input(2, 6), size_splits=sizes, axis=g.d.pick([-1, 2]), num_split=len(sizes)
    )


@strategy("Slice")
def _slice(g: SessionGraph, op: str) -> Any:
    begin, size = g.d.pick(
        [([0, 1, 0], [-1, 2, -1]), ([0, 0, 2], [-1, -1, 1]), ([0] * 3, [-1] * 3)]
    )
    return raw.Slice(input=g.input(4, 3), begin=begin, size=size)


@strategy("StridedSlice")
def _strided(g: SessionGraph, op: str) -> Any:
    known = g.d.shape(1, 3)
    x, sizes = g.input(*known), [None, *known]
    places: list[Any] = []
    for size in sizes[: g.d.whole(1, len(sizes))]:
        part: Any = slice(None)
        if size is not None:
            start, stop = g.d.whole(-size, size - 1), g.d.whole(-size, size + 1)
            step = g.d.pick([1, 2, -1])
            parts = [start, slice(start, None), slice(None, stop), slice(start, stop, step)]
            part = g.d.pick([*parts, slice(None, None, step), slice(0, size)])
        elif g.d.chance():
            part = g.d.pick([slice(0, 1), slice(None, -1), slice(None, None, -1)])
        places.append(part)
    extra = g.d.whole(0, 3)
    if extra == 1:
        places.insert(g.d.whole(0, len(places)), tf.newaxis)
    elif extra == 2:
        place = g.d.whole(1, len(places))
        places = [*places[:place], Ellipsis, *_fitting(places[place:], sizes)]
    made = x[tuple(places)]
    return made if 0 not in made.shape.as_list() else x[:, 0:1]


def _fitting(places: list[Any], sizes: list[Any]) -> list[Any]:
    """Return the places that may stand after an ellipsis: in range of the last axes."""
    kept = []
    for place, size in zip(places[::-1], sizes[::-1], strict=False):
        kept.append(place if not isinstance(place, int) or -size <= place < size else slice(None))
    return kept[::-1]


@strategy("Pad", "PadV2", "MirrorPad")
def _pad(g: SessionGraph, op: str) -> Any:
    x = g.input(*(n + 1 for n in g.d.shape(1, 3)))
    pads = [[0, 0], *([g.d.whole(0, 1), g.d.whole(0, 2)] for _ in x.shape[1:])]
    if op == "PadV2":
        return raw.PadV2(input=x, paddings=pads, constant_values=g.d.pick([0.0, 1.5]))
    if op == "Pad":
        return raw.Pad(input=x, paddings=pads)
    pads = [[min(n, 1) for n in pair] for pair in pads]
    return raw.MirrorPad(input=x, paddings=pads, mode=g.d.pick(["REFLECT", "SYMMETRIC"]))


@strategy("MatrixDiag", "MatrixDiagV2", "MatrixDiagV3")
def _diagonal(g: SessionGraph, op: str) -> Any:
    x, values = g.input(3), g.weights(3)
    more = {"k": 0, "num_rows": -1, "num_cols": g.d.pick([-1, 3]), "padding_value": 0.0}
    return x @ getattr(raw, op)(diagonal=values, **({} if op == "MatrixDiag" else more))


@strategy("Tile")
def _tile(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    return raw.Tile(input=x, multiples=[g.d.whole(1, 2) for _ in x.shape])


@strategy("ReverseV2")
def _reverse(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    return raw.ReverseV2(tensor=x, axis=tf.constant(_axes(g, x.shape.rank), tf.int32))


@strategy("Roll")
def _roll(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    known = [n for n, size in enumerate(x.shape) if size is not None]
    axes = [axis - x.shape.rank if g.d.chance() else axis for axis in known]
    shifts = [g.d.whole(-5, 5) for _ in axes]
    return raw.Roll(input=x, shift=tf.constant(shifts, tf.int32), axis=tf.constant(axes, tf.int32))


@strategy("GatherV2")
def _gather(g: SessionGraph, op: str) -> Any:
    index = g.d.pick(["int32", "int64"])
    if g.d.chance():
        x, places = g.input(4, 3), g.input(*g.d.shape(0, 2), dtype=index, low=0, high=2)
        batch = g.d.pick([1, -places.shape.rank + 1]) if places.shape.rank > 1 else 1
        axis = g.d.pick([2, -1])
        return raw.GatherV2(params=x, indices=places, axis=axis, batch_dims=batch)
    table = g.weights(5, *g.d.shape(0, 2))
    return raw.GatherV2(params=table, indices=_shaped(g, dtype=index, low=0, high=4), axis=0)


@strategy("Gather")
def _gather_rows(g: SessionGraph, op: str) -> Any:
    return raw.Gather(params=g.weights(5, 2), indices=_shaped(g, dtype="int32", low=0, high=4))


@strategy("Fill")
def _fill(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    value = g.d.pick([tf.constant(0.0), tf.constant(1.5), tf.constant(g.d.whole(0, 3))])
    rows = tf.shape(x)[0]
    sizes = [[2, 3], [rows, 3], [rows], tf.concat([tf.shape(x)[:1], [2, 3]], 0), tf.shape(x)]
    return raw.Fill(dims=tf.convert_to_tensor(g.d.pick(sizes)), value=value)


@strategy("ZerosLike", "OnesLike")
def _like(g: SessionGraph, op: str) -> Any:
    x = _shaped(g)
    made = getattr(raw, op)(x=x)
    return tf.concat([made, x], 0) if g.d.chance() else made


@strategy("Range")
def _counted(g: SessionGraph, op: str) -> Any:
    start, limit, delta = g.d.pick([(0, 4, 1), (3, -1, -2), (1, 6, 2)])
    made = raw.Range(start=start, limit=limit, delta=delta)
    return g.input(made.shape[0], dtype="int32", low=0, high=5) + made


@strategy("OneHot")
def _one_hot(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, dtype=g.d.pick(["int32", "int64"]), low=-1, high=4)
    values = g.d.pick([(1.0, 0.0), (1, 0), (2.5, -1.0), (True, False)])
    on, off = (tf.constant(value) for value in values)
    axis = g.d.pick([-1, x.shape.rank])
    return raw.OneHot(indices=x, depth=4, on_value=on, off_value=off, axis=axis)


def _first(x: Any) -> Any:
    rank = x.shape.rank
    return tf.transpose(x, (0, rank - 1, *range(1, rank - 1)))


def _last(x: Any) -> Any:
    rank = x.shape.rank
    return tf.transpose(x, (0, *range(2, rank), 1))


def _whole(values: Any, first: bool) -> list[int]:
    return [1, 1, *values] if first else [1, *values, 1]


@strategy("Conv2D", "Conv3D", "DepthwiseConv2dNative")
def _conv(g: SessionGraph, op: str) -> Any:
    rank, width = 3 if op == "Conv3D" else 2, g.d.whole(1, 3)
    x = g.input(*(g.d.whole(5, 6) for _ in range(rank)), width)
    kernel = [g.d.whole(1, 3) for _ in range(rank)]
    weight = g.weights(*kernel, width, g.d.whole(1, 3))
    stride, dilation = g.d.pick([(1, 1), (2, 1), (1, 2)])
    if op == "Conv3D":
        dilation = 1
    padding = (
        g.d.pick(["SAME", "VALID"]) if op != "Conv2D" else g.d.pick(["SAME", "VALID", "EXPLICIT"])
    )
    pairs = [(0, 0), (g.d.whole(0, 2), 1), (0, g.d.whole(0, 2)), (0, 0)]

    def made(x: Any, first: bool) -> Any:
        given: dict[str, Any] = {
            "input": x,
            "filter": weight,
            "strides": _whole([stride] * rank, first),
            "dilations": _whole([dilation] * rank, first),
            "padding": padding,
            "data_format": ("NC" if first else "N") + "DHW"[3 - rank :] + ("" if first else "C"),
        }
        if padding == "EXPLICIT":
            order = [pairs[0], pairs[3], *pairs[1:3]] if first else pairs
            given["explicit_paddings"] = [n for pair in order for n in pair]
        return getattr(raw, op)(**given)

    if g.d.chance():
        # A CPU has no kernel for channels second: what is to come out is computed otherwise.
        return made(_first(x), True), _first(made(x, False))
    return made(x, False)


@strategy("BatchToSpaceND")
def _dealt(g: SessionGraph, op: str) -> Any:
    """Return a dilated convolution as TensorFlow's functions write it."""
    if g.d.chance():
        return _dealt_sequence(g)
    sizes, block = [g.d.whole(4, 6) for _ in range(2)], [g.d.whole(1, 3), g.d.whole(2, 3)]
    x = g.input(*sizes, 2)
    pads, crops = [], []
    for size, step in zip(sizes, block, strict=True):
        before = g.d.whole(0, step)
        after = -(size + before) % step + g.d.pick([0, step])
        # What a kernel of 2 needs, of each part.
        after += step if (size + before + after) // step < 3 else 0
        pads.append([before, after])
        crops.append([g.d.whole(0, before), g.d.whole(0, min(after, 1))])
    dealt = raw.SpaceToBatchND(input=x, block_shape=block, paddings=pads)
    given: dict[str, Any] = {"strides": [1] * 4, "padding": "VALID"}
    if g.d.chance():
        made = raw.Conv2D(input=dealt, filter=g.weights(2, 2, 2, 3), **given)
    else:
        made = raw.DepthwiseConv2dNative(input=dealt, filter=g.weights(2, 2, 2, 2), **given)
    return raw.BatchToSpaceND(input=made, block_shape=block, crops=crops)


def _dealt_sequence(g: SessionGraph) -> Any:
    """Return one over a sequence, which `tf.nn.conv1d` makes a picture of one row."""
    size, step = g.d.whole(4, 7), g.d.whole(2, 3)
    x = g.input(size, 2)
    before = g.d.whole(0, step)
    after = -(size + before) % step + step
    dealt = raw.SpaceToBatchND(input=x, block_shape=[step], paddings=[[before, after]])
    axis = g.d.pick([1, -3])
    given: dict[str, Any] = {"strides": [1] * 4, "padding": "VALID"}
    made = raw.Conv2D(input=tf.expand_dims(dealt, axis), filter=g.weights(1, 2, 2, 3), **given)
    made = tf.squeeze(made, [g.d.pick([1, -3])])
    crops = [[g.d.whole(0, before), g.d.whole(0, 1)]]
    return raw.BatchToSpaceND(input=made, block_shape=[step], crops=crops)


@strategy("Conv2DBackpropInput")
def _undone(g: SessionGraph, op: str) -> Any:
    into, out = g.d.whole(1, 3), g.d.whole(1, 3)
    x = g.input(g.d.whole(2, 4), g.d.whole(2, 4), into)
    kernel, strides = ([g.d.whole(1, 3) for _ in range(2)] for _ in range(2))
    weight, padding = g.weights(*kernel, out, into), g.d.pick(["SAME", "VALID"])
    sizes = []
    for n, k, step in zip(x.shape.as_list()[1:3], kernel, strides, strict=True):
        # All of these sizes come to as many windows.
        least = (n - 1) * step + (1 if padding == "SAME" else k)
        sizes.append(least + g.d.whole(0, step - 1))

    def made(x: Any, first: bool) -> Any:
        wanted = [tf.shape(x)[0], out, *sizes] if first else [tf.shape(x)[0], *sizes, out]
        return raw.Conv2DBackpropInput(
            input_sizes=tf.stack(wanted), filter=weight, out_backprop=x,
            strides=_whole(strides, first), padding=padding,
            data_format="NCHW" if first else "NHWC",
        )  # fmt: skip

    if g.d.chance():
        return made(_first(x), True), _first(made(x, False))
    return made(x, False)


@strategy("DepthToSpace", "SpaceToDepth")
def _blocks(g: SessionGraph, op: str) -> Any:
    block, more = g.d.whole(2, 3), g.d.whole(1, 2)
    sizes = [g.d.whole(1, 3), g.d.whole(1, 3)]
    if op == "DepthToSpace":
        x = g.input(*sizes, block * block * more)
    else:
        x = g.input(*(size * block for size in sizes), more)
    return getattr(raw, op)(input=x, block_size=block)


@strategy("TopKV2")
def _largest(g: SessionGraph, op: str) -> Any:
    # Whole numbers of a few values: some are equal.
    x = _shaped(g, 1, dtype=g.d.pick(["float32", "int32"]), low=-2, high=2)
    more = g.d.pick([{}, {"index_type": tf.int64}])
    return list(raw.TopKV2(input=x, k=g.d.whole(1, x.shape[-1]), **more))


@strategy("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D")
def _pool(g: SessionGraph, op: str) -> Any:
    rank = 3 if op.endswith("3D") else 2
    x = g.input(*(g.d.whole(4, 6) for _ in range(rank)), g.d.whole(1, 3))
    kernel = [g.d.whole(1, 3) for _ in range(rank)]
    strides = [g.d.whole(1, 2) for _ in range(rank)]
    padding = g.d.pick(["SAME", "VALID"])
    argument = "value" if op == "AvgPool" else "input"

    def made(x: Any, first: bool) -> Any:
        layout = ("NC" if first else "N") + "DHW"[3 - rank :] + ("" if first else "C")
        return getattr(raw, op)(
            **{argument: x}, ksize=_whole(kernel, first), strides=_whole(strides, first),
            padding=padding, data_format=layout,
        )  # fmt: skip

    if g.d.chance():
        return made(_first(x), True), _first(made(x, False))
    return made(x, False)


@strategy("BiasAdd")
def _bias(g: SessionGraph, op: str) -> Any:
    x = _shaped(g, 2)
    bias = g.weights(x.shape[-1])
    if g.d.chance():
        return raw.BiasAdd(value=_first(x), bias=bias, data_format="NCHW"), _first(x + bias)
    return raw.BiasAdd(value=x, bias=bias)


def _statistics(g: SessionGraph, width: int) -> list[Any]:
    return [g.weights(width), g.weights(width), g.weights(width), g.weights(width, low=0.3, high=2)]


def _normed(x: Any, statistics: list[Any], epsilon: float) -> Any:
    scale, offset, mean, variance = statistics
    return (x - mean) * tf.math.rsqrt(variance + epsilon) * scale + offset


@strategy("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def _norm(g: SessionGraph, op: str) -> Any:
    x = g.input(3, 4, g.d.whole(1, 3))
    scale, offset, mean, variance = statistics = _statistics(g, x.shape[-1])
    epsilon = g.d.pick([1e-3, 1e-2, 0.0001])
    first = g.d.chance()
    found = getattr(raw, op)(
        x=_first(x) if first else x, scale=scale, offset=offset, mean=mean, variance=variance,
        epsilon=epsilon, is_training=False, data_format="NCHW" if first else "NHWC",
    )[0]  # fmt: skip
    expected = _normed(x, statistics, epsilon)
    return found, _first(expected) if first else expected


@strategy("_FusedBatchNormEx")
def _norm_and_more(g: SessionGraph, op: str) -> Any:
    x = g.input(3, 4, 4)
    statistics, side = _statistics(g, 4), g.d.chance()
    mode = g.d.pick(["Identity", "Relu"])
    inputs = [x, *statistics, *([tf.sin(x)] if side else [])]
    found = create(
        op, inputs, [tf.float32] * 6, T=tf.float32, U=tf.float32, epsilon=1e-3, is_training=False,
        data_format="NHWC", activation_mode=mode, num_side_inputs=int(side),
    )[0]  # fmt: skip
    expected = _normed(x, statistics, 1e-3) + (tf.sin(x) if side else 0.0)
    return found, tf.nn.relu(expected) if mode == "Relu" else expected


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "Relu": tf.nn.relu,
    "Relu6": tf.nn.relu6,
    "Elu": tf.nn.elu,
    "LeakyRelu": lambda x: tf.nn.leaky_relu(x, 0.125),
    "Sigmoid": tf.sigmoid,
    "Tanh": tf.tanh,
}


@strategy("_FusedConv2D", "_FusedDepthwiseConv2dNative")
def _fused_conv(g: SessionGraph, op: str) -> Any:
    deep = "Depthwise" in op
    x = g.input(5, 4, 2)
    weight = g.weights(3, 2, 2, g.d.whole(1, 3))
    width = weight.shape[-1] * (2 if deep else 1)
    names, rest = ["BiasAdd"], [g.weights(width)]
    padding = g.d.pick(["SAME", "VALID"])
    one = raw.DepthwiseConv2dNative if deep else raw.Conv2D
    expected = one(input=x, filter=weight, strides=[1] * 4, padding=padding)
    if not deep and g.d.chance():
        names, rest = ["FusedBatchNorm"], _statistics(g, width)
        expected = _normed(expected, rest, 1e-2)
    else:
        expected = expected + rest[0]
    activation = g.d.pick(["", *_ACTIVATIONS])
    if activation:
        names.append(activation)
        expected = _ACTIVATIONS[activation](expected)
    given: dict[str, Any] = {"T": tf.float32, "num_args": len(rest), "strides": [1] * 4}
    given |= {"padding": padding, "fused_ops": names, "epsilon": 1e-2}
    if activation == "LeakyRelu":
        given["leakyrelu_alpha"] = 0.125
    if not deep:
        given["TArgs"] = [tf.float32] * len(rest)
        given["num_host_args"] = 0
    else:
        del given["epsilon"]
        given.pop("leakyrelu_alpha", None)
        if activation == "LeakyRelu":
            return expected, expected
    return create(op, [x, weight, *rest], [tf.float32], **given)[0], expected


@strategy("_FusedMatMul")
def _fused_product(g: SessionGraph, op: str) -> Any:
    x, weight = g.input(4), g.weights(4, 3)
    bias, flip = g.weights(3), g.d.chance()
    expected = tf.matmul(x, weight) + bias
    names, activation = ["BiasAdd"], g.d.pick(["", "Relu", "Relu6", "Elu", "Tanh", "Sigmoid"])
    if activation:
        names.append(activation)
        expected = _ACTIVATIONS[activation](expected)
    weight = tf.constant(tf.compat.v1.get_static_value(weight).T) if flip else weight
    found = create(
        op, [x, weight, bias], [tf.float32], T=tf.float32, num_args=1, transpose_b=flip,
        fused_ops=names,
    )  # fmt: skip
    return found[0], expected


@strategy("MatMul")
def _matmul(g: SessionGraph, op: str) -> Any:
    x, flip = g.input(4), g.d.chance()
    if g.d.chance():
        y = g.input(4)
        return raw.MatMul(a=x, b=y, transpose_a=True, transpose_b=False)
    weight = g.weights(3, 4) if flip else g.weights(4, 3)
    return raw.MatMul(a=x, b=weight, transpose_b=flip)


@strategy("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def _batch_matmul(g: SessionGraph, op: str) -> Any:
    x, y = g.input(2, 3), g.input(3, 4)
    one, other = g.d.chance(), g.d.chance()
    if op != "BatchMatMul" and g.d.chance():
        y = g.weights(3, 4)
    if one:
        x = tf.linalg.matrix_transpose(x)
    if other:
        y = tf.linalg.matrix_transpose(y)
    more = {"Tout": tf.float32} if op.endswith("V3") else {}
    return getattr(raw, op)(x=x, y=y, adj_x=one, adj_y=other, **more)


@strategy("Einsum")
def _einsum(g: SessionGraph, op: str) -> Any:
    equation, one, other = g.d.pick(
        [
            ("abc,cd->abd", (2, 3), None),
            ("abc,acd->abd", (2, 3), (3, 4)),
            ("abc,adc->adb", (2, 3), (4, 3)),
            ("abc,bcd->ad", (2, 3), None),
            ("abcd,aecd->abe", (2, 3, 2), (4, 3, 2)),
            ("ab,ab->a", (3,), (3,)),
            ("abcd,acbe->abde", (2, 3, 4), (3, 2, 4)),
            ("ab,bc->ca", (3,), None),
        ]
    )
    x = g.input(*one)
    y = g.input(*other) if other else g.weights(*_sizes(equation, one))
    if equation == "abcd,acbe->abde":
        return tf.einsum("abcd,abed->abce", x, tf.transpose(y, (0, 2, 1, 3)))
    return raw.Einsum(inputs=[x, y], equation=equation)


def _sizes(equation: str, one: tuple[int, ...]) -> list[int]:
    terms = equation.split("->")[0].split(",")
    known = dict(zip(terms[0], (0, *one), strict=True))
    return [known.get(axis, 4) for axis in terms[1]]


@strategy("Conv2DBackpropInput")
def _transposed_conv(g: SessionGraph, _: str) -> Any:
    size = [g.d.whole(4, 7) for _ in range(2)]
    kernel = [g.d.whole(1, 3) for _ in range(2)]
    stride, into, out = g.d.whole(1, 3), g.d.whole(1, 3), g.d.whole(1, 3)
    padding = g.d.pick(["SAME", "VALID"])
    less = kernel if padding == "VALID" else [1, 1]
    small = [(n - k) // stride + 1 for n, k in zip(size, less, strict=True)]
    x = g.input(*small, into)
    return tf.nn.conv2d_transpose(
        x, g.weights(*kernel, out, into), [tf.shape(x)[0], *size, out], stride, padding
    )
