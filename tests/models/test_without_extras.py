"""Without an extra nothing of it is imported, and its ways are skipped with what installs it."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_freezecheck.formats import WAYS, format_of
from tests.subprocesses import run_pytest

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


def test_the_reference_run_skips_what_it_cannot_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(extras=EXTRAS, hide=True))
    few = ("--freezecheck", "--freezecheck-examples=20")
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
        assert f"skipped: reference: {line}" in printed


def test_ways_of_the_core_import_nothing_of_an_extra(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(extras=EXTRAS, hide=False))
    ways = [f"freezecheck::reference::{way}" for way in ("graph_def", "saved_model")]
    code, printed = run_pytest(tmp_path, "--freezecheck", *ways)
    assert code == 0, printed
    assert "2 passed" in printed
    assert imported(tmp_path) == set()
