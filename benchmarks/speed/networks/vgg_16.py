"""VGG 16: 134 million parameters."""

from typing import Any

import tensorflow as tf

from pytest_freezecheck.models import slim as today

today.prepare()
import tf_slim as slim  # noqa: E402
from tf_slim.nets import vgg  # noqa: E402

SHAPE = (224, 224, 3)
DECAY = 0.99


def build(images: Any) -> Any:
    """Return the probabilities, float32, shape (batch, 10)."""
    with slim.arg_scope(vgg.vgg_arg_scope()):
        logits, _ = vgg.vgg_16(images, 10, is_training=False)
    return tf.nn.softmax(logits, name="probabilities")


def placeholder() -> Any:
    """Return the network's input, the placeholder `images`."""
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
