"""What has to be changed in a file, of what a failed check has proven; or why nothing can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.errors import RepairError
from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.result.agreement import Agreement

#: The cause that another default mends, and those of operations that can be taken one by one.
_FLAG = "training-flag"
_OF_OPERATIONS = frozenset({"changed-operation", "input-transform", "dropout"})
_OF_OPERATIONS |= {"training-batch-norm", "batch-norm-epsilon"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to change.

    Attributes:
        causes: ids of the causes that it mends.
        weights: {name of a weight or constant: the right value}.
        operations: whether operations that differ are to be taken from the live graph.
        fed: {tensor of a placeholder: the right default}.
    """

    causes: tuple[str, ...]
    weights: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    operations: bool = False
    fed: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def plan(agreement: Agreement, live: LiveModel) -> Plan:
    """Return what mends a file that failed a check.

    Args:
        agreement: the failed check.
        live: the live model.

    Raises:
        RepairError: no cause is proven, or one cannot be mended in the file.
    """
    found = agreement.explanation
    proven = [] if found is None else [cause for cause in found.causes if cause.proven]
    if found is None or not proven or not found.causes[0].proven:
        raise RepairError(_unproven(agreement))
    held = live.weights()
    known = {**_constants(live), **held}
    weights: dict[str, Any] = {}
    fed: dict[str, Any] = {}
    operations = False
    for cause in proven:
        if cause.id == _FLAG:
            fed |= {f"{name}:0": np.zeros((), bool) for name in cause.tensors}
        elif cause.tensors and all(name in known for name in cause.tensors):
            weights |= {name: known[name] for name in cause.tensors}
            # What a weight is computed by, instead, goes with it.
            operations = operations or cause.id in _OF_OPERATIONS
        elif cause.id in _OF_OPERATIONS and found.computed:
            operations = True
        else:
            raise RepairError(_refusal(cause.id))
    return Plan(tuple(cause.id for cause in proven), weights, operations, fed)


def _constants(live: LiveModel) -> dict[str, Any]:
    """Return {name: value} of the constants of the live graph's operations."""
    import tensorflow as tf

    nodes = live.graph.as_graph_def().node
    return {n.name: tf.make_ndarray(n.attr["value"].tensor) for n in nodes if n.op == "Const"}


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
