"""Freeze any subject as a script in the wild does, with one thing of it done another way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_slim as slim

from pytest_freezecheck.models.checkpoint import keys_to_restore
from tests.kit.subjects import Subject

v1 = tf.compat.v1
Build = Callable[[Subject, Any], Any]
Keys = Callable[[], Mapping[str, Any]]
Ship = Callable[[Subject, Path], None]
#: Tells variables apart by the part that they play, whatever the network calls its layers.
Role = Callable[[Any], bool]
SHADOW = "/ExponentialMovingAverage"


def as_it_is(subject: Subject, images: Any) -> Any:
    return subject.build(images)


def trainable_keys() -> Mapping[str, Any]:
    return keys_to_restore("trainable")


def freeze(
    subject: Subject,
    path: Path,
    *,
    build: Build = as_it_is,
    keys: Keys = trainable_keys,
    checkpoint: str | None = None,
    afterwards: Callable[[Any], None] | None = None,
    edit: Callable[[Any], Any] | None = None,
) -> None:
    """Build, restore, `convert_variables_to_constants`, write.

    Args:
        subject: the network.
        path: the file to write.
        build: makes the output of the placeholder.
        keys: {checkpoint key: variable} to restore; all else keeps its initial value.
        checkpoint: another one than the subject's.
        afterwards: done to the session when it is restored.
        edit: returns the GraphDef to write, of the one that was frozen.
    """
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(3)  # fresh sessions then drop the same units, which hides a dropout
        shape = [None, *subject.spec.shape]
        output = build(subject, v1.placeholder(subject.spec.dtype, shape, name=subject.input))
        session.run(v1.global_variables_initializer())
        v1.train.Saver(keys()).restore(session, checkpoint or subject.checkpoint)
        if afterwards is not None:
            afterwards(session)
        frozen = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [output.op.name]
        )
    if edit is not None:
        frozen = edit(frozen)
    path.write_bytes(frozen.SerializeToString())


def differently(**options: Any) -> Ship:
    """Return a freeze that takes these arguments of `freeze`."""

    def ship(subject: Subject, path: Path) -> None:
        freeze(subject, path, **options)

    return ship


def is_statistic(variable: Any) -> bool:
    return "/moving_" in variable.op.name


def is_beta(variable: Any) -> bool:
    return bool(variable.op.name.endswith("BatchNorm/beta"))


def is_filter(variable: Any) -> bool:
    """Whether it holds the filters of a convolution, pointwise ones among them."""
    return variable.op.name.endswith("weights") and len(variable.shape) == 4


def middle(role: Role) -> Role:
    """Return the role of one variable alone: the one in the middle of those with this role."""

    def is_it(variable: Any) -> bool:
        candidates = [v for v in v1.global_variables() if role(v)]
        return variable is candidates[len(candidates) // 2]

    return is_it


def is_statistic_of_one_layer(variable: Any) -> bool:
    means = [v.op.name for v in v1.global_variables() if v.op.name.endswith("moving_mean")]
    layer = means[len(means) // 2].removesuffix("moving_mean")
    return bool(is_statistic(variable) and variable.op.name.startswith(layer))


def is_head(variable: Any) -> bool:
    """Whether it belongs to the last layer: weights and biases are made last."""
    return any(variable is v for v in v1.trainable_variables()[-2:])


def is_last_bias(variable: Any) -> bool:
    return variable is v1.trainable_variables()[-1]


def but_for(role: Role) -> Keys:
    """Return the correct keys without the variables of a role."""
    return lambda: {key: v for key, v in trainable_keys().items() if not role(v)}


def reading(role: Role, *, shadows: bool) -> Keys:
    """Return the correct keys, but read the variables of a role from shadows, or from raw keys."""

    def keys() -> Mapping[str, Any]:
        suffix = SHADOW if shadows else ""
        return {v.op.name + suffix if role(v) else key: v for key, v in trainable_keys().items()}

    return keys


@contextlib.contextmanager
def replaced(function: str, other: Callable[..., Any]) -> Iterator[None]:
    """Give tf_slim another function of that name while a network is built."""
    original = getattr(slim, function)
    setattr(slim, function, other)
    try:
        yield
    finally:
        setattr(slim, function, original)


@contextlib.contextmanager
def control_flow_of_tensorflow_1() -> Iterator[None]:
    """Build conditions as TensorFlow 1 did, with Switch and Merge.

    Those of today are functions, and freezing breaks the ones that read a variable. tf_slim looks
    for `cond` in a module that has lost it.
    """
    from tensorflow.python.ops import control_flow_ops

    today, missing = v1.control_flow_v2_enabled(), not hasattr(control_flow_ops, "cond")
    v1.disable_control_flow_v2()
    if missing:
        control_flow_ops.cond = v1.cond
    try:
        yield
    finally:
        if missing:
            del control_flow_ops.cond
        if today:
            v1.enable_control_flow_v2()
