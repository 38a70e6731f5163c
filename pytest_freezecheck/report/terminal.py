"""The terminal section: a table of what was checked, and what a reader should know beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.agreement import shown

_HEADER = ("model", "artifact or way", "difference", "inputs", "time", "verdict")
_VERDICTS = {"passed": "agrees", "failed": "DIFFERS", "error": "ERROR", "skipped": "skipped"}


def table(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the table, one for each check in the order they ran."""
    rows = [_HEADER, *(_row(check) for check in checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return [_line(row, widths) for row in rows]


def warnings(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each warning, and which check it belongs to."""
    return [
        f"warning: {check['model']}, {check['artifact']}: {warning}"
        for check in checks
        for warning in check["warnings"]
    ]


def _row(check: Mapping[str, Any]) -> tuple[str, ...]:
    difference = shown(check["max_abs_diff"])
    if check["non_finite"]:
        difference = "NaN or inf"
    return (
        check["model"],
        check["artifact"],
        difference,
        str(check["inputs"]) if check["inputs"] else "-",
        f"{check['seconds']:.2f} s",
        _VERDICTS[check["outcome"]],
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    left = "  ".join(f"{cell:<{width}}" for cell, width in zip(row[:2], widths[:2], strict=True))
    right = "  ".join(f"{cell:>{width}}" for cell, width in zip(row[2:5], widths[2:5], strict=True))
    return f"{left}  {right}  {row[5]}"
