"""The section at the end of a run: what is told unasked, and what with -v alone."""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.report import terminal
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Power


def check(name: str, noticed: int, **given: Any) -> dict[str, Any]:
    reason = given.pop("reason", "agrees")
    outcome = given.pop("outcome", "passed")
    survivors = tuple((f"layer{n}: scaled by 1.01", "moves no answer") for n in range(60 - noticed))
    power = Power(noticed, 60, survivors, 4, 4)
    return Agreement(
        "flowers", name, "graph_def", None, outcome, reason, 0.0, power=power, **given
    ).as_json()


def test_every_line_of_the_table_ends_in_its_verdict() -> None:
    rows = terminal.table(
        [check("a.pb", 60), check("b.pb", 60, outcome="failed", reason="differs")]
    )
    assert [(row.verdict, row.outcome) for row in rows] == [
        ("verdict", ""),
        ("agrees", "passed"),
        ("DIFFERS", "failed"),
    ]
    assert len({len(row.text) for row in rows}) == 1
    assert str(rows[2]).split() == ["flowers", "b.pb", *str(rows[2]).split()[2:-1], "DIFFERS"]


def test_that_nearly_all_planted_mistakes_are_noticed_is_told_on_request() -> None:
    checks = [check("a.pb", 59), check("b.pb", 59)]
    assert terminal.weaknesses(checks, verbose=False) == []
    assert terminal.weaknesses(checks, verbose=True) == [
        "power: flowers: 1 of 60 planted mistakes is not noticed:",
        "  layer0: scaled by 1.01: moves no answer",
    ]


def test_that_many_are_not_is_told_unasked_and_not_of_lossy_ways() -> None:
    told = terminal.weaknesses([check("a.pb", 40)], verbose=False)
    assert told[0] == "power: flowers: 20 of 60 planted mistakes are not noticed:"
    assert told[-1] == "  and 17 more"
    assert len(told) == 5
    lossy = check("a.pb", 40, lossy=True)
    assert terminal.weaknesses([lossy], verbose=True) == []
    assert terminal.weaknesses([check("a.pb", 60)], verbose=True) == []


def test_of_what_was_skipped_that_is_told_which_can_be_helped() -> None:
    absent = check("onnx", 60, outcome="skipped", reason="unavailable", text="onnx needs onnx")
    other = check("keras", 60, outcome="skipped", reason="inapplicable", text="of another kind")
    assert terminal.skips([absent, other], verbose=False) == ["skipped: flowers: onnx needs onnx"]
    assert len(terminal.skips([absent, other], verbose=True)) == 2
