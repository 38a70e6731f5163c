"""`freezecheck merge`: no verdict of several runs is better than the worst of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.command.reports import VERSIONS, failed, passed, run_of, written
from tests.kit.inprocess import Ran, run_freezecheck

AT = {"file": "pyproject.toml", "line": 4}
SCHEMA = Path(__file__).parents[2] / "pytest_freezecheck" / "report" / "report.schema.json"


def merged(folder: Path, *documents: dict[str, Any], ending: str = "json") -> Ran:
    """Write these reports, and merge them into `all.json` and `all.jsonl`."""
    names = [written(folder / f"{n}.{ending}", one) for n, one in enumerate(documents)]
    return run_freezecheck(folder, "merge", *names, "--report=all.json", "--report=all.jsonl")


def union(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "all.json").read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    *checks, last = map(json.loads, (folder / "all.jsonl").read_text().splitlines())
    assert {**last, "checks": checks} == document
    return document


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_checks_of_all_shards_are_there_and_added_up(tmp_path: Path, ending: str) -> None:
    ran = merged(
        tmp_path,
        run_of([passed("b.pb"), passed("d.pb")]),
        run_of([passed("a.pb"), passed("c.pb")]),
        ending=ending,
    )
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.splitlines()[-1] == "freezecheck: 2 reports, 4 checks, 0 failed: exit code 0"
    assert ran.out.count("agrees") == 4
    document = union(tmp_path)
    assert [check["artifact"] for check in document["checks"]] == ["a.pb", "b.pb", "c.pb", "d.pb"]
    assert document["totals"] == {"passed": 4, "failed": 0, "error": 0, "skipped": 0}
    assert (document["collected"], document["with_result"], document["seconds"]) == (4, 4, 4.0)
    assert (document["exit_status"], document["interrupted"]) == (0, False)


def test_one_failure_fails_all(tmp_path: Path) -> None:
    ran = merged(tmp_path, run_of([passed("a.pb")]), run_of([failed("b.pb")]))
    assert ran.code == 1
    assert union(tmp_path)["exit_status"] == 1


def test_a_failure_counts_whatever_the_run_said_of_itself(tmp_path: Path) -> None:
    assert merged(tmp_path, run_of([failed("b.pb")], exit_status=0)).code == 1


def test_a_run_that_failed_without_a_failed_check_fails_all(tmp_path: Path) -> None:
    assert merged(tmp_path, run_of([passed("a.pb")], exit_status=1)).code == 1


def test_nothing_compared_is_no_pass(tmp_path: Path) -> None:
    skipped = {**passed("a.pb"), "outcome": "skipped", "reason": "unavailable"}
    ran = merged(tmp_path, run_of([skipped], exit_status=0), run_of([], exit_status=0))
    assert ran.code == 1
    assert "freezecheck: nothing was compared" in ran.err


@pytest.mark.parametrize(("statuses", "worst"), [((0, 2), 2), ((2, 1), 2), ((1, 4, 2), 4)])
def test_the_worst_exit_code_is_that_of_all(
    tmp_path: Path, statuses: tuple[int, ...], worst: int
) -> None:
    runs = [run_of([passed(f"{n}.pb")], exit_status=s) for n, s in enumerate(statuses)]
    assert merged(tmp_path, *runs).code == worst


def test_a_check_that_is_in_two_reports_counts_once_if_it_is_the_same(tmp_path: Path) -> None:
    slower = {**passed("a.pb"), "seconds": 9.0}
    ran = merged(tmp_path, run_of([passed("a.pb"), passed("b.pb")]), run_of([slower]))
    assert ran.code == 0
    document = union(tmp_path)
    assert [check["artifact"] for check in document["checks"]] == ["a.pb", "b.pb"]
    assert (document["collected"], document["with_result"]) == (2, 2)


def test_a_check_that_came_to_something_else_is_refused(tmp_path: Path) -> None:
    ran = merged(tmp_path, run_of([passed("a.pb")]), run_of([failed("a.pb")]))
    assert ran.code == 4
    assert "0.json and 1.json both have pyproject.toml::flowers::a.pb, and it came to " in ran.err
    assert not (tmp_path / "all.json").exists()


def test_several_results_of_one_test_are_kept(tmp_path: Path) -> None:
    twice = [passed("a.pb", nodeid="test_it.py::test"), passed("a.pb", nodeid="test_it.py::test")]
    assert merged(tmp_path, run_of(twice), run_of([passed("b.pb")])).code == 0
    assert len(union(tmp_path)["checks"]) == 3


def test_other_versions_and_seeds_are_told(tmp_path: Path) -> None:
    other = {**VERSIONS, "tensorflow": "2.15.0"}
    ran = merged(
        tmp_path, run_of([passed("a.pb")]), run_of([passed("b.pb")], versions=other, seed=7)
    )
    assert ran.code == 0
    assert "warning: the runs had different seeds: 0, 7" in ran.out
    assert "warning: the runs had different versions of tensorflow: 2.20.0, 2.15.0" in ran.out
    assert "numpy" not in ran.out
    assert union(tmp_path)["versions"] == {**VERSIONS, "tensorflow": "2.20.0, 2.15.0"}


def test_a_shard_that_was_killed_is_no_pass(tmp_path: Path) -> None:
    path = tmp_path / "killed.jsonl"
    written(path, run_of([passed("a.pb"), passed("b.pb")]))
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[:-1]))
    whole = written(tmp_path / "whole.json", run_of([passed("c.pb")]))
    ran = run_freezecheck(
        tmp_path, "merge", "killed.jsonl", whole, "--report=all.json", "--report=all.jsonl"
    )
    assert ran.code == 2
    assert "warning: killed.jsonl: the run has not ended, or was killed" in ran.out
    document = union(tmp_path)
    assert (document["interrupted"], document["collected"]) == (True, 3)


def test_shards_that_were_all_killed_make_a_report_that_is_one(tmp_path: Path) -> None:
    path = tmp_path / "killed.jsonl"
    written(path, run_of([passed("a.pb")]))
    path.write_text(f"{path.read_text().splitlines()[0]}\n")
    ran = run_freezecheck(
        tmp_path, "merge", "killed.jsonl", "--report=all.json", "--report=all.jsonl"
    )
    assert ran.code == 2
    assert union(tmp_path)["versions"] == {"pytest-freezecheck": "unknown"}


@pytest.mark.parametrize("ending", [".md", ".sarif", ".gitlab.json"])
def test_reports_for_code_hosts_are_of_all_shards(tmp_path: Path, ending: str) -> None:
    names = [
        written(tmp_path / f"{n}.json", run_of([failed(f"{n}.pb", declared_at=AT)])) for n in "ab"
    ]
    ran = run_freezecheck(tmp_path, "merge", *names, f"--report=all{ending}")
    assert ran.code == 1
    text = (tmp_path / f"all{ending}").read_text()
    assert "a.pb" in text
    assert "b.pb" in text


def test_a_report_that_cannot_be_written_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "all.json").mkdir()
    ran = merged(tmp_path, run_of([passed("a.pb")]))
    assert ran.code == 1
    assert "the report all.json cannot be written: Is a directory" in ran.err
