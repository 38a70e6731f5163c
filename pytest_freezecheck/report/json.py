"""Results as JSON, schema 2 (`report.schema.json` beside this): one document for a run."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.result.reasons import OUTCOMES

SCHEMA = 2


@dataclasses.dataclass(frozen=True)
class Session:
    """What the whole run did.

    Attributes:
        seconds: how long it took, collection included.
        collected: how many checks and tests that make checks were collected.
        with_result: how many of them came to a result, or were skipped.
        exit_status: pytest's.
        interrupted: whether it was stopped before its end.
    """

    seconds: float
    collected: int
    with_result: int
    exit_status: int
    interrupted: bool


def document(
    checks: Sequence[Mapping[str, Any]],
    versions: Mapping[str, str],
    seed: int,
    session: Session,
) -> dict[str, Any]:
    """Return the document; checks are in the order of their node ids, however a run is spread."""
    ordered = sorted(checks, key=lambda c: (c["nodeid"] or "", c["model"], c["artifact"]))
    found = collections.Counter(check["outcome"] for check in ordered)
    return {
        "schema": SCHEMA,
        "versions": dict(versions),
        "seed": seed,
        "seconds": round(session.seconds, 3),
        "collected": session.collected,
        "with_result": session.with_result,
        "exit_status": session.exit_status,
        "interrupted": session.interrupted,
        "totals": {outcome: found[outcome] for outcome in OUTCOMES},
        "checks": ordered,
    }
