"""`freezecheck explain`: the failures of a report, told in full."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_freezecheck.command.printing import Printer
from pytest_freezecheck.command.reading import Report, read
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import counted, listed, nearest
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.result.reasons import ERROR, FAILED, OUTCOMES, REASONS

#: The report could be read, whatever it says.
_READ = 0
_TENSORS = 8


def run(given: argparse.Namespace, printer: Printer) -> int:
    """Print each failure, and how many checks there are; return the exit code.

    Raises:
        SettingError: there is no such report, model or artifact.
    """
    report = read(given.report)
    checks = _chosen(report, given.model, given.artifact)
    failures = [check for check in checks if check["outcome"] in (FAILED, ERROR)]
    for check in failures:
        printer.heading(f"{check['model'] or check['nodeid']}, {check['artifact']}")
        for line in told(check):
            printer.line(line)
        printer.line()
    for line in _summary(report, checks):
        printer.line(line)
    return _READ


def _chosen(report: Report, model: str | None, artifact: str | None) -> list[dict[str, Any]]:
    """Return the checks of a model and an artifact.

    Raises:
        SettingError: there is none of that name.
    """
    checks = report.checks
    for key, wanted in (("model", model), ("artifact", artifact)):
        if wanted is None:
            continue
        there = list(dict.fromkeys(str(check[key]) for check in checks))
        checks = [check for check in checks if check[key] == wanted]
        if not checks:
            known = listed(there, 8) or "none"
            raise SettingError(
                f"{report.name}: no check of the {key} {wanted!r}{nearest(wanted, there)}; it has "
                f"{known}"
            )
    return checks


def told(check: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of one failure: what was found, why, what to do, how to see it again."""
    yield f"  verdict: {check['reason']}: {REASONS[check['reason']][2]}"
    cause = check["cause"]
    for one in [] if cause is None else [cause, *cause.get("others", ())]:
        yield from _cause(one)
    first = check["first_difference"]
    if first is not None:
        by = first["max_abs_diff"]
        apart = "in its shape, or in where it is finite" if by is None else f"by {by:.1e}"
        yield f"  first tensor that differs: {first['tensor']}, {apart}"
    found = check["counterexample"]
    if found is not None and found.get("path"):
        yield f"  smallest input that shows it: {found['path']}, a batch of {found.get('batch')}"
    if check["replay"]:
        yield f"  replay: {check['replay']}"
    elif check["outcome"] == FAILED and check["nodeid"] and "::" in check["nodeid"]:
        seed = check.get("seed", 0)
        yield f'  repeat: pytest "{check["nodeid"]}" --freezecheck --freezecheck-seed={seed}'
    yield "  what the run said:"
    for line in (check["message"] or "nothing").splitlines():
        yield f"    {line}"


def _cause(cause: Mapping[str, Any]) -> Iterator[str]:
    known = CAUSES.get(str(cause.get("id")))
    certain = "cause" if cause.get("proven") else "suspected, not proven"
    yield f"  {certain}: {cause.get('id')}"
    if known is not None:
        yield f"    meaning: the frozen model {known.meaning}"
    if cause.get("explanation"):
        yield f"    found: {cause['explanation']}"
    tensors = cause.get("tensors") or []
    if tensors:
        yield f"    in: {listed(map(str, tensors), _TENSORS)}"
    fix = known.fix if known is not None else cause.get("fix")
    if fix:
        yield f"    fix: {fix}"
    if known is not None and known.sources:
        yield f"    met before in {listed(known.sources)}"


def _summary(report: Report, checks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    count = {outcome: sum(c["outcome"] == outcome for c in checks) for outcome in OUTCOMES}
    named = ", ".join(f"{number} {outcome}" for outcome, number in count.items() if number)
    said = f"{report.name}: {counted(len(checks), 'check')}"
    ending = f"; the run ended with exit code {report.run['exit_status']}" if report.ended else ""
    yield f"{said}{f': {named}' if named else ', nothing was compared'}{ending}"
    if not report.ended:
        yield "  of a run that has not ended, or was killed: it has no last line that says how"
    elif report.run["interrupted"]:
        yield "  the run was interrupted"
