"""Each operation of TensorFlow's that is translated computes what a session answers."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pytest_freezecheck.models.operations import translation
from tests.computation.drawn import Draw, campaign
from tests.computation.operations import STRATEGIES
from tests.computation.session_graphs import SessionGraph, disagreement

TYPES = sorted(name.removeprefix("tf:") for name in translation.TABLE)


@pytest.mark.parametrize("op", TYPES)
@campaign(5)
@given(data=st.data())
def test_an_operation_computes_what_a_session_answers(op: str, data: st.DataObject) -> None:
    assert op in STRATEGIES, f"nothing draws {op}: add a strategy"
    g = SessionGraph(Draw(data))
    with g.graph.as_default():
        made: Any = STRATEGIES[op](g, op)
        found, expected = made if isinstance(made, tuple) and _twins(made) else (made, made)
        outputs = [found] if not isinstance(found, list | tuple) else list(found)
        answers = [expected] if not isinstance(expected, list | tuple) else list(expected)
        named = {f"y{n}": tensor for n, tensor in enumerate(outputs)}
        asked = {f"y{n}": tensor for n, tensor in enumerate(answers)}
    assert disagreement(g, named, asked, 2e-5) == ""


def _twins(made: Any) -> bool:
    """Return whether these are an output and what is to be answered, and no list of outputs."""
    return type(made) is tuple and not hasattr(made, "_fields")


def test_nothing_is_drawn_that_is_not_translated() -> None:
    assert set(STRATEGIES) == set(TYPES)
