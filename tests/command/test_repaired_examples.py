"""Files of the examples, frozen as people freeze them wrongly, mended by the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.kit.inprocess import Here, run_freezecheck
from tests.kit.subprocesses import Apart

EXAMPLES = Path(__file__).parents[2] / "examples"
RAW = """
import sys
import pytest_freezecheck as freezecheck
from classifier.nets import inference

images = {"images": {"shape": [16, 16, 3]}}
live = freezecheck.LiveModel.from_checkpoint(
    inference, "train_dir/model.ckpt-200", images, ema="none"
)
freezecheck.freeze(live, "graph_def", "raw")
"""
#: As the question freezes, of a training of its own.
ASKED = """
import freeze_as_asked, pathlib, tensorflow as tf, train

pathlib.Path("train_dir").mkdir()
train.train("train_dir")
freeze_as_asked.freeze(tf.train.latest_checkpoint("train_dir"), "as_asked.pb")
"""
TABLE = """
[tool.freezecheck.models.inception_v3_ema]
build = "net:build"
checkpoint = "train_dir"
artifacts = ["as_asked.pb"]

[tool.freezecheck.models.inception_v3_ema.inputs.images]
shape = [100, 221, 6]
low = -1.0
high = 1.0
"""


def example(name: str, to: Path) -> Path:
    folder = to / name
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(EXAMPLES / name, folder, ignore=left_out)
    return folder


def test_the_raw_weights_of_the_classifier(tmp_path: Path, pytester: pytest.Pytester) -> None:
    folder = example("slim_classifier", tmp_path)
    (folder / "wrong.py").write_text(RAW)
    Here(pytester).python(folder, "wrong.py")
    ran = run_freezecheck(
        *(folder, "repair", "raw/graph_def.pb", "--model=classifier", "--output=mended.pb"),
        *("--isolation=none", "--examples=10", "--report=report.json"),
    )
    assert ran.code == 0, ran.out + ran.err
    bad, good = sorted(
        json.loads((folder / "report.json").read_text())["checks"], key=lambda c: c["outcome"]
    )
    assert (bad["cause"]["id"], bad["cause"]["proven"]) == ("raw-weights", True)
    assert (good["artifact"], good["max_abs_diff"], good["exact"]) == ("mended.pb", 0.0, True)


@pytest.mark.nets
@pytest.mark.slow
def test_inception_as_it_was_asked_about(tmp_path: Path) -> None:
    folder = example("inception_v3_ema", tmp_path)
    shutil.rmtree(folder / "train_dir", ignore_errors=True)
    (folder / "pyproject.toml").write_text(TABLE)
    (folder / "wrong.py").write_text(ASKED)
    Apart().python(folder, "wrong.py")
    command = ("-m", "pytest_freezecheck", "repair", "as_asked.pb", "--model=inception_v3_ema")
    Apart().python(folder, *command, "--report=report.json")  # which asserts that it exits with 0
    bad, good = sorted(
        json.loads((folder / "report.json").read_text())["checks"], key=lambda c: c["outcome"]
    )
    assert (bad["cause"]["id"], bad["cause"]["proven"]) == ("averaged-statistics", True)
    assert len(bad["cause"]["tensors"]) == 188
    assert (good["artifact"], good["max_abs_diff"]) == ("as_asked.repaired.pb", 0.0)
    assert good["proof"]["result"] == "identical"
    assert (folder / "as_asked.repaired.pb").is_file()
