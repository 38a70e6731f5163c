"""Rules change no answer: expressions are worked out as they are, and in normal form."""

from __future__ import annotations

import math
from collections.abc import Callable

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, reject

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.computation.vocabulary import VOCABULARY, evaluate
from tests.computation.drawn import Draw, campaign
from tests.computation.fired import FIRED, after
from tests.computation.grown import Graph, Unfit, grow

Make = Callable[[Builder], Node]
_TOPS = ("top_values", "top_places")


@campaign(150)
@given(data=st.data())
def test_an_expression_in_normal_form_computes_the_same(data: st.DataObject) -> None:
    d = Draw(data)
    g = grow(d, d.whole(2, 14))
    for item in g.items[-5:]:
        assert g.wrong(item) == ""


@pytest.mark.slow
@campaign(2_000)
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
    try:
        item = FIRED[rule](g)
    except Unfit:
        reject()
    assert g.ruled.used[rule] > 0
    assert g.wrong(item) == ""
    assert g.wrong(after(g, item)) == ""


def _floats(*shape: int | None) -> Make:
    return lambda b: b.input("x", shape, "float32")


def _compared(number: float, dtype: str = "int32") -> Make:
    return lambda b: b.op(
        "less",
        b.op("cast", b.input("x", (None,), dtype), to="float32"),
        b.constant(np.float32(number)),
    )


def _with_a_constant(name: str, shape: tuple[int | None, ...], sizes: tuple[int, ...]) -> Make:
    """Return an operation on what is reshaped, and on a constant of these sizes."""

    def make(b: Builder) -> Node:
        x = b.op("reshape", b.input("x", (None, 3), "float32"), shape=shape)
        return b.op(name, x, b.constant(np.arange(math.prod(sizes), dtype="f4").reshape(sizes)))

    return make


def _layer_after(factor: float, term: float) -> Make:
    def make(b: Builder) -> Node:
        scale, shift = (b.constant(np.float32(n)) for n in (factor, term))
        x = b.op("affine", b.input("x", (None, 3), "float32"), scale, shift)
        return b.linear(x, b.constant(np.ones((3, 2), "f4")))

    return make


def _affine(b: Builder, x: Node, factor: float) -> Node:
    return b.op("affine", x, b.constant(np.float32(factor)), b.constant(np.float32(0.0)))


def _affine_twice(factor: float) -> Make:
    return lambda b: _affine(b, _affine(b, _floats(None, 3)(b), 0.5), factor)


def _layer_before(factor: float) -> Make:
    return lambda b: _affine(
        b, b.linear(_floats(None, 3)(b), b.constant(np.ones((3, 2), "f4"))), factor
    )


def _dot_of(factor: float) -> Make:
    return lambda b: b.op(
        "dot", _affine(b, _floats(None, 2, 3)(b), factor), b.input("y", (None, 3, 2), "float32")
    )


def _pooled(before: int) -> Make:
    """Return what is clipped to where it is, but for a window of padding alone."""

    def make(b: Builder) -> Node:
        x = b.op("sigmoid", _floats(None, 5, 2)(b))
        x = b.op("max_pool", x, kernel=(2,), strides=(1,), pads=((before, 0),))
        return b.op("clip", x, low=0.0, high=1.0)

    return make


_TIED = "the largest alone"
_PLACE = "a cast that loses nothing"
_WHOLE = "whole numbers compared as floats"
_ONES = "a constant operand, then axes of size 1"
_FEWER = "a constant of fewer axes"
_BEFORE = "a factor before a layer"
#: (rule, what it must be used on, its like that it must not be used on).
COUNTERPARTS: dict[str, tuple[str, Make, Make]] = {
    "two are asked for": (
        _TIED,
        lambda b: b.op("top_values", _floats(None, 3)(b), k=1),
        lambda b: b.op("top_values", _floats(None, 3)(b), k=2),
    ),
    "two sizes are not known": (
        _TIED,
        lambda b: b.op("top_places", _floats(None, 3)(b), k=1),
        lambda b: b.op("top_places", _floats(None, None, 3)(b), k=1),
    ),
    "a place in 8 bits": (
        _PLACE,
        lambda b: b.op("cast", b.op("argmax", _floats(None, 3)(b), axis=1), to="int32"),
        lambda b: b.op("cast", b.op("argmax", _floats(None, 300)(b), axis=1), to="int8"),
    ),
    "a value, which is no place": (
        _PLACE,
        lambda b: b.op("cast", b.op("top_places", _floats(None, 3)(b), k=2), to="int32"),
        lambda b: b.op("cast", b.op("top_values", _floats(None, 3)(b), k=2), to="int32"),
    ),
    "a fraction": (_WHOLE, _compared(2.0), _compared(2.5)),
    "what float32 has not": (_WHOLE, _compared(2.0**24 - 1), _compared(2.0**24)),
    "beyond the dtype": (_WHOLE, _compared(255.0, "uint8"), _compared(256.0, "uint8")),
    "below the dtype": (_WHOLE, _compared(-1.0, "int8"), _compared(-1.0, "uint8")),
    "infinite": (_WHOLE, _compared(1.0), _compared(math.inf)),
    "no number": (_WHOLE, _compared(1.0), _compared(math.nan)),
    "broadcast along the new axis": (
        _ONES,
        _with_a_constant("less", (None, 1, 3), (1, 3)),
        _with_a_constant("less", (None, 1, 3), (2, 3)),
    ),
    "more than axes of size 1": (
        _ONES,
        _with_a_constant("less", (None, 3, 1), (3, 1)),
        _with_a_constant("less", (3, None), (3, 1)),
    ),
    "the axes of the constant alone": (
        _FEWER,
        _with_a_constant("less", (3, None), (1, 1)),
        _with_a_constant("less", (3, None), (1, 1, 1)),
    ),
    "a term before a layer": (_BEFORE, _layer_after(2.0, 0.0), _layer_after(2.0, 1.0)),
    "two factors, one infinite": (
        "two affine maps are one",
        _affine_twice(2.0),
        _affine_twice(math.inf),
    ),
    "an infinite factor after a layer": (
        "an affine map goes into the layer before it",
        _layer_before(2.0),
        _layer_before(math.inf),
    ),
    "an infinite factor of a product": (
        "a factor of a product of matrices",
        _dot_of(2.0),
        _dot_of(math.inf),
    ),
    "a window of padding alone": ("clipped to where it is", _pooled(1), _pooled(2)),
    "an infinite factor": (_BEFORE, _layer_after(2.0, 0.0), _layer_after(math.inf, 0.0)),
}


@pytest.mark.parametrize("twin", COUNTERPARTS)
def test_a_rule_is_used_only_where_it_holds(twin: str) -> None:
    rule, holds, fails = COUNTERPARTS[twin]
    used = []
    for make in (holds, fails):
        b = Builder(Arena(), RULES)
        make(b)
        used.append(b.used[rule])
    assert used[0] > 0
    assert used[1] == 0


def test_the_largest_of_what_is_no_number_is_no_number() -> None:
    x = np.asarray([[1.0, np.nan, 2.0], [3.0, 3.0, -np.inf]])
    values, places = (VOCABULARY[name].evaluate([x], {"k": 1}) for name in _TOPS)
    np.testing.assert_array_equal(values[:, 0], x.max(axis=1))
    np.testing.assert_array_equal(places[:, 0], x.argmax(axis=1))


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
