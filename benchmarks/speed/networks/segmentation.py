"""A segmentation net: 192 x 192 pixels, a softmax over 21 classes at each of them.

An encoder of four levels and a decoder that is handed the encoder's maps (U-Net), 0.9 million
parameters.
"""

from typing import Any

import tensorflow as tf

from pytest_freezecheck.models import slim as today

today.prepare()
import tf_slim as slim  # noqa: E402

SHAPE = (192, 192, 3)
CLASSES = 21
DECAY = 0.99
WIDTHS = (16, 32, 64, 128)


def network(
    images: Any, num_classes: int = CLASSES, is_training: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Build the logits, shape (batch, 192, 192, classes), as functions of `tf_slim.nets` do."""
    with slim.arg_scope([slim.batch_norm], is_training=is_training):
        maps, net = [], images
        for level, width in enumerate(WIDTHS):
            net = slim.repeat(net, 2, slim.conv2d, width, 3, scope=f"down{level}")
            if level < len(WIDTHS) - 1:
                maps.append(net)
                net = slim.max_pool2d(net, 2, scope=f"pool{level}")
        for level, width in reversed(list(enumerate(WIDTHS[:-1]))):
            net = slim.conv2d_transpose(net, width, 2, stride=2, scope=f"up{level}")
            net = slim.conv2d(tf.concat([maps[level], net], -1), width, 3, scope=f"merge{level}")
        ends = {"activation_fn": None, "normalizer_fn": None}
        return slim.conv2d(net, num_classes, 1, **ends, scope="logits"), {}


def scope() -> Any:
    """Return the arg scope: ReLU and BatchNorm behind each convolution."""
    norm = {"scale": True, "decay": 0.9, "epsilon": 1e-3}
    layers = [slim.conv2d, slim.conv2d_transpose]
    with slim.arg_scope(layers, normalizer_fn=slim.batch_norm, normalizer_params=norm) as made:
        return made


def build(images: Any) -> Any:
    """Return the probabilities, float32, shape (batch, 192, 192, 21)."""
    with slim.arg_scope(scope()):
        logits, _ = network(images)
    return tf.nn.softmax(logits, name="probabilities")


def placeholder() -> Any:
    """Return the network's input, the placeholder `images`."""
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
