"""Checks that failed or could not be made, as code hosts take them: line, rule, fingerprint."""

from __future__ import annotations

import collections
import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.result.reasons import ERROR, FAILED, REASONS

Check = Mapping[str, Any]

#: Where a check is said to be that nothing declares: hosts take no problem without a place.
NOWHERE: Check = {"file": "pyproject.toml", "line": 1}


def problems(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that failed, then those that could not be made."""
    return [c for outcome in (FAILED, ERROR) for c in checks if c["outcome"] == outcome]


def named(check: Check) -> str:
    """Return model and artifact; of a test of the team's own without a result, its node id."""
    return f"{check['model']}, {check['artifact']}" if check["model"] else str(check["nodeid"])


def first_line(check: Check) -> str:
    """Return what is wrong, in a line that stands alone."""
    lines = str(check["message"] or "").strip().splitlines()
    return lines[0] if lines else REASONS[check["reason"]][2]


def rule(check: Check) -> str:
    """Return the id of what is wrong: the cause, if it is proven, and else the reason."""
    cause = check["cause"]
    return str(cause["id"] if cause is not None and cause["proven"] else check["reason"])


def place(check: Check) -> tuple[str, int]:
    """Return file and line of a check; the beginning of a pyproject.toml if it has none."""
    at = check["declared_at"] or NOWHERE
    return str(at["file"]), int(at["line"])


def fingerprints(checks: Sequence[Check]) -> list[str]:
    """Return one for each check, the same in each run in which the same is wrong with it.

    Neither numbers nor lines have a part in it. Two that would be alike, as tests of the team's own
    may make several checks of one file, are counted.
    """
    seen: collections.Counter[str] = collections.Counter()
    found = []
    for check in checks:
        names = [check["model"], check["artifact"]] if check["model"] else [str(check["nodeid"])]
        text = "\n".join([*names, check["reason"], rule(check)])
        seen[text] += 1
        if seen[text] > 1:
            text = f"{text}\n{seen[text]}"
        found.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    return found


def located(document: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Return a document whose places are seen from the root of the repository.

    Args:
        document: as the report has it, with places from pytest's rootdir.
        folder: the rootdir, seen from the root of the repository. A place outside of it is dropped.
    """

    def moved(check: Check) -> dict[str, Any]:
        at = check["declared_at"]
        if at is None:
            return dict(check)
        path = posixpath.normpath(posixpath.join(folder, at["file"]))
        outside = path == ".." or path.startswith("../") or posixpath.isabs(path)
        return {**check, "declared_at": None if outside else {**at, "file": path}}

    return {**document, "checks": [moved(check) for check in document["checks"]]}
