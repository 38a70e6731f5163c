"""What is on the page of a run, as plain data: its verdict, its numbers, a table of each model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import counted, shown
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.charts.overview import overview
from pytest_freezecheck.report.page.details import Details, details
from pytest_freezecheck.report.page.plain import middle, spaced, visible
from pytest_freezecheck.report.proof import column
from pytest_freezecheck.result.reasons import ERROR, FAILED, OUTCOMES, PASSED, REASONS, SKIPPED

#: Failures that have charts, and passes: a failure takes a fifth of a second, and a run has to end.
DRAWN = 25
#: Letters of a name in the first sentence.
_NAME = 80
#: {outcome: its sign}, which says the same as its colour and its word.
SIGNS = {PASSED: "✓", FAILED: "✕", ERROR: "!", SKIPPED: "\u2013"}


@dataclasses.dataclass(frozen=True)
class Row:
    """A check in the table of its model, everything as it is read.

    Attributes:
        check: name of its details on the page.
        power: planted mistakes that were noticed, of those that were planted.
        warnings: how many it has, in words; empty if none.
    """

    check: str
    artifact: str
    outcome: str
    sign: str
    verdict: str
    difference: str
    allowed: str
    noise: str
    proof: str
    inputs: str
    power: str
    seconds: str
    warnings: str


@dataclasses.dataclass(frozen=True)
class Model:
    """A live model: its checks in a chart and in a table."""

    name: str
    told: str
    charts: Sequence[Drawing]
    rows: Sequence[Row]


@dataclasses.dataclass(frozen=True)
class Page:
    """All that is on the page.

    Attributes:
        outcome: of the run: one of the outcomes of a check, which gives it its colour.
        verdict: of the run, in a word or two.
        sentence: of the run, in a sentence.
        notes: what a reader should know of the run besides.
        totals: (outcome, sign, how many checks) of each outcome.
        facts: (what, value) of the run.
        versions: (package, version).
        models: one after the other, as in the document.
        checks: {outcome: details of its checks}.
        undrawn: how many failures have no charts, since there are so many.
    """

    outcome: str
    sign: str
    verdict: str
    sentence: str
    notes: Sequence[str]
    totals: Sequence[tuple[str, str, int]]
    facts: Sequence[tuple[str, str]]
    versions: Sequence[tuple[str, str]]
    models: Sequence[Model]
    checks: Mapping[str, Sequence[Details]]
    undrawn: int


def page(document: Mapping[str, Any]) -> Page:
    """Return what is on the page of a run.

    Args:
        document: as `report.json.document` makes it.
    """
    run = visible(document)
    checks = run["checks"]
    names = [f"check-{number}" for number in range(1, len(checks) + 1)]
    outcome, verdict, sentence = _verdict(run)
    failed = [check for check in checks if check["outcome"] == FAILED]
    passed = [check for check in checks if check["outcome"] == PASSED]
    drawn = {id(check) for check in (*failed[:DRAWN], *passed[:DRAWN])}
    found: dict[str, list[Details]] = {each: [] for each in OUTCOMES}
    for name, check in zip(names, checks, strict=True):
        sign = SIGNS[check["outcome"]]
        found[check["outcome"]].append(details(check, name, sign, with_charts=id(check) in drawn))
    return Page(
        outcome,
        SIGNS[outcome],
        verdict,
        sentence,
        _notes(run),
        [(each, SIGNS[each], run["totals"][each]) for each in OUTCOMES],
        _facts(run),
        list(run["versions"].items()),
        _models(checks, names),
        found,
        max(0, len(failed) - DRAWN),
    )


def _verdict(run: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what a run came to: an outcome, a word, a sentence."""
    totals, missing = run["totals"], run["collected"] - run["with_result"]
    compared = totals[PASSED] + totals[FAILED]
    every = compared + totals[ERROR]
    owed = f"{counted(missing, 'check')} {'has' if missing == 1 else 'have'} no result"
    bad = [
        said
        for count, said in (
            (totals[FAILED], f"{totals[FAILED]} failed"),
            (totals[ERROR], f"{totals[ERROR]} came to no comparison"),
        )
        if count
    ]
    of = f"of {counted(every, 'check')}, {' and '.join(bad)}{_only(run['checks'])}"
    if run["interrupted"]:
        outcome = FAILED if totals[FAILED] else ERROR
        rest = f": {of}" if bad else f" after {counted(compared, 'check')}"
        return outcome, "Interrupted", f"The run was interrupted before its end{rest}."
    if bad:
        word = "Failed" if totals[FAILED] else "Error"
        outcome = FAILED if totals[FAILED] else ERROR
        return outcome, word, f"{of[0].upper()}{of[1:]}."
    if not compared:
        return ERROR, "Nothing compared", "No frozen model was compared with its live model."
    if run["exit_status"] != 0:
        why = owed if missing else "another test failed, or something of the run is not proved"
        agreed = "The check" if compared == 1 else f"All {compared} checks"
        return FAILED, "Failed", f"{agreed} passed, and the run failed all the same: {why}."
    if compared == 1:
        return PASSED, "Passed", "The frozen model agrees with its live model."
    return PASSED, "Passed", f"All {compared} frozen models agree with their live models."


def _only(checks: Sequence[Mapping[str, Any]]) -> str:
    """Return which check it is that failed or came to nothing; nothing if there are several."""
    bad = [check for check in checks if check["outcome"] in (FAILED, ERROR)]
    if len(bad) != 1:
        return ""
    (check,) = bad
    name = f"{check['artifact']} of {check['model']}" if check["artifact"] else check["nodeid"]
    return f": {middle(name, _NAME)}" if name else ""


def _notes(run: Mapping[str, Any]) -> list[str]:
    """Return what the verdict leaves out."""
    said, missing = [], run["collected"] - run["with_result"]
    if missing:
        one = missing == 1
        said.append(
            f"{missing} of {run['collected']} collected checks and tests ended without a result; "
            f"{'it is' if one else 'they are'} among the errors."
        )
    if run["totals"][SKIPPED]:
        said.append(
            f"{counted(run['totals'][SKIPPED], 'way')} to freeze could not be tried here, and "
            "proved nothing."
        )
    lossy = [check for check in run["checks"] if check["reason"] == "agrees-lossy"]
    if lossy:
        said.append(
            f"{counted(len(lossy), 'check')} passed by what a way that loses precision is allowed."
        )
    return said


def _facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("seed", str(run["seed"])),
        ("duration", _seconds(run["seconds"])),
        ("collected", str(run["collected"])),
        ("with a result", str(run["with_result"])),
        ("exit code", str(run["exit_status"])),
        ("interrupted", "yes" if run["interrupted"] else "no"),
    ]


def _models(checks: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Model]:
    by_model: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for name, check in zip(names, checks, strict=True):
        by_model.setdefault(check["model"], []).append((name, check))
    made = []
    for number, (model, found) in enumerate(by_model.items(), 1):
        own = [check for _, check in found]
        count = {each: sum(check["outcome"] == each for check in own) for each in OUTCOMES}
        told = ", ".join(f"{count[each]} {each}" for each in OUTCOMES if count[each])
        charts = overview(model, own, f"model-{number}")
        made.append(Model(model, told, charts, [_row(name, check) for name, check in found]))
    return made


def _row(name: str, check: Mapping[str, Any]) -> Row:
    power, warnings = check["power"], len(check["warnings"])
    compared = check["outcome"] in (PASSED, FAILED)
    difference = "NaN or inf" if check["non_finite"] else shown(check["max_abs_diff"])
    return Row(
        name,
        check["artifact"],
        check["outcome"],
        SIGNS[check["outcome"]],
        REASONS[check["reason"]][1].lower() if compared else check["reason"],
        difference,
        f"{check['atol']:.3g}" if compared else "-",
        shown(check["noise_floor"]),
        column(check["proof"]),
        spaced(check["inputs"]) if check["inputs"] else "-",
        "-" if power is None else f"{power['in_all']}/{power['planted']}",
        _seconds(check["seconds"]),
        counted(warnings, "warning") if warnings else "",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 100 else f"{seconds:.0f} s"
