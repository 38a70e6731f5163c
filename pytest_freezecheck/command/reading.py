"""Reports that a run wrote, read again: one document, or a line for each check."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.report.files import why
from pytest_freezecheck.report.json import SCHEMA
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.reasons import OUTCOMES, PASSED, REASONS

#: Keys of a check that are read here, and what each has to be.
_OF_A_CHECK: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "artifact": (str,),
    "outcome": (str,),
    "reason": (str,),
    "atol": (int, float),
    "seconds": (int, float),
    "inputs": (int,),
    "lossy": (bool,),
    "non_finite": (bool,),
    "warnings": (list,),
    "message": (str, type(None)),
    "nodeid": (str, type(None)),
    "max_abs_diff": (int, float, type(None)),
    "noise_floor": (int, float, type(None)),
    "power": (dict, type(None)),
    "proof": (dict, type(None)),
    "cause": (dict, type(None)),
    "counterexample": (dict, type(None)),
    "first_difference": (dict, type(None)),
    "declared_at": (dict, type(None)),
    "replay": (str, type(None)),
    "replayed": (dict, type(None)),
}
#: All keys of a check.
_KEYS = tuple(Agreement("", "", "", None, PASSED).as_json())
#: Likewise, of what a check may have.
_PARTS: dict[str, dict[str, tuple[type, ...]]] = {
    "power": {"caught": (int,), "in_all": (int,), "planted": (int,), "survivors": (list,)},
    "proof": {
        "result": (str,),
        "furthest": (int, float, type(None)),
        "grid": (str, type(None)),
    },
    "cause": {"id": (str,), "proven": (bool,), "tensors": (list,)},
    "declared_at": {"file": (str,), "line": (int,)},
    "first_difference": {"tensor": (str,), "max_abs_diff": (int, float, type(None))},
}
_OF_A_RUN: dict[str, tuple[type, ...]] = {
    "versions": (dict,),
    "seed": (int,),
    "seconds": (int, float),
    "collected": (int,),
    "with_result": (int,),
    "exit_status": (int,),
    "interrupted": (bool,),
}


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report says.

    Attributes:
        name: of the file, as it was given.
        checks: the results.
        run: the other fields of the document; empty where the run had not ended.
    """

    name: str
    checks: list[dict[str, Any]]
    run: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether the run came to its end: only then it says how."""
        return bool(self.run)


def read(name: str) -> Report:
    """Read a report.

    Raises:
        SettingError: it cannot be read, or is none.
    """
    try:
        text = Path(name).read_text("utf-8")
    except OSError as error:
        raise SettingError(f"{name}: cannot be read: {why(error)}") from None
    except UnicodeDecodeError:
        raise _no_report(name, "it is no text") from None
    if not text.strip():
        raise _no_report(name, "it is empty")
    documents = _documents(name, text)
    whole = documents[0] if len(documents) == 1 and "checks" in documents[0] else None
    if whole is not None:
        checks, run = whole["checks"], {k: v for k, v in whole.items() if k != "checks"}
        _check_run(name, run)
    else:
        *others, last = documents
        run = last if "schema" in last else {}
        checks = others if run else documents
        if run:
            _check_run(name, run)
        elif "outcome" not in last:
            raise _no_report(name, "it has neither 'schema' nor 'checks', and is no line of one")
    if not isinstance(checks, list):
        raise _no_report(name, "its 'checks' are no list")
    for check in checks:
        _check_check(name, check)
    return Report(name, checks, run)


def _documents(name: str, text: str) -> list[dict[str, Any]]:
    """Return the one JSON object of a text, or one for each line.

    Only what a line feed ends is a line: one without is of a run that was killed while it wrote.
    """
    try:
        found = [_parsed(text)]
    except (json.JSONDecodeError, RecursionError) as error:
        # Only line feeds end a line: a text may hold what Python takes for others.
        *lines, last = text.split("\n")
        try:
            found = [_parsed(line) for line in lines if line.strip()]
            found += [_parsed(last)] if last.strip() and not found else []
        except (json.JSONDecodeError, RecursionError):
            raise _no_report(name, f"it is no JSON: {error}") from None
    for document in found:
        if not isinstance(document, dict):
            raise _no_report(name, f"it holds a {type(document).__name__} where an object stands")
    return found


def _parsed(text: str) -> Any:
    """Return what a text of JSON says, which has no NaN and no infinity.

    Raises:
        json.JSONDecodeError: it is none.
    """

    def refuse(constant: str) -> None:
        raise json.JSONDecodeError(f"{constant} is no JSON", text, 0)

    return json.loads(text, parse_constant=refuse)


def _check_run(name: str, run: Mapping[str, Any]) -> None:
    if "schema" not in run:
        raise _no_report(name, "it has no 'schema'")
    if run["schema"] != SCHEMA:
        raise SettingError(
            f"{name}: a report of schema {str(run['schema'])[:20]}; this version reads {SCHEMA}"
        )
    _check_fields(name, run, _OF_A_RUN, "it")


def _check_check(name: str, check: object) -> None:
    if not isinstance(check, dict):
        raise _no_report(name, f"one of its checks is a {type(check).__name__}")
    lost = next((key for key in _KEYS if key not in check), None)
    if lost is not None:
        raise SettingError(
            f"{name}: damaged, or of another version of freezecheck: a check of it has no {lost!r}"
        )
    _check_fields(name, check, _OF_A_CHECK, "a check of it")
    for key, fields in _PARTS.items():
        if check[key] is not None:
            _check_fields(name, check[key], fields, f"the {key} of a check of it")
    if not all(isinstance(warning, str) for warning in check["warnings"]):
        raise _no_report(name, "a check of it has a warning that is no text")
    others = check["cause"].get("others", []) if check["cause"] else []
    if not isinstance(others, list) or not all(isinstance(other, dict) for other in others):
        raise _no_report(name, "the cause of a check of it has 'others' that are none")
    for other in others:
        _check_fields(name, other, _PARTS["cause"], "a cause of a check of it")
    survivors = check["power"]["survivors"] if check["power"] else []
    for survivor in survivors:
        if not isinstance(survivor, dict) or not {"mistake", "reason"} <= survivor.keys():
            raise _no_report(name, "a check of it has a survivor that is no mistake with a reason")
    if check["outcome"] not in OUTCOMES or check["reason"] not in REASONS:
        said = f"{check['outcome']!r}, {check['reason']!r}"
        raise _no_report(name, f"a check has an outcome and a reason that are not known: {said}")


def _check_fields(
    name: str, given: Mapping[str, Any], fields: Mapping[str, tuple[type, ...]], what: str
) -> None:
    for field, kinds in fields.items():
        if field not in given:
            raise _no_report(name, f"{what} has no {field!r}")
        value = given[field]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise _no_report(name, f"{what} has a {type(value).__name__} as its {field!r}")


def _no_report(name: str, why_not: str) -> SettingError:
    return SettingError(f"{name}: no report of freezecheck: {why_not}")
