"""The fewest changes that make one computation another, and what is left when some are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.computation.alignment import align
from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.edits import (
    CHANGED,
    CONSTANT,
    EXTRA,
    MISSING,
    ORDERED,
    REPLACED,
    WIRED,
)
from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.proof import compare
from pytest_freezecheck.computation.rules import RULES

rng = np.random.default_rng(0)
W = [rng.normal(size=(8, 8)).astype(np.float32) for _ in range(3)]


def _layer(b: Builder, x: Node, number: int, factor: float = 1.0) -> Node:
    return b.linear(x, b.constant(W[number] * np.float32(factor), f"w{number}"))


def _net(
    b: Builder,
    *,
    first: str = "tanh",
    factor: float = 1.0,
    twice: bool = False,
    layer: bool = True,
    before: Callable[[Builder, Node], Node] = lambda b, x: x,
    residual: bool = True,
    swapped: bool = False,
) -> Node:
    x = before(b, b.input("x", (None, 8), "float32"))
    y = b.op(first, _layer(b, x, 0))
    y = b.op("sin", y) if twice else y
    z = b.op("sigmoid", _layer(b, y, 1, factor)) if layer else y
    total = b.op("mul", z, y) if residual else z
    both = [total, y][:: -1 if swapped else 1]
    return b.op("softmax", b.op("concat", *both, axis=1), axis=1)


def _sides(**changed: Any) -> tuple[Arena, Node, Node]:
    arena = Arena()
    live = _net(Builder(arena, RULES))
    other = Arena(arena)
    return other, live, _net(Builder(other, RULES), **changed)


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({"first": "erf"}, [CHANGED]),
        ({"factor": 1.5}, [CONSTANT]),
        ({"twice": True}, [EXTRA]),
        ({"residual": False}, [MISSING]),
        ({"swapped": True}, [ORDERED]),
        ({"layer": False, "residual": False}, [MISSING]),
        ({"before": lambda b, x: b.op("reverse", x, axes=(1,))}, [EXTRA]),
        ({"first": "erf", "factor": 1.5}, [CHANGED, CONSTANT]),
        ({"twice": True, "residual": False}, [EXTRA, MISSING]),
    ],
    ids=lambda value: "" if isinstance(value, list) else " ".join(value),
)
def test_the_fewest_changes_are_found(changed: dict[str, Any], kinds: list[str]) -> None:
    arena, live, frozen = _sides(**changed)
    script = align({"y": live}, {"y": frozen})
    assert script is not None
    assert sorted(edit.kind for edit in script.edits) == sorted(kinds)
    assert not compare({"y": live}, {"y": frozen}, frozenset()).holds
    made = script.applied(arena, script.edits)
    assert compare(made, {"y": frozen}, frozenset()).holds
    assert script.applied(arena, [])["y"] is live
    for edit in script.edits:
        rest = [other for other in script.edits if other is not edit]
        assert not compare(script.applied(arena, rest), {"y": frozen}, frozenset()).holds


def test_the_same_computation_needs_no_change() -> None:
    _, live, frozen = _sides()
    script = align({"y": live}, {"y": frozen})
    assert script is not None
    assert script.edits == ()
    assert script.cost == 0.0


def test_a_change_made_in_each_turn_counts_hardly_more_than_once() -> None:
    def turns(b: Builder, op: str) -> Node:
        y = b.input("x", (None, 8), "float32")
        for _ in range(6):
            y = b.op(op, _layer(b, y, 0))
        return b.op("softmax", y, axis=1)

    arena = Arena()
    live = turns(Builder(arena, RULES), "tanh")
    frozen = turns(Builder(Arena(arena), RULES), "sin")
    script = align({"y": live}, {"y": frozen})
    assert script is not None
    assert [edit.kind for edit in script.edits] == [CHANGED] * 6
    assert len({edit.sort for edit in script.edits}) == 1
    assert script.cost < 2.0


def test_something_else_altogether_is_one_change() -> None:
    arena = Arena()
    live = _net(Builder(arena, RULES))
    b = Builder(Arena(arena), RULES)
    other = b.op("softmax", b.op("tile", b.input("x", (None, 8), "float32"), times=(1, 2)), axis=1)
    script = align({"y": live}, {"y": other})
    assert script is not None
    assert {edit.kind for edit in script.edits} <= {REPLACED, WIRED, MISSING, CHANGED, EXTRA}
    assert compare(script.applied(Arena(arena), script.edits), {"y": other}, frozenset()).holds
