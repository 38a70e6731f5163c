"""Whose rows an expression has: where its first axis is that of an input."""

from __future__ import annotations

import math

from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.vocabulary import VOCABULARY

_FIRST = frozenset({"conv", "max_pool", "avg_pool", "matmul", "affine", "softmax", "log_softmax"})


def rows_of(node: Node) -> Node | None:
    """Return the input that has as many rows as a node, or None if that is not known."""
    while True:
        shape = node.shape
        if not shape or shape[0] is not None or None in shape[1:]:
            return None
        if node.op == "input":
            return node
        before = _same_rows(node)
        if before is None:
            return None
        node = before


def _same_rows(node: Node) -> Node | None:
    """Return what a node is computed from, if each row is computed from the one in its place."""
    x = node.inputs[0] if node.inputs else None
    if x is None:
        return None
    if node.op in _FIRST and (node.op not in ("softmax", "log_softmax") or node["axis"]):
        return x
    if node.op == "reshape":
        return x if _inner(x.shape) == _inner(node.shape) is not None else None
    kept = (
        (node.op == "transpose" and node["perm"][0] == 0)
        or (node.op == "concat" and node["axis"])
        or (node.op == "slice" and node["parts"][0] == (None, None, 1))
        or (node.op.startswith("reduce_") and 0 not in node["axes"])
    )
    if kept:
        return x
    entry = VOCABULARY.get(node.op)
    if entry is not None and entry.elementwise:
        return next((read for read in node.inputs if read.shape == node.shape), None)
    return None


def _inner(shape: Shape | None) -> int | None:
    """Return how many elements a row has."""
    if not shape or shape[0] is not None or None in shape[1:]:
        return None
    return math.prod(size or 0 for size in shape[1:])
