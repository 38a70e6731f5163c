"""Documents of runs that never were, to render: what can go wrong, under names that bite."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_freezecheck.report import explained
from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Blamed, Counterexample, Explanation, Power
from pytest_freezecheck.result.proof import Proof

#: Names that Markdown, HTML, workflow commands or JSON would take for their own.
BITING = (
    "a b.pb",
    'it\'s "quoted".pb',
    "<script>alert(1)</script>.pb",
    "a|b`c*d_e_.pb",
    "two\nlines\r\n::error::boo.pb",
    "100%,x:y.pb",
    "[link](https://example.org) @someone #1 :tada: $x$ ~~y~~",
    "- item",
    "1. item",
    "# head",
    "bl\udcfcte.pb",
    "\x1b[31mred",
    "</pre></details><b>",
    "&lt;&amp;",
)
AT = {"file": "pyproject.toml", "line": 7}


def passed(artifact: str = "good.pb", **facts: Any) -> Agreement:
    given = {"max_abs_diff": 0.0, "exact": True, "inputs": 10, "proof": Proof("identical"), **facts}
    given.setdefault("power", Power(11, 12, (("w: rounded", "below the tolerance"),)))
    return _made("passed", "identical", artifact, given)


def failed(artifact: str = "frozen.pb", **facts: Any) -> Agreement:
    """A file with a proven cause, and all that is found besides."""
    cause = Blamed("averaged-statistics", ("conv1/moving_mean",), "6 of 18 weights", proven=True)
    smallest = Counterexample(
        background={"images": 0.0},
        feeds={"images": [[0.0, 1.0]]},
        away=1,
        size=2,
        max_abs_diff=0.5,
        seconds=0.1,
        path=".freezecheck/f.npz",
    )
    given = {
        "max_abs_diff": 0.5,
        "exact": False,
        "inputs": 10,
        "showing": 3,
        "explanation": Explanation((cause,), first=("conv1/Conv2D", 0.25)),
        "counterexample": smallest,
        "replay": "pytest --freezecheck --freezecheck-replay=.freezecheck/f.npz",
        "text": "averaged-statistics: 6 of 18 weights; answers 5.0e-01 apart\n  fix: ...\n\n  more",
        **facts,
    }
    return _made("failed", "differs", artifact, given)


def error(artifact: str = "nowhere.pb", **facts: Any) -> Agreement:
    return _made("error", "artifact", artifact, {"text": f"{artifact}: no such file", **facts})


def skipped(artifact: str = "onnx", **facts: Any) -> Agreement:
    return _made("skipped", "unavailable", artifact, {"text": "onnx needs tf2onnx", **facts})


def _made(outcome: str, reason: str, artifact: str, facts: dict[str, Any]) -> Agreement:
    given: dict[str, Any] = {
        "model": "flowers",
        "format": "graph_def",
        "way": None,
        "declared_at": AT,
        "reason": reason,
        "nodeid": f"pyproject.toml::flowers::{artifact}",
        **facts,
    }
    result = Agreement(artifact=artifact, outcome=outcome, **given)
    return dataclasses.replace(result, cause=explained.cause(result))


def document(*results: Agreement, status: int = 1, interrupted: bool = False) -> dict[str, Any]:
    session = json_report.Session(
        seconds=2.5,
        collected=len(results),
        with_result=len(results),
        exit_status=status,
        interrupted=interrupted,
    )
    versions = {"pytest-freezecheck": "0.1.0", "tensorflow": "2.21.0"}
    return json_report.document([r.as_json() for r in results], versions, 0, session)
