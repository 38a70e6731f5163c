"""Weights of files whose layers have their channels first."""

from __future__ import annotations

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node


def weight(b: Builder, node: Node, perm: tuple[int, ...]) -> Node | None:
    """Return a constant weight with its axes in this order, or None if it is computed."""
    moved = None if node.value is None else b.op("transpose", node, perm=perm)
    return None if moved is None or moved.value is None else moved
