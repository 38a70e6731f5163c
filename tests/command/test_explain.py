"""`freezecheck explain`: what a report says, and what is no report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.report.causes import CAUSES
from tests.command.reports import failed, passed, run_of, written
from tests.kit.inprocess import run_freezecheck

Change = Callable[[dict[str, Any]], object]


def test_a_failure_is_told_with_cause_meaning_fix_and_replay(tmp_path: Path) -> None:
    written(tmp_path / "r.json", run_of([passed("a.pb"), failed("b.pb")], exit_status=1))
    ran = run_freezecheck(tmp_path, "explain", "r.json")
    assert ran.code == 0
    cause = CAUSES["raw-weights"]
    for line in (
        "flowers, b.pb",
        "  verdict: differs: an output is further apart than allowed",
        "  cause: raw-weights",
        f"    meaning: the frozen model {cause.meaning}",
        f"    fix: {cause.fix}",
        "    in: conv/weights",
        "  replay: pytest --freezecheck --freezecheck-replay=.freezecheck/flowers-b.pb.npz",
        "    the whole text of b.pb",
    ):
        assert line in ran.out.splitlines()
    assert "a.pb" not in ran.out
    assert ran.out.splitlines()[-1] == (
        "r.json: 2 checks: 1 passed, 1 failed; the run ended with exit code 1"
    )


def test_several_causes_and_a_suspicion_are_told_as_such(tmp_path: Path) -> None:
    check = failed("b.pb")
    other = {**check["cause"], "id": "class-order"}
    check["cause"] = {**check["cause"], "proven": False, "others": [other]}
    written(tmp_path / "r.json", run_of([check]))
    said = run_freezecheck(tmp_path, "explain", "r.json").out
    assert "  suspected, not proven: raw-weights\n" in said
    assert "  cause: class-order\n" in said


def test_lines_are_read_as_a_document_is(tmp_path: Path) -> None:
    document = run_of([passed("a.pb"), failed("b.pb")])
    written(tmp_path / "r.json", document)
    written(tmp_path / "r.jsonl", document)
    one, two = (run_freezecheck(tmp_path, "explain", f"r.{end}") for end in ("json", "jsonl"))
    assert one.out == two.out.replace("r.jsonl", "r.json")


@pytest.mark.parametrize("half", [False, True])
def test_a_run_that_has_not_ended_is_told(tmp_path: Path, half: bool) -> None:
    path = tmp_path / "r.jsonl"
    written(path, run_of([failed("b.pb"), passed("a.pb")]))
    *lines, last = path.read_text().splitlines()
    rest = last[:20] if half else ""
    path.write_text("".join(f"{line}\n" for line in lines) + rest)
    ran = run_freezecheck(tmp_path, "explain", "r.jsonl")
    assert ran.code == 0
    assert "of a run that has not ended, or was killed" in ran.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model=flowers"], {"b.pb", "c.pb"}),
        (["--artifact=c.pb"], {"c.pb"}),
        (["--model=trees"], {"d.pb"}),
    ],
)
def test_one_model_or_artifact_is_told(
    tmp_path: Path, arguments: list[str], told: set[str]
) -> None:
    checks = [failed("b.pb"), failed("c.pb"), {**failed("d.pb"), "model": "trees"}]
    written(tmp_path / "r.json", run_of(checks))
    ran = run_freezecheck(tmp_path, "explain", "r.json", *arguments)
    assert ran.code == 0
    assert {name for name in ("b.pb", "c.pb", "d.pb") if f", {name}\n" in ran.out} == told


def test_a_model_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    written(tmp_path / "r.json", run_of([failed("b.pb")]))
    ran = run_freezecheck(tmp_path, "explain", "r.json", "--model=flower")
    assert ran.code == 4
    assert "no check of the model 'flower' (nearest: 'flowers'); it has flowers" in ran.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "it is empty"),
        ("[tool]\n", "it is no JSON: "),
        ("[1, 2]", "it holds a list where an object stands"),
        ('{"a": 1}', "it has neither 'schema' nor 'checks'"),
        ('{"schema": 1, "checks": []}', "a report of schema 1; this version reads 2"),
        ('{"checks": []}', "it has no 'schema'"),
        ('{"schema": 2, "checks": 3}', "it has no 'versions'"),
    ],
)
def test_what_is_no_report_is_refused_in_a_line(
    tmp_path: Path, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "r.json").write_text(content)
    for arguments in (["explain", "r.json"], ["merge", "r.json"]):
        ran = run_freezecheck(tmp_path, *arguments)
        assert (ran.code, ran.out) == (4, "")
        assert ran.err.startswith("freezecheck: r.json: ")
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1


def _without(field: str) -> Change:
    return lambda check: check.pop(field)


def _with(field: str, value: object) -> Change:
    return lambda check: check.update({field: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("model"), "a check of it has no 'model'"),
        (_with("outcome", "fine"), "a check has an outcome and a reason that are not known"),
        (_with("reason", "fine"), "a check has an outcome and a reason that are not known"),
        (_with("seconds", "3"), "a check of it has a str as its 'seconds'"),
        (_with("inputs", True), "a check of it has a bool as its 'inputs'"),
        (_with("power", {}), "the power of a check of it has no 'caught'"),
        (_with("proof", {"result": "equal"}), "the proof of a check of it has no 'furthest'"),
        (_with("warnings", [[]]), "a check of it has a warning that is no text"),
        (_with("first_difference", {}), "the first_difference of a check of it has no 'tensor'"),
        (_with("max_abs_diff", float("nan")), "NaN is no JSON"),
        (_with("cause", {"id": 3}), "the cause of a check of it has a int as its 'id'"),
    ],
)
def test_a_damaged_report_is_refused_in_a_line(tmp_path: Path, change: Change, said: str) -> None:
    check = failed("b.pb")
    change(check)
    document = {**run_of([failed("a.pb")]), "checks": [check]}
    (tmp_path / "r.json").write_text(json.dumps(document))
    for arguments in (["explain", "r.json"], ["merge", "r.json"]):
        ran = run_freezecheck(tmp_path, *arguments)
        assert ran.code == 4
        assert said in ran.err
