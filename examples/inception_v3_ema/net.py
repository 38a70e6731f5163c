"""The network of tensorflow#25912: slim's Inception v3 on images of 100 x 221 x 6, 3 classes."""

import numpy as np
import tensorflow as tf

from pytest_freezecheck.models import slim as today

today.prepare()  # tf_slim on today's TensorFlow; your own repository may have a shim of its own
import tf_slim as slim  # noqa: E402
from tf_slim.nets import inception  # noqa: E402

SHAPE = (100, 221, 6)
CLASSES = 3
DECAY = 0.9999


def build(images, is_training=False):
    """Return probabilities, float32, shape (batch, 3), of images, float32, in [-1, 1]."""
    # The arg scope's own decay of 0.9997 wants tens of thousands of steps; we train a few dozen.
    with slim.arg_scope(inception.inception_v3_arg_scope(batch_norm_decay=0.9)):
        _, end_points = inception.inception_v3(
            images, CLASSES, is_training=is_training, create_aux_logits=False
        )
    return end_points["Predictions"]


def pictures(count, seed):
    """Draw images with class structure: gratings of three directions, a colour to each channel.

    Returns:
        Images, float32, shape (count, 100, 221, 6), in [-1, 1], and labels, int64, shape (count,).
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    rows = np.linspace(-1.0, 1.0, SHAPE[0])[None, :, None]
    columns = np.linspace(-1.0, 1.0, SHAPE[1])[None, None, :]
    angle = (np.pi * labels / CLASSES)[:, None, None]
    waves = np.sin(9.0 * (np.cos(angle) * columns + np.sin(angle) * rows) + rng.uniform(0, 6.28))
    colours = np.linspace(0.3, 0.8, SHAPE[2])
    noise = rng.normal(0.0, 0.3, (count, *SHAPE))
    return np.clip(waves[..., None] * colours + noise, -1, 1).astype(np.float32), labels


def placeholder():
    """Return the network's input, the placeholder `images`."""
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
