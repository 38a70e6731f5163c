"""The line of an exporting function that is to be changed: told if there is one, and only then."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.diagnosis.own_lines import edit

HELPERS = """
def helper(images):
    return network(images, is_training=True)

def unrelated(images):
    return network(images, is_training=True)
"""


def function_of(folder: Path, text: str) -> Callable[..., Any]:
    path = folder / "export_of_ours.py"
    path.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location("export_of_ours", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("cause", "old", "new"),
    [
        (
            "raw-weights",
            "tf.train.Saver().restore(session, 'ä', 'model')",
            "tf.train.Saver(tf.train.ExponentialMovingAverage(0.999).variables_to_restore())"
            ".restore(session, 'ä', 'model')",
        ),
        (
            "raw-weights",
            "ema = v1.train.ExponentialMovingAverage(DECAY); saver = v1.train.Saver()",
            "ema = v1.train.ExponentialMovingAverage(DECAY); "
            "saver = v1.train.Saver(ema.variables_to_restore())",
        ),
        (
            "averaged-weights",
            "saver = v1.train.Saver(ema.variables_to_restore())",
            "saver = v1.train.Saver()",
        ),
        (
            "averaged-weights",
            "saver = v1.train.Saver(var_list=ema.variables_to_restore())",
            "saver = v1.train.Saver()",
        ),
        (
            "training-batch-norm",
            "y = network(images, 'ü', is_training=True, classes=3)",
            "y = network(images, 'ü', is_training=False, classes=3)",
        ),
        ("dropout", "y = model(images, training=True)", "y = model(images, training=False)"),
    ],
)
def test_one_line_is_told(tmp_path: Path, cause: str, old: str, new: str) -> None:
    text = f"def main(live, directory):\n    images = live\n    {old}\n"
    found = edit(cause, function_of(tmp_path, text))
    assert found is not None
    assert (found.line, found.old.strip(), found.new.strip()) == (3, old, new)
    assert found.file.endswith("export_of_ours.py")
    compile(text.replace(found.old, found.new), "mended", "exec")


def test_what_it_calls_is_looked_through_and_nothing_else(tmp_path: Path) -> None:
    text = f"{HELPERS}\ndef main(live, directory):\n    return helper(live)\n"
    found = edit("training-flag", function_of(tmp_path, text))
    assert found is not None
    assert found.line == 3


@pytest.mark.parametrize(
    ("cause", "body"),
    [
        ("raw-weights", "a = tf.train.Saver()\n    b = tf.train.Saver()"),
        ("raw-weights", "a = tf.train.Saver(names)"),
        ("averaged-weights", "a = tf.train.Saver()"),
        ("training-batch-norm", "y = network(images, is_training=False)"),
        ("training-batch-norm", "y = network(images, is_training=flag)"),
        ("other-checkpoint", "a = tf.train.Saver()"),
        ("raw-weights", "a = tf.train.Saver(\n    )"),
    ],
)
def test_of_two_lines_or_none_nothing_is_told(tmp_path: Path, cause: str, body: str) -> None:
    text = f"def main(live, directory):\n    {body}\n"
    assert edit(cause, function_of(tmp_path, text)) is None


def test_a_function_without_a_file_is_no_error(tmp_path: Path) -> None:
    function = function_of(tmp_path, "def main(live, directory):\n    tf.train.Saver()\n")
    (tmp_path / "export_of_ours.py").write_text("def main(:", "utf-8")
    assert edit("raw-weights", function) is None
    (tmp_path / "export_of_ours.py").unlink()
    assert edit("raw-weights", function) is None
