"""TFLite's layers and what else it says in a way of its own, in the words of the vocabulary."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.tflite_operation import Operation, shape_or_none

Read = Callable[[Operation], Node]
LAYERS: dict[str, Read] = {}
_AXES = ("D", "H", "W")
#: What norms are kept from being 0 by: kernels/l2norm.cc, "epsilon", of the root.
_NORM = 1e-6


def _layer(*names: str) -> Callable[[Callable[[Operation], Node | None]], Read]:
    """Enter a translation into the table; what it does not know stays TFLite's own."""

    def enter(function: Callable[[Operation], Node | None]) -> Read:
        def read(operation: Operation) -> Node:
            made = None if operation.options is None else function(operation)
            active = None if made is None else operation.activated(made)
            if active is not None:
                return active
            operation.read_all()
            return operation.own()

        LAYERS.update(dict.fromkeys(names, read))
        return read

    return enter


def _windows(operation: Operation, rank: int, what: str) -> tuple[int, ...]:
    """Return an option for each spatial axis."""
    return tuple(int(operation.option(what.format(axis))) for axis in _AXES[3 - rank :])


def _steps(operation: Operation, rank: int) -> tuple[int, ...]:
    strides = _windows(operation, rank, "stride{}")
    if min(strides) < 1:
        raise ArtifactError(f"{operation.name} has a stride of {min(strides)}")
    return strides


def _padding(operation: Operation) -> str:
    kind = int(operation.option("padding"))
    if kind not in (0, 1):
        raise ArtifactError(f"{operation.name} pads in a way that is not known")
    return ("SAME", "VALID")[kind]


def _bias(operation: Operation, place: int, width: int | None) -> tuple[Node | None, Node | None]:
    """Return the bias of a layer as a constant, or as what is to be added."""
    if not operation.has(place):
        return None, None
    bias = operation.input(place)
    if bias.is_constant and bias.shape == (width,):
        return bias, None
    return None, bias


def _with(operation: Operation, made: Node, bias: Node | None) -> Node:
    return made if bias is None else operation.op("add", made, bias)


def _convolved(operation: Operation, weight: Node, groups: int, rank: int = 2) -> Node:
    dilations = _windows(operation, rank, "dilation{}Factor")
    if min(dilations) < 1:
        raise ArtifactError(f"{operation.name} has a dilation of {min(dilations)}")
    bias, rest = _bias(operation, 2, (weight.shape or (None,))[-1])
    made = operation.b.convolution(
        operation.input(0),
        weight,
        bias,
        strides=_steps(operation, rank),
        pads=_padding(operation),
        dilations=dilations,
        groups=groups,
        origin=operation.name,
    )
    return _with(operation, made, rest)


def _width(operation: Operation, place: int, rank: int) -> int | None:
    shape = operation.input(place).shape
    return shape[-1] if shape is not None and len(shape) == rank else None


@_layer("CONV_2D")
def _conv(operation: Operation) -> Node | None:
    weight = operation.weight(1, (1, 2, 3, 0))
    width = _width(operation, 0, 4)
    if weight is None or not width:
        return None
    *_, into, out = (size or 0 for size in weight.shape or ())
    if not into or width % into or out % (width // into):
        raise ArtifactError(f"{operation.name} has weights for other channels than it reads")
    return _convolved(operation, weight, width // into)


@_layer("CONV_3D")
def _conv_3d(operation: Operation) -> Node | None:
    weight = operation.weight(1, (0, 1, 2, 3, 4))
    width = _width(operation, 0, 5)
    if weight is None or width is None or (weight.shape or ())[-2] != width:
        return None
    return _convolved(operation, weight, 1, 3)


@_layer("DEPTHWISE_CONV_2D")
def _depthwise(operation: Operation) -> Node | None:
    weight = operation.weight(1, (1, 2, 0, 3))
    width = _width(operation, 0, 4)
    if weight is None or not width:
        return None
    _, _, one, out = (size or 0 for size in weight.shape or ())
    times = int(operation.option("depthMultiplier"))
    if one != 1 or out % width or times not in (0, out // width):
        raise ArtifactError(f"{operation.name} has weights for other channels than it reads")
    return _convolved(operation, weight, width)


@_layer("TRANSPOSE_CONV")
def _transposed(operation: Operation) -> Node | None:
    # Inputs: shape of the result, weights (out, *kernel, in), what is read, and a bias.
    weight = operation.weight(1, (1, 2, 3, 0))
    sizes = operation.sizes(0)
    if weight is None or sizes is None or len(sizes) != 4:
        return None
    made = operation.b.transposed_convolution(
        operation.input(2),
        weight,
        sizes=tuple(sizes[1:3]),
        strides=_steps(operation, 2),
        pads=_padding(operation),
        origin=operation.name,
    )
    if made is None:
        return None
    return _with(operation, made, operation.input(3) if operation.has(3) else None)


@_layer("FULLY_CONNECTED")
def _connected(operation: Operation) -> Node | None:
    if int(operation.option("weightsFormat")):
        raise ArtifactError(f"{operation.name} has shuffled weights")
    x = operation.input(0)
    weight = operation.weight(1, (1, 0))
    depth = (weight if weight is not None else operation.input(1)).shape
    if x.shape is None or depth is None or len(depth) != 2:
        return None
    into = depth[0] if weight is not None else depth[1]
    shape = x.shape
    if not operation.option("keepNumDims") and len(shape) != 2:
        if shape_or_none(shape) is None or into is None:
            return None
        rest = math.prod(n for n in shape if n is not None)
        rows = rest // into if None not in shape else None
        x = operation.b.op("reshape", x, shape=(rows, into))
    elif shape[-1] is not None and shape[-1] != into:
        if len(shape) != 2 or shape_or_none(shape) is None or into is None:
            raise ArtifactError(f"{operation.name} has weights for other channels than it reads")
        x = operation.b.op("reshape", x, shape=(None, into))
    if weight is None:
        other = operation.b.op("transpose", operation.input(1), perm=(1, 0))
        made = operation.op("dot", x, other)
        return _with(operation, made, operation.input(2) if operation.has(2) else None)
    bias, rest_of = _bias(operation, 2, (weight.shape or (None,))[-1])
    return _with(operation, operation.b.linear(x, weight, bias, operation.name), rest_of)


def _pooled(kind: str) -> Callable[[Operation], Node | None]:
    def read(operation: Operation) -> Node | None:
        x = operation.input(0)
        if x.shape is None or len(x.shape) != 4:
            return None
        kernel = int(operation.option("filterHeight")), int(operation.option("filterWidth"))
        if min(kernel) < 1:
            raise ArtifactError(f"{operation.name} has a window of {min(kernel)}")
        return operation.b.pooled(
            kind,
            x,
            kernel=kernel,
            strides=_steps(operation, 2),
            pads=_padding(operation),
            origin=operation.name,
        )

    return read


_layer("MAX_POOL_2D")(_pooled("max_pool"))
_layer("AVERAGE_POOL_2D")(_pooled("avg_pool"))


@_layer("SOFTMAX")
def _softmax(operation: Operation) -> Node | None:
    x = operation.input(0)
    beta = float(operation.option("beta"))
    if not x.shape:
        return None
    x = x if beta == 1.0 else operation.b.scaled(x, beta, operation.name)
    return operation.op("softmax", x, axis=len(x.shape or ()) - 1)


@_layer("CONCATENATION")
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


@_layer("GATHER")
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


LAYERS["EMBEDDING_LOOKUP"] = _looked_up


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


LAYERS["RESHAPE"] = _reshaped


@_layer("L2_NORMALIZATION")
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


def _bounded(low: float, high: float) -> Read:
    def read(operation: Operation) -> Node:
        return operation.op("clip", operation.input(0), low=low, high=high)

    return read


LAYERS["HARD_SWISH"] = _hard_swish
LAYERS["PRELU"] = _prelu
LAYERS["RELU_N1_TO_1"] = _bounded(-1.0, 1.0)
LAYERS["RELU_0_TO_1"] = _bounded(0.0, 1.0)


@_layer("GELU")
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


LAYERS["SELECT"] = _selected


