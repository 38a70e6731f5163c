"""Reports of runs that end otherwise than they should. No TensorFlow is needed for any of it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from pytest_freezecheck.report import json as json_report
from tests.kit.subprocesses import ended_once_begun, run_pytest

SCHEMA = json.loads((Path(json_report.__file__).parent / "report.schema.json").read_text("utf-8"))
#: Tests that come to a result at once.
THREE = """
import os, time
from pathlib import Path
import pytest
from pytest_freezecheck.result import recording
from pytest_freezecheck.result.agreement import Agreement

pytestmark = pytest.mark.freezecheck

def agrees(name):
    recording.record(Agreement("flowers", name, "graph_def", None, "passed", "agrees",
                               nodeid=f"test_it.py::test_{name}"))

def test_one():
    agrees("one")

def test_two():
    BODY

def test_three():
    agrees("three")
"""
ARGUMENTS = ("--freezecheck", "--freezecheck-report=r.json", "--freezecheck-report=r.jsonl")


def write(folder: Path, body: str) -> None:
    (folder / "test_it.py").write_text(THREE.replace("BODY", body))


def read(folder: Path) -> Any:
    """Return the document, after it was held against the schema and against the lines."""
    document = json.loads((folder / "r.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    *checks, summary = map(json.loads, (folder / "r.jsonl").read_text("utf-8").splitlines())
    assert {**summary, "checks": sorted(checks, key=lambda c: c["nodeid"])} == document
    assert document["collected"] - document["with_result"] == sum(
        check["reason"] == "no-result" for check in checks
    )
    return document


def missing(document: Any) -> dict[str, str]:
    """Return {node id: message} of the checks without a result."""
    return {c["nodeid"]: c["message"] for c in document["checks"] if c["reason"] == "no-result"}


def test_of_a_whole_run_nothing_is_missing(pytester: pytest.Pytester) -> None:
    write(pytester.path, "agrees('two')")
    assert pytester.runpytest(*ARGUMENTS).ret == 0
    document = read(pytester.path)
    assert (document["collected"], document["with_result"]) == (3, 3)
    assert (document["exit_status"], document["interrupted"]) == (0, False)
    assert document["totals"]["passed"] == 3


def test_a_line_is_there_as_soon_as_its_check_has_ended(pytester: pytest.Pytester) -> None:
    write(
        pytester.path,
        "agrees('two'); assert '\"artifact\": \"one\"' in Path('r.jsonl').read_text()",
    )
    pytester.runpytest(*ARGUMENTS).assert_outcomes(passed=3)


def test_what_a_first_failure_kept_from_running_is_an_error(pytester: pytest.Pytester) -> None:
    write(pytester.path, "assert 1 == 2")
    result = pytester.runpytest(*ARGUMENTS, "-x")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["freezecheck: no result of 2 checks: test_it.py::test_two, test_it.py::test_three"]
    )
    document = read(pytester.path)
    assert missing(document) == {
        "test_it.py::test_two": "no result: assert 1 == 2",
        "test_it.py::test_three": "no result: the run was stopped before it began",
    }
    assert document["totals"] == {"passed": 1, "failed": 0, "error": 2, "skipped": 0}
    assert document["interrupted"] is False


def test_leaving_with_exit_code_0_is_no_green_run(pytester: pytest.Pytester) -> None:
    write(pytester.path, "pytest.exit('enough', returncode=0)")
    result = pytester.runpytest(*ARGUMENTS)
    assert result.ret == 1
    document = read(pytester.path)
    assert (document["exit_status"], document["interrupted"]) == (1, True)
    assert missing(document) == {
        "test_it.py::test_two": "no result: the run was interrupted while it ran",
        "test_it.py::test_three": "no result: the run was interrupted before it began",
    }


@pytest.mark.parametrize("skipped", ["pytest.skip('no')", "pytest.xfail('no')"])
def test_what_was_skipped_is_not_missing(pytester: pytest.Pytester, skipped: str) -> None:
    write(pytester.path, skipped)
    assert pytester.runpytest(*ARGUMENTS).ret == 0
    document = read(pytester.path)
    assert (document["collected"], document["with_result"]) == (3, 3)


def test_each_report_that_cannot_be_written_is_told_and_the_others_say_the_exit_status(
    pytester: pytest.Pytester,
) -> None:
    write(pytester.path, "agrees('two')")
    for name in ("folder.json", "folder.jsonl"):
        (pytester.path / name).mkdir()
    (pytester.path / "file").write_text("in the way")
    wrong = ("folder.json", "folder.jsonl", "file/r.json")
    result = pytester.runpytest(*ARGUMENTS, *(f"--freezecheck-report={name}" for name in wrong))
    assert result.ret == 1
    said = [line for line in result.outlines if "cannot be written" in line]
    assert sorted(said) == [
        f"freezecheck: the report file/r.json cannot be written: {os.strerror(17)}",
        "freezecheck: the report folder.json cannot be written: Is a directory",
        "freezecheck: the report folder.jsonl cannot be written: Is a directory",
    ]
    assert (pytester.path / "file").read_text() == "in the way"
    assert read(pytester.path)["exit_status"] == 1


def test_without_a_terminal_they_are_told_too(pytester: pytest.Pytester) -> None:
    write(pytester.path, "agrees('two')")
    (pytester.path / "folder.json").mkdir()
    result = pytester.runpytest(
        "-p", "no:terminal", "--freezecheck", "--freezecheck-report=folder.json"
    )
    assert result.ret == 1
    result.stderr.fnmatch_lines(["freezecheck: the report folder.json cannot be written: *"])


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ("-n", "1")),
        pytest.param(signal.SIGTERM, (), marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, ("-n", "1"), marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_ended_says_so(
    tmp_path: Path, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    write(tmp_path, "Path('began').touch(); time.sleep(600)")
    (tmp_path / "r.json").write_text("old")
    code, printed = ended_once_begun(tmp_path, number, *ARGUMENTS, *workers)
    assert code == pytest.ExitCode.INTERRUPTED, printed
    document = read(tmp_path)
    assert (document["exit_status"], document["interrupted"]) == (2, True)
    assert (document["collected"], document["with_result"]) == (3, 1)
    assert missing(document) == {
        "test_it.py::test_two": "no result: the run was interrupted while it ran",
        "test_it.py::test_three": "no result: the run was interrupted before it began",
    }
    assert not list(tmp_path.glob(".freezecheck-*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(12))
def test_a_run_that_is_killed_leaves_the_old_report_or_a_whole_one(
    tmp_path: Path, number: int
) -> None:
    write(tmp_path, "agrees('two')")
    (tmp_path / "r.json").write_text("old")
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *ARGUMENTS],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(random.Random(number).uniform(0.5, 5.0))
    run.kill()
    run.wait()
    text = (tmp_path / "r.json").read_text("utf-8")
    lines = tmp_path / "r.jsonl"
    said = [json.loads(x) for x in lines.read_text("utf-8").splitlines()] if lines.exists() else []
    assert all(check["outcome"] == "passed" for check in said if "outcome" in check)
    if text != "old":
        assert json.loads(text)["totals"]["passed"] == 3


@pytest.mark.parametrize("restarts", [0, 4])
def test_what_a_dead_worker_owed_is_an_error(tmp_path: Path, restarts: int) -> None:
    write(tmp_path, "os._exit(0)")
    code, printed = run_pytest(tmp_path, *ARGUMENTS, "-n", "1", f"--max-worker-restart={restarts}")
    assert code != 0, printed
    document = read(tmp_path)
    assert document["exit_status"] == code
    assert document["collected"] == 3
    found = missing(document)
    assert found.pop("test_it.py::test_two").startswith("no result: worker 'gw0' crashed while ")
    if restarts:
        assert found == {}
        assert document["totals"]["passed"] == 2
    else:
        assert list(found) == ["test_it.py::test_three"]
        assert document["totals"]["passed"] == 1


def test_checks_of_a_table_have_their_names_although_nothing_of_them_ran(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyprojecttoml(
        """
        [tool.freezecheck.models.flowers]
        build = "nets:build"
        checkpoint = "train_dir"
        artifacts = ["frozen.pb"]
        freeze = ["tflite"]
        [tool.freezecheck.models.flowers.inputs.images]
        shape = [2]
        """
    )
    pytester.makeconftest("def pytest_runtest_setup(): raise KeyboardInterrupt")
    code, printed = run_pytest(pytester.path, *ARGUMENTS)
    assert code == pytest.ExitCode.INTERRUPTED, printed
    document = read(pytester.path)
    assert document["interrupted"] is True
    assert [(c["model"], c["artifact"], c["format"], c["way"]) for c in document["checks"]] == [
        ("flowers", "frozen.pb", "", None),
        ("flowers", "tflite", "tflite", "tflite"),
    ]
    assert set(missing(document).values()) == {
        "no result: the run was interrupted while it ran",
        "no result: the run was interrupted before it began",
    }
