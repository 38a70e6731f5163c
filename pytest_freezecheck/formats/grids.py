"""Constants that a file keeps in few bits: by how much they may have been rounded."""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.values import BITS, Value, unit_of


def on_a_grid(array: Any, *origin: str) -> Value:
    """Return a constant as it was read; of one of few bits, that it may have been rounded to them.

    Args:
        array: the constant.
        *origin: what its file calls it.
    """
    name = array.dtype.name
    value = Value(array, origin=origin, unit=unit_of(name))
    if name not in BITS or not array.size:
        return value
    return Value(array, origin=origin, bits=BITS[name], grid=name)


def stored(value: Value) -> Value:
    """Return a constant of few bits that is made wide again, with what it was rounded by."""
    if value.folded or value.array.dtype.name not in BITS:
        return value
    return on_a_grid(value.array, *value.origin)


def weight(b: Builder, node: Node, perm: tuple[int, ...]) -> Node | None:
    """Return a constant weight with its axes in this order, or None if it is computed."""
    moved = None if node.value is None else b.op("transpose", node, perm=perm)
    return None if moved is None or moved.value is None else moved
