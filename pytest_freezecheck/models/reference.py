"""The reference model: a tiny slim network with every part that freezing gets wrong.

Trained in about a second, from a seed, so that whoever has no model declared sees the gate at
work on a real one: convolution and separable convolution with BatchNorm, ReLU6, max-pooling, a
fully connected layer with BatchNorm, dropout and a softmax; an EMA over *all* model variables, so
that shadows of the statistics exist and the trap of tensorflow#25912 is armed; UPDATE_OPS run; and
an older checkpoint beside the last one. Every variable is away from its initial value: statistics
at 0 and 1, or zero biases, would hide their faults completely.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.spec.inputs import InputSpec

SIZE = 24
CLASSES = 5
INPUTS = {"images": InputSpec((SIZE, SIZE, 3), "float32", -1.0, 1.0)}
STEPS = 160
OLDER_STEP = 110
_BATCH = 32
_SEED = 7
_PREFIX = "model.ckpt"


def build(images: Any, is_training: bool = False) -> Any:
    """Build the network.

    Args:
        images: float32, shape (batch, 24, 24, 3), values in [-1, 1].
        is_training: normalise with the batch's statistics and drop units.

    Returns:
        Probabilities, float32, shape (batch, 5), the tensor `probabilities:0`.
    """
    import tensorflow as tf

    from pytest_freezecheck.models import slim as compatibility

    compatibility.prepare()
    import tf_slim as slim

    norm = {"is_training": is_training, "scale": True, "decay": 0.9, "epsilon": 1e-3}
    layers = [slim.conv2d, slim.separable_conv2d, slim.fully_connected]
    with warnings.catch_warnings():
        # Two functions that tf_slim calls say that they are deprecated, to whoever calls tf_slim.
        warnings.filterwarnings("ignore", "`(layer.apply|tf.layers.*)` is deprecated", UserWarning)
        with slim.arg_scope(
            layers,
            activation_fn=tf.nn.relu6,
            normalizer_fn=slim.batch_norm,
            normalizer_params=norm,
        ):
            net = slim.conv2d(images, 8, 3, stride=2, scope="conv1")
            net = slim.separable_conv2d(net, 12, 3, depth_multiplier=1, scope="conv2")
            net = slim.max_pool2d(net, 2, scope="pool2")
            net = slim.conv2d(net, 16, 3, scope="conv3")
            net = slim.max_pool2d(net, 2, scope="pool3")
            net = slim.fully_connected(slim.flatten(net), 16, scope="fc4")
            net = slim.dropout(net, 0.8, is_training=is_training, scope="dropout4")
        logits = slim.fully_connected(net, CLASSES, activation_fn=None, scope="logits")
    return tf.nn.softmax(logits, name="probabilities")


def pictures(count: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Draw tinted gratings with noise; the class is their direction.

    Args:
        count: how many.
        seed: of everything drawn.

    Returns:
        Images, float32, shape (count, 24, 24, 3), in [-1, 1], and labels, int64, shape (count,).
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    line = np.linspace(-1.0, 1.0, SIZE)
    angle = (np.pi * labels / CLASSES)[:, None, None]
    along = np.cos(angle) * line[None, None, :] + np.sin(angle) * line[None, :, None]
    phase = rng.uniform(0.0, 2.0 * np.pi, (count, 1, 1))
    waves = np.sin(5.0 * along + phase)[..., None] * np.array([0.6, 0.4, 0.5])
    tint = np.array([0.2, -0.1, 0.1])
    images = waves + tint + rng.normal(0.0, 0.5, (count, SIZE, SIZE, 3))
    return np.clip(images, -1.0, 1.0).astype(np.float32), labels.astype(np.int64)


def train(directory: Path) -> None:
    """Train and write two checkpoints, the older one first.

    Args:
        directory: an existing directory; it gets `model.ckpt-110` and `model.ckpt-160`.
    """
    import tensorflow as tf

    from pytest_freezecheck.models.session import plain_config

    v1 = tf.compat.v1
    images, labels = pictures(STEPS * _BATCH, _SEED)
    graph = tf.Graph()
    with graph.as_default():
        v1.set_random_seed(_SEED)  # of this graph alone
        fed = v1.placeholder(tf.float32, [None, SIZE, SIZE, 3], name="images")
        truth = v1.placeholder(tf.int64, [None], name="labels")
        logits = build(fed, is_training=True).op.inputs[0]
        loss = tf.reduce_mean(
            v1.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=logits)
        )
        step = v1.train.get_or_create_global_step()
        with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
            applied = v1.train.AdamOptimizer(5e-3).minimize(loss, global_step=step)
        with tf.control_dependencies([applied]):
            average = tf.train.ExponentialMovingAverage(0.97)
            update = average.apply(v1.get_collection(v1.GraphKeys.MODEL_VARIABLES))
        saver = v1.train.Saver()
        with v1.Session(graph=graph, config=plain_config()) as session:
            session.run(v1.global_variables_initializer())
            for number in range(1, STEPS + 1):
                rows = slice((number - 1) * _BATCH, number * _BATCH)
                session.run(update, {fed: images[rows], truth: labels[rows]})
                if number in (OLDER_STEP, STEPS):
                    saver.save(
                        session,
                        str(directory / _PREFIX),
                        global_step=number,
                        write_meta_graph=False,
                    )


def checkpoint(directory: Path, step: int = STEPS) -> str:
    """Return the prefix of a checkpoint that `train` wrote."""
    return str(directory / f"{_PREFIX}-{step}")


def load(directory: Path) -> LiveModel:
    """Restore the live model: shadows for what is trainable, BatchNorm's own statistics."""
    return LiveModel.from_checkpoint(
        build, checkpoint(directory), INPUTS, ema="trainable", name="reference"
    )
