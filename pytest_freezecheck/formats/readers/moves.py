"""What moves values and computes none, as readers of ONNX and OpenVINO say it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.shapes import part, unknown

#: A vector of sizes or of other whole numbers, None for what is not known before it runs.
Sizes = list[int | None]
#: No axis has so many places.
END = 10**9


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
    if shape is None or unknown(shape) > 1 or (axes is None and None in shape):
        return None  # a batch of one row would lose its axis
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
