"""The smallest network with what freezing gets wrong: BatchNorm, a fully connected layer, averages.

For tests of what goes on around a check. A fresh check of it takes a fraction of what one of the
reference model takes, most of which is planting mistakes in twenty-three variables. Nothing is
trained: values are drawn, so that raw ones, shadows and statistics are all apart.

The file stands alone: tests copy it into repositories that they make, as `net.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_freezecheck import InputSpec
from pytest_freezecheck.models import slim as compatibility

compatibility.prepare()
import tf_slim as slim  # noqa: E402

v1 = tf.compat.v1
SHAPE, CLASSES, STEP, OLDER_STEP = (4, 4, 3), 3, 20, 10
INPUTS = {"images": InputSpec(SHAPE, "float32", -1.0, 1.0)}


def build(images: Any, is_training: bool = False) -> Any:
    """Return the probabilities, float32, shape (batch, 3), of images, float32, (batch, 4, 4, 3)."""
    norm = {"is_training": is_training, "scale": True, "decay": 0.9, "epsilon": 1e-3}
    net = slim.conv2d(
        images, 4, 3, stride=2, normalizer_fn=slim.batch_norm, normalizer_params=norm, scope="conv"
    )
    logits = slim.fully_connected(slim.flatten(net), CLASSES, activation_fn=None, scope="logits")
    return tf.nn.softmax(logits, name="probabilities")


def write(folder: Path) -> None:
    """Write two checkpoints as a training leaves them, with shadows of all variables."""
    rng = np.random.default_rng(7)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        build(v1.placeholder(tf.float32, [None, *SHAPE], name="images"))
        variables = v1.global_variables()
        average = tf.train.ExponentialMovingAverage(0.9)
        average.apply(variables)
        saver = v1.train.Saver()
        for step in (OLDER_STEP, STEP):
            for variable in variables:
                value = rng.normal(0.0, 0.7, variable.shape)
                if variable.op.name.endswith(("gamma", "moving_variance")):
                    value = 0.7 + np.abs(value)
                for held in (variable, average.average(variable)):
                    apart = rng.uniform(0.9, 1.1, variable.shape)
                    held.load((value * apart).astype(np.float32), session)
            saver.save(session, str(folder / "model.ckpt"), step, write_meta_graph=False)


def checkpoint(folder: Path, step: int = STEP) -> str:
    """Return the prefix of a checkpoint that `write` wrote."""
    return str(folder / f"model.ckpt-{step}")
