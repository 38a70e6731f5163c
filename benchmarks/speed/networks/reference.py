"""The reference model."""

from typing import Any

import tensorflow as tf

from pytest_freezecheck.models import reference

SHAPE = (reference.SIZE, reference.SIZE, 3)
DECAY = 0.97


def build(images: Any) -> Any:
    """Return the probabilities, float32, shape (batch, 5)."""
    return reference.build(images)


def placeholder() -> Any:
    """Return the network's input, the placeholder `images`."""
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
