"""Rules for what converters write otherwise; operations of several words, held to TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.rules import RULES, exported
from pytest_freezecheck.computation.vocabulary import evaluate
from tests.computation.proving import LiveSide
from tests.kit.made import made, weight

Make = Callable[[Builder, Node, np.random.Generator], Node]


def _constant_reshaped(b: Builder, x: Node, rng: np.random.Generator) -> Node:
    wide = b.op("reshape", b.op("tanh", x), shape=(None, 3, 4, 1))
    return b.op("mul", wide, b.constant(rng.normal(size=(1, 3, 1, 1)).astype(np.float32)))


def _fewer(b: Builder, x: Node, rng: np.random.Generator) -> Node:
    return b.op("maximum", x, b.constant(rng.normal(size=(1, 3, 4)).astype(np.float32)))


def _ones_moved(b: Builder, x: Node, _: np.random.Generator) -> Node:
    turned = b.op("transpose", x, perm=(0, 2, 1))
    wide = b.op("reshape", turned, shape=(None, 1, 4, 1, 3))
    return b.op("reshape", b.op("tanh", wide), shape=(None, 4, 3))


def _best(b: Builder, x: Node, _: np.random.Generator) -> Node:
    return b.op("argmax", b.op("transpose", x, perm=(2, 0, 1)), axis=2)


def _largest(b: Builder, x: Node, _: np.random.Generator) -> Node:
    values, places = b.op("top_values", x, k=1), b.op("top_places", x, k=1)
    return b.op("concat", values, b.op("cast", places, to="float32"), axis=2)


def _floats(b: Builder, x: Node, _: np.random.Generator) -> Node:
    whole = b.op("cast", b.op("cast", x, to="int32"), to="float32")
    return b.op("less", whole, b.constant(np.float32(1.0)))


_PARTS = ((None, None, 1), (None, None, 1), (1, 3, 1))
CASES: dict[str, Make] = {
    "a constant operand, then axes of size 1": _constant_reshaped,
    "a constant of fewer axes": _fewer,
    "axes of size 1, then transposed": _ones_moved,
    "the best, then transposed": _best,
    "the largest alone": _largest,
    "whole numbers compared as floats": _floats,
}


def test_each_rule_has_a_case() -> None:
    assert set(CASES) == {rule.name for rule in exported.RULES}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CASES)
def test_a_rule_changes_nothing(name: str, seed: int) -> None:
    fed = {"x": np.random.default_rng(seed).normal(0.0, 2.0, (2 + seed, 3, 4))}
    found = []
    for rules in ((), RULES):
        b = Builder(Arena(), rules)
        x = b.input("x", (None, 3, 4), "float32")
        found.append(evaluate([CASES[name](b, x, np.random.default_rng(seed))], fed)[0])
    assert b.used[name]
    assert found[0].shape == found[1].shape
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-12)


def _transposed(stride: int, size: int, mode: str, dilation: int = 1) -> Any:
    def build(x: Any) -> Any:
        kernel = weight("k", 3, 3, 5, 4)
        shape = tf.stack([tf.shape(x)[0], size, size, 5])
        return {"y": tf.nn.conv2d_transpose(x, kernel, shape, stride, mode, dilations=dilation)}

    return build


def _state(x: Any) -> Any:
    start = tf.fill([tf.shape(x)[0], 2], 3.0)
    return {"y": tf.concat([start, tf.reduce_sum(x, [1, 2])], axis=1)}


def _ordered(x: Any) -> Any:
    values, places = tf.math.top_k(tf.round(x), 3)
    return {"y": values, "places": places}


@pytest.mark.parametrize(
    "build",
    [
        _transposed(2, 12, "SAME"),
        _transposed(2, 11, "SAME"),
        _transposed(3, 18, "SAME"),
        _transposed(2, 13, "VALID"),
        _transposed(1, 6, "SAME", 2),
        _state,
        _ordered,
        lambda x: {"y": tf.nn.depth_to_space(x, 2)},
        lambda x: {"y": tf.nn.space_to_depth(x, 3)},
        lambda x: {"y": tf.math.erfc(x)},
        lambda x: {"y": tf.einsum("nijc,nkjc->nik", x, x)},
    ],
)
def test_it_is_what_tensorflow_answers(build: Any) -> None:
    live = made(build, {"x": {"shape": [6, 6, 4]}})
    try:
        expressions = LiveSide(live).outputs
        fed = {"x": np.random.default_rng(0).normal(size=(3, 6, 6, 4)).astype(np.float32)}
        answers = live.answer(fed).outputs
        for name, expression in expressions.items():
            (worked,) = evaluate([expression], fed)
            np.testing.assert_allclose(worked, answers[name], rtol=1e-4, atol=1e-5)
    finally:
        live.close()
