"""Spread over workers, a run gives the verdicts that it gives in one process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gate.test_gate import averaged_statistics, make_repository
from tests.kit.inprocess import Here
from tests.kit.subjects import Subject
from tests.kit.subprocesses import run_pytest
from tests.kit.ways import HERE

#: One way of each format, Keras's being skipped for a slim model.
SOME = ("graph_def", "saved_model", "tflite_float16", "onnx", "openvino", "keras")


def verdicts(path: Path) -> list[Any]:
    checks = json.loads(path.read_text())["checks"]
    for check in checks:
        check.pop("seconds")
    return list(checks)


def test_two_workers_give_the_same_report(
    tmp_path: Path, flowers: Subject, pytester: pytest.Pytester
) -> None:
    make_repository(tmp_path, flowers)
    averaged_statistics(flowers, tmp_path / "frozen.pb")
    some = [f"freezecheck::live_model::{way}" for way in SOME]
    few = ("--freezecheck", "--freezecheck-examples=5", "test_export.py::test_export", *some)
    alone = ("-p", "no:xdist", "--freezecheck-report=one.json")
    one, printed = Here(pytester).pytest(tmp_path, *few, *alone)
    assert one == 1, printed
    two, printed = run_pytest(tmp_path, *few, "--freezecheck-report=two.json", "-n", "2")
    assert two == 1, printed
    assert verdicts(tmp_path / "one.json") == verdicts(tmp_path / "two.json")
    assert len(verdicts(tmp_path / "two.json")) == 1 + len(SOME)
    for way in SOME:
        assert f"flowers  {way}" in printed  # the plugin's own checks, on the fixture's model
    passed = len(set(SOME) & set(HERE))
    assert f"1 failed, {passed} passed, {len(SOME) - passed} skipped" in printed


@pytest.mark.parametrize("arguments", [["-k", "nothing"], ["-m", "not freezecheck"]])
def test_workers_that_compare_nothing_fail_the_run(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): pass")
    code, printed = run_pytest(tmp_path, "--freezecheck", "-n", "2", *arguments)
    assert code == 1
    assert "freezecheck: nothing was compared: no model is declared in this repository" in printed
    assert "\n    [tool.freezecheck.models.flowers]\n" in printed


def test_a_node_id_can_be_given_with_workers(tmp_path: Path, flowers: Subject) -> None:
    make_repository(tmp_path, flowers)
    given = "freezecheck::live_model::graph_def"
    code, printed = run_pytest(tmp_path, "--freezecheck", "-n", "1", given)
    assert code == 0, printed
    assert "1 passed" in printed
