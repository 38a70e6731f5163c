"""From a failed check to its cause: both sides as graphs of constants, and what was proven."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import numpy as np

from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.diagnosis.diagnose import Diagnosis, Finding, diagnose
from pytest_freezecheck.diagnosis.distance import NOISE
from pytest_freezecheck.diagnosis.first_difference import first_difference, thinned
from pytest_freezecheck.diagnosis.graph_diff import bypassed
from pytest_freezecheck.diagnosis.repair import Suspicion, keep
from pytest_freezecheck.diagnosis.rounding import suspect_rounding
from pytest_freezecheck.diagnosis.scopes import unscoped
from pytest_freezecheck.diagnosis.simulation import simulate
from pytest_freezecheck.diagnosis.weights import Origins
from pytest_freezecheck.errors import ArtifactError, FreezecheckError
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.checkpoint import shadow_keys, siblings
from pytest_freezecheck.models.checkpoint_files import Lookup, values_beside, values_of
from pytest_freezecheck.models.constant_graph import ConstantGraph, EditableGraph
from pytest_freezecheck.numeric.difference import is_number
from pytest_freezecheck.numeric.rows import largest_by_row, largest_difference
from pytest_freezecheck.power import noise
from pytest_freezecheck.result.findings import Blamed, Explanation

#: Sibling checkpoints that are read at most.
_SIBLINGS = 8
#: Tensors along the way that a page shows.
_LAYERS = 48
#: A row that is answered so differently alone sees the others; float noise stays far below.
_SEEN = 1e-4
#: Causes that say that a value is none of the checkpoint's.
_OF_NO_KEY = ("initial-values", "partial-restore", "other-weights")
#: Causes that are told by the answers, and not by what the file holds.
_OF_ANSWERS = ("input-transform", "class-order", "output-tensor", "batch-norm-folding")


def inquire(
    sides: Sides, feeds: Arrays, *, steady: bool, non_finite: bool, atol: float
) -> Explanation:
    """Find out why the two sides differ.

    Args:
        sides: live and frozen.
        feeds: inputs that show the difference, the worst first.
        steady: whether the artifact answers the same when asked the same twice.
        non_finite: whether it answers NaN or infinity where the live model does not.
        atol: how far the same answer of another executor may be apart.
    """
    try:
        found = _diagnosed(sides, feeds, atol)
    except FreezecheckError as error:
        found = Diagnosis([], (), [f"its graph could not be looked into: {error}"])
    findings = [
        (f.suspicion, f.proven and not _by_numbers_alone(sides, f, simulated=found.simulated))
        for f in found.findings
    ]
    keep(s for s, proven in findings if proven and not found.simulated)
    first = findings[0][0].cause if findings else "unknown"
    if non_finite and first in ("changed-operation", "altered-weights", "unknown"):
        findings = [_renamed(findings, "non-finite", "the answer is not finite")]
    elif (
        steady
        and first in ("changed-operation", "input-transform", "unknown")
        and _batch_dependent(sides, feeds)
    ):
        evidence = "a row is answered otherwise with other rows beside it"
        findings = [_renamed(findings, "batch-dependence", evidence)]
    causes = (Blamed(s.cause, s.tensors, s.evidence, proven, s.share) for s, proven in findings)
    return Explanation(
        tuple(causes),
        tuple(found.ruled_out),
        found.simulated,
        first_difference(found.layers),
        layers=thinned(found.layers, _LAYERS),
    )


def _by_numbers_alone(sides: Sides, finding: Finding, *, simulated: bool) -> bool:
    """Return whether nothing but class numbers speaks for a cause: too many mistakes give the same.

    What is held against a key of the checkpoint, bit for bit, speaks for itself; what the live
    model simulated has its answers alone.
    """
    kinds = {tensor.dtype.base_dtype for tensor in sides.live.outputs.values()}
    numbers = not any(kind.is_floating or kind.is_complex for kind in kinds)
    return numbers and (simulated or finding.suspicion.cause in _OF_ANSWERS)


def _renamed(
    findings: list[tuple[Suspicion, bool]], cause: str, evidence: str
) -> tuple[Suspicion, bool]:
    """Return the first finding under a cause that says more."""
    if not findings:
        return Suspicion(cause, (), evidence), False
    suspicion, proven = findings[0]
    both = f"{evidence}: {suspicion.evidence}"
    return dataclasses.replace(suspicion, cause=cause, evidence=both), proven


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


def _diagnosed(sides: Sides, feeds: Arrays, atol: float) -> Diagnosis:
    live = sides.live.constant_graph()
    with contextlib.closing(_editable(live, sides.live_rows)) as editable:
        try:
            graph = sides.frozen.constant_graph(sides.inputs, sides.outputs)
        except ArtifactError as error:
            return _simulated(sides, editable, feeds, atol, str(error))
        named = unscoped(graph, {node.name for node in live.definition.node})
        theirs = _editable(named, sides.frozen_rows)
        with contextlib.closing(theirs) as frozen:
            variables = set(sides.live.weights())
            origins = origins_of(sides)
            found = diagnose(editable, frozen, feeds, variables=variables, origins=origins)
        if origins.checkpoint is None:
            found = _without_origins(found)
        if any(finding.proven for finding in found.findings):
            return found
        # A graph that was rewritten has other names, or folded weights: nothing can be exchanged.
        close = NOISE if sides.bit_exact else atol
        simulated = _simulated(sides, editable, feeds, close, "")
        if not any(finding.proven for finding in simulated.findings) and (
            found.findings or not simulated.findings
        ):
            return found
        return dataclasses.replace(simulated, layers=found.layers)


def _simulated(
    sides: Sides, live: EditableGraph, feeds: Arrays, atol: float, why: str
) -> Diagnosis:
    """Let the live model make the mistakes, where the artifact cannot be repaired."""
    answer = sides.ask_frozen(feeds)
    wrong = Answer({n: answer.outputs[there] for n, there in sides.outputs.items()}, {})
    found = simulate(live, wrong, feeds, origins=origins_of(sides), atol=atol)
    if found is None:
        said = [why, "no other weights of its checkpoints bring the live model to these answers"]
        reduced = sides.frozen.reduced()
        if reduced:
            suspicion, words = suspect_rounding(live, wrong, feeds, reduced)
            if suspicion is not None:
                return Diagnosis([Finding(suspicion, False)], (), [])
            said.append(words)
        return Diagnosis([], (), said)
    return Diagnosis([Finding(*found)], (), [why], simulated=True)


def _editable(graph: ConstantGraph, rows: int | None) -> EditableGraph:
    return EditableGraph(
        dataclasses.replace(graph, definition=bypassed(graph.definition), rows=rows)
    )


def _without_origins(found: Diagnosis) -> Diagnosis:
    """Take back what only a checkpoint can tell: that values match no key of it."""
    kept = [f for f in found.findings if f.suspicion.cause not in _OF_NO_KEY]
    if len(kept) == len(found.findings):
        return found
    said = "weights hold other values, and without a checkpoint (name it beside live) nobody can "
    return dataclasses.replace(
        found, findings=kept, ruled_out=[*found.ruled_out, f"{said}tell whose"]
    )


def origins_of(sides: Sides) -> Origins:
    """Return what the weights of an artifact can come from."""
    live = sides.live
    if live.checkpoint is None:
        return Origins(_own_averages(sides), {})
    near = siblings(live.checkpoint)[:_SIBLINGS]
    parts = live.parts
    others = {prefix: values_beside(prefix, parts) for prefix in near}
    return Origins(values_of(live.checkpoint, parts), others)


def _own_averages(sides: Sides) -> Lookup | None:
    """Return a checkpoint of sorts, of an artifact that keeps averages beside its weights.

    Those averages count that the live model holds, bit for bit: that is what makes them its own.
    """
    held, averages = sides.live.weights(), sides.frozen.averages()
    known = {n: v for n, v in averages.items() if n in held and np.array_equal(held[n], v)}
    if not known:
        return None
    raw = sides.frozen.weights()
    table = {name: raw[name] for name in known if name in raw}
    table |= {shadow_keys(name)[0]: value for name, value in known.items()}
    return table.get
