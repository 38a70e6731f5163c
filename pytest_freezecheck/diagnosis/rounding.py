"""Weights of less precision than float32, and how far they move the live model's answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pytest_freezecheck.diagnosis.distance import distance_to
from pytest_freezecheck.diagnosis.rounded import ROUNDINGS, Array
from pytest_freezecheck.messages.wording import counted, listed
from pytest_freezecheck.result.findings import Blamed

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import EditableGraph

#: What an executor rounds besides, and folds before it rounds, moves answers further than weights
#: that are rounded one by one: five times as far was seen, and so many times is allowed for.
_TIMES = 30.0


def rounded(held: Mapping[str, Array], rounding: Callable[[Array], Array]) -> dict[str, Array]:
    """Return {variable: rounded value} of those that rounding changes."""
    values = {n: rounding(v) for n, v in held.items() if v.dtype == np.float32 and v.size > 1}
    return {n: v for n, v in values.items() if v.tobytes() != held[n].tobytes()}


def suspect_rounding(
    live: EditableGraph, wrong: Answer, feeds: Arrays, held: Mapping[str, int]
) -> tuple[Blamed | None, str]:
    """Suspect the rounding in a file that nobody can look into, if it can be as much as that.

    Args:
        live: the live model, as a graph of constants.
        wrong: what the artifact answers, under the live names.
        feeds: what both were asked, {input name: array (rows, *shape)}.
        held: {dtype: how many tensors} of less precision that the artifact holds, not empty.

    Returns:
        The suspicion, or None where rounding moves the live answers by far less; and what the
        artifact holds and what that comes to, in words.

    Raises:
        ModelError: the live model cannot be run.
    """
    there = (f"{counted(number, 'tensor')} of {kind}" for kind, number in held.items())
    words = f"it holds {listed(there, len(held))}"
    if not set(held) <= set(ROUNDINGS):  # integers: what their scales lose is not known
        return Blamed("reduced-precision", (), words, proven=False), words
    right = live.answer(feeds)
    distance = distance_to(right)
    kinds = [rounded(live.weights, ROUNDINGS[kind]) for kind in held]
    moved = max(distance(live.answer(feeds, values)) for values in kinds)
    words += f", and weights rounded to that move the live answers by {moved:.1e}"
    if not distance(wrong) <= _TIMES * moved:
        return None, f"{words} only"
    return Blamed("reduced-precision", (), words, proven=False), words
