"""One check on the page, as plain data: what was found, why, and what shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import counted, listed, shown
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.charts.power import power as power_chart
from pytest_freezecheck.report.page.exhibits import Part, exhibit
from pytest_freezecheck.report.page.tables import Table, tables
from pytest_freezecheck.report.proof import column
from pytest_freezecheck.result.reasons import REASONS


@dataclasses.dataclass(frozen=True)
class Cause:
    """What a difference is put down to."""

    id: str
    standing: str
    proven: bool
    tensors: str
    explanation: str
    fix: str


@dataclasses.dataclass(frozen=True)
class Details:
    """A check as it is told in full.

    Attributes:
        name: names it on the page.
        lead: its first line, which stands alone.
        meaning: what its reason means.
        causes: what a failure is put down to.
        edit: the line of the exporting function that the first cause comes from, and what mends it;
            None if it is not known.
        facts: (what, value), of what shows it and how to see it again.
        replay: command that feeds the saved input again; empty if none was saved.
        exhibit: what shows a failure.
        power: how many planted mistakes the check would have noticed; empty if none were planted.
        power_chart: of those; None if none was missed.
        tables: of outputs, weights and the like.
        proof: what the comparison of computations came to.
        message: the result in words, whole; empty if there is none.
        origin: (what, value): where it comes from.
    """

    name: str
    model: str
    artifact: str
    outcome: str
    sign: str
    verdict: str
    lead: str
    meaning: str
    summary: str
    causes: Sequence[Cause]
    edit: Mapping[str, Any] | None
    facts: Sequence[tuple[str, str]]
    replay: str
    exhibit: Sequence[Part]
    power: str
    power_chart: Drawing | None
    tables: Sequence[Table]
    proof: str
    warnings: Sequence[str]
    message: str
    origin: Sequence[tuple[str, str]]


def details(check: Mapping[str, Any], name: str, sign: str, *, with_charts: bool) -> Details:
    """Return a check as it is told in full.

    Args:
        check: as the JSON has it.
        name: names it on the page.
        sign: of its outcome.
        with_charts: whether what shows it is drawn.
    """
    message = check["message"] or ""
    outcome, verdict, meaning = REASONS[check["reason"]]
    shown_by = exhibit(check, name) if with_charts else []
    missed = with_charts and check["power"] is not None and check["power"]["survivors"]
    return Details(
        name=name,
        model=check["model"],
        artifact=check["artifact"],
        outcome=outcome,
        sign=sign,
        verdict=verdict.lower(),
        lead=message.partition("\n")[0].removeprefix("freezecheck: "),
        meaning=f"{meaning[0].upper()}{meaning[1:]}.",
        summary=_summary(check),
        causes=_causes(check),
        edit=(check.get("exhibit") or {}).get("edit"),
        facts=_facts(check),
        replay=check["replay"] or "",
        exhibit=shown_by,
        power_chart=power_chart(check["power"], f"{name}-power") if missed else None,
        tables=tables(check),
        proof=_proof(check["proof"]),
        power=_power(check["power"]),
        warnings=check["warnings"],
        message=message if "\n" in message else "",
        origin=_origin(check),
    )


def _summary(check: Mapping[str, Any]) -> str:
    """Return a passing check's numbers in a few words."""
    difference = "bit-identical" if check["exact"] else f"{shown(check['max_abs_diff'])} apart"
    return f"{difference} on {counted(check['inputs'], 'input')}, proof: {column(check['proof'])}"


def _causes(check: Mapping[str, Any]) -> list[Cause]:
    cause = check["cause"]
    if cause is None:
        return []
    return [_cause(one) for one in (cause, *cause.get("others", ()))]


def _cause(cause: Mapping[str, Any]) -> Cause:
    standing = "proven" if cause["proven"] else "suspected, not proven"
    if cause["id"] == "unknown":
        standing = "not found"
    tensors = listed(cause["tensors"], 12)
    return Cause(
        cause["id"], standing, cause["proven"], tensors, cause["explanation"], cause["fix"]
    )


def _facts(check: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what shows a failure, each as (what, in words)."""
    said = []
    first, smallest = check["first_difference"], check["counterexample"]
    if check["showing"]:
        said.append(("Shown by", f"{check['showing']} of {counted(check['inputs'], 'input')}"))
    if first is not None:
        apart = shown(first["max_abs_diff"])
        more = "" if apart == "-" else f", {apart} apart"
        said.append(("First to differ", f"{first['tensor']}{more}"))
    if smallest is not None:
        said.append(("Smallest input", _smallest(smallest)))
    if check["unsteady"] is not None:
        said.append(("Unsteady", check["unsteady"]))
    if check["replayed"] is not None:
        changed = listed(check["replayed"]["changed"]) or "neither side"
        said.append(("Replayed", f"{changed} answers otherwise than when it was saved"))
    return said


def _smallest(found: Mapping[str, Any]) -> str:
    levels = listed(f"{v:g}" for v in found["background"].values() if v is not None)
    away = f"{found['nonzero']} of {counted(found['size'], 'cell')} away from an even background"
    apart = "" if found["max_abs_diff"] is None else f", {shown(found['max_abs_diff'])} apart"
    saved = f", saved as {found['path']}" if found["path"] else ""
    of = f" of {levels}" if levels else ""
    return f"batch of {found['batch']}, {away}{of}{apart}{saved}"


def _proof(proof: Mapping[str, Any] | None) -> str:
    """Return what the comparison of computations came to, in a sentence."""
    if proof is None:
        return "Computations were not compared."
    share = f" {proof['weights_accounted']:.0%} of the live model's weights were compared."
    if proof["result"] == "identical":
        return f"Proved for every input: the same operations on the same constants.{share}"
    if proof["result"] == "equal":
        grid = f", rounded to {proof['grid']}" if proof["grid"] else ""
        apart = (
            f"constants at most {proof['furthest']:.1e} of their channel's largest apart"
            if proof["furthest"]
            else "the same constants"
        )
        return f"Proved for every input up to rounding: the same function, {apart}{grid}.{share}"
    if proof["result"] == "differs":
        parts = [
            counted(len(proof[key]), noun)
            for key, noun in (("constants", "constant"), ("operations", "operation"))
            if proof[key]
        ]
        what = f": {' and '.join(parts)}" if parts else ""
        return f"The artifact computes something else than the live model{what}.{share}"
    stopped = proof["stopped_at"] or {}
    why = f": {stopped['why']}" if stopped.get("why") else ""
    where = [f"{side} {stopped[side]}" for side in ("live", "frozen") if stopped.get(side)]
    at = f" It stopped at {', '.join(where)}." if where else ""
    return f"Neither proved nor refuted{why}.{at}{share} The answers alone decide."


def _power(power: Mapping[str, Any] | None) -> str:
    """Return how many planted mistakes a check would have noticed, in a sentence."""
    if power is None:
        return ""
    answers = "" if power["caught"] == power["in_all"] else f", {power['caught']} by answers alone"
    return (
        f"{power['in_all']} of {power['planted']} mistakes that were planted in {power['altered']} "
        f"of {counted(power['weights'], 'weight')} would have been noticed{answers}."
    )


def _origin(check: Mapping[str, Any]) -> list[tuple[str, str]]:
    declared = check["declared_at"]
    said = [
        ("test", check["nodeid"]),
        ("declared at", f"{declared['file']}:{declared['line']}" if declared else None),
        ("format", check["format"]),
        ("way", check["way"]),
        ("checkpoint", check["checkpoint"]),
        ("ema", check["ema"]),
        ("seed", str(check["seed"])),
        ("largest batch", str(check["largest_batch"] or "")),
        *((f"SHA-256 of the {what}", digest) for what, digest in check["sha256"].items()),
    ]
    return [(what, value) for what, value in said if value]
