"""Rules change no answer: expressions are worked out as they are, and in normal form."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pytest_freezecheck.computation.rules import RULES
from tests.computation.drawn import Draw, campaign
from tests.computation.fired import FIRED, after
from tests.computation.grown import Graph, grow


@campaign(250)
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
