"""Results as JSON, schema 2 (`report.schema.json` beside this): one document for a run."""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.judgement import OUTCOMES

SCHEMA = 2


@dataclasses.dataclass(frozen=True)
class Session:
    """What the whole run did.

    Attributes:
        seconds: how long it took, collection included.
        collected: how many checks and tests that make checks were collected.
        exit_status: pytest's.
        interrupted: whether it was stopped before its end.
    """

    seconds: float
    collected: int
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
        "exit_status": session.exit_status,
        "interrupted": session.interrupted,
        "totals": {outcome: found[outcome] for outcome in OUTCOMES},
        "checks": ordered,
    }


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a document, making the folder it is to lie in.

    Raises:
        OSError: it cannot be written.
        ValueError: it holds a NaN or an infinity, which JSON has not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
