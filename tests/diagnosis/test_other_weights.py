"""Values of no known key are called that, and initialised only where they look so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck.diagnosis.initialised import looks_initialised
from pytest_freezecheck.diagnosis.weights import Origins, grouped
from tests.kit.made import exported, made, weight

X: dict[str, dict[str, object]] = {"x": {"shape": [12]}}
rng = np.random.default_rng(0)


def _layer(name: str, x: Any, width: int) -> Any:
    kernel = weight(f"{name}/kernel", x.shape[-1], width)
    return tf.matmul(x, kernel) + weight(f"{name}/bias", width)


def build(x: Any) -> Any:
    hidden = tf.nn.relu(_layer("square", x, 12))
    other = tf.nn.relu(_layer("second", hidden, 12))
    return {"probs": tf.nn.softmax(_layer("logits", other, 4), name="probs")}


def _pruned(value: Any) -> Any:
    return np.where(np.abs(value) < 0.2, 0.0, value)


def _retrained(value: Any) -> Any:
    drawn = np.random.default_rng(7).laplace(0.3, 0.7, value.shape)
    return drawn.astype(value.dtype)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("square/kernel", np.transpose, "its last two axes exchanged"),
        ("square/kernel", np.negative, "negated"),
        ("square/kernel", _pruned, "elements set to 0"),
        ("square/kernel", lambda value: value[:, ::-1], "in another order of its last axis"),
        ("logits/kernel", _retrained, "matches no key of the checkpoint"),
    ],
    ids=["transposed", "negated", "pruned", "hidden channels permuted", "retrained head"],
)
def test_values_of_no_key_are_called_that(
    name: str, change: Callable[[Any], Any], said: str, tmp_path: Path
) -> None:
    live = made(build, X, checkpoint=tmp_path / "model.ckpt-1")
    other = made(build, X, change=lambda n, value: change(value) if n == name else value)
    frozen = exported(other, "graph_def", tmp_path / "export")
    result = freezecheck.check(live, frozen, examples=30)
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == ("other-weights", True), result.text
    assert result.cause["tensors"] == [name]
    assert said in result.cause["explanation"]
    for model in (live, other, frozen):
        model.close()


def test_two_weights_that_were_exchanged_are_called_that(tmp_path: Path) -> None:
    live = made(build, X, checkpoint=tmp_path / "model.ckpt-1")
    values = live.weights()
    pair = {"square/kernel": "second/kernel", "second/kernel": "square/kernel"}
    other = made(build, X, change=lambda n, value: values[pair[n]] if n in pair else value)
    frozen = exported(other, "graph_def", tmp_path / "export")
    result = freezecheck.check(live, frozen, examples=30)
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == ("other-weights", True), result.text
    assert "is the live value of second/kernel" in result.cause["explanation"]
    for model in (live, other, frozen):
        model.close()


def test_classes_in_another_order_are_still_called_that(tmp_path: Path) -> None:
    live = made(build, X, checkpoint=tmp_path / "model.ckpt-1")
    other = made(
        build, X, change=lambda n, value: value[..., ::-1] if n.startswith("logits/") else value
    )
    frozen = exported(other, "graph_def", tmp_path / "export")
    result = freezecheck.check(live, frozen, examples=30)
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == ("class-order", True), result.text
    for model in (live, other, frozen):
        model.close()


def test_a_state_that_evaluation_sets_has_no_shadow(tmp_path: Path) -> None:
    """The checkpoint holds what training left behind; the live model starts from zero."""
    made(build, X, checkpoint=tmp_path / "model.ckpt-1").close()
    live = made(
        build,
        X,
        change=lambda n, value: value * 0.0 if n == "square/bias" else value,
    )
    live.checkpoint = str(tmp_path / "model.ckpt-1")
    other = made(build, X)
    frozen = exported(other, "graph_def", tmp_path / "export")
    result = freezecheck.check(live, frozen, examples=30)
    assert result.cause is not None
    assert result.cause["id"] == "other-weights", result.text
    assert "shadow" not in result.cause["explanation"]
    for model in (live, other, frozen):
        model.close()


def test_a_variable_of_one_element_that_was_never_restored() -> None:
    live: dict[str, Any] = {"quant/max": np.array(4.37, np.float32), "w": rng.normal(size=(8, 8))}
    frozen = {**live, "quant/max": np.array(6.0, np.float32)}
    causes = grouped(["quant/max"], live, frozen, Origins(live.get, {}))
    assert list(causes) == ["partial-restore"]
    altered = {**live, "quant/max": np.array(4.4137, np.float32)}
    assert list(grouped(["quant/max"], live, altered, Origins(live.get, {}))) == ["altered-weights"]


def _limit(shape: tuple[int, int]) -> float:
    return float(np.sqrt(6.0 / sum(shape)))


@pytest.mark.parametrize("seed", range(10))
def test_what_initialisers_leave_looks_so(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    assert looks_initialised(np.zeros(5))
    assert looks_initialised(np.ones((3, 3)))
    assert looks_initialised(drawn.uniform(-_limit((64, 32)), _limit((64, 32)), (64, 32)))
    assert looks_initialised(drawn.normal(0.0, np.sqrt(2.0 / 64), (64, 32)))
    assert looks_initialised(
        np.asarray(tf.random.truncated_normal([64, 32], stddev=0.1, seed=seed))
    )


@pytest.mark.parametrize("seed", range(10))
def test_other_values_do_not(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    glorot = drawn.uniform(-_limit((64, 32)), _limit((64, 32)), (64, 32))
    assert not looks_initialised(glorot + 0.05)  # trained: its mean has moved
    assert not looks_initialised(glorot * 1.4)
    assert not looks_initialised(np.where(drawn.random((64, 32)) < 0.5, 0.0, glorot))  # pruned
    assert not looks_initialised(drawn.laplace(0.0, 0.1, (64, 32)))
    assert not looks_initialised(np.array([0.3141]))
    assert not looks_initialised(np.array([0.1, np.nan]))


def test_another_layer_norm_is_no_training_mode(tmp_path: Path) -> None:
    def normed(x: Any, epsilon: float) -> Any:
        mean, variance = tf.nn.moments(_layer("square", x, 12), [-1], keepdims=True)
        z = (_layer("second", x, 12) - mean) * tf.math.rsqrt(variance + epsilon)
        return {"probs": tf.nn.softmax(_layer("logits", z, 4), name="probs")}

    def plain(x: Any) -> Any:
        return {"probs": tf.nn.softmax(_layer("logits", _layer("second", x, 12), 4), name="probs")}

    live = made(plain, X, checkpoint=tmp_path / "model.ckpt-1")
    other = made(lambda x: normed(x, 1e-3), X)
    frozen = exported(other, "graph_def", tmp_path / "export")
    result = freezecheck.check(live, frozen, examples=30)
    assert result.outcome == "failed"
    assert result.cause is not None
    assert result.cause["id"] != "training-batch-norm", result.text
    for model in (live, other, frozen):
        model.close()


def test_class_numbers_alone_prove_no_transform(tmp_path: Path) -> None:
    def labels(x: Any) -> Any:
        return {"label": tf.argmax(_layer("logits", x, 4), -1, name="label")}

    def reversed_input(x: Any) -> Any:
        return labels(x[:, ::-1])

    live = made(labels, X, checkpoint=tmp_path / "model.ckpt-1")
    other = made(reversed_input, X)
    for way in ("graph_def", "tflite"):
        frozen = exported(other, way, tmp_path / way)
        result = freezecheck.check(live, frozen, examples=30)
        assert (result.outcome, result.reason) == ("failed", "differs")
        assert result.cause is not None
        # That it reads its input in another order is read in it, and not told by its answers.
        read = "with this, the live model computes what the file does" in result.text
        assert read or result.cause["id"] in ("changed-operation", "unknown"), result.text
        frozen.close()
    live.close()
    other.close()


def unscoped(x: Any) -> Any:
    """A network whose variables are in no scope."""
    hidden = tf.nn.relu(tf.matmul(x, weight("w1", 12, 12)) + weight("b1", 12))
    return {"probs": tf.nn.softmax(tf.matmul(hidden, weight("w2", 12, 4)) + weight("b2", 4))}


def lstm(x: Any) -> Any:
    """A network that ends in an LSTM, whose gates are columns of one kernel."""
    kernel, bias = weight("lstm/kernel", 16, 16), weight("lstm/bias", 16)
    h = c = tf.zeros([tf.shape(x)[0], 4])
    for step in range(3):
        gates = tf.matmul(tf.concat([x[:, step * 4 : step * 4 + 4], h, x[:, :8]], 1), kernel)
        i, j, f, o = tf.split(gates + bias, 4, axis=1)
        c = c * tf.sigmoid(f) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
    return {"state": h}


def _other_gates(value: Any) -> Any:
    i, j, f, o = np.split(value, 4, axis=-1)
    return np.concatenate([i, f, j, o], axis=-1)


def _reversed_columns(value: Any) -> Any:
    return value[..., ::-1]


@pytest.mark.parametrize(
    ("network", "names", "change", "cause"),
    [
        (unscoped, ("w1", "b1"), _reversed_columns, "other-weights"),
        (unscoped, ("w2", "b2"), _reversed_columns, "class-order"),
        (lstm, ("lstm/kernel", "lstm/bias"), _other_gates, "other-weights"),
        (unscoped, ("w1",), lambda value: value[::-1], "other-weights"),
    ],
    ids=["hidden channels", "classes", "gates", "rows"],
)
def test_an_order_is_one_of_classes_where_the_answers_say_so(
    network: Callable[[Any], Any],
    names: tuple[str, ...],
    change: Callable[[Any], Any],
    cause: str,
    tmp_path: Path,
) -> None:
    live = made(network, X, checkpoint=tmp_path / "model.ckpt-1")
    other = made(network, X, change=lambda n, value: change(value) if n in names else value)
    frozen = exported(other, "graph_def", tmp_path / "export")
    result = freezecheck.check(live, frozen, examples=30)
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == (cause, True), result.text
    assert "another order" in result.cause["explanation"]
    for model in (live, other, frozen):
        model.close()


def numbers(x: Any) -> Any:
    """A classifier that answers with the number of the class alone."""
    hidden = tf.nn.relu(_layer("first", x, 12))
    return {"class": tf.argmax(_layer("logits", hidden, 4), axis=1, output_type=tf.int32)}


@pytest.mark.usefixtures("answers_alone")
@pytest.mark.parametrize("way", ["tflite", "onnx"])
def test_class_numbers_alone_prove_nothing(way: str, tmp_path: Path) -> None:
    """That the raw weights give these few numbers too is no proof: so may many another mistake."""
    prefix = tmp_path / "model.ckpt-1"
    live = made(numbers, X, checkpoint=prefix)
    other = made(numbers, X, change=lambda n, value: value + 0.5 * np.sign(value))
    sibling = made(
        numbers, X, change=lambda n, v: v + 0.5 * np.sign(v), checkpoint=tmp_path / "model.ckpt-2"
    )
    frozen = exported(other, way, tmp_path / "export")
    result = freezecheck.check(live, frozen, examples=30)
    assert (result.outcome, result.reason) == ("failed", "differs"), result.text
    assert result.cause is not None
    assert not result.cause["proven"], result.text
    for model in (live, other, sibling, frozen):
        model.close()
