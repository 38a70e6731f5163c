"""Casts that keep every value."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.computation.builder import FLOATS, WHOLE, Builder, Draft, Rule
from pytest_freezecheck.computation.node import Node


def _idle_cast(_: Builder, draft: Draft) -> Node | None:
    here, to = draft.x.dtype, draft.given["to"]
    if here == to:
        return draft.x
    if here in FLOATS and to in FLOATS and FLOATS[here] < FLOATS[to]:
        return draft.x
    return draft.x if to in ("int32", "int64") and _is_place(draft.x) else None


def _is_place(x: Node) -> bool:
    """Return whether these are places along an axis: none is longer than 2**31."""
    while x.op in ("reshape", "transpose", "slice"):
        x = x.inputs[0]
    return x.op in ("argmax", "argmin", "top_places")


def _cast_of_cast(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "cast" or not widening(draft.x):
        return None
    return b.op("cast", draft.x.inputs[0], to=draft.given["to"], origin=draft.origin)


def _widened_index(b: Builder, draft: Draft) -> Node | None:
    """Take an index as narrow as it was: only its value counts, as what is worked with it not."""
    place = 1 if draft.op == "gather" else 0
    inputs = list(draft.inputs)
    if inputs[place].op != "cast" or not widening(inputs[place]):
        return None
    inputs[place] = inputs[place].inputs[0]
    return b.op(draft.op, *inputs, origin=draft.origin, **draft.given)


def widening(cast: Node) -> bool:
    """Return whether a cast of whole numbers keeps each of them."""
    here, to = cast.inputs[0].dtype, cast["to"]
    return {here, to} <= WHOLE and np.can_cast(np.dtype(here), np.dtype(to))


RULES = (
    Rule("a cast of a cast that loses nothing", ("cast",), _cast_of_cast, "its values stay"),
    Rule("an index that was widened", ("gather", "one_hot"), _widened_index, "its values stay"),
    Rule(
        "a cast that loses nothing", ("cast",), _idle_cast, "each value of the one is one of both"
    ),
)
