"""The terminal section: a table of what was checked, and what a reader should know beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_freezecheck.messages.wording import counted, shown
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
#: Where fewer of the planted mistakes are noticed, a pass says little: that is told unasked.
_WEAK = 0.8


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        text: all but the verdict.
        verdict: the last cell.
        outcome: `passed`, `failed`, `error` or `skipped`; empty for the heading.
    """

    text: str
    verdict: str
    outcome: str

    def __str__(self) -> str:
        return f"{self.text}  {self.verdict}"


def table(checks: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the lines of the table, one for each check in the order they ran."""
    rows = [_HEADER, *(_row(check) for check in checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    outcomes = ("", *(check["outcome"] for check in checks))
    return [
        Row(_line(row, widths), row[-1], outcome)
        for row, outcome in zip(rows, outcomes, strict=True)
    ]


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


def notes(checks: Sequence[Mapping[str, Any]], *, verbose: bool) -> list[str]:
    """Return the lines below the table that are no warnings: what was skipped, what is weak."""
    return [
        *skips(checks, verbose=verbose),
        *weaknesses(checks, verbose=verbose),
        *remembered(checks),
    ]


def remembered(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the line on checks that did not ask the live model all anew, if there are any."""
    count = sum(bool(check.get("remembered")) for check in checks)  # older reports have none
    if not count:
        return []
    return [
        f"{counted(count, 'check')} used what the live model answered before (freezecheck_cache)"
    ]


def skips(checks: Sequence[Mapping[str, Any]], *, verbose: bool) -> list[str]:
    """Return one line for each check that was skipped: why, and what to do about it.

    Args:
        checks: as the report has them.
        verbose: whether those are told, too, about which nothing can be done: ways that are for
            models of another kind.
    """
    said = {
        (c["model"], c["message"])
        for c in checks
        if c["outcome"] == "skipped" and (verbose or c["reason"] != "inapplicable")
    }
    return [f"skipped: {model}: {message}" for model, message in sorted(said)]


def weaknesses(checks: Sequence[Mapping[str, Any]], *, verbose: bool) -> list[str]:
    """Return for each model how many planted mistakes were not noticed, and a few of them.

    Not for ways that are declared lossy: theirs are many, and what they were allowed to be.

    Args:
        checks: as the report has them.
        verbose: whether it is told where nearly all are noticed, too.
    """
    said: dict[tuple[str, int, int], list[str]] = {}
    for check in checks:
        power = {} if check["lossy"] else check["power"] or {}
        noticed, planted = power.get("in_all", 0), power.get("planted", 0)
        if noticed == planted or not (verbose or noticed < _WEAK * planted):
            continue
        survivors = power.get("survivors", ())
        key = (check["model"], power.get("caught", 0), power.get("planted", 0))
        if survivors and key not in said:
            verb = "is" if len(survivors) == 1 else "are"
            said[key] = [
                f"power: {check['model']}: {len(survivors)} of {planted} planted mistakes {verb} "
                "not noticed:",
                *(f"  {s['mistake']}: {s['reason']}" for s in survivors[:_MOST_SURVIVORS]),
            ]
            if len(survivors) > _MOST_SURVIVORS:
                said[key].append(f"  and {len(survivors) - _MOST_SURVIVORS} more")
    return [line for lines in said.values() for line in lines]


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
    return f"{left}  {right}"
