"""Which values of its checkpoints the live model would have to hold to compute what a file does.

A converted file has its weights folded into each other, under no names. So each is tried: the live
computation is written anew with values of another key, brought to normal form, and its constants
are held against the file's, place by place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.checking.causes.rewriting import (
    Change,
    Rewriter,
    Rewritten,
    equal_values,
    in_place,
)
from pytest_freezecheck.computation.alignment import unlike
from pytest_freezecheck.computation.edits import CONSTANT, Edit
from pytest_freezecheck.computation.node import Node, walk
from pytest_freezecheck.diagnosis.rounded import ROUNDINGS
from pytest_freezecheck.diagnosis.rounding import rounded
from pytest_freezecheck.diagnosis.simulation import read_keys
from pytest_freezecheck.diagnosis.weights import Array, Origins, is_statistic

#: Operations that are written anew in all, mistakes that are made at once, and how much each has to
#: explain. So many take about 13 s; they are counted, so that nothing that is found depends on the
#: machine.
_WORK, _MOST, _LEAST = 100_000, 5, 0.02
#: Elements of weights that take as long to look at as one operation to write.
_ELEMENTS = 2**15
#: Epsilons that people write into BatchNorm; the first is Keras' and slim's, the next TensorFlow's.
_EPSILONS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-2, 0.0)
#: What BatchNorm is initialised with, by the end of its variables' names.
INITIAL = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
#: What a constant that was right costs, and what it costs to call weights rounded.
_BROKEN, _ROUNDED = 1.0, 0.1


@dataclasses.dataclass(frozen=True)
class Choice:
    """Other values for the live model.

    Attributes:
        values: {weight, or another constant: value}.
        epsilon: of BatchNorms, or None for their own.
        changes: {operation's name: what it is}.
    """

    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    epsilon: float | None = None
    changes: Mapping[str, Change] = dataclasses.field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.changes) or self.epsilon is not None

    def adding(self, other: Choice) -> Choice:
        """Return it with more."""
        epsilon = self.epsilon if other.epsilon is None else other.epsilon
        changes = {**self.changes, **other.changes}
        return Choice({**self.values, **other.values}, epsilon, changes)

    def without(self, *names: str) -> Choice:
        """Return it without some weights, or changes of operations."""
        values = {n: v for n, v in self.values.items() if n not in names}
        changes = {n: change for n, change in self.changes.items() if n not in names}
        return dataclasses.replace(self, values=values, changes=changes)


class Restored:
    """Looks for the values with which the live computation has the constants of a file.

    Args:
        rewriter: writes it anew.
        held: {weight: value} of the live model.
        edits: the constants that differ.
        origins: what weights can come from.
        start: what the live model holds already that it does not.
    """

    def __init__(
        self,
        rewriter: Rewriter,
        held: Mapping[str, Array],
        edits: Sequence[Edit],
        origins: Origins,
        start: Choice,
    ) -> None:
        self.rewriter, self.held, self.start = rewriter, {**held, **start.values}, start
        self.edits = [edit for edit in edits if edit.kind == CONSTANT]
        self.base = self._rewritten(Choice()).normal
        ids = {id(edit.live) for edit in self.edits}
        nodes = walk(self.base.values())
        self.others = [n for n in nodes if n.is_constant and id(n) not in ids]
        self.kinds = list(_kinds(held, origins))
        elements = sum(value.size for value in held.values())
        self._each = rewriter.size + elements // _ELEMENTS
        self._left = _WORK

    def _rewritten(self, choice: Choice) -> Rewritten:
        whole = self.start.adding(choice)
        return self.rewriter(whole.values, whole.epsilon, whole.changes)

    def found(self) -> Choice:
        """Return the values that explain most of the constants; none where nothing does."""
        chosen, best = Choice(), self.cost(Choice())
        for _ in range(_MOST):
            tried = [(self.cost(c) + dear, n, c) for n, (c, dear) in enumerate(self._next(chosen))]
            cost, _, made = min(tried, key=lambda one: one[:2], default=(best, 0, chosen))
            if not cost < best - _LEAST:
                break
            chosen, best = made, self.cost(made)
            if best == 0.0:
                break
        return self._needed(chosen, best)

    def wholes(self, chosen: Choice) -> Iterator[Choice]:
        """Yield all values of the kinds that most of those that were chosen are of.

        A weight that is worked into what is computed, and into no constant, is found in no place.

        Args:
            chosen: values that explain some constants.
        """
        for values, _ in self.kinds:
            own = [n for n, v in chosen.values.items() if n in values and _same(values[n], v)]
            if 2 * len(own) > len(chosen.values):
                more = {n: v for n, v in values.items() if not _same(v, self._now(chosen, n))}
                if more:
                    yield Choice(more)

    def _needed(self, chosen: Choice, best: float) -> Choice:
        """Leave out what explains nothing: one weight after the other, and the epsilon."""
        without = Choice(chosen.values)
        if chosen.epsilon is not None and self.cost(without) <= best:
            chosen = without
        for name in list(chosen.values):
            if len(chosen.values) > 1 and self._affordable():
                fewer = chosen.without(name)
                chosen = fewer if self.cost(fewer) <= best else chosen
        return self._supported(chosen)

    def _supported(self, chosen: Choice) -> Choice:
        """Leave out what makes no constant equal: to be nearer to it says nothing."""
        left = self.left(self._rewritten(chosen))
        if left is None:
            return Choice()
        done = [edit.live for edit in self.edits if edit not in left]
        names = names_in(done, self.held)
        values = {n: v for n, v in chosen.values.items() if n in names}
        fewer = Choice(values, chosen.epsilon if done else None)
        return fewer if len(values) == len(chosen.values) else self._supported(fewer)

    def _affordable(self) -> bool:
        return self._left > 0

    def left(self, rewritten: Rewritten) -> list[Edit] | None:
        """Return the constants that still differ; None where the structure is another."""
        places = in_place(self.base, rewritten.normal)
        if places is None:
            return None
        return [edit for edit in self.edits if not equal_values(places[id(edit.live)], edit.frozen)]

    def cost(self, choice: Choice) -> float:
        """Return how much of a difference other values leave."""
        self._left -= self._each
        places = in_place(self.base, self._rewritten(choice).normal)
        if places is None:
            return float("inf")
        total = 0.0
        for edit in self.edits:
            mine = places[id(edit.live)]
            total += 0.0 if equal_values(mine, edit.frozen) else unlike(mine, edit.frozen)
        broken = (n for n in self.others if not equal_values(places.get(id(n), n), n))
        return total + _BROKEN * sum(1 for _ in broken)

    def _next(self, chosen: Choice) -> Iterator[tuple[Choice, float]]:
        """Yield what may be made besides, and what that costs itself."""
        suspects = names_in((edit.live for edit in self.edits), self.held)
        for names in _subsets(suspects):
            for values, dear in self.kinds:
                told = {n: values[n] for n in names if n in values}
                told = {n: v for n, v in told.items() if not _same(v, self._now(chosen, n))}
                if told and self._affordable():
                    yield chosen.adding(Choice(told)), dear
        for epsilon in _EPSILONS:
            if epsilon != chosen.epsilon and self._affordable():
                yield chosen.adding(Choice(epsilon=epsilon)), 0.0

    def _now(self, chosen: Choice, name: str) -> Any:
        return chosen.values.get(name, self.held[name])


def _kinds(held: Mapping[str, Array], origins: Origins) -> Iterator[tuple[dict[str, Array], float]]:
    """Yield the values that weights may have from elsewhere, one kind at a time.

    What is rounded is near what is not, whatever else is wrong: it has to explain more.
    """
    averaged: set[str] = set()
    if origins.checkpoint is not None:
        raw, shadows = read_keys(held, origins.checkpoint)
        averaged = {n for n, v in held.items() if n in shadows and _same(v, shadows[n])}
        yield raw, 0.0
        yield shadows, 0.0
        for look_up in origins.siblings.values():
            other_raw, other_shadows = read_keys(held, look_up)
            as_read = {n: (other_shadows if n in averaged else other_raw).get(n) for n in held}
            yield {n: v for n, v in as_read.items() if v is not None}, 0.0
            yield other_raw, 0.0
        for rounding in ROUNDINGS.values():
            yield rounded(raw, rounding), _ROUNDED
    ends = {name: INITIAL.get(name.rsplit("/", 1)[-1]) for name in held}
    yield {n: np.full_like(held[n], start) for n, start in ends.items() if start is not None}, 0.0
    for rounding in ROUNDINGS.values():
        yield rounded(held, rounding), _ROUNDED


def is_initial(name: str, values: Mapping[str, Any]) -> bool:
    """Return whether a weight of BatchNorm has the value that it is initialised with."""
    start = INITIAL.get(name.rsplit("/", 1)[-1])
    return start is not None and name in values and bool((values[name] == start).all())


def names_in(nodes: Iterable[Node], held: Mapping[str, Array]) -> list[str]:
    """Return the weights that constants are made of."""
    found: dict[str, None] = {}
    for node in nodes:
        if node.value is not None:
            found.update(dict.fromkeys(name for name in node.value.origin if name in held))
    return list(found)


def _subsets(names: Sequence[str]) -> Iterator[list[str]]:
    """Yield which of some weights may have come from elsewhere: all, a kind, a layer, one."""
    statistics = [name for name in names if is_statistic(name)]
    seen: set[frozenset[str]] = set()
    layers: dict[str, list[str]] = {}
    for name in names:
        layers.setdefault(name.split("/")[0], []).append(name)
    rest = [name for name in names if name not in statistics]
    by_layer = [part for group in layers.values() for part in _parts(group)]
    for subset in (list(names), statistics, rest, *by_layer, *([name] for name in names)):
        if subset and frozenset(subset) not in seen:
            seen.add(frozenset(subset))
            yield subset


def _parts(group: list[str]) -> list[list[str]]:
    """Return the weights of a layer, its statistics and the others."""
    statistics = [name for name in group if is_statistic(name)]
    return [group, statistics, [name for name in group if name not in statistics]]


def _same(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())
