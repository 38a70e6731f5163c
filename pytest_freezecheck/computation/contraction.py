"""Contractions in the notation of Einstein, as products of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.words import Words


def contracted(b: Words, operands: Sequence[Node], equation: str, origin: str = "") -> Node | None:
    """Return a contraction of two operands as a product of matrices, with axes moved around it.

    Args:
        b: makes nodes.
        operands: what is contracted.
        equation: such as `abc,cd->abd`: a letter for each axis.
        origin: what its file calls it.

    Returns:
        The product, or None if it is none.
    """
    equation = equation.replace(" ", "")
    if len(operands) != 2 or "." in equation or "->" not in equation:
        return None
    terms, out = equation.split("->")
    one, other = terms.split(",")
    if any(len(set(term)) < len(term) for term in (one, other, out)):
        return None
    x, y = operands
    if x.shape is None or y.shape is None:
        return None
    if (set(one) ^ set(other)) - set(out):
        return None
    batch = [axis for axis in one if axis in other and axis in out]
    inner = [axis for axis in one if axis in other and axis not in out]
    left = [axis for axis in one if axis not in other]
    right = [axis for axis in other if axis not in one]
    sizes = {**dict(zip(other, y.shape, strict=True)), **dict(zip(one, x.shape, strict=True))}
    if any(sizes[axis] is None for axis in [*inner, *right]) or not inner:
        return None
    if sum(sizes[axis] is None for axis in [*batch, *left]) > 1:
        return None
    width = math.prod(sizes[axis] or 0 for axis in right)
    depth = math.prod(sizes[axis] or 0 for axis in inner)
    x = b.op("transpose", x, perm=tuple(one.index(axis) for axis in [*batch, *left, *inner]))
    y = b.op("transpose", y, perm=tuple(other.index(axis) for axis in [*batch, *inner, *right]))
    first = [sizes[axis] for axis in batch]
    rows = [sizes[axis] for axis in left]
    if batch:
        height = None if None in rows else math.prod(n or 0 for n in rows)
        x = b.op("reshape", x, shape=(*first, height, depth))
        y = b.op("reshape", y, shape=(*first, depth, width))
    else:
        x = b.op("reshape", x, shape=(*rows, depth))
        y = b.op("reshape", y, shape=(depth, width))
    made = b.op("dot", x, y, origin=origin)
    made = b.op(
        "reshape", made, shape=(*first, *rows, *(sizes[axis] for axis in right)), origin=origin
    )
    order = [*batch, *left, *right]
    return b.op("transpose", made, perm=tuple(order.index(axis) for axis in out), origin=origin)
