"""What a check says of computations: proved, differing where no input shows it, or neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck.checking import proving
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.graph_def.loader import FrozenGraphDef
from pytest_freezecheck.models.answer import Answer
from tests.kit.made import exported, made, weight

IDS: dict[str, dict[str, object]] = {
    "ids": {"shape": [3], "dtype": "int32", "low": 0, "high": 9_999}
}
X: dict[str, dict[str, object]] = {"x": {"shape": [6], "low": -1.0, "high": 1.0}}


def words(ids: Any) -> Any:
    """A table of which few rows are looked up."""
    means = tf.reduce_mean(tf.gather(weight("table", 10_000, 4), ids), axis=1)
    return {"probs": tf.nn.softmax(tf.matmul(means, weight("last", 4, 3)), name="probs")}


def bounded(activation: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return what builds a network whose hidden values never come near 6."""

    def build(x: Any) -> Any:
        hidden = activation(0.1 * tf.matmul(x, weight("first", 6, 8)), name="act")
        return {"probs": tf.nn.softmax(tf.matmul(hidden, weight("last", 8, 3)), name="probs")}

    return build


def _one_row(name: str, value: Any) -> Any:
    if name == "table":
        value = value.copy()
        value[7_777, 2] += 1.0
    return value


@pytest.mark.parametrize("way", ["graph_def", "saved_model", "saved_model_session"])
def test_the_same_graph_is_proved_and_fed_ten_examples(way: str, tmp_path: Path) -> None:
    live = made(words, IDS)
    frozen = exported(live, way, tmp_path / "export")
    result = freezecheck.check(live, frozen)
    assert (result.outcome, result.reason, result.examples) == ("passed", "identical", 10)
    assert result.proof is not None
    assert (result.proof.result, result.proof.weights_accounted) == ("identical", 1.0)
    assert result.power is not None
    assert result.power.in_all == result.power.planted > result.power.caught
    assert "proved for every input" in result.text
    assert freezecheck.check(live, frozen, examples=30).examples == 30
    live.close()
    frozen.close()


def looked_up(along: int) -> Callable[[Any], Any]:
    """Return what builds a network that looks 64-bit ids up along an axis of a square table."""

    def build(ids: Any) -> Any:
        rows = tf.gather(weight("table", 8, 8), ids, axis=along)
        rows = tf.transpose(rows, [1, 2, 0]) if along else rows
        return {"probs": tf.nn.softmax(tf.reduce_mean(rows, axis=1), name="probs")}

    return build


@pytest.mark.parametrize("along", [0, 1])
def test_the_axis_of_a_look_up_counts_and_its_type_does_not(along: int, tmp_path: Path) -> None:
    spec: dict[str, dict[str, object]] = {
        "ids": {"shape": [3], "dtype": "int64", "low": 0, "high": 7}
    }
    live, other = made(looked_up(0), spec), made(looked_up(along), spec)
    frozen = exported(other, "graph_def", tmp_path / "export.pb")
    result = freezecheck.check(live, frozen)
    wanted = ("passed", "identical") if along == 0 else ("failed", "differs")
    assert (result.outcome, result.reason) == wanted
    assert result.proof is not None
    assert (result.proof.result == "identical") == (along == 0)
    live.close()
    other.close()
    frozen.close()


WAYS = ["graph_def", "saved_model", "keras_export", "tflite", "onnx"]


@pytest.mark.parametrize("way", WAYS)
def test_a_row_that_no_drawn_input_looks_up_is_found_and_shown(way: str, tmp_path: Path) -> None:
    live = made(words, IDS)
    other = made(words, IDS, change=_one_row)
    right = _exported(live, way, tmp_path / "right")
    wrong = _exported(other, way, tmp_path / "wrong")
    assert freezecheck.check(live, right, examples=10)
    result = freezecheck.check(live, wrong, examples=10)
    assert (result.outcome, result.reason) == ("failed", "differs"), result.text
    assert "1 row of values that differ in the computation" in result.text
    assert result.counterexample is not None
    assert 7_777 in result.counterexample.feeds["ids"]
    assert result.proof is not None
    (found,) = result.proof.constants
    assert (found.names, found.index, found.differing) == (("table",), (7_777, 2), 1)
    assert found.frozen == pytest.approx(found.live + 1.0)
    assert result.cause is not None
    assert (result.cause["tensors"], result.cause["proven"]) == (["table"], True)
    for model in (live, other, right, wrong):
        model.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_row_of_ids_that_are_not_legal_is_found_all_the_same(way: str, tmp_path: Path) -> None:
    few: Any = {"ids": {**IDS["ids"], "high": 5_000}}
    live = made(words, few)
    other = made(words, few, change=_one_row)
    wrong = _exported(other, way, tmp_path / "wrong")
    result = freezecheck.check(live, wrong, examples=10)
    assert (result.outcome, result.reason) == ("failed", "weights-differ"), result.text
    first, *rest = result.text.splitlines()
    assert "although none of" in first
    assert any("table[7777, 2]" in line for line in rest)
    assert result.cause is not None
    assert result.cause["tensors"] == ["table"]
    wrong.ignored_weights = ["tab*"]
    assert freezecheck.check(live, wrong, examples=10)
    for model in (live, other, wrong):
        model.close()


@pytest.mark.parametrize("way", WAYS)
def test_another_operation_that_no_input_shows_is_found(way: str, tmp_path: Path) -> None:
    live, other = made(bounded(tf.nn.relu6), X), made(bounded(tf.nn.relu), X)
    right = _exported(live, way, tmp_path / "right")
    wrong = _exported(other, way, tmp_path / "wrong")
    assert freezecheck.check(live, right, examples=10)
    result = freezecheck.check(live, wrong, examples=10)
    assert (result.outcome, result.reason) == ("failed", "operation-differs"), result.text
    assert "high = inf" in result.text.partition("\n")[0]
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == ("changed-operation", True)
    for model in (live, other, right, wrong):
        model.close()


def _spread_signs(name: str, value: Any) -> Any:
    return np.sign(value) * 0.7 if name == "first" else value


def test_a_lost_bound_is_shown_where_the_layer_before_it_can_be_driven(tmp_path: Path) -> None:
    """Signs of the weights reach 6.7 of 6 where all of 96 cells agree, which no drawn input has."""
    wide: dict[str, dict[str, object]] = {"x": {"shape": [96], "low": -1.0, "high": 1.0}}

    def network(activation: Any) -> Any:
        def build(x: Any) -> Any:
            hidden = activation(0.1 * tf.matmul(x, weight("first", 96, 8)), name="act")
            return {"probs": tf.nn.softmax(tf.matmul(hidden, weight("last", 8, 3)), name="probs")}

        return build

    live = made(network(tf.nn.relu6), wide, change=_spread_signs)
    other = made(network(tf.nn.relu), wide, change=_spread_signs)
    wrong = exported(other, "graph_def", tmp_path / "wrong")
    result = freezecheck.check(live, wrong, examples=10)
    assert (result.outcome, result.reason) == ("failed", "differs"), result.text
    assert "rows that drive" in result.text
    for model in (live, other, wrong):
        model.close()


def _exported(live: Any, way: str, folder: Path) -> Any:
    """Freeze in a way; `keras_export` stands for a SavedModel of TensorFlow 2's own making."""
    if way != "keras_export":
        return exported(live, way, folder)
    weights = live.weights()
    build = words if "table" in weights else None

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.held = {n: tf.Variable(v, name=n) for n, v in weights.items()}

        def __call__(self, ids: Any) -> Any:
            means = tf.reduce_mean(tf.gather(self.held["table"], ids), axis=1)
            return {"probs": tf.nn.softmax(tf.matmul(means, self.held["last"]))}

    if build is None:
        pytest.skip("this module is of words alone")
    module = Module()
    spec = tf.TensorSpec([None, 3], tf.int32, name="ids")
    served = tf.function(module.__call__, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures=served.get_concrete_function())
    return freezecheck.load(folder)


class _Elsewhere(FrozenGraphDef):
    """A file that computes the same, in an executor that does not."""

    def answer(self, feeds: Any, outputs: Any) -> Answer:
        found = super().answer(feeds, outputs)
        return Answer({name: value + np.float32(0.01) for name, value in found.outputs.items()}, {})


def test_the_same_computation_with_other_answers_is_its_executors(tmp_path: Path) -> None:
    live = made(bounded(tf.nn.relu6), X)
    exported(live, "graph_def", tmp_path / "export").close()
    (path,) = (tmp_path / "export").iterdir()
    frozen = _Elsewhere(path)
    result = freezecheck.check(live, frozen, examples=10)
    assert (result.outcome, result.reason) == ("failed", "executor-differs"), result.text
    assert "it computes the same operations on the same weights" in result.text
    live.close()
    frozen.close()


def test_a_proof_that_is_required_and_missing_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = made(bounded(tf.nn.relu6), X)
    frozen = exported(live, "graph_def", tmp_path / "export")
    assert freezecheck.check(live, frozen, examples=10, require="proof")

    def held_back(*_: object) -> Any:
        raise ArtifactError("act (Sealed) is random, or keeps a state")

    monkeypatch.setattr(proving, "read_graph", held_back)
    other = made(bounded(tf.nn.relu6), X)
    result = freezecheck.check(other, frozen, examples=10, require="proof")
    assert (result.outcome, result.reason) == ("failed", "not-proved"), result.text
    assert "act (Sealed) is random, or keeps a state" in result.text.partition("\n")[0]
    sampled = freezecheck.check(other, frozen, examples=10)
    assert (sampled.outcome, sampled.reason) == ("passed", "identical")
    assert sampled.proof is not None
    assert sampled.proof.result == "not-matched"
    for model in (live, other, frozen):
        model.close()


WEATHER: dict[str, dict[str, object]] = {
    "temperature": {"shape": [1], "low": -40.0, "high": 60.0},
    "hour": {"shape": [1], "low": 0.0, "high": 24.0},
}


def rules(*, warm: float = 18.0, late: float = 11.0) -> Callable[[Any, Any], Any]:
    """Return what builds a network with buckets, and with a rule that begins at an hour."""

    def build(temperature: Any, hour: Any) -> Any:
        bounds = [-10.0, 0.0, 10.0, warm, 30.0]
        band = tf.raw_ops.Bucketize(input=temperature, boundaries=bounds)
        extra = tf.where(hour > late, hour - late, tf.zeros_like(hour))
        both = tf.concat([tf.gather(weight("bands", 6, 4), band[:, 0]), extra / 13.0], 1)
        return {"probs": tf.nn.softmax(tf.matmul(both, weight("last", 5, 3)), name="probs")}

    return build


@pytest.mark.parametrize("way", ["graph_def", "saved_model", "tflite", "grappler"])
def test_a_boundary_that_was_moved_by_little_is_found_and_shown(way: str, tmp_path: Path) -> None:
    live, other = made(rules(), WEATHER), made(rules(warm=18.0001), WEATHER)
    right = exported(live, way, tmp_path / "right")
    wrong = exported(other, way, tmp_path / "wrong")
    assert freezecheck.check(live, right, require="proof")
    result = freezecheck.check(live, wrong)
    assert (result.outcome, result.reason) == ("failed", "differs"), result.text
    assert "of values that differ in the computation" in result.text
    assert result.counterexample is not None
    assert 18.0 <= float(result.counterexample.feeds["temperature"].ravel()[0]) < 18.0001
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == ("changed-operation", True)
    for model in (live, other, right, wrong):
        model.close()
