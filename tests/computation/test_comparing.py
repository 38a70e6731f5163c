"""Random expressions compared: written otherwise, none differs; altered, none is equal."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.proof import DIFFERS, compare
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.computation.vocabulary import evaluate
from tests.computation.drawn import Draw, campaign, same_numbers
from tests.computation.grown import Graph, Item, Plain, grow, written

_ALIKE = (
    ("sin", "tanh", "sigmoid", "abs", "square", "cos", "softplus", "erf"),
    ("add", "mul", "sub", "maximum", "minimum"),
    ("reduce_sum", "reduce_max", "reduce_min"),
    ("max_pool", "avg_pool"),
    ("softmax", "log_softmax"),
    ("less", "less_equal", "equal"),
)


def _never_differs(d: Draw) -> None:
    """Compare an expression in normal form with what has fewer rules, or none."""
    g = grow(d, d.whole(2, 14))
    item = g.items[-1]
    if any(one.made is None and not np.any(one.value) for one in _below(item)):
        return  # what is multiplied by 0 is taken for any value
    base = g.ruled.arena
    some = [rule for rule in RULES if d.chance()]
    others = (Plain(Arena(base), ()), Builder(Arena(base), ()), Builder(Arena(base), some))
    for builder in others:
        other = g.written_again(item, builder)
        for one, two in ((item.ruled, other), (other, item.ruled)):
            proof = compare({"y": one}, {"y": two}, frozenset())
            assert proof.result != DIFFERS, f"{written(one)}\n->\n{written(two)}\n{proof.partings}"


def _altered(d: Draw, item: Item) -> Any:
    """Return another constant in the place of an item's, or what else it may be made of."""
    if item.made is None:
        assert item.plain.value is not None
        array = np.array(item.plain.value.array)
        place = tuple(d.whole(0, size - 1) for size in array.shape)
        if array.dtype.kind == "f":
            array[place] = array[place] * (1 + d.pick([1e-4, -1e-3, 0.5])) if array[place] else 0.01
        else:
            array[place] = max(0, array[place] - 1)
        return array
    name, items, given = item.made
    groups = [group for group in _ALIKE if name in group]
    if groups and d.chance():
        return d.pick(groups[0]), items, given
    if len(items) == 2 and d.chance():
        return name, items[::-1], given
    changed = dict(given)
    for key, value in given.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            changed[key] = value + d.pick([1, -1])
        elif value == "SAME":
            changed[key] = tuple((0, 0) for _ in given["kernel"])
        elif key == "pads":
            changed[key] = tuple(pair[::-1] for pair in value)
        elif key == "parts":
            changed[key] = ((None, None, 1),) * len(value)
        elif value and all(isinstance(n, int) for n in value):
            changed[key] = tuple(sorted(value, reverse=d.chance()))
    return name, items, changed


def _below(item: Item) -> list[Item]:
    found: dict[int, Item] = {}
    waiting = [item]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            waiting.extend(one.made[1] if one.made else ())
    return [one for one in found.values() if one.plain.op != "input"]


def _worked(g: Graph, node: Node) -> Any:
    return evaluate([node], g.feeds(3, 2))[0]


def _is_never_equal(d: Draw) -> None:
    """Alter something of an expression, and compare both if that shows."""
    g = grow(d, d.whole(2, 14))
    item = g.items[-1]
    places = _below(item)
    if not places:
        return
    for _ in range(4):
        place = d.pick(places)
        altered = {id(place): _altered(d, place)}
        try:
            other = _worked(g, g.written_again(item, Plain(Arena(), ()), altered))
        except (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError):
            continue  # it does not fit there
        told = same_numbers(other, _worked(g, item.plain), 1e-5)
        if not told:
            continue
        two = g.written_again(item, Builder(Arena(g.ruled.arena), RULES), altered)
        proof = compare({"y": item.ruled}, {"y": two}, frozenset())
        shown = f"{told}\n{written(item.plain)}\n->\n{written(item.ruled)}\n->\n{written(two)}"
        assert item.ruled is not two, shown
        assert not proof.holds, shown


@campaign(150)
@given(data=st.data())
def test_what_is_written_otherwise_never_differs(data: st.DataObject) -> None:
    _never_differs(Draw(data))


@campaign(150)
@given(data=st.data())
def test_what_is_altered_is_never_equal(data: st.DataObject) -> None:
    _is_never_equal(Draw(data))


@pytest.mark.slow
@campaign(1_000)
@given(data=st.data())
def test_much_that_is_written_otherwise_never_differs(data: st.DataObject) -> None:
    _never_differs(Draw(data))


@pytest.mark.slow
@campaign(1_000)
@given(data=st.data())
def test_much_that_is_altered_is_never_equal(data: st.DataObject) -> None:
    _is_never_equal(Draw(data))
