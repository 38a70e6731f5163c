"""The benchmark of many networks tells what passed from what could not be tried, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from benchmarks.many import Result, row
from pytest_freezecheck import ArtifactError, LiveModel
from tests.kit.made import made, weight

X = {"x": {"shape": [4]}}


def network(x: Any) -> Any:
    return {"probs": tf.nn.softmax(tf.matmul(x, weight("w", 4, 3)), name="probs")}


def result_of(way: str, folder: Path, wrong: str | None = None) -> Result:
    result, live = Result("kind"), made(network, X)
    result.add(way, live, folder, 1, wrong)
    live.close()
    return result


def test_what_passes_counts(tmp_path: Path) -> None:
    result = result_of("graph_def", tmp_path)
    assert (result.passed, result.alarms, result.unloadable) == (["graph_def"], {}, {})


def test_what_cannot_be_loaded_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(path: Path, way: str) -> Any:
        raise ArtifactError(f"{path}: {way} has no such operator\nand more")

    monkeypatch.setattr(freezecheck, "load", load)
    result = result_of("graph_def", tmp_path)
    assert (result.passed, result.cannot, result.alarms) == ([], {}, {})
    (said,) = result.unloadable.values()
    assert said.endswith(": graph_def has no such operator")
    assert str(tmp_path) not in said
    assert row("net", result)["cannot be loaded"] == "graph_def"


def test_what_cannot_be_frozen_is_named_with_the_reason(tmp_path: Path) -> None:
    result = result_of("freeze_graph_meta", tmp_path)
    assert "needs the checkpoint" in result.cannot["freeze_graph_meta"]
    assert (result.passed, result.alarms) == ([], {})


def test_what_is_wrong_has_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert result_of("graph_def", tmp_path / "right", "spoilt").missed == {"graph_def": "spoilt"}

    rightly = freezecheck.freeze

    def freeze(live: LiveModel, way: str, folder: Path) -> Path:
        other = made(network, X, change=lambda name, value: value * 2)
        path = rightly(other, way, folder)
        other.close()
        return path

    monkeypatch.setattr(freezecheck, "freeze", freeze)
    wrong = result_of("graph_def", tmp_path / "wrong", "spoilt")
    assert "answers" in wrong.caught["graph_def"]
    assert wrong.alarms == {}
    assert "graph_def" in result_of("graph_def", tmp_path / "alarm").alarms
