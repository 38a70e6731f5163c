"""A cause that is named after a place is said of that place alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from tests.kit.made import exported, made, weight

X: dict[str, dict[str, object]] = {"x": {"shape": [12]}}


def _same(x: Any) -> Any:
    return x


def _scaled(x: Any) -> Any:
    return tf.multiply(x, 0.37, name="inserted")


def late_skip(at_input: Any = _same, hidden: Any = _same, skip: Any = _same) -> Any:
    """Return what builds a network whose input is read once more behind the first layer."""

    def build(x: Any) -> Any:
        x = at_input(x)
        first = tf.nn.relu(tf.matmul(x, weight("first", 12, 12)), name="relu")
        both = tf.concat([hidden(first), skip(x)], axis=1, name="both")
        return {"probs": tf.nn.softmax(tf.matmul(both, weight("second", 24, 4)), name="probs")}

    return build


def normed(*, epsilon: float = 1e-3, of_batch: bool = False) -> Any:
    """Return what builds a network with LayerNorm, or BatchNorm, by `tf.nn.batch_normalization`."""

    def build(x: Any) -> Any:
        hidden = tf.matmul(x, weight("first", 12, 12))
        if of_batch:
            mean, variance = weight("bn/moving_mean", 12), tf.square(weight("bn/spread", 12))
        else:
            mean, variance = tf.nn.moments(hidden, [1], keepdims=True)
        gamma, beta = weight("gamma", 12), weight("beta", 12)
        with tf.name_scope("norm/"):
            hidden = tf.nn.batch_normalization(hidden, mean, variance, beta, gamma, epsilon)
        return {"probs": tf.nn.softmax(tf.matmul(hidden, weight("last", 12, 4)), name="probs")}

    return build


def standardised(*, standard: bool) -> Any:
    """Return what builds a network whose kernel is standardised over its first axis, or not."""

    def build(x: Any) -> Any:
        kernel = weight("first", 12, 12)
        if standard:
            mean, variance = tf.nn.moments(kernel, [0], keepdims=True)
            kernel = (kernel - mean) / tf.sqrt(variance + 1e-5)
        hidden = tf.nn.relu(tf.matmul(x, kernel, name="product"))
        return {"probs": tf.nn.softmax(tf.matmul(hidden, weight("last", 12, 4)), name="probs")}

    return build


def spectral(offset: float = 1e-3, shift: float = 0.25) -> Any:
    """Return what builds a network on the logarithm of a spectrum of its shifted input."""

    def build(x: Any) -> Any:
        sizes = tf.abs(tf.signal.rfft(tf.add(x, shift)))
        bands = tf.math.log(tf.add(sizes, offset))
        return {"probs": tf.nn.softmax(tf.matmul(bands, weight("last", 7, 4)), name="probs")}

    return build


@pytest.mark.parametrize(
    ("right", "wrong", "cause"),
    [
        (late_skip(), late_skip(at_input=_scaled), "input-transform"),
        (late_skip(), late_skip(hidden=_scaled), "changed-operation"),
        (late_skip(), late_skip(skip=_scaled), "changed-operation"),
        (normed(), normed(epsilon=0.3), "changed-operation"),
        (normed(of_batch=True), normed(of_batch=True, epsilon=0.3), "batch-norm-epsilon"),
        (standardised(standard=False), standardised(standard=True), "changed-operation"),
        (spectral(), spectral(offset=0.3), "changed-operation"),
        (spectral(), spectral(shift=0.5), "input-transform"),
    ],
    ids=[
        *("input", "other operand", "late skip", "LayerNorm", "BatchNorm", "of a kernel"),
        *("behind a spectrum", "before a spectrum"),
    ],
)
def test_a_cause_is_said_of_its_place(
    right: Callable[[Any], Any], wrong: Callable[[Any], Any], cause: str, tmp_path: Path
) -> None:
    live, other = made(right, X), made(wrong, X)
    twin = exported(live, "graph_def", tmp_path / "right")
    assert freezecheck.check(live, twin, examples=30)
    frozen = exported(other, "graph_def", tmp_path / "wrong")
    result = freezecheck.check(live, frozen, examples=30)
    assert (result.outcome, result.reason) == ("failed", "differs"), result.text
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == (cause, True), result.text
    for model in (live, other, twin, frozen):
        model.close()


def scored(*, limit: float) -> Any:
    """Return what builds a network with swish, whose gradient is a function of Python's."""

    def build(x: Any) -> Any:
        hidden = tf.nn.swish(tf.matmul(x, weight("first", 12, 6)))
        score = tf.sigmoid(tf.matmul(hidden, weight("last", 6, 1)))
        return {"limit": tf.multiply(score, limit, name="limit")}

    return build


def test_another_constant_is_all_that_is_named_beside_a_gradient_of_its_own(
    tmp_path: Path,
) -> None:
    live, other = made(scored(limit=5000.0), X), made(scored(limit=4990.0), X)
    right = exported(live, "graph_def", tmp_path / "right")
    wrong = exported(other, "graph_def", tmp_path / "wrong")
    assert freezecheck.check(live, right, examples=10)
    found = freezecheck.check(live, wrong, examples=10)
    assert not found
    assert found.cause is not None
    assert (found.cause["id"], found.cause["proven"]) == ("changed-operation", True)
    assert found.cause["tensors"] == ["limit/y"]
    for model in (live, other, right, wrong):
        model.close()
