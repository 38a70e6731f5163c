"""Constants that a file keeps in few bits: by how much they may have been rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.values import Value, unit_of

#: Bits that a float of a file keeps: half a step is what is left of the largest of a channel.
_KEPT = {"float16": (11, 2.0**-25), "bfloat16": (8, 0.0)}


def on_a_grid(array: Any, *origin: str) -> Value:
    """Return a constant as it was read; of one of few bits, by how much it may have been rounded.

    Args:
        array: the constant, channels last or of one axis.
        *origin: what its file calls it.
    """
    name = array.dtype.name
    value = Value(array, origin=origin, unit=unit_of(name))
    if name not in _KEPT or not array.size:
        return value
    bits, least = _KEPT[name]
    return Value(array, origin=origin, half=_halves(np.abs(array), bits, least), grid=name)


def stored(value: Value) -> Value:
    """Return a constant of few bits that is made wide again, with what it was rounded by."""
    if value.folded or value.array.dtype.name not in _KEPT:
        return value
    return on_a_grid(value.array, *value.origin)


def _halves(sizes: Any, bits: int, least: float) -> Any:
    found = sizes if sizes.ndim < 2 else sizes.max(axis=tuple(range(sizes.ndim - 1)))
    largest = np.nan_to_num(found.astype(np.float64), posinf=0.0)
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
