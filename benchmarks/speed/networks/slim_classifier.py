"""The network of `examples/slim_classifier`, whose package lies beside this file."""

from typing import Any

import tensorflow as tf
from classifier.nets import DECAY, SHAPE, inference  # type: ignore[import-not-found]

__all__ = ["DECAY", "SHAPE", "build", "placeholder"]


def build(images: Any) -> Any:
    """Return the probabilities, float32, shape (batch, 4)."""
    return inference(images)


def placeholder() -> Any:
    """Return the network's input, the placeholder `images`."""
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
