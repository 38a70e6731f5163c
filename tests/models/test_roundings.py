"""A copy that rounds at random: what arises within a network is noise, and hides no fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck.checking import doubtful
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.models.answer import Answer
from pytest_freezecheck.models.clone import Clone
from pytest_freezecheck.models.roundings import ROUNDS, Roundings, roundings_of
from pytest_freezecheck.models.terms import terms
from tests.checking.test_control_flow import control_flow
from tests.kit.made import exported, made, v1, weight

IMAGE = {"x": {"shape": [16, 16, 3]}}
VECTOR = {"x": {"shape": [8]}}


def instance_norm(x: Any) -> Any:
    """A mean over a picture, subtracted from values that hardly differ from it."""
    maps = tf.nn.conv2d(x, weight("k", 3, 3, 3, 8), 1, "SAME") + weight("b", 8)
    mean, variance = tf.nn.moments(maps, [1, 2], keepdims=True)
    scaled = (maps - mean) * tf.math.rsqrt(variance + 1e-3)
    h = tf.nn.swish(scaled * weight("gamma", 8) + weight("beta", 8))
    logits = tf.matmul(tf.reduce_mean(h, [1, 2]), weight("w", 8, 5))
    return {"probs": tf.nn.softmax(logits, name="probs")}


def altered(which: str, factor: float) -> Callable[[str, Any], Any]:
    """Return what alters the first value of one variable."""

    def change(name: str, value: Any) -> Any:
        if name == which:
            value = value.copy()
            value.flat[0] *= factor
        return value

    return change


@pytest.mark.parametrize("seed", range(3))
def test_a_mean_in_another_order_is_noise(seed: int, tmp_path: Path) -> None:
    live = made(instance_norm, IMAGE)
    right = exported(live, "tflite", tmp_path / "right")
    agreement = freezecheck.check(live, right, seed=seed, examples=50)
    assert agreement.outcome == "passed", agreement.text
    assert agreement.reason == "equal"
    # TensorFlow 2.15's executor takes the mean nearly as TensorFlow does.
    assert agreement.excused or (agreement.max_abs_diff or 0.0) <= 1e-5
    right.close()
    live.close()


@pytest.mark.parametrize(
    ("which", "factor"), [("w", 1.01), ("w", 1.001), ("beta", 1.01), ("gamma", 1.1)]
)
def test_one_altered_weight_is_none(which: str, factor: float, tmp_path: Path) -> None:
    live = made(instance_norm, IMAGE)
    other = made(instance_norm, IMAGE, change=altered(which, factor))
    wrong = exported(other, "tflite", tmp_path / "wrong")
    agreement = freezecheck.check(live, wrong, examples=50)
    assert agreement.outcome == "failed", agreement.text
    assert agreement.reason == "differs"
    for model in (wrong, other, live):
        model.close()


def test_what_cannot_be_told_excuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(twin: Clone) -> Roundings:
        raise ModelError("cannot be rewritten")

    monkeypatch.setattr(doubtful, "roundings_of", none)
    live = made(instance_norm, IMAGE)
    right = exported(live, "tflite", tmp_path / "right")
    agreement = freezecheck.check(live, right, examples=50)
    if (agreement.max_abs_diff or 0.0) <= 1e-5:
        pytest.skip("the executor of this TensorFlow takes the mean nearly as TensorFlow does")
    assert (agreement.outcome, agreement.reason) == ("failed", "executor-differs")
    right.close()
    live.close()


def test_more_than_may_ever_be_allowed_is_not_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Clone] = []

    def counted(twin: Clone) -> Roundings:
        asked.append(twin)
        return roundings_of(twin)

    monkeypatch.setattr(doubtful, "roundings_of", counted)
    live = made(instance_norm, IMAGE)
    other = made(instance_norm, IMAGE, change=altered("w", 3.0))
    wrong = exported(other, "tflite", tmp_path / "wrong")
    agreement = freezecheck.check(live, wrong, examples=50)
    assert (agreement.outcome, agreement.reason) == ("failed", "differs")
    assert asked == []
    for model in (wrong, other, live):
        model.close()


def several(x: Any) -> Any:
    """Of several dtypes, with what rounds and what does not."""
    h = tf.nn.relu(tf.matmul(x, weight("w", 8, 8)))
    words = tf.constant(["cat", "dog"])
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, [1.5, 2.5]), 0.0)
    return {
        "probs": tf.nn.softmax(h, name="probs"),
        "double": tf.sqrt(tf.cast(h, tf.float64) + 1.0, name="double"),
        "half": tf.multiply(tf.cast(h, tf.float16), 1.1, name="half"),
        "brain": tf.multiply(tf.cast(h, tf.bfloat16), 1.1, name="brain"),
        "spectrum": tf.signal.rfft(h, name="spectrum"),
        "class": tf.argmax(h, -1, name="class"),
        "chosen": tf.reverse(x, [1], name="chosen"),
        "count": tf.cast(tf.reduce_sum(tf.sign(x), -1), tf.int32, name="count"),
        "known": tf.tile(table.lookup(words)[None], [tf.shape(x)[0], 1], name="known"),
    }


def asked(build: Callable[..., Any]) -> tuple[Clone, Roundings, Any]:
    live = made(build, VECTOR)
    twin = Clone(live)
    feeds = {"x": np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)}
    return twin, roundings_of(twin), feeds


def same(one: Answer, other: Answer, name: str) -> bool:
    return one.outputs[name].tobytes() == other.outputs[name].tobytes()


def test_without_a_seed_it_is_the_live_model() -> None:
    twin, copy, feeds = asked(several)
    plain, live = copy.answer(feeds, {}, None), twin.answer(feeds)
    assert all(same(plain, live, name) for name in live.outputs)
    assert plain.logits["probs"].tobytes() == live.logits["probs"].tobytes()


def test_what_rounds_is_moved_and_what_does_not_is_not() -> None:
    _, copy, feeds = asked(several)
    plain, moved = copy.answer(feeds, {}, None), copy.answer(feeds, {}, (0, 1))
    still = {name for name in plain.outputs if same(plain, moved, name)}
    assert still == {"class", "chosen", "count", "known"}
    apart = np.abs(moved.outputs["probs"] - plain.outputs["probs"]).max()
    assert 0.0 < apart < 1e-5
    assert np.abs(moved.logits["probs"] - plain.logits["probs"]).max() > 0.0


def test_a_seed_says_how_and_weights_can_be_moved_besides() -> None:
    twin, copy, feeds = asked(several)
    one, again, other = (copy.answer(feeds, {}, (0, n)) for n in (1, 1, 2))
    assert same(one, again, "probs")
    assert not same(one, other, "probs")
    doubled = {"w": twin.weights["w"] * 2}
    assert same(copy.answer(feeds, doubled, None), twin.answer(feeds, doubled), "probs")
    assert same(copy.answer(feeds, {}, None), twin.answer(feeds), "probs")


@pytest.mark.parametrize("version", [1, 2])
def test_a_loop_is_left_as_it_is(version: int) -> None:
    def looped(x: Any) -> Any:
        turn = weight("turn", 8, 8)

        def step(number: Any, state: Any) -> Any:
            return number + 1, tf.tanh(tf.matmul(state, turn))

        shapes = [tf.TensorShape([]), tf.TensorShape([None, 8])]
        state = v1.while_loop(lambda n, _: n < 3, step, [0, x], shapes)[1]
        return {"state": tf.identity(state, name="state"), "more": tf.exp(state, name="more")}

    with control_flow(version):
        twin, copy, feeds = asked(looped)
    plain, moved = copy.answer(feeds, {}, None), copy.answer(feeds, {}, (0, 1))
    assert same(plain, twin.answer(feeds), "more")
    assert same(plain, moved, "state")
    assert not same(plain, moved, "more")


def _kernel(*shape: int) -> Any:
    return tf.ones(shape)


SUMS: dict[str, tuple[Callable[[Any], Any], int | None]] = {
    "mean": (lambda x: tf.reduce_mean(x, [1, 2]), 48),
    "sum": (lambda x: tf.reduce_sum(x, -1), 4),
    "pool": (lambda x: tf.nn.avg_pool2d(x, [3, 2], 1, "SAME"), 6),
    "conv": (lambda x: tf.nn.conv2d(x, _kernel(3, 3, 4, 7), 1, "SAME"), 36),
    "depthwise": (lambda x: tf.nn.depthwise_conv2d(x, _kernel(3, 3, 4, 2), [1] * 4, "SAME"), 9),
    "transposed": (
        lambda x: tf.nn.conv2d_transpose(x, _kernel(2, 2, 7, 4), [5, 12, 16, 7], 2),
        16,
    ),
    "matmul": (lambda x: tf.matmul(x[:, 0, 0], _kernel(4, 3)), 4),
    "transposed matmul": (lambda x: tf.matmul(x[:, 0, 0], _kernel(5, 3), transpose_a=True), 5),
    "batched matmul": (lambda x: tf.matmul(x, x, adjoint_a=True), 8),
    "cumulative": (lambda x: tf.cumsum(x, 2), 8),
    "einsum": (lambda x: tf.einsum("bhwc,wcd->bhd", x, _kernel(8, 4, 3)), 32),
    "einsum with dots": (lambda x: tf.einsum("...c,cd->...d", x, _kernel(4, 3)), 4),
    "none": (lambda x: tf.exp(x), None),
}


@pytest.mark.parametrize("name", SUMS)
def test_how_many_are_added_up_is_read_from_the_graph(name: str) -> None:
    build, count = SUMS[name]
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, None, None, 4])
        tensor = build(tf.ensure_shape(x, [None, 6, 8, 4]) if name != "mean" else x)
        kinds = {op.type for op in graph.get_operations()} & ROUNDS
        summing = [op for op in graph.get_operations() if op.type in kinds]
        found = [terms(op) for op in summing]
        fed = np.ones((5, 6, 8, 4), np.float32)
        with v1.Session() as session:
            fetched = [session.run(t, {x: fed}) for t in found if t is not None]
            session.run(tensor, {x: fed})
    assert [int(value) for value in fetched] == ([count] if count else [])
