"""What readers of ONNX and OpenVINO share: their pictures have the channels second."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_freezecheck.computation.builder import FLOATS, Builder
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.values import Value

#: A vector of sizes or of other whole numbers, None for what is not known before it runs.
Sizes = list[int | None]
Pads = tuple[tuple[int, int], ...]
#: No axis has so many places.
END = 10**9
#: Bits that a float of a file keeps: half a step is what is left of the largest of a channel.
_KEPT = {"float16": (11, 2.0**-25), "bfloat16": (8, 0.0)}


def real(*nodes: Node) -> bool:
    """Return whether nodes hold floating-point numbers."""
    return all(node.dtype in FLOATS for node in nodes)


def unknown(shape: Iterable[int | None]) -> int:
    """Return how many sizes are not known."""
    return sum(size is None for size in shape)


def channels_last(b: Builder, x: Node) -> Node:
    """Return a picture with its channels last."""
    rank = len(x.shape or ())
    return b.op("transpose", x, perm=(0, *range(2, rank), 1))


def channels_second(b: Builder, x: Node) -> Node:
    """Return a picture with its channels second."""
    rank = len(x.shape or ())
    return b.op("transpose", x, perm=(0, rank - 1, *range(1, rank - 1)))


def on_a_grid(array: Any, *origin: str) -> Value:
    """Return a constant as it was read; of one of few bits, by how much it may have been rounded.

    Args:
        array: the constant, channels last or of one axis.
        *origin: what its file calls it.
    """
    import numpy as np

    from pytest_freezecheck.computation.values import unit_of

    name = array.dtype.name
    value = Value(array, origin=origin, unit=unit_of(name))
    if name not in _KEPT or not array.size:
        return value
    bits, least = _KEPT[name]
    return Value(array, origin=origin, half=_halves(np.abs(array), bits, least), grid=name)


def _halves(sizes: Any, bits: int, least: float) -> Any:
    import numpy as np

    axes = tuple(range(sizes.ndim - 1)) if sizes.ndim > 1 else None
    largest = np.nan_to_num(sizes.max(axis=axes).astype(np.float64), posinf=0.0)
    return np.maximum(largest * 2.0**-bits, least)


def regridded(value: Value) -> Value:
    """Return a constant that was moved, with the half steps of the channels it has now."""
    if value.folded or value.grid not in _KEPT or value.array.dtype.name != value.grid:
        return value
    return on_a_grid(value.array, *value.origin)


def weight(b: Builder, node: Node, perm: tuple[int, ...]) -> Node | None:
    """Return a constant weight with its axes in this order, or None if it is computed.

    The half steps of its grid are those of the channels that it has then.
    """
    if node.value is None:
        return None
    moved = b.op("transpose", node, perm=perm)
    if moved.value is None:
        return None
    again = regridded(moved.value)
    return moved if again is moved.value else b.constant(again)


def convolution(
    b: Builder,
    x: Node,
    kernel: Node,
    *,
    strides: tuple[int, ...],
    pads: Any,
    dilations: tuple[int, ...],
    groups: int,
    origin: str,
) -> Node | None:
    """Return a convolution of a picture with its channels second.

    Args:
        b: makes nodes.
        x: the picture.
        kernel: (out, in / groups, *kernel).
        strides: for each spatial axis.
        pads: (before, after) for each spatial axis, "SAME" or "SAME_LOWER".
        dilations: for each spatial axis.
        groups: number of groups of channels.
        origin: what its file calls it.

    Returns:
        The convolution, without a bias, or None if it cannot be said.
    """
    rank = len(kernel.shape or ())
    if x.shape is None or rank < 3 or len(x.shape) != rank:
        return None
    moved = weight(b, kernel, (*range(2, rank), 1, 0))
    if moved is None:
        return None
    sizes = (moved.shape or ())[:-2]
    told = lower(x.shape[2:], sizes, strides, dilations, pads)
    if told is None:
        return None
    made = b.convolution(
        channels_last(b, x), moved, strides=strides, pads=told, dilations=dilations,
        groups=groups, origin=origin,
    )  # fmt: skip
    return channels_second(b, made)


def lower(
    sizes: Shape, kernel: Shape, strides: Sequence[int], dilations: Sequence[int], pads: Any
) -> Any:
    """Return pads, those of "SAME_LOWER" as cells: an odd one comes before; None if unknown."""
    from pytest_freezecheck.computation.kernels import same_pads

    if pads != "SAME_LOWER":
        return pads
    if None in sizes:
        return None
    pairs = zip(sizes, kernel, strides, dilations, strict=True)
    return tuple(same_pads(n or 0, k or 0, s, d)[::-1] for n, k, s, d in pairs)


def pooled(
    b: Builder,
    kind: str,
    x: Node,
    *,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pads: Any,
    padded: bool,
    up: bool,
    origin: str,
) -> Node | None:
    """Return a pool of a picture with its channels second.

    Args:
        b: makes nodes.
        kind: `max_pool` or `avg_pool`.
        x: the picture.
        kernel: size of the window.
        strides: for each spatial axis.
        pads: (before, after) for each spatial axis, "SAME" or "SAME_LOWER".
        padded: whether padded cells count in an average.
        up: whether the number of windows is rounded up.
        origin: what its file calls it.

    Returns:
        The pool, or None if it cannot be said.
    """
    if x.shape is None or len(x.shape) != len(kernel) + 2 or not real(x):
        return None
    told = lower(x.shape[2:], kernel, strides, (1,) * len(kernel), pads)
    if told is None or (up and not isinstance(told, str) and not _fits(x, kernel, strides, told)):
        return None
    made = b.pooled(
        kind, channels_last(b, x), kernel=kernel, strides=strides, pads=told, padded=padded,
        origin=origin,
    )  # fmt: skip
    return channels_second(b, made)


def _fits(x: Node, kernel: Sequence[int], strides: Sequence[int], pads: Pads) -> bool:
    """Return whether windows end where the padded picture does, however they are counted."""
    pairs = zip((x.shape or ())[2:], kernel, strides, pads, strict=True)
    return all(n is not None and (n + sum(p) - k) % s == 0 for n, k, s, p in pairs)


def channelwise(b: Builder, kind: str, x: Node, vector: Node, origin: str = "") -> Node:
    """Return `add` or `mul` of a picture with its channels second and one number for each."""
    made = b.op(kind, channels_last(b, x), vector, origin=origin)
    return channels_second(b, made)


def normalised(
    b: Builder, x: Node, parameters: Sequence[Node], epsilon: float, origin: str
) -> Node | None:
    """Return BatchNorm of axis 1; parameters: scale, offset, mean, variance."""
    if x.shape is None or len(x.shape) < 2:
        return None
    return channels_second(b, b.normalised(channels_last(b, x), parameters, epsilon, origin))


def standardised(
    b: Builder, x: Node, axes: tuple[int, ...], epsilon: float, origin: str
) -> Node | None:
    """Return x less its mean over axes, by the root of its variance and a number."""
    shape = x.shape
    if shape is None or not real(x) or unknown(shape) > 1:
        return None
    mean = b.reduced("reduce_mean", x, axes, keep=True, origin=origin)
    rest = b.subtract(x, mean, origin)
    spread = b.reduced("reduce_mean", b.op("square", rest), axes, keep=True, origin=origin)
    inverse = b.op("rsqrt", b.op("add", spread, b.number(epsilon, x)), origin=origin)
    return b.op("mul", rest, inverse, origin=origin)


def reshaped(b: Builder, x: Node, sizes: Sizes | None, origin: str) -> Node | None:
    """Return x in a shape of which one size may be unknown, or None if more are."""
    if sizes is None or x.shape is None:
        return None
    told = [None if n is None or n < 0 else n for n in sizes]
    if unknown(told) > 1:
        return None
    return b.op("reshape", x, shape=tuple(told), origin=origin)


def with_the_rest(shape: Shape, sizes: Sizes) -> Sizes:
    """Return sizes that begin with the first one of a shape, which is not known, all others told.

    Args:
        shape: of what is reshaped.
        sizes: the new ones, of which one is -1: what is left.
    """
    told = [n for n in sizes[1:] if n is not None and n >= 0]
    total, others = product_of(list(shape[1:])), math.prod(told)
    if sizes.count(-1) != 1 or len(told) != len(sizes) - 2 or not total or not others:
        return sizes
    if total % others:
        return sizes
    return [None, *(total // others if n == -1 else n for n in sizes[1:])]


def squeezed(b: Builder, x: Node, axes: Iterable[int] | None, origin: str) -> Node | None:
    """Return x without axes of size 1: those named, or all."""
    shape = x.shape
    if shape is None or unknown(shape) > 1 or (axes is None and None in shape[1:]):
        return None
    named = [n for n, size in enumerate(shape) if size == 1] if axes is None else axes
    gone = {axis % len(shape) for axis in named}
    return reshaped(b, x, [size for n, size in enumerate(shape) if n not in gone], origin)


def unsqueezed(b: Builder, x: Node, axes: Sequence[int], origin: str) -> Node | None:
    """Return x with axes of size 1 more, in these places of what comes out."""
    shape = x.shape
    if shape is None or unknown(shape) > 1:
        return None
    rank = len(shape) + len(axes)
    places = {axis % rank for axis in axes}
    left = iter(shape)
    return reshaped(b, x, [1 if n in places else next(left) for n in range(rank)], origin)


def part(size: int | None, start: int | None, stop: int | None, step: int) -> Any:
    """Return one axis of a slice, in one way; bounds are Python's."""
    if step == 1 and start in (None, 0) and (stop is None or (size is not None and stop >= size)):
        return None, None, 1
    if size is not None:
        start, stop, step = slice(start, stop, step).indices(size)
        return start, stop if stop >= 0 else None, step
    return start, stop, step


def cut(
    b: Builder,
    x: Node,
    starts: Sequence[int | None],
    stops: Sequence[int | None],
    axes: Sequence[int],
    steps: Sequence[int],
    origin: str,
) -> Node | None:
    """Return a slice along some axes; bounds are Python's."""
    shape = x.shape
    if shape is None:
        return None
    parts: list[Any] = [(None, None, 1)] * len(shape)
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        if stop is not None and stop * step >= END:
            stop = None  # it is how "to the end" is written
        if start is None:
            return None
        parts[axis % len(shape)] = part(shape[axis], start, stop, step)
    return b.op("slice", x, parts=tuple(parts), origin=origin)


def tiled(b: Builder, x: Node, sizes: Sizes | None, origin: str) -> Node | None:
    """Return x repeated along axes of size 1 until it has this shape, or broadcasts with it."""
    if sizes is None or x.shape is None or unknown(x.shape) > 1:
        return None
    shape = (1,) * (len(sizes) - len(x.shape)) + x.shape
    wanted = [1] * (len(shape) - len(sizes)) + list(sizes)
    times = []
    for size, to in zip(shape, wanted, strict=True):
        if to == 1 or (to is not None and to == size):
            times.append(1)
        elif size == 1 and to is not None:
            times.append(to)
        else:
            return None
    wide = reshaped(b, x, list(shape), origin)
    if wide is None or set(times) <= {1}:
        return wide
    return b.op("tile", wide, times=tuple(times), origin=origin)


def filled(b: Builder, x: Node, sizes: Sizes | None, rows: Node | None, origin: str) -> Node | None:
    """Return a constant as often as it takes for each row of the batch, and this shape.

    Args:
        b: makes nodes.
        x: the constant.
        sizes: the shape, of which the first is not known.
        rows: the input that has as many rows.
        origin: what its file calls it.
    """
    if not sizes or rows is None or sizes[0] is not None or None in sizes[1:] or not x.is_constant:
        return None
    shape = x.shape or ()
    wide = (1,) * (len(sizes) - len(shape)) + shape
    if len(shape) > len(sizes) or wide[0] != 1:
        return None
    if any(n not in (1, to) for n, to in zip(wide[1:], sizes[1:], strict=True)):
        return None
    ones = next((n for n, size in enumerate(shape) if size != 1), len(shape))
    x = b.op("reshape", x, shape=shape[ones:])
    return b.op("fill", x, rows, rest=tuple(n or 0 for n in sizes[1:]), origin=origin)


def rows_of_all(sizes: Iterable[Sizes | None], rows: Iterable[Node | None]) -> Node | None:
    """Return the input whose number of rows all sizes are that are not known, or None."""
    told = [there for held, there in zip(sizes, rows, strict=True) if held and None in held]
    return told[0] if told and all(one is told[0] for one in told) else None


def product_of(sizes: Sizes) -> int | None:
    """Return the product of sizes, None if one is not known."""
    return None if None in sizes else math.prod(n for n in sizes if n is not None)
