"""Reports of runs that never were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.report import explained, kinds
from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Blamed, Explanation

VERSIONS = {"pytest-freezecheck": "0.1", "tensorflow": "2.20.0", "numpy": "2.1.0"}


def passed(artifact: str, **fields: Any) -> dict[str, Any]:
    """Return a check that passed."""
    return _check(artifact, outcome="passed", reason="identical", max_abs_diff=0.0, **fields)


def failed(artifact: str, **fields: Any) -> dict[str, Any]:
    """Return a check that failed, of a proven cause."""
    blamed = Blamed("raw-weights", ("conv/weights",), "1 of 1 weights", proven=True)
    agreement = Agreement(
        "flowers", artifact, "graph_def", None, "failed", explanation=Explanation((blamed,))
    )
    return _check(
        artifact,
        outcome="failed",
        reason="differs",
        max_abs_diff=0.5,
        cause=explained.cause(agreement),
        text=f"the whole text of {artifact}",
        replay=f"pytest --freezecheck --freezecheck-replay=.freezecheck/flowers-{artifact}.npz",
        **fields,
    )


def _check(artifact: str, **fields: Any) -> dict[str, Any]:
    given = {"nodeid": f"pyproject.toml::flowers::{artifact}", "inputs": 3, **fields}
    return Agreement("flowers", artifact, "graph_def", None, **given).as_json()


def run_of(
    checks: Sequence[dict[str, Any]],
    *,
    exit_status: int | None = None,
    versions: dict[str, str] = VERSIONS,
    seed: int = 0,
    interrupted: bool = False,
) -> dict[str, Any]:
    """Return the document of a run."""
    good = bool(checks) and all(check["outcome"] == "passed" for check in checks)
    status = exit_status if exit_status is not None else int(not good)
    session = json_report.Session(2.0, len(checks), len(checks), status, interrupted)
    return json_report.document(checks, versions, seed, session)


def written(path: Path, document: dict[str, Any]) -> str:
    """Write a document, as JSON or as lines by the ending; return its name."""
    report = kinds.report(path)
    for check in document["checks"]:
        report.add(check)
    report.end(document)
    return path.name
