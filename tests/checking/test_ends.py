"""Every output of a file is compared, or named as one that need not be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from tests.kit.made import exported, made, weight

X: dict[str, dict[str, object]] = {"x": {"shape": [8]}}


def build(x: Any) -> Any:
    scores = tf.nn.sigmoid(tf.matmul(x, weight("w", 8, 4)), name="scores")
    return {"scores": scores}


def with_ends(x: Any) -> Any:
    """The declared scores live on inside; what clients read is another tensor."""
    scores = build(x)["scores"]
    return {
        "served_scores": tf.multiply(scores, 0.5, name="served_scores"),
        "served_class": tf.argmax(scores, -1, name="served_class"),
    }


def with_classes(x: Any) -> Any:
    scores = build(x)["scores"]
    return {"scores": scores, "classes": tf.argmin(scores, -1, name="classes")}


def with_class_alone(x: Any) -> Any:
    return {"class": tf.argmax(build(x)["scores"], -1, name="class")}


@pytest.mark.parametrize(
    ("other", "way", "named"),
    [
        (with_ends, "graph_def", "'served_scores', 'served_class'"),
        (with_classes, "saved_model", "'classes'"),
        (with_classes, "saved_model_session", "'classes'"),
        (with_classes, "tflite", "'classes'"),
        (with_classes, "onnx", "'classes"),
    ],
)
def test_an_output_that_is_compared_with_none_fails_unless_it_is_ignored(
    other: Callable[..., Any], way: str, named: str, tmp_path: Path
) -> None:
    live, shipped = made(build, X), made(other, X)
    frozen = exported(shipped, way, tmp_path)
    result = freezecheck.check(live, frozen, examples=10)
    assert (result.outcome, result.reason) == ("failed", "output-not-compared"), result.text
    assert named in result.text.splitlines()[0]
    assert "ignore_outputs = [" in result.text
    frozen.ignored = ("served_*", "classes*")
    ignoring = freezecheck.check(live, frozen, examples=10)
    assert ignoring, ignoring.text
    assert len(ignoring.ignored) == named.count(",") + 1
    for model in (live, shipped, frozen):
        model.close()


@pytest.mark.parametrize("way", ["graph_def", "saved_model", "tflite", "onnx"])
def test_a_lone_output_that_cannot_be_the_live_one_is_none_of_its_shape(
    way: str, tmp_path: Path
) -> None:
    live, shipped = made(build, X), made(with_class_alone, X)
    frozen = exported(shipped, way, tmp_path)
    result = freezecheck.check(live, frozen, examples=10)
    assert (result.outcome, result.reason) == ("failed", "output-not-compared"), result.text
    assert "cannot be the live model's 'scores'" in result.text.splitlines()[0]
    for model in (live, shipped, frozen):
        model.close()


@pytest.mark.parametrize("way", ["graph_def", "saved_model", "tflite", "onnx"])
def test_what_is_compared_with_what_is_in_the_result(way: str, tmp_path: Path) -> None:
    live, shipped = made(with_classes, X), made(with_classes, X)
    frozen = exported(shipped, way, tmp_path)
    result = freezecheck.check(live, frozen, examples=10)
    assert result, result.text
    assert {one.output for one in result.compared} == {"scores", "classes"}
    assert result.not_compared == ()
    for model in (live, shipped, frozen):
        model.close()


def test_an_end_that_depends_on_no_input_is_no_answer(tmp_path: Path) -> None:
    live, shipped = made(build, X), made(build, X)
    path = freezecheck.freeze(shipped, "graph_def", tmp_path)
    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    words = definition.node.add(name="labels", op="Const")
    words.attr["dtype"].type = tf.string.as_datatype_enum
    words.attr["value"].tensor.CopyFrom(tf.make_tensor_proto([b"cat", b"dog"]))
    read = definition.node.add(name="labels/read", op="Identity", input=["labels"])
    read.attr["T"].type = tf.string.as_datatype_enum
    path.write_bytes(definition.SerializeToString())
    frozen = freezecheck.load(path)
    result = freezecheck.check(live, frozen, examples=10)
    assert result, result.text
    for model in (live, shipped, frozen):
        model.close()


@pytest.mark.parametrize("way", ["graph_def", "saved_model", "tflite"])
def test_an_input_that_changes_nothing_may_be_missing_and_no_other_one(
    way: str, tmp_path: Path
) -> None:
    def both(x: Any, keep: Any) -> Any:
        del keep  # such as the keep_prob of a dropout that inference left out
        return build(x)

    def scaled(x: Any, keep: Any) -> Any:
        scores = tf.matmul(x, weight("w", 8, 4)) * keep[:, None]
        return {"scores": tf.nn.sigmoid(scores, name="scores")}

    inputs: dict[str, dict[str, object]] = {**X, "keep": {"shape": [], "low": 0.5, "high": 1.0}}
    shipped = made(build, X)
    frozen = exported(shipped, way, tmp_path)
    live, other = made(both, inputs), made(scaled, inputs)
    result = freezecheck.check(live, frozen, examples=10)
    assert result, result.text
    assert any("has no input keep" in warning for warning in result.warnings)
    with pytest.raises(freezecheck.MatchError, match="no input 'keep'"):
        freezecheck.check(other, frozen, examples=10)
    for model in (live, other, shipped, frozen):
        model.close()
