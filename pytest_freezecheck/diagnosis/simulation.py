"""Why an artifact differs that cannot be looked into: the live model simulates the mistakes.

A converted file keeps neither names nor weights, so nothing in it can be repaired. But what the
live model would answer with other weights of its checkpoint can be computed: where that is what the
artifact answers, and no other mistake comes near, the cause is as good as found in the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.diagnosis import transforms
from pytest_freezecheck.diagnosis.distance import NOISE, distance_to
from pytest_freezecheck.diagnosis.rounded import ROUNDINGS
from pytest_freezecheck.diagnosis.rounding import rounded
from pytest_freezecheck.diagnosis.weights import Array, Origins, initial_statistics, is_statistic
from pytest_freezecheck.models.checkpoint import shadow_keys
from pytest_freezecheck.models.checkpoint_files import Lookup
from pytest_freezecheck.numeric.rows import largest_difference
from pytest_freezecheck.result.findings import Blamed

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import EditableGraph

#: A simulation explains a difference if it leaves no more than noise, this part of it at most, and
#: the next best leaves so many times more; it is worth mentioning if it leaves next to nothing.
_PART, _CLEARLY, _MENTIONED = 0.1, 3.0, 0.02


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A mistake for the live model to make.

    Attributes:
        cause: id of a cause.
        evidence: what it amounts to, in words.
        weights: {variable: value in its place}.
        feeds: {input: array in its place}.
    """

    cause: str
    evidence: str
    weights: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    feeds: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def simulate(
    live: EditableGraph,
    wrong: Answer,
    feeds: Arrays,
    *,
    origins: Origins,
    atol: float,
) -> Blamed | None:
    """Find the mistake with which the live model answers as the artifact does.

    Args:
        live: the live model, as a graph of constants.
        wrong: what the artifact answers, under the live names.
        feeds: what both were asked, {input name: array (rows, *shape)}.
        origins: what weights can come from.
        atol: how far the same answer may be apart: another executor rounds in another way.

    Returns:
        The mistake, proven if what is left is noise and nothing else explains as much. None if none
        brings the two closer.

    Raises:
        ModelError: the live model cannot be run.
    """
    distance = distance_to(wrong)
    right = live.answer(feeds)
    before = distance(right)
    if not np.isfinite(before) or before == 0.0:
        return None
    enough = max(NOISE, atol)
    behind = done_behind(right, wrong, enough)
    if behind is not None:
        return behind
    tried = []
    for mistake in (
        *mistakes_of_weights(live.weights, origins),
        *_rounded(live.weights),
        *_inputs(feeds),
    ):
        after = distance(live.answer({**feeds, **mistake.feeds}, mistake.weights))
        tried.append((after, mistake))
    tried.sort(key=lambda pair: pair[0])
    if not tried:
        return None
    after, found = tried[0]
    others = [left for left, other in tried[1:] if found.feeds or other.cause != found.cause]
    alone = not others or others[0] > max(_CLEARLY * after, enough)
    proven = after <= enough and after <= _PART * before and alone
    # Scaled inputs saturate a class, and then explain any artifact that answers it for all of them.
    if found.feeds and not any(map(transforms.telling, wrong.outputs.values())):
        proven = False
    # Another input saturates the same class soon; other weights hardly do so by chance.
    if not proven and (found.feeds or not after <= _MENTIONED * before):
        return None
    tensors = tuple(found.weights) or tuple(found.feeds)
    return Blamed(found.cause, tensors, found.evidence, proven)


def read_differently(
    live: EditableGraph, wrong: Answer, feeds: Arrays, enough: float
) -> str | None:
    """Return how the artifact reads its input, if one way, and no other, gives its answers.

    Args:
        live: the live model, as a graph of constants.
        wrong: what the artifact answers, under the live names.
        feeds: what both were asked, {input name: array (rows, *shape)}.
        enough: how far the same answer may be apart.

    Returns:
        It in words, after "it"; None if none does, or several do: they saturate the same class.
    """
    distance = distance_to(wrong)
    if not any(map(transforms.telling, wrong.outputs.values())):
        return None
    found = [
        words
        for words, moved in transforms.feeds_to_try(feeds)
        if distance(live.answer({**feeds, **moved})) <= enough
    ]
    return found[0] if len(found) == 1 else None


def done_behind(right: Answer, wrong: Answer, enough: float) -> Blamed | None:
    """Return what was done to an output, if that is all.

    Args:
        right: the live answer.
        wrong: the artifact's, under the live names.
        enough: how far the same answer may be apart.
    """
    for name, one in right.outputs.items():
        if largest_difference(one, wrong.outputs[name]) <= enough:
            continue
        order = transforms.class_order(one, wrong.outputs[name], enough)
        if order is not None:
            shown = ", ".join(map(str, order[:8])) + (", ..." if len(order) > 8 else "")
            said = f"its classes are the live ones {shown}"
            return Blamed("class-order", (name,), said, proven=True)
        function = transforms.output_function(one, wrong.outputs[name])
        if function is not None:
            said = f"it answers with {function}"
            return Blamed("output-tensor", (name,), said, proven=True)
    return None


def _inputs(feeds: Arrays) -> Iterator[Mistake]:
    for words, moved in transforms.feeds_to_try(feeds):
        yield Mistake("input-transform", f"it {words}", feeds=moved)


def _rounded(held: Mapping[str, Array]) -> Iterator[Mistake]:
    for words, rounding in ROUNDINGS.items():
        moved = rounded(held, rounding)
        if moved:
            yield Mistake("reduced-precision", f"as if weights were rounded to {words}", moved)


def mistakes_of_weights(held: Mapping[str, Array], origins: Origins) -> Iterator[Mistake]:
    """Yield the mistakes of taking weights from somewhere else.

    Args:
        held: the live model's weights, {name: value}.
        origins: what weights can come from.
    """
    initial = initial_statistics(held)
    if initial:
        yield Mistake("initial-statistics", "as if all statistics were 0 and 1", initial)
    if origins.checkpoint is None:
        return
    raw, shadows = read_keys(held, origins.checkpoint)
    averaged = {n for n, v in held.items() if n in shadows and _same(v, shadows[n])}
    yield from _group("raw", raw, averaged, "the variables themselves, not their shadows")
    of_raw = {n for n, v in held.items() if n in shadows and n not in averaged}
    yield from _group("averaged", shadows, of_raw, "the shadows, not the variables themselves")
    for prefix, look_up in origins.siblings.items():
        other_raw, other_shadows = read_keys(held, look_up)
        values = {n: (other_shadows if n in averaged else other_raw).get(n) for n in held}
        known = {n: v for n, v in values.items() if v is not None and not _same(v, held[n])}
        if known:
            yield Mistake("other-checkpoint", f"as if restored from {prefix}", known)


def _group(
    kind: str, values: Mapping[str, Array], names: set[str], words: str
) -> Iterator[Mistake]:
    """Yield the mistake for weights, for statistics, and for both at once."""
    moved = {n: values[n] for n in values if n in names}
    statistics = {n: v for n, v in moved.items() if is_statistic(n)}
    weights = {n: v for n, v in moved.items() if n not in statistics}
    if weights:
        yield Mistake(f"{kind}-weights", f"as if {len(weights)} weights were {words}", weights)
    if statistics:
        said = f"as if {len(statistics)} statistics were {words}"
        yield Mistake(f"{kind}-statistics", said, statistics)
    if weights and statistics:
        said = f"as if {len(moved)} weights and statistics were {words}"
        yield Mistake(f"{kind}-weights", said, moved)


def read_keys(
    held: Mapping[str, Array], look_up: Lookup
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return {name: raw value} and {name: shadow} of what a checkpoint has in the right shape."""
    raw, shadows = {}, {}
    for name, value in held.items():
        own = look_up(name)
        if own is not None and own.shape == value.shape:
            raw[name] = own
        found = (look_up(key) for key in shadow_keys(name))
        shadow = next((s for s in found if s is not None and s.shape == value.shape), None)
        if shadow is not None:
            shadows[name] = shadow
    return raw, shadows


def _same(one: Array, other: Array) -> bool:
    return one.tobytes() == other.tobytes()
