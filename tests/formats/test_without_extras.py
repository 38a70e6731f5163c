"""Without an extra nothing of it is imported, and its ways are skipped with what installs it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from pytest_freezecheck.formats import WAYS, format_of
from tests.gate.test_gate import make_repository
from tests.kit.subjects import Subject
from tests.kit.subprocesses import run_pytest

EXTRAS = ("ai_edge_litert", "tf2onnx", "onnx", "onnxruntime", "openvino")
#: Notes what is imported at the end; hides the extras, installed or not, if it is told to.
CONFTEST = """
import json
import sys

EXTRAS = {extras!r}


class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in EXTRAS else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


if {hide!r}:
    sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]


def pytest_unconfigure():
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""


def imported(folder: Path) -> set[str]:
    names = json.loads((folder / "modules.json").read_text())
    return {name.split(".")[0] for name in names} & set(EXTRAS)


def make(folder: Path, subject: Subject, *, hide: bool) -> None:
    """Write a repository whose live model is checked in all ways."""
    make_repository(folder, subject)
    (folder / "test_export.py").unlink()
    path = folder / "conftest.py"
    path.write_text(CONFTEST.format(extras=EXTRAS, hide=hide) + path.read_text())


@pytest.mark.slow  # CI makes such a run without the extras, too
def test_a_run_of_all_ways_skips_what_it_cannot_run(tmp_path: Path, flowers: Subject) -> None:
    make(tmp_path, flowers, hide=True)
    few = ("--freezecheck", "--freezecheck-examples=5")
    code, printed = run_pytest(tmp_path, *few, "--freezecheck-report=r.json")
    assert code == 0, printed
    assert imported(tmp_path) == set()
    checks = json.loads((tmp_path / "r.json").read_text())["checks"]
    outcomes = {check["way"]: check["outcome"] for check in checks}
    assert set(outcomes) == set(WAYS)  # none is missing in silence
    for way, outcome in outcomes.items():
        # TFLite files are run by tf.lite then.
        runs = format_of(way) in ("graph_def", "saved_model", "tflite")
        assert outcome == ("passed" if runs else "skipped"), way
    install = "not installed here: pip install"
    for line in (
        f'onnx needs tf2onnx, onnx, onnxruntime, {install} "pytest-freezecheck[onnx]"',
        f'onnx_reference needs tf2onnx, onnx, onnxruntime, {install} "pytest-freezecheck[onnx]"',
        f'openvino needs openvino, {install} "pytest-freezecheck[openvino]"',
    ):
        assert f"skipped: flowers: {line}" in printed


@pytest.mark.skipif(
    not any(map(importlib.util.find_spec, EXTRAS)), reason="needs an extra that could be imported"
)
def test_ways_of_the_core_import_nothing_of_an_extra(tmp_path: Path, flowers: Subject) -> None:
    make(tmp_path, flowers, hide=False)
    ways = [f"freezecheck::live_model::{way}" for way in ("graph_def", "saved_model")]
    code, printed = run_pytest(tmp_path, "--freezecheck", *ways)
    assert code == 0, printed
    assert "2 passed" in printed
    assert imported(tmp_path) == set()
