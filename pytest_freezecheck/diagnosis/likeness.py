"""What two graphs have alike: names, and shapes that differ by the number of rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytest_freezecheck.models.constant_graph import EditableGraph


def same_names(live: EditableGraph, frozen: EditableGraph) -> float:
    """Return which share of the live graph's operations the frozen graph has by name."""
    names = [n for n, node in live.nodes.items() if node.op not in ("Const", "Placeholder")]
    return sum(name in frozen.nodes for name in names) / max(1, len(names))


def differ_by_rows(live: EditableGraph, frozen: EditableGraph, name: str) -> bool:
    """Return whether a node is a shape that is the same but for the rows, which one side knows.

    A graph that was built for so many rows at a time has that number where another one has -1, or
    computes it.

    Args:
        live: the live side.
        frozen: the frozen side, fed so many rows at a time.
        name: of a node that both have.
    """
    ours, theirs = live.graph.rows, frozen.graph.rows
    if theirs is None:
        return False
    one, other = _shape(live, name), _shape(frozen, name)
    if one is None or other is None or len(one) != len(other):
        return False
    return all(_same(*pair, ours or theirs, theirs) for pair in zip(one, other, strict=True))


def _same(one: int | None, other: int | None, ours: int, theirs: int) -> bool:
    """Return whether two lengths are the same, or multiples of the rows, as far as known."""
    if one is None or other is None:
        known, rows = (other, theirs) if one is None else (one, ours)
        return known is None or (known > 0 and known % rows == 0)
    return one == other or one * theirs == other * ours


def _shape(side: EditableGraph, name: str) -> list[int | None] | None:
    """Return a vector of integers, None for those that are not known before it runs."""
    import tensorflow as tf

    outputs = side.operation(name).outputs
    if len(outputs) != 1 or not outputs[0].dtype.is_integer or outputs[0].shape.rank != 1:
        return None
    value: Any = tf.get_static_value(outputs[0], partial=True)
    if value is None:
        return None
    return [None if size is None or size < 0 else int(size) for size in np.ravel(value)]
