"""ResNet v2 50 at the size it was made for."""

from typing import Any

import tensorflow as tf

from pytest_freezecheck.models import slim as today

today.prepare()
import tf_slim as slim  # noqa: E402
from tf_slim.nets import resnet_v2  # noqa: E402

SHAPE = (224, 224, 3)
DECAY = 0.99


def build(images: Any) -> Any:
    """Return the probabilities, float32, shape (batch, 1, 1, 10)."""
    with slim.arg_scope(resnet_v2.resnet_arg_scope()):
        _, ends = resnet_v2.resnet_v2_50(images, 10, is_training=False)
    return ends["predictions"]


def placeholder() -> Any:
    """Return the network's input, the placeholder `images`."""
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
