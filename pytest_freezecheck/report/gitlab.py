"""GitLab's code quality report: problems, shown in merge requests and beside lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.report.problems import (
    fingerprints,
    first_line,
    named,
    place,
    problems,
    rule,
)
from pytest_freezecheck.result.reasons import FAILED


def render(document: Mapping[str, Any]) -> str:
    """Return the report.

    Args:
        document: with places that are seen from the root of the repository.
    """
    wrong = problems(document["checks"])
    entries = []
    for check, fingerprint in zip(wrong, fingerprints(wrong), strict=True):
        path, line = place(check)
        entries.append(
            {
                "description": f"{named(check)}: {first_line(check)}",
                "check_name": rule(check),
                "fingerprint": fingerprint,
                # A check that could not be made says nothing of what ships.
                "severity": "critical" if check["outcome"] == FAILED else "major",
                "location": {"path": path, "lines": {"begin": line}},
            }
        )
    return f"{json.dumps(entries, indent=2, allow_nan=False, ensure_ascii=False)}\n"
