"""A branch whose condition is a constant is what it comes to, of both control flows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from tests.checking.test_control_flow import control_flow
from tests.computation.drawn import Draw
from tests.computation.session_graphs import SessionGraph
from tests.kit.made import exported, made, weight

v1 = tf.compat.v1
X: dict[str, dict[str, object]] = {"x": {"shape": [6]}}
Conditions = Callable[[], Any]


def switched(phase: Conditions | None, version: int = 2) -> Callable[[Any], Any]:
    """Return what builds a layer behind a branch, or the layer alone."""

    def build(x: Any) -> Any:
        with control_flow(version):
            hidden = tf.matmul(x, weight("first", 6, 6))
            if phase is not None:
                centred = hidden - tf.reduce_mean(hidden, axis=0)
                hidden = v1.cond(phase(), lambda: centred * 2.0, lambda: tf.identity(hidden))
            return {"y": tf.tanh(tf.matmul(hidden, weight("last", 6, 3)), name="y")}

    return build


def defaulting(*, to: bool) -> Conditions:
    """Return what makes a placeholder that nobody feeds."""
    return lambda: v1.placeholder_with_default(to, [], name="phase")


def the_same(*, to: bool) -> Conditions:
    return lambda: tf.constant(to, name="phase")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("condition", [defaulting, the_same])
def test_a_switch_that_is_off_leaves_nothing(
    condition: Callable[..., Conditions], version: int, tmp_path: Path
) -> None:
    live = made(switched(None), X, checkpoint=tmp_path / "model.ckpt-1")
    off = made(switched(condition(to=False), version), X)
    frozen = exported(off, "graph_def", tmp_path / "off")
    result = freezecheck.check(live, frozen, examples=10)
    assert (result.outcome, result.reason) == ("passed", "identical"), result.text
    for model in (live, off, frozen):
        model.close()


@pytest.mark.parametrize("version", [1, 2])
def test_a_switch_that_is_on_is_named(version: int, tmp_path: Path) -> None:
    live = made(switched(None), X, checkpoint=tmp_path / "model.ckpt-1")
    on = made(switched(defaulting(to=True), version), X)
    frozen = exported(on, "graph_def", tmp_path / "on")
    result = freezecheck.check(live, frozen, examples=10)
    assert (result.outcome, result.reason) == ("failed", "differs"), result.text
    assert result.cause is not None
    assert (result.cause["id"], result.cause["proven"]) == ("training-flag", True), result.text
    assert "others" not in result.cause
    assert "phase is true unless it is fed" in result.text
    for model in (live, on, frozen):
        model.close()


def _of_the_batch(mean: list[float], factor: float = 1.0, scale: float = 1.0) -> Any:
    """Return a BatchNorm in training mode, in normal form."""
    g = SessionGraph(Draw(None))  # type: ignore[arg-type]
    with g.graph.as_default():
        x = g.input(4, 4, 2)
        answer = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=[scale, 1.0], offset=[0.0, 0.0], mean=mean, variance=mean,
            exponential_avg_factor=factor, is_training=True,
        )[0]  # fmt: skip
    return g.read({"y": answer})["y"]


def test_a_batch_norm_in_training_mode_does_not_read_its_moving_statistics() -> None:
    def reads(node: Any) -> list[Any]:
        return [np.asarray(read.value.array).tolist() for read in node.inputs[1:]]

    assert reads(_of_the_batch([])) == reads(_of_the_batch([0.5, 0.5])) == [[1.0, 1.0], [0.0, 0.0]]
    assert reads(_of_the_batch([], scale=2.0)) != reads(_of_the_batch([]))
    assert len(reads(_of_the_batch([0.5, 0.5], factor=0.5))) == 4
