"""Rules change no answer: expressions are worked out as they are, and in normal form."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.computation.vocabulary import evaluate
from tests.computation.drawn import Draw, campaign
from tests.computation.fired import FIRED, after
from tests.computation.grown import Graph, grow


@campaign(150)
@given(data=st.data())
def test_an_expression_in_normal_form_computes_the_same(data: st.DataObject) -> None:
    d = Draw(data)
    g = grow(d, d.whole(2, 14))
    for item in g.items[-5:]:
        assert g.wrong(item) == ""


@pytest.mark.slow
@campaign(20_000)
@given(data=st.data())
def test_many_expressions_in_normal_form_compute_the_same(data: st.DataObject) -> None:
    d = Draw(data)
    g = grow(d, d.whole(2, 20))
    for item in g.items[-5:]:
        assert g.wrong(item) == ""


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
@campaign(12)
@given(data=st.data())
def test_a_rule_is_used_and_holds(rule: str, data: st.DataObject) -> None:
    assert rule in FIRED, f"nothing is drawn for the rule {rule!r}: add what it is used on"
    g = Graph(Draw(data))
    item = FIRED[rule](g)
    assert g.ruled.used[rule] > 0
    assert g.wrong(item) == ""
    assert g.wrong(after(g, item)) == ""


def test_each_rule_has_a_name_of_its_own() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert set(FIRED) == set(names)


def test_each_rule_says_why_it_holds() -> None:
    assert all(rule.source and rule.ops for rule in RULES)


@campaign(30)
@given(data=st.data())
def test_a_fixed_number_of_rows_is_the_batch(data: st.DataObject) -> None:
    d = Draw(data)
    rows = d.whole(1, 4)
    shapes = [(rows, 6), (2 * rows, 3), (6 * rows,), (1, rows, 6), (2, 3 * rows), (rows, 3, 2)]
    shape = d.pick(shapes)
    b = Builder(Arena(), RULES, rows)
    made = b.op("reshape", b.input("x", (None, 2, 3), "float32"), shape=shape)
    value = d.reals((rows, 2, 3))
    (found,) = evaluate([made], {"x": value})
    assert np.array_equal(found, value.reshape(shape))
    assert made.shape is not None
    assert all(size in (None, n) for size, n in zip(made.shape, shape, strict=True))


def test_what_is_infinite_is_not_folded() -> None:
    b = Builder(Arena(), RULES)
    x = b.op("reciprocal", b.input("x", (None, 2), "float32"))
    scaled = b.op("mul", x, b.constant(np.asarray([np.inf, 0.0], np.float32)))
    assert scaled.op == "mul"


def test_whole_numbers_are_no_reals() -> None:
    b = Builder(Arena(), RULES)
    x = b.input("x", (None, 2), "uint8")
    wide = b.op("cast", x, to="int32")
    # It would run over otherwise.
    assert b.op("sub", wide, wide).inputs == (wide, wide)
    assert b.op("mul", x, x).op == "mul"
    assert b.op("dot", x, b.constant(np.ones((2, 3), np.uint8))).op == "dot"


def test_a_window_of_padding_alone_is_not_clipped() -> None:
    b = Builder(Arena(), RULES)
    x = b.op("clip", b.input("x", (None, 4, 1), "float32"), low=0.0, high=1.0)
    far = b.op("max_pool", x, kernel=(2,), strides=(1,), pads=((2, 0),))
    near = b.op("max_pool", x, kernel=(2,), strides=(1,), pads=((1, 0),))
    assert (far.op, near.op) == ("max_pool", "clip")
