"""`freezecheck merge`: one verdict of the reports of several runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.command.printing import Printer
from pytest_freezecheck.command.reading import Report, read
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import counted, listed
from pytest_freezecheck.report import files, kinds
from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.report.repository import folder_in_repository
from pytest_freezecheck.result.reasons import ERROR, FAILED, PASSED
from pytest_freezecheck.settings import Settings

_DIFFERS, _INTERRUPTED = 1, 2
#: Exit codes of a run, the worst last; what is no code of the gate's is worse than all.
_ORDER = (0, 1, 2, 4, 3)
_SAME = ("seconds",)


def run(given: argparse.Namespace, printer: Printer) -> int:
    """Unite the reports, print the table, write one of all, and return the exit code.

    Raises:
        SettingError: a report cannot be read, or two do not go together.
    """
    settings = Settings().override(
        {"reports": given.report}, "command line", of_a_run=True, names={"reports": "--report"}
    )
    reports = [read(name) for name in given.reports]
    checks, twice = united(reports)
    if checks:
        printer.table(checks)
    for caution in _cautions(reports):
        printer.line(f"warning: {caution}")
    found = status(reports, checks)
    compared = sum(check["outcome"] in (PASSED, FAILED) for check in checks)
    if not compared:
        printer.error("nothing was compared")
    document = _document(reports, checks, twice, found)
    for path in dict.fromkeys(settings.reports):
        try:
            report = kinds.report(Path.cwd() / path, folder_in_repository(Path.cwd()))
            for check in document["checks"]:
                report.add(check)
            report.end(document)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise SettingError(
                f"{path} cannot be written: a report has a part that is not as it should be: "
                f"{type(error).__name__}: {error}"
            ) from None
        except OSError as error:
            printer.error(f"the report {path} cannot be written: {files.why(error)}")
            found = found or _DIFFERS
    failed = sum(check["outcome"] in (FAILED, ERROR) for check in checks)
    printer.line(
        f"freezecheck: {counted(len(reports), 'report')}, {counted(len(checks), 'check')}, "
        f"{failed} failed: exit code {found}"
    )
    return found


def united(reports: Sequence[Report]) -> tuple[list[dict[str, Any]], int]:
    """Return the checks of all reports, and how many were in more than one.

    Raises:
        SettingError: two reports have a check of one name, and it came to something else.
    """
    kept: dict[tuple[object, ...], tuple[Report, list[dict[str, Any]]]] = {}
    twice = 0
    for report in reports:
        for name, checks in _by_name(report).items():
            if name not in kept:
                kept[name] = report, checks
                continue
            first, others = kept[name]
            if [*map(_told, others)] != [*map(_told, checks)]:
                raise SettingError(
                    f"{first.name} and {report.name} both have {name[0] or name[2]}, and it came "
                    "to something else in each: reports of one run of each check go together"
                )
            twice += len(checks)
    return [check for _, checks in kept.values() for check in checks], twice


def _by_name(report: Report) -> dict[tuple[object, ...], list[dict[str, Any]]]:
    found: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for check in report.checks:
        found.setdefault((check["nodeid"], check["model"], check["artifact"]), []).append(check)
    return found


def _told(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be the same of a check that was made twice."""
    return {key: value for key, value in check.items() if key not in _SAME}


def status(reports: Sequence[Report], checks: Sequence[Mapping[str, Any]]) -> int:
    """Return the exit code of all: the worst of each, and of what the checks came to."""
    codes = [r.run["exit_status"] if r.ended else _INTERRUPTED for r in reports]
    failed = any(check["outcome"] in (FAILED, ERROR) for check in checks)
    compared = any(check["outcome"] in (PASSED, FAILED) for check in checks)
    codes.append(_DIFFERS if failed or not compared else 0)
    return max(codes, key=lambda code: _ORDER.index(code) if code in _ORDER else len(_ORDER))


def _cautions(reports: Sequence[Report]) -> Iterator[str]:
    """Yield what a reader should know of reports that are not of one run."""
    for report in reports:
        if not report.ended:
            yield f"{report.name}: the run has not ended, or was killed: checks may be missing"
        elif report.run["interrupted"]:
            yield f"{report.name}: the run was interrupted: checks may be missing"
    ended = [report for report in reports if report.ended]
    seeds = dict.fromkeys(report.run["seed"] for report in ended)
    if len(seeds) > 1:
        yield f"the runs had different seeds: {listed(map(str, seeds), 8)}"
    names = dict.fromkeys(name for report in ended for name in report.run["versions"])
    for name in names:
        there = dict.fromkeys(str(report.run["versions"].get(name, "none")) for report in ended)
        if len(there) > 1:
            yield f"the runs had different versions of {name}: {listed(there, 8)}"


def _document(
    reports: Sequence[Report], checks: Sequence[dict[str, Any]], twice: int, code: int
) -> dict[str, Any]:
    ended = [report.run for report in reports if report.ended]
    versions: dict[str, dict[str, None]] = {}
    for one in ended:
        for name, version in one["versions"].items():
            versions.setdefault(name, {})[str(version)] = None
    known = sum(len(report.checks) for report in reports if not report.ended)
    session = json_report.Session(
        seconds=sum(one["seconds"] for one in ended),
        collected=max(0, sum(one["collected"] for one in ended) + known - twice),
        with_result=max(0, sum(one["with_result"] for one in ended) + known - twice),
        exit_status=code,
        interrupted=len(ended) < len(reports) or any(one["interrupted"] for one in ended),
    )
    joined = {"pytest-freezecheck": "unknown"}  # of runs that were all killed
    joined |= {name: ", ".join(every) for name, every in versions.items()}
    return json_report.document(checks, joined, ended[0]["seed"] if ended else 0, session)
