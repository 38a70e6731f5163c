"""A run that is spread over machines, with pytest-split: each check is made by one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.command.main import main
from tests.gate.test_gate import make_repository
from tests.kit.subjects import Subject

pytest.importorskip("pytest_split")

WAYS = ("graph_def", "freeze_graph_meta", "saved_model", "simple_save", "builder_session")


def checks_of(path: Path) -> list[Any]:
    """Return what a report says of each check but for times."""
    checks = json.loads(path.read_text())["checks"]
    return [{key: value for key, value in c.items() if key != "seconds"} for c in checks]


def part(
    repository: pytest.Pytester, *arguments: str, report: str = "r.json"
) -> tuple[int, list[Any]]:
    """Run some checks; return the exit code, and what the report says of each but for times."""
    some = [f"freezecheck::live_model::{way}" for way in WAYS]
    given = (f"--freezecheck-report={report}", *some, *arguments)
    result = repository.runpytest("--freezecheck", *given)
    return int(result.ret), checks_of(repository.path / report)


def test_each_check_is_made_by_one_shard_and_comes_to_the_same(
    pytester: pytest.Pytester, flowers: Subject
) -> None:
    make_repository(pytester.path, flowers)
    code, whole = part(pytester, "--store-durations")
    assert code == 0
    durations = json.loads((pytester.path / ".test_durations").read_text())
    assert set(durations) == {f"freezecheck::live_model::{way}" for way in WAYS}
    by_cost = "--splitting-algorithm=least_duration"  # the other one can leave a shard empty
    reports = [f"shard-{n}.json" for n in (1, 2, 3)]
    shards = [
        part(pytester, by_cost, "--splits", "3", "--group", str(n), report=report)
        for n, report in enumerate(reports, 1)
    ]
    assert [code for code, _ in shards] == [0, 0, 0]
    together = [check for _, checks in shards for check in checks]
    assert sorted(together, key=lambda check: str(check["nodeid"])) == whole
    assert main(["merge", *reports, "--report=all.json"]) == 0
    assert checks_of(pytester.path / "all.json") == whole


def test_a_shard_without_a_check_fails(pytester: pytest.Pytester, flowers: Subject) -> None:
    make_repository(pytester.path, flowers)
    parts = [part(pytester, "--splits", "6", "--group", str(n)) for n in range(1, 7)]
    assert sorted(code for code, _ in parts) == [0, 0, 0, 0, 0, 1]
    assert [len(checks) for code, checks in parts if code == 1] == [0]
