"""Inception v3 at the size it was made for."""

from typing import Any

import tensorflow as tf

from pytest_freezecheck.models import slim as today

today.prepare()
import tf_slim as slim  # noqa: E402
from tf_slim.nets import inception  # noqa: E402

SHAPE = (299, 299, 3)
DECAY = 0.99


def build(images: Any) -> Any:
    """Return the probabilities, float32, shape (batch, 10)."""
    with slim.arg_scope(inception.inception_v3_arg_scope()):
        _, ends = inception.inception_v3(images, 10, is_training=False)
    return ends["Predictions"]


def placeholder() -> Any:
    """Return the network's input, the placeholder `images`."""
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
