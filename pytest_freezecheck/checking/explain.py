"""From a failed check to its cause: what both sides compute, and what they answer."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from pytest_freezecheck.checking.causes.attribution import attribute
from pytest_freezecheck.checking.causes.blame import blame
from pytest_freezecheck.checking.causes.origins import origins_of
from pytest_freezecheck.checking.proving import Compared
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.proof import DIFFERS
from pytest_freezecheck.diagnosis.distance import NOISE
from pytest_freezecheck.diagnosis.first_difference import (
    bypassed,
    first_difference,
    layers,
    thinned,
)
from pytest_freezecheck.diagnosis.rounding import suspect_rounding
from pytest_freezecheck.diagnosis.scopes import unscoped
from pytest_freezecheck.diagnosis.simulation import done_behind, read_differently, simulate
from pytest_freezecheck.errors import ArtifactError, FreezecheckError, ModelError
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.constant_graph import ConstantGraph, EditableGraph
from pytest_freezecheck.numeric.difference import is_number
from pytest_freezecheck.numeric.rows import largest_by_row, largest_difference
from pytest_freezecheck.power import noise
from pytest_freezecheck.result.exhibit import Layer
from pytest_freezecheck.result.findings import Blamed, Explanation

#: Tensors along the way that a page shows.
_LAYERS = 48
#: A row that is answered so differently alone sees the others; float noise stays far below.
_SEEN = 1e-4
#: Causes that say that something is another, and not what it does.
_VAGUE = ("changed-operation", "input-transform", "unknown")
#: Causes that do not say why an answer is not finite.
_NOT_WHY = ("changed-operation", "altered-weights", "other-weights", "unknown")


def explain(
    sides: Sides,
    compared: Compared,
    feeds: Arrays,
    *,
    steady: bool,
    non_finite: bool,
    atol: float,
) -> Explanation:
    """Find out why the two sides differ.

    Args:
        sides: live and frozen.
        compared: what both compute.
        feeds: inputs that show the difference, the worst first.
        steady: whether the artifact answers the same when asked the same twice.
        non_finite: whether it answers NaN or infinity where the live model does not.
        atol: how far the same answer of another executor may be apart.
    """
    try:
        found = _Inquiry(sides, compared, feeds, atol).explanation()
    except FreezecheckError as error:
        found = Explanation((), (f"its graph could not be looked into: {error}",))
    first = found.causes[0].id if found.causes else "unknown"
    if non_finite and first in _NOT_WHY:
        return _renamed(found, "non-finite", "the answer is not finite")
    if steady and first in _VAGUE and _batch_dependent(sides, feeds):
        said = "a row is answered otherwise with other rows beside it"
        return _renamed(found, "batch-dependence", said)
    return found


def _renamed(found: Explanation, cause: str, evidence: str) -> Explanation:
    """Return the first cause alone, under a name that says more."""
    if not found.causes:
        return dataclasses.replace(found, causes=(Blamed(cause, (), evidence, proven=False),))
    first = found.causes[0]
    both = f"{evidence}: {first.evidence}"
    return dataclasses.replace(found, causes=(dataclasses.replace(first, id=cause, evidence=both),))


def _batch_dependent(sides: Sides, feeds: Arrays) -> bool:
    return _dependence(sides.ask_frozen, feeds) > _SEEN > _dependence(sides.ask_live, feeds)


def _dependence(ask: noise.Ask, feeds: Arrays) -> float:
    """Return how far answers to rows alone and among others are apart, relative to their size."""
    return max(
        (
            largest_difference(value, other.outputs[name]) / max(1.0, _size(value))
            for one, other in noise.row_by_row(ask, feeds)
            for name, value in one.outputs.items()
        ),
        default=0.0,
    )


def _size(value: Any) -> float:
    return float(largest_by_row(value).max(initial=0.0)) if is_number(value) else 0.0


class _Inquiry:
    def __init__(self, sides: Sides, compared: Compared, feeds: Arrays, atol: float) -> None:
        self.sides, self.compared, self.feeds = sides, compared, feeds
        self.close = NOISE if sides.bit_exact else atol

    def explanation(self) -> Explanation:
        """Return the causes: those that the computations tell, or else those of the answers."""
        told = attribute(self.sides, self.compared, shown=True)
        graph = self.sides.live.constant_graph()
        with contextlib.closing(_editable(graph, self.sides.live_rows)) as live:
            along = self._layers(live)
            found = told
            if told is None or not told.simulated:
                found = self._of_answers(live, told)
            else:
                found = self._in_words(live, told)
        if found is None:
            found = Explanation((), self._ruled_out())
        return dataclasses.replace(
            found, first=first_difference(along), layers=thinned(along, _LAYERS)
        )

    def _layers(self, live: EditableGraph) -> tuple[Layer, ...]:
        """Return how far tensors of one name are apart; none where the artifact has no graph."""
        try:
            graph = self.sides.frozen.constant_graph(self.sides.inputs, self.sides.outputs)
            named = unscoped(graph, {node.name for node in live.definition.node})
            row = {name: array[:1] for name, array in self.feeds.items()}
            with contextlib.closing(_editable(named, self.sides.frozen_rows)) as frozen:
                return layers(live, frozen, row)
        except (ArtifactError, ModelError):
            return ()  # it is no graph, or one that cannot be taken apart

    def _of_answers(self, live: EditableGraph, told: Explanation | None) -> Explanation | None:
        """Return what is proven by answers, where computations do not tell it all; or a suspicion.

        Args:
            live: the live model, to make mistakes.
            told: what the computations tell.
        """
        wrong = self._wrong()
        origins = origins_of(self.sides)
        simulated = simulate(live, wrong, self.feeds, origins=origins, atol=self.close)
        if simulated is not None and simulated.proven and not self._numbers_alone():
            return Explanation((simulated,), simulated=True)
        some = told is not None and any(cause.proven for cause in told.causes)
        if not some and self.compared.proof.result == DIFFERS:
            told = blame(self.sides, self.compared.proof)
            some = any(cause.proven for cause in told.causes)
        if some:
            return told
        if simulated is not None:
            return Explanation((dataclasses.replace(simulated, proven=False),))
        reduced = self.sides.frozen.reduced()
        if not reduced:
            return told
        suspicion, words = suspect_rounding(live, wrong, self.feeds, reduced)
        return Explanation(() if suspicion is None else (suspicion,), (*self._ruled_out(), words))

    def _wrong(self) -> Answer:
        """Return what the artifact answers, under the live names."""
        answer = self.sides.ask_frozen(self.feeds)
        return Answer({n: answer.outputs[there] for n, there in self.sides.outputs.items()}, {})

    def _in_words(self, live: EditableGraph, told: Explanation) -> Explanation:
        """Add what a change at an end of the model amounts to, if the answers tell."""
        ids, wrong = {cause.id for cause in told.causes}, self._wrong()
        found: tuple[str, str] | None = None
        if ids <= {"changed-operation", "other-weights"}:
            behind = done_behind(live.answer(self.feeds), wrong, self.close)
            found = None if behind is None else (behind.id, behind.evidence)
        if found is None and len(ids) == 1 and ids <= {"changed-operation", "input-transform"}:
            words = read_differently(live, wrong, self.feeds, self.close)
            found = None if words is None else ("input-transform", f"it {words}")
        if found is None:
            return told
        name, said = found
        evidence = "; ".join(cause.evidence for cause in told.causes)
        tensors = tuple(dict.fromkeys(one for cause in told.causes for one in cause.tensors))
        made = Blamed(name, tensors, f"{said}: {evidence}", True, told.causes[0].share)
        return dataclasses.replace(told, causes=(made,))

    def _numbers_alone(self) -> bool:
        """Return whether nothing but class numbers is answered: too many mistakes give the same."""
        kinds = {tensor.dtype.base_dtype for tensor in self.sides.live.outputs.values()}
        return not any(kind.is_floating or kind.is_complex for kind in kinds)

    def _ruled_out(self) -> tuple[str, ...]:
        why = self.compared.proof.why
        said = f"what it computes could not be told apart: {why}" if why else ""
        other = "no other weights of its checkpoints bring the live model to these answers"
        return tuple(filter(None, (said, other)))


def _editable(graph: ConstantGraph, rows: int | None) -> EditableGraph:
    return EditableGraph(
        dataclasses.replace(graph, definition=bypassed(graph.definition), rows=rows)
    )
