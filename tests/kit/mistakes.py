"""The mistakes themselves: what a wrong freeze builds, restores, does afterwards or edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_slim as slim

from pytest_freezecheck.models.checkpoint import keys_to_restore
from tests.kit.faults import edit_constants
from tests.kit.freezing import (
    SHADOW,
    control_flow_of_tensorflow_1,
    freeze,
    is_filter,
    middle,
    replaced,
)
from tests.kit.subjects import Subject

v1 = tf.compat.v1
#: Folder of a checkpoint with exchanged averages, below that of a network.
SWAPPED = "swapped"


def _without_dropout(net: Any, *_: Any, **__: Any) -> Any:
    return net


def training_batch_norm(subject: Subject, images: Any) -> Any:
    with replaced("dropout", _without_dropout):
        return subject.build(images, is_training=True)


def dropout_left_on(subject: Subject, images: Any) -> Any:
    drop = slim.dropout

    def always(net: Any, *args: Any, **kwargs: Any) -> Any:
        return drop(net, *args, **{**kwargs, "is_training": True})

    with replaced("dropout", always):
        return subject.build(images)


def phase_defaults_to_training(subject: Subject, images: Any) -> Any:
    phase = v1.placeholder_with_default(True, [], name="phase")
    with control_flow_of_tensorflow_1():
        return subject.build(images, is_training=phase)


def channels_first_flatten(subject: Subject, images: Any) -> Any:
    """Flatten in the order of a network that was trained with the channels first."""
    flatten = slim.flatten
    with replaced("flatten", lambda net: flatten(tf.transpose(net, [0, 3, 1, 2]))):
        return subject.build(images)


def rows_and_columns_swapped(subject: Subject, images: Any) -> Any:
    return subject.build(tf.transpose(images, [0, 2, 1, 3]))


def channels_reversed(subject: Subject, images: Any) -> Any:
    return subject.build(images[..., ::-1])


def input_scaled(subject: Subject, images: Any) -> Any:
    """Squeeze the legal range into its upper half, as [-1, 1] read as [0, 1] is."""
    high = subject.spec.bounds[1]
    return subject.build(tf.cast((tf.cast(images, tf.float32) + high) * 0.5, images.dtype))


def input_clipped(subject: Subject, images: Any) -> Any:
    """Clip at nine tenths of the legal range."""
    low, high = subject.spec.bounds
    margin = 0.05 * (high - low)
    clipped = tf.clip_by_value(tf.cast(images, tf.float32), low + margin, high - margin)
    return subject.build(tf.cast(clipped, images.dtype))


def logits(subject: Subject, images: Any) -> Any:
    operation = subject.build(images).op
    while operation.type != "Softmax":  # slim.softmax reshapes around it
        operation = operation.inputs[0].op
    return tf.identity(operation.inputs[0], name="shipped")


def classes_shifted(subject: Subject, images: Any) -> Any:
    return tf.roll(subject.build(images), 1, axis=-1, name="shifted")


def raw_keys() -> Mapping[str, Any]:
    return keys_to_restore("none")


def collected_keys() -> Mapping[str, Any]:
    """Read the shadows of all model variables, the pattern of tensorflow#25912."""
    for variable in slim.get_model_variables():
        v1.add_to_collection(v1.GraphKeys.MOVING_AVERAGE_VARIABLES, variable)
    mapping: Mapping[str, Any] = tf.train.ExponentialMovingAverage(0.97).variables_to_restore()
    return mapping


def initialised_again(session: Any) -> None:
    session.run(v1.global_variables_initializer())


def older_checkpoint(subject: Subject, path: Path) -> None:
    freeze(subject, path, checkpoint=subject.older)


def averages_swapped_twice(subject: Subject, path: Path) -> None:
    """Read shadows from a checkpoint of a swapping saver, which keeps the raw weights there."""
    prefix = str(subject.folder / SWAPPED / "model.ckpt")
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        subject.build(v1.placeholder(subject.spec.dtype, [None, *subject.spec.shape]))
        trained = v1.trainable_variables()
        tf.train.ExponentialMovingAverage(0.97).apply(trained)
        everything = {v.op.name: v for v in v1.global_variables()}
        v1.train.Saver(everything).restore(session, subject.checkpoint)
        swapped = {}
        for variable in trained:
            name = variable.op.name
            swapped[name], swapped[name + SHADOW] = everything[name + SHADOW], variable
        Path(prefix).parent.mkdir(exist_ok=True)
        v1.train.Saver({**everything, **swapped}).save(session, prefix, write_meta_graph=False)
    freeze(subject, path, checkpoint=prefix)


def fold_batch_norms(definition: Any) -> Any:
    """Fold with TensorFlow's own tool, after the pass that it needs to see the weights."""
    from tensorflow.python.tools.optimize_for_inference_lib import fold_batch_norms as fold

    return fold(v1.graph_util.remove_training_nodes(definition))


def _half(name: str, value: Any) -> Any:
    return value.astype(np.float16).astype(value.dtype) if value.dtype == np.float32 else value


def half_precision(definition: Any) -> Any:
    edit_constants(_half)(definition)
    return definition


def another_epsilon(definition: Any) -> Any:
    """Take 1e-5 for the epsilon, as other frameworks do; where it is not fused it is a constant."""

    def change(name: str, value: Any) -> Any:
        return np.full_like(value, 1e-5) if name.endswith("BatchNorm/batchnorm/add/y") else value

    edit_constants(change)(definition)
    for node in definition.node:
        if node.op.startswith("FusedBatchNorm"):
            node.attr["epsilon"].f = 1e-5
    return definition


def one_weight_times(factor: float) -> Callable[[Any], None]:
    """Alter one weight of one convolution: the one of median size, neither dead nor decisive."""

    def alter(session: Any) -> None:
        is_it = middle(is_filter)
        variable = next(v for v in v1.global_variables() if is_it(v))
        value = session.run(variable)
        place = np.argsort(np.abs(value), axis=None)[value.size // 2]
        value.flat[place] *= factor
        variable.load(value, session)

    return alter
