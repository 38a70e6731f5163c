"""What TFLite says in a way of its own, and is no layer: joins, look-ups, reshapes, activations."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.tflite.layers import Read, layer
from pytest_freezecheck.formats.tflite.operation import Operation, shape_or_none

OTHERS: dict[str, Read] = {}
#: What norms are kept from being 0 by: kernels/l2norm.cc, "epsilon", of the root.
_NORM = 1e-6


@layer("CONCATENATION")
def _joined(operation: Operation) -> Node | None:
    operation.read_all()
    rank = len(operation.x[0].shape or ())
    axis = int(operation.option("axis"))
    if any(x.shape is None or len(x.shape) != rank for x in operation.x):
        axis_node = operation.b.constant(np.asarray(axis, np.int32))
        operation.x = [*operation.x, axis_node]
        kind = operation.reader.dtype(operation.outputs[0])
        given = {"N": len(operation.tensors), "T": kind, "Tidx": "int32"}
        return operation.as_tensorflow("ConcatV2", given)
    if not -rank <= axis < rank:
        raise ArtifactError(f"{operation.name} joins along an axis that is not there")
    return operation.op("concat", *operation.x, axis=axis % rank)


@layer("GATHER")
def _gathered(operation: Operation) -> Node | None:
    x, places = operation.input(0), operation.input(1)
    if x.shape is None or places.shape is None:
        return None
    axis, batch = int(operation.option("axis")), int(operation.option("batchDims"))
    axis = axis + len(x.shape) if axis < 0 else axis
    batch = batch + len(places.shape) if batch < 0 else batch
    if not 0 <= batch <= axis < len(x.shape):
        raise ArtifactError(f"{operation.name} looks up along an axis that is not there")
    return operation.op("gather", x, places, axis=axis, batch_dims=batch)


def _looked_up(operation: Operation) -> Node:
    """Return rows of a table, of one axis of ids."""
    ids, table = operation.input(0), operation.input(1)
    return operation.op("gather", table, ids, axis=0, batch_dims=0)


OTHERS["EMBEDDING_LOOKUP"] = _looked_up


def _reshaped(operation: Operation) -> Node:
    x = operation.input(0)
    told = operation.option("newShape")
    sizes = operation.sizes(1) if operation.has(1) else None
    if not operation.has(1) and told is not None:
        sizes = [int(n) if n >= 0 else None for n in told]
    if sizes is not None and x.shape is not None:
        if shape_or_none(tuple(sizes)) is not None:
            return operation.op("reshape", x, shape=tuple(sizes))
        asked = operation.reader.operation(operation.tensors[1]) if operation.has(1) else None
        shaped = asked is not None and asked.kind == "SHAPE"
        if shaped and list(x.shape) == sizes and asked and asked.tensors[0] == operation.tensors[0]:
            return x
    operation.read_all()
    return operation.as_tensorflow("Reshape", {}) if operation.has(1) else operation.own()


OTHERS["RESHAPE"] = _reshaped


def _filled(operation: Operation) -> Node:
    """Return a number many times over, for each row of an input: see `Fill` of TensorFlow's."""
    sizes, number = operation.sizes(0), operation.input(1).value
    value = None if number is None or number.shape else number.number()
    if sizes is not None and number is not None and value is not None:
        if None not in sizes:
            return operation.b.constant(np.full([n or 0 for n in sizes], number.array))
        asked = _asked(operation)
        shape = asked.shape or () if asked is not None else ()
        batch = shape[:1] == (None,) and shape.count(None) == 1 and sizes[:1] == [None]
        if asked is not None and batch and None not in sizes[1:]:
            rest = tuple(n or 0 for n in sizes[1:])
            return operation.op("fill", operation.input(1), asked, rest=rest)
    operation.read_all()
    return operation.as_tensorflow("Fill", {})


def _asked(operation: Operation) -> Node | None:
    """Return the only input whose number of rows is the only size that is not known, or None."""
    found: dict[int, Node] = {}
    sizes = operation.sizes(0) or []
    waiting = [operation.tensors[0]]
    while waiting:
        made = operation.reader.operation(waiting.pop())
        if made is None:
            continue
        if made.kind in ("REDUCE_PROD", "MUL"):
            return None
        if made.kind == "SHAPE":
            found[id(made.input(0))] = made.input(0)
        else:
            waiting.extend(n for n in made.tensors if n >= 0)
    asked = next(iter(found.values()), None)
    # A size of -1 is one that is not known, too, and here it would be none.
    if len(found) != 1 or asked is None or asked.op != "input" or sizes.count(None) != 1:
        return None
    return asked if _all_rows(operation) else None


def _all_rows(operation: Operation) -> bool:
    """Return whether no constant that sizes are put together of is negative."""
    waiting = [operation.tensors[0]]
    while waiting:
        tensor = waiting.pop()
        made = operation.reader.operation(tensor)
        constant = operation.reader.weight(tensor, None)
        if constant is not None and constant.value is not None:
            if (constant.value.array < 0).any():
                return False
        elif made is not None and made.kind in ("PACK", "CONCATENATION"):
            waiting.extend(n for n in made.tensors if n >= 0)
    return True


OTHERS["FILL"] = _filled


@layer("L2_NORMALIZATION")
def _unit(operation: Operation) -> Node | None:
    x = operation.input(0)
    if not x.shape:
        return None
    b, name = operation.b, operation.name
    total = b.reduced("reduce_sum", b.op("square", x), (len(x.shape) - 1,), keep=True)
    low = float(np.float32(_NORM * _NORM))
    least = b.op("clip", total, low=low, high=math.inf)
    return b.op("mul", x, b.op("rsqrt", least), origin=name)


def _hard_swish(operation: Operation) -> Node:
    """Return x relu6(x + 3) / 6."""
    b, x = operation.b, operation.input(0)
    gate = b.op("clip", b.op("add", x, b.number(3.0, x)), low=0.0, high=6.0)
    return b.op("div", b.op("mul", x, gate), b.number(6.0, x), origin=operation.name)


def _prelu(operation: Operation) -> Node:
    """Return max(x, 0) + alpha min(x, 0)."""
    b, x = operation.b, operation.input(0)
    above = b.op("clip", x, low=0.0, high=math.inf)
    below = b.op("clip", x, low=-math.inf, high=0.0)
    return b.op("add", above, b.op("mul", below, operation.input(1)), origin=operation.name)


def _spectrum(operation: Operation) -> Node:
    """Return a transform of rows, which is written as one of pictures of one row."""
    x, sizes = operation.input(0), operation.sizes(1)
    shape = x.shape
    rows_of_one = shape is not None and shape[-2:-1] == (1,) and shape.count(None) <= 1
    sizes = sizes or []
    if shape is None or not rows_of_one or len(sizes) != 2 or sizes[0] != 1 or not sizes[1]:
        operation.read_all()
        return operation.own()
    rows, width = shape[:-2], sizes[1] // 2 + 1
    flat = operation.b.op("reshape", x, shape=(*rows, shape[-1]))
    length = operation.b.constant(np.asarray([sizes[1]], np.int32))
    made = operation.b.opaque(
        "tf:RFFT", (flat, length), {}, shape=(*rows, width), dtype="complex64",
        origin=operation.name,
    )  # fmt: skip
    return operation.op("reshape", made, shape=(*rows, 1, width))


OTHERS["RFFT2D"] = _spectrum


def _bounded(low: float, high: float) -> Read:
    def read(operation: Operation) -> Node:
        return operation.op("clip", operation.input(0), low=low, high=high)

    return read


OTHERS["HARD_SWISH"] = _hard_swish
OTHERS["PRELU"] = _prelu
OTHERS["RELU_N1_TO_1"] = _bounded(-1.0, 1.0)
OTHERS["RELU_0_TO_1"] = _bounded(0.0, 1.0)


@layer("GELU")
def _gelu(operation: Operation) -> Node | None:
    b, x = operation.b, operation.input(0)
    half = b.scaled(x, 0.5)
    if operation.option("approximate"):
        cube = b.op("pow", x, b.number(3.0, x))
        inner = b.op("add", x, b.scaled(cube, 0.044715))
        curve = b.op("tanh", b.scaled(inner, math.sqrt(2.0 / math.pi)))
    else:
        curve = b.op("erf", b.op("div", x, b.number(math.sqrt(2.0), x)))
    gate = b.op("add", curve, b.number(1.0, x))
    return b.op("mul", half, gate, origin=operation.name)


def _selected(operation: Operation) -> Node:
    """Return the first version of `select`: a vector may choose whole rows."""
    operation.read_all()
    condition, x, y = operation.x
    if x.shape is not None and x.shape == y.shape and condition.shape in (x.shape, ()):
        return operation.op("select", *operation.x)
    return operation.as_tensorflow("Select", {})


OTHERS["SELECT"] = _selected
