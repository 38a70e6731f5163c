"""SARIF 2.1.0, which code hosts and editors take from tools that find problems."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.report.problems import (
    Check,
    fingerprints,
    first_line,
    named,
    place,
    problems,
    rule,
)
from pytest_freezecheck.result.reasons import PASSED, REASONS, SKIPPED

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: What we call our fingerprint; another way to make it would be another number.
_FINGERPRINT = "freezecheck/v1"
#: Fields of a check that a result has as properties.
_PROPERTIES = (
    "model",
    "artifact",
    "format",
    "way",
    "outcome",
    "reason",
    "max_abs_diff",
    "atol",
    "inputs",
    "cause",
    "first_difference",
    "counterexample",
    "replay",
    "sha256",
)


def render(document: Mapping[str, Any]) -> str:
    """Return the log.

    Args:
        document: with places that are seen from the root of the repository.
    """
    rules = _rules()
    wrong = problems(document["checks"])
    status = document["exit_status"]
    run = {
        "tool": {
            "driver": {
                "name": "pytest-freezecheck",
                "version": document["versions"]["pytest-freezecheck"],
                "rules": rules,
            }
        },
        "invocations": [
            {
                # pytest ends with 1 where it found something; what is above ended otherwise.
                "executionSuccessful": not document["interrupted"] and status in (0, 1),
                "exitCode": status,
            }
        ],
        "results": _results(wrong, [entry["id"] for entry in rules]),
        "properties": {
            "seed": document["seed"],
            "versions": document["versions"],
            "totals": document["totals"],
        },
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return f"{json.dumps(log, indent=2, allow_nan=False, ensure_ascii=False)}\n"


def _rules() -> list[dict[str, Any]]:
    """Return an entry for each cause, and for each reason that is no cause too."""
    found = {
        id_: _rule(id_, f"The frozen model {cause.meaning}.", f"To fix it: {cause.fix}.")
        for id_, cause in CAUSES.items()
    }
    for reason, (outcome, _, meaning) in REASONS.items():
        if outcome not in (PASSED, SKIPPED) and reason not in found:
            found[reason] = _rule(
                reason,
                f"{meaning[0].upper()}{meaning[1:]}.",
                "The message says what was found, and what to do.",
            )
    return list(found.values())


def _rule(id_: str, short: str, help_text: str) -> dict[str, Any]:
    return {
        "id": id_,
        "shortDescription": {"text": short},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": "error"},
    }


def _results(wrong: Sequence[Check], rules: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "ruleId": rule(check),
            "ruleIndex": rules.index(rule(check)),
            "kind": "fail",
            "level": "error",
            "message": {"text": f"{named(check)}: {first_line(check)}{_fix(check)}"},
            "locations": [_location(check)],
            "partialFingerprints": {_FINGERPRINT: fingerprint},
            "properties": {name: check[name] for name in _PROPERTIES},
        }
        for check, fingerprint in zip(wrong, fingerprints(wrong), strict=True)
    ]


def _fix(check: Check) -> str:
    cause = check["cause"]
    return f"\nTo fix it: {cause['fix']}" if cause is not None and cause["proven"] else ""


def _location(check: Check) -> dict[str, Any]:
    path, line = place(check)
    found: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {
                "uri": urllib.parse.quote(path, errors="surrogatepass"),
                "uriBaseId": "%SRCROOT%",
            },
            "region": {"startLine": line},
        }
    }
    if check["nodeid"]:
        found["logicalLocations"] = [{"fullyQualifiedName": check["nodeid"], "kind": "test"}]
    return found
