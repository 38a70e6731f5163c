"""TFLite's layers in the words of the vocabulary: convolutions, products with weights, pools."""

from __future__ import annotations

import math
from collections.abc import Callable

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.transposed import undone
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.tflite.operation import Operation, shape_or_none

Read = Callable[[Operation], Node]
LAYERS: dict[str, Read] = {}
_AXES = ("D", "H", "W")


def layer(*names: str) -> Callable[[Callable[[Operation], Node | None]], Read]:
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


@layer("CONV_2D")
def _conv(operation: Operation) -> Node | None:
    weight = operation.weight(1, (1, 2, 3, 0))
    width = _width(operation, 0, 4)
    if weight is None or not width:
        return None
    *_, into, out = (size or 0 for size in weight.shape or ())
    if not into or width % into or out % (width // into):
        raise ArtifactError(f"{operation.name} has weights for other channels than it reads")
    return _convolved(operation, weight, width // into)


@layer("CONV_3D")
def _conv_3d(operation: Operation) -> Node | None:
    weight = operation.weight(1, (0, 1, 2, 3, 4))
    width = _width(operation, 0, 5)
    if weight is None or width is None or (weight.shape or ())[-2] != width:
        return None
    return _convolved(operation, weight, 1, 3)


@layer("DEPTHWISE_CONV_2D")
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


@layer("TRANSPOSE_CONV")
def _transposed(operation: Operation) -> Node | None:
    # Inputs: shape of the result, weights (out, *kernel, in), what is read, and a bias.
    weight = operation.weight(1, (1, 2, 3, 0))
    sizes = operation.sizes(0)
    if weight is None or sizes is None or len(sizes) != 4:
        return None
    made = undone(
        operation.b,
        operation.input(2),
        weight,
        sizes=tuple(sizes[1:3]),
        strides=_steps(operation, 2),
        dilations=(1, 1),
        pads=_padding(operation),
        origin=operation.name,
    )
    if made is None:
        return None
    return _with(operation, made, operation.input(3) if operation.has(3) else None)


@layer("FULLY_CONNECTED")
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


layer("MAX_POOL_2D")(_pooled("max_pool"))
layer("AVERAGE_POOL_2D")(_pooled("avg_pool"))


@layer("SOFTMAX")
def _softmax(operation: Operation) -> Node | None:
    x = operation.input(0)
    beta = float(operation.option("beta"))
    if not x.shape:
        return None
    x = x if beta == 1.0 else operation.b.scaled(x, beta, operation.name)
    return operation.op("softmax", x, axis=len(x.shape or ()) - 1)
