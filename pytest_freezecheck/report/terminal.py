"""The terminal section: a table of what was checked, and what a reader should know beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import shown
from pytest_freezecheck.report.proof import column
from pytest_freezecheck.result.reasons import REASONS

_HEADER = (
    "model",
    "artifact or way",
    "difference",
    "allowed",
    "noise",
    "inputs",
    "power",
    "proof",
    "time",
    "verdict",
)
_MOST_SURVIVORS = 3


def table(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the table, one for each check in the order they ran."""
    rows = [_HEADER, *(_row(check) for check in checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return [_line(row, widths) for row in rows]


def warnings(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each warning of a model, and which of its checks it belongs to."""
    said: dict[tuple[str, str], list[str]] = {}
    for check in checks:
        for warning in check["warnings"]:
            said.setdefault((check["model"], warning), []).append(check["artifact"])
    return [
        f"warning: {model}, {artifacts[0]}{_and_more(len(artifacts) - 1)}: {warning}"
        for (model, warning), artifacts in said.items()
    ]


def skips(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each check that was skipped: why, and what to do about it."""
    said = {(c["model"], c["message"]) for c in checks if c["outcome"] == "skipped"}
    return [f"skipped: {model}: {message}" for model, message in sorted(said)]


def weaknesses(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each model: which planted mistakes no input showed, and why.

    Not for ways that are declared lossy: theirs are many, and what they were allowed to be.
    """
    said: dict[tuple[str, int, int], str] = {}
    for check in checks:
        power = {} if check["lossy"] else check["power"] or {}
        if power.get("in_all") == power.get("planted"):
            continue
        survivors = power.get("survivors", ())
        key = (check["model"], power.get("caught", 0), power.get("planted", 0))
        if survivors and key not in said:
            named = [f"{s['mistake']} ({s['reason']})" for s in survivors[:_MOST_SURVIVORS]]
            more = _and_more(len(survivors) - len(named))
            verb = "is" if len(survivors) == 1 else "are"
            said[key] = (
                f"power: {check['model']}: {len(survivors)} of {check['power']['planted']} planted "
                f"mistakes {verb} not noticed: {'; '.join(named)}{more}"
            )
    return list(said.values())


def _and_more(count: int) -> str:
    return f" and {count} more" if count else ""


def _row(check: Mapping[str, Any]) -> tuple[str, ...]:
    difference, power = shown(check["max_abs_diff"]), check["power"]
    if check["non_finite"]:
        difference = "NaN or inf"
    return (
        check["model"],
        check["artifact"],
        difference,
        f"{check['atol']:.3g}",
        shown(check["noise_floor"]),
        str(check["inputs"]) if check["inputs"] else "-",
        "-" if power is None else f"{power['in_all']}/{power['planted']}",
        column(check["proof"]),
        f"{check['seconds']:.2f} s",
        REASONS[check["reason"]][1],
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    left = "  ".join(f"{cell:<{width}}" for cell, width in zip(row[:2], widths[:2], strict=True))
    numbers = zip(row[2:-1], widths[2:-1], strict=True)
    right = "  ".join(f"{cell:>{width}}" for cell, width in numbers)
    return f"{left}  {right}  {row[-1]}"
