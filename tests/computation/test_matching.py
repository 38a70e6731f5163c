"""What is the same is said to be, however it is written; what answers otherwise never is."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.proof import (
    DIFFERS,
    EQUAL,
    NOT_MATCHED,
    Proof,
    compare,
)
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.errors import ArtifactError, FreezecheckError
from pytest_freezecheck.models.constant_graph import ConstantGraph
from pytest_freezecheck.models.graph_reader import read_graph
from tests.computation.mutations import apart, mutant, normal_form, original, proved, run
from tests.computation.proving import LiveSide
from tests.kit.networks import NETWORKS, WRONG

v1 = tf.compat.v1
MUTATED = (
    "boxes and anchors",
    "BatchNorm",
    "depthwise",
    "InstanceNorm",
    "PReLU and hard swish",
    "scalars and answers without rows",
    "several heads",
    "simple RNN",
    "spectrogram",
    "two towers",
)
_original = functools.cache(original)


def _campaign(name: str, seeds: range) -> Counter[str]:
    """Plant mistakes in a network, and return how often each came to what."""
    found: Counter[str] = Counter()
    origin = _original(name)
    for seed in seeds:
        graph, said = mutant(origin, np.random.default_rng(seed))
        if not said:
            continue
        try:
            far = apart(origin.answers, run(graph, origin.feeds))
        except (ValueError, TypeError, IndexError, tf.errors.OpError):
            continue  # TensorFlow cannot run it
        try:
            proof = proved(origin, graph)
        except FreezecheckError:
            found["refused"] += 1
            continue
        assert not (far > 1e-5 and proof.holds), f"seed {seed}: {said}: {proof.result}, {far} apart"
        found[proof.result] += 1
        found["other"] += far > 1e-5
        found["seen"] += far > 1e-5 and proof.result == DIFFERS
    return found


@pytest.mark.parametrize("name", MUTATED)
def test_a_planted_mistake_that_shows_is_never_proved_equal(name: str) -> None:
    found = _campaign(name, range(30))
    assert found["other"] >= 5
    # What shows is mostly named outright.
    assert found["seen"] >= 0.6 * found["other"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_many_planted_mistakes_are_never_proved_equal(name: str) -> None:
    _campaign(name, range(1000, 1006))  # benchmarks/mutants.py plants more


def _read(build: Any) -> tuple[dict[str, Any], Arena, dict[str, Any]]:
    with tf.Graph().as_default() as graph:
        inputs = {
            "x": v1.placeholder(tf.float32, [None, 5, 4, 3], "x"),
            "v": v1.placeholder(tf.float32, [None, 6], "v"),
        }
        output = build(**inputs)
    read = ConstantGraph(
        graph.as_graph_def(), {n: t.name for n, t in inputs.items()}, {"y": output.name}
    )
    known = {n: (tuple(t.shape.as_list()), "float32") for n, t in inputs.items()}
    return {"y": read}, Arena(), known


def _compared(one: Any, other: Any) -> Proof:
    """Compare two functions of a picture and a vector."""
    (mine, arena, known), (theirs, _, _) = _read(one), _read(other)
    live = normal_form(arena, read_graph(arena, mine["y"]), known)
    inner = Arena(arena)
    return compare(live, normal_form(inner, read_graph(inner, theirs["y"]), known), frozenset())


_RNG = np.random.default_rng(7)


def _numbers(*shape: int, low: float = -1.0) -> Any:
    return _RNG.uniform(low, 1.0, shape).astype(np.float32)


KERNEL, BIAS, WEIGHT = _numbers(3, 3, 3, 4), _numbers(4), _numbers(6, 4)
SCALE, OFFSET, MEAN = (_numbers(4) for _ in range(3))
VARIANCE = _numbers(4, low=0.3)
ALTERED = WEIGHT.copy()
ALTERED[2, 1] *= 1.0001
FACTOR = (SCALE.astype(np.float64) / np.sqrt(VARIANCE.astype(np.float64) + 1e-3)).astype(np.float32)


def _conv(x: Any, kernel: Any = KERNEL) -> Any:
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def _normed(x: Any) -> Any:
    return v1.nn.fused_batch_norm(
        x, SCALE, OFFSET, MEAN, VARIANCE, epsilon=1e-3, is_training=False
    )[0]


def _first(x: Any) -> Any:
    return tf.transpose(x, (0, 3, 1, 2))


SAME: dict[str, tuple[Any, Any]] = {
    "the order of operands": (
        lambda x, v: tf.sin(v) * tf.maximum(tf.cos(v), 0.5) + tf.exp(v),
        lambda x, v: tf.exp(v) + tf.maximum(0.5, tf.cos(v)) * tf.sin(v),
    ),
    "a folded BatchNorm": (
        lambda x, v: _normed(_conv(x)),
        lambda x, v: _conv(x, KERNEL * FACTOR) + (OFFSET - MEAN * FACTOR),
    ),
    "a BatchNorm in single operations": (
        lambda x, v: _normed(_conv(x)),
        lambda x, v: (_conv(x) - MEAN) * tf.math.rsqrt(VARIANCE + 1e-3) * SCALE + OFFSET,
    ),
    "a bias added or joined": (
        lambda x, v: tf.nn.bias_add(tf.matmul(v, WEIGHT), BIAS),
        lambda x, v: tf.matmul(tf.concat([v], 1), WEIGHT) + BIAS[None],
    ),
    "a flattened product": (
        lambda x, v: tf.nn.relu(tf.reshape(x, [-1, 60])),
        lambda x, v: tf.reshape(tf.maximum(x, 0.0), [-1, 60]),
    ),
    "channels second": (
        lambda x, v: tf.nn.relu(_conv(x) + BIAS),
        lambda x, v: tf.transpose(
            tf.nn.relu(_first(_conv(x)) + BIAS.reshape(4, 1, 1)), (0, 2, 3, 1)
        ),
    ),
    "a mean in two ways": (
        lambda x, v: tf.reduce_mean(x, [1, 2]),
        lambda x, v: tf.squeeze(tf.nn.avg_pool2d(x, [5, 4], 1, "VALID"), [1, 2]),
    ),
    "pixels scaled before or after": (
        lambda x, v: _conv(x / 127.5),
        lambda x, v: _conv(x, KERNEL / np.float32(127.5)),
    ),
}
OTHER: dict[str, tuple[Any, Any]] = {
    "the order of a difference": (lambda x, v: tf.sin(v) - v, lambda x, v: v - tf.sin(v)),
    "another function": (lambda x, v: tf.nn.relu(v), lambda x, v: tf.nn.relu6(v)),
    "another epsilon": (
        lambda x, v: _normed(_conv(x)),
        lambda x, v: (_conv(x) - MEAN) * tf.math.rsqrt(VARIANCE + 1e-2) * SCALE + OFFSET,
    ),
    "one weight by 0.01 %": (
        lambda x, v: tf.matmul(v, WEIGHT),
        lambda x, v: tf.matmul(v, ALTERED),
    ),
    "another axis": (lambda x, v: tf.reduce_mean(x, 1), lambda x, v: tf.reduce_mean(x, 2)),
    "an operation less": (lambda x, v: tf.sin(tf.nn.relu(v)), lambda x, v: tf.sin(v)),
    "another constant output": (
        lambda x, v: tf.constant([1.0, 2.0]),
        lambda x, v: tf.constant([1.0, 2.0001]),
    ),
    "a rectifier on the other side": (
        lambda x, v: tf.nn.relu(_conv(x)),
        lambda x, v: _conv(tf.nn.relu(x)),
    ),
    "whole numbers that run over": (
        lambda x, v: tf.cast(tf.cast(v, tf.uint8) - tf.cast(tf.sin(v), tf.uint8), tf.int32),
        lambda x, v: (
            tf.cast(tf.cast(v, tf.uint8), tf.int32)
            - tf.cast(tf.cast(tf.sin(v), tf.uint8), tf.int32)
        ),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_written_in_two_ways_is_equal(name: str) -> None:
    for pair in (SAME[name], SAME[name][::-1]):
        proof = _compared(*pair)
        assert proof.result == EQUAL, (proof.partings, proof.constants)


@pytest.mark.parametrize(
    ("pads", "strides", "sizes", "equal"),
    [
        ("SAME", (2, 2), (4, 4), True),
        (((0, 1), (0, 1)), (2, 2), (4, 4), True),  # the cell that is odd comes after
        (((1, 0), (1, 0)), (2, 2), (4, 4), False),
        (((0, 1), (0, 1)), (2, 2), (5, 5), False),
        ("SAME", (1, 1), (None, None), True),
        (((1, 1), (1, 1)), (1, 1), (None, None), True),
        (((0, 2), (0, 2)), (1, 1), (None, None), False),
    ],
)
def test_one_side_may_know_less_of_the_sizes_that_are_padded(
    pads: Any, strides: tuple[int, int], sizes: tuple[int | None, ...], equal: bool
) -> None:
    builder = Builder(Arena(), RULES)
    x = builder.input("x", (None, *sizes, 3), "float32")
    kernel = builder.constant(KERNEL)

    def convolved(factors: tuple[float, float], shape: Any, padding: Any) -> Node:
        parts = [builder.constant(np.full(3, factor, np.float32)) for factor in factors]
        scaled = builder.op("mul", x, builder.op("mul", *parts))
        warped = builder.opaque(
            "tf:Warp", (scaled,), {}, shape=shape, dtype="float32", origin="warp"
        )
        return builder.convolution(warped, kernel, strides=strides, pads=padding)

    known = convolved((1.25, 1.0), (None, *sizes, 3), "SAME")
    other = convolved((2.5, 0.5), None, pads)
    assert (compare({"y": known}, {"y": other}, frozenset()).result == EQUAL) == equal


@pytest.mark.parametrize("name", OTHER)
def test_another_function_is_not_equal(name: str) -> None:
    for pair in (OTHER[name], OTHER[name][::-1]):
        assert _compared(*pair).result in (DIFFERS, NOT_MATCHED)


#: Ways that rewrite a graph and keep what it computes, and what they leave unmatched: how long the
#: longest row of a batch is nobody knows before it runs; and `optimize_for_inference` makes an
#: operation of its own of a resize and a convolution, `FusedResizeAndPadConv2D`.
WAYS = ("grappler", "optimize_for_inference", "fold_batch_norms")
UNMATCHED = {("as long as the longest of the batch", "grappler")}
UNMATCHED |= {("super-resolution", "optimize_for_inference")}


def _exported(side: LiveSide, way: str, folder: Path) -> Proof:
    """Return what comparing a live network with what a way makes of it comes to."""
    frozen = freezecheck.load(freezecheck.freeze(side.live, way, folder), way=way)
    with contextlib.closing(frozen):
        return side.proof(frozen)


@pytest.mark.parametrize("way", ["graph_def", "grappler", "strip_unused"])
@pytest.mark.parametrize("name", ["BatchNorm", "InstanceNorm", "spectrogram", "two towers"])
def test_a_rewritten_graph_is_proved_to_be_the_same(
    sides: Callable[[str], LiveSide], name: str, way: str, tmp_path: Path
) -> None:
    proof = _exported(sides(name), way, tmp_path)
    assert proof.holds, proof


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_rewritten_graph_is_proved_to_be_the_same(
    sides: Callable[[str], LiveSide], name: str, way: str, tmp_path: Path
) -> None:
    if "left behind" in WRONG.get((name, way), ""):
        with pytest.raises(ArtifactError, match=r"the function .* is missing"):
            _exported(sides(name), way, tmp_path)
        return
    proof = _exported(sides(name), way, tmp_path)
    assert proof.holds or ((name, way) in UNMATCHED and proof.result == NOT_MATCHED), proof
