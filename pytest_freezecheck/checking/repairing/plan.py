"""What has to be changed in a file, of what a failed check has proven; or why nothing can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.diagnosis.repair import Suspicion
from pytest_freezecheck.errors import RepairError
from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Blamed


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to change.

    Attributes:
        causes: ids of the causes that it mends.
        weights: {name of a weight or constant: the right value}.
        nodes: names of the nodes to take from the live graph.
        fed: {tensor of a placeholder: the right default}.
    """

    causes: tuple[str, ...]
    weights: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    fed: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def plan(agreement: Agreement, kept: Sequence[Suspicion], live: LiveModel) -> Plan:
    """Return what mends a file that failed a check.

    Args:
        agreement: the failed check.
        kept: what its diagnosis repaired in memory.
        live: the live model.

    Raises:
        RepairError: no cause is proven, or one cannot be mended in the file.
    """
    found = agreement.explanation
    proven = [] if found is None else [cause for cause in found.causes if cause.proven]
    if found is None or not proven or not found.causes[0].proven:
        raise RepairError(_unproven(agreement))
    by_cause = {suspicion.cause: suspicion for suspicion in kept}
    if all(cause.id in by_cause and _same(by_cause[cause.id], cause) for cause in proven):
        repairs = [by_cause[cause.id] for cause in proven]
        refused = [s.cause for s in repairs if s.output or not (s.weights or s.nodes or s.fed)]
        if refused:
            raise RepairError(_refusal(refused[0]))
        return Plan(
            tuple(cause.id for cause in proven),
            {name: value for s in repairs for name, value in s.weights.items()},
            tuple(dict.fromkeys(name for s in repairs for name in s.nodes)),
            {name: value for s in repairs for name, value in s.fed.items()},
        )
    # Told by what both compute, or by the live model making the mistake: of weights, the names say
    # it all.
    held = live.weights()
    for cause in proven:
        other = [name for name in cause.tensors if name not in held]
        if not cause.tensors or other:
            raise RepairError(_refusal(cause.id))
    names = dict.fromkeys(name for cause in proven for name in cause.tensors)
    return Plan(tuple(cause.id for cause in proven), {name: held[name] for name in names})


def _same(suspicion: Suspicion, cause: Blamed) -> bool:
    return suspicion.tensors == cause.tensors


def _unproven(agreement: Agreement) -> str:
    cause = agreement.cause
    if cause is None:
        return (
            f"cannot be mended: it fails as {agreement.reason!r}, for which other weights or "
            "operations do not make up"
        )
    known = "no cause could be proven" if cause["id"] == "unknown" else "its cause is not proven"
    return f"cannot be mended: {known}, and only what is proven is changed\n  next: {cause['fix']}"


def _refusal(cause: str) -> str:
    return (
        f"cannot be mended: {cause} is no mistake in constants or operations that can be replaced "
        f"one by one\n  fix, in the exporting script: {CAUSES[cause].fix}"
    )


def not_found(names: Sequence[str], causes: Sequence[str]) -> RepairError:
    """Return the error of a file that has weights under no name that could be told."""
    return RepairError(
        f"cannot be mended: it holds {listed(names)} under no name of the live model's, or in "
        f"another shape\n  fix, in the exporting script: {CAUSES[causes[0]].fix}"
    )
