"""Rules change no answer: expressions are worked out as they are, and in normal form."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from tests.computation.drawn import Draw, campaign
from tests.computation.grown import grow


@campaign(300)
@given(data=st.data())
def test_an_expression_in_normal_form_computes_the_same(data: st.DataObject) -> None:
    d = Draw(data)
    g = grow(d, d.whole(2, 14))
    for item in g.items[-5:]:
        assert g.wrong(item) == ""
