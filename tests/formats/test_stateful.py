"""A TFLite file that keeps state between calls is asked from the state in which it begins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import pytest_freezecheck as freezecheck
from pytest_freezecheck import InputSpec, LiveModel

v1 = tf.compat.v1
STEPS, FEATURES, UNITS = 4, 3, 5
Weights = list[Any]


def weights() -> Weights:
    rng = np.random.default_rng(2)
    shapes = [(FEATURES, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,), (UNITS, 4), (4,)]
    return [rng.normal(0.0, 0.7, shape).astype(np.float32) for shape in shapes]


def recurrent(strokes: Any, held: Weights) -> Any:
    """An LSTM, step by step, and a softmax."""
    kernel, again, bias, out, shift = (
        v1.get_variable(f"v{n}", initializer=value) for n, value in enumerate(held)
    )
    hidden = cell = tf.zeros([tf.shape(strokes)[0], UNITS])
    for step in range(STEPS):
        gates = strokes[:, step] @ kernel + hidden @ again + bias
        enter, forget, new, leave = tf.split(gates, 4, axis=1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(enter) * tf.tanh(new)
        hidden = tf.sigmoid(leave) * tf.tanh(cell)
    return tf.nn.softmax(hidden @ out + shift, name="probabilities")


def fused(folder: Path, held: Weights) -> Path:
    """Convert the same network as Keras 2 has it, whose LSTM becomes one operation with state."""
    strokes = tf_keras.Input(batch_shape=(1, STEPS, FEATURES), name="strokes")
    net = tf_keras.layers.LSTM(UNITS)(strokes)
    net = tf_keras.layers.Dense(4, activation="softmax", name="probabilities")(net)
    model = tf_keras.Model(strokes, net)
    model.set_weights(held)
    model.save(str(folder / "saved"), save_format="tf")
    path = folder / "lstm.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert())
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fused(tmp_path_factory.mktemp("fused"), weights())


@contextlib.contextmanager
def live(held: Weights) -> Iterator[LiveModel]:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        strokes = v1.placeholder(tf.float32, [None, STEPS, FEATURES], name="strokes")
        answer = recurrent(strokes, held)
        session.run(v1.global_variables_initializer())
        spec = {"strokes": InputSpec((STEPS, FEATURES))}
        model = LiveModel.from_session(
            session, {"strokes": strokes}, {"probabilities": answer}, spec
        )
    with contextlib.closing(model):
        yield model


def test_a_correct_file_agrees_and_its_state_is_said(file: Path) -> None:
    with live(weights()) as model:
        agreement = freezecheck.assert_agreement(model, file, examples=20)
    (said,) = (w for w in agreement.warnings if w.startswith("it keeps state from one call to"))
    assert "reset_all_variables()" in said


def test_another_weight_fails(file: Path) -> None:
    held = weights()
    held[1][2, 3] -= 0.1  # of what comes back from the step before
    with live(held) as model:
        agreement = freezecheck.check(model, file, examples=20)
    assert not agreement
    assert "answers" in agreement.text.splitlines()[0]
