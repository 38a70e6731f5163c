"""Power of models whose weights are scalars, constants, of 16 bits, or none."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from tests.kit.made import exported, made, weight

X: dict[str, dict[str, object]] = {"x": {"shape": [8]}}


def scalar(x: Any) -> Any:
    z = tf.matmul(x, weight("w", 8, 4)) * tf.exp(0.3 * weight("temperature"))
    return {"probs": tf.nn.softmax(z, name="probs")}


def constant(x: Any) -> Any:
    rng = np.random.default_rng(0)
    kernel = tf.constant(rng.normal(size=(8, 4)).astype(np.float32), name="kernel")
    return {"probs": tf.nn.softmax(tf.matmul(x, kernel), name="probs")}


def half(x: Any) -> Any:
    kernel = weight("w", 8, 4, dtype=tf.bfloat16)
    z = tf.matmul(tf.cast(x, tf.bfloat16), kernel)
    return {"probs": tf.nn.softmax(tf.cast(z, tf.float32), name="probs")}


def without_weights(x: Any) -> Any:
    return {"probs": tf.nn.softmax(x * 3.0, name="probs")}


def power_of(build: Any, folder: Path, **options: Any) -> freezecheck.Agreement:
    live = made(build, X)
    frozen = exported(live, "graph_def", folder)
    result = freezecheck.check(live, frozen, examples=30, **options)
    frozen.close()
    live.close()
    return result


@pytest.mark.parametrize(
    ("build", "name"),
    [(scalar, "temperature[]"), (constant, "kernel["), (half, "w[")],
    ids=["a scalar", "constants", "bfloat16"],
)
def test_mistakes_are_planted_in_weights_of_every_kind_and_noticed(
    build: Any, name: str, tmp_path: Path
) -> None:
    result = power_of(build, tmp_path)
    assert result, result.text
    power = result.power
    assert power is not None
    assert power.altered == power.weights >= 1
    assert power.caught > power.orders
    unnoticed = [mistake for mistake, _ in power.survivors if mistake.startswith(name)]
    assert all("moves no answer" not in why for _, why in power.survivors), power.survivors
    assert len(unnoticed) < 4


def test_a_scalar_of_zero_is_planted_and_noticed(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        z = tf.matmul(x, weight("w", 8, 4)) * tf.exp(weight("temperature"))
        return {"probs": tf.nn.softmax(z, name="probs")}

    live = made(build, X, change=lambda name, value: value * (name != "temperature"))
    frozen = exported(live, "graph_def", tmp_path)
    result = freezecheck.check(live, frozen, examples=10)
    assert result
    assert result.power is not None
    assert result.power.altered == result.power.weights == 2
    assert not any(name.startswith("temperature") for name, _ in result.power.survivors)
    frozen.close()
    live.close()


@pytest.mark.usefixtures("answers_alone")
def test_orders_of_classes_alone_are_no_power(tmp_path: Path) -> None:
    result = power_of(without_weights, tmp_path)
    assert result
    assert result.power is not None
    assert result.power.caught == result.power.orders == 3
    weak = power_of(without_weights, tmp_path, min_power=0.5)
    assert (weak.outcome, weak.reason) == ("failed", "too-weak")
    assert "the order of classes alone" in weak.text


def test_nothing_that_numpy_warns_of_leaks(tmp_path: Path) -> None:
    def large(x: Any) -> Any:
        z = tf.matmul(x, weight("w", 8, 4)) * 1e-30
        return {"probs": tf.nn.softmax(z * 1e-8, name="probs")}

    live = made(large, X, change=lambda _, value: value * 1e37)
    frozen = exported(live, "tflite", tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert freezecheck.check(live, frozen, examples=10)
    frozen.close()
    live.close()
