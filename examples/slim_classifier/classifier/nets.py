"""The network: slim layers on images of 16 x 16 x 3, 4 classes."""

import tensorflow as tf

from pytest_freezecheck.models import slim as today

today.prepare()  # tf_slim on today's TensorFlow; your repository may have a shim of its own
import tf_slim as slim  # noqa: E402

SHAPE = (16, 16, 3)
CLASSES = 4
DECAY = 0.97


def inference(images, is_training=False):
    """Return probabilities, float32, shape (batch, 4), of images, float32, in [-1, 1]."""
    norm = {"is_training": is_training, "decay": 0.9, "scale": True}
    layers = [slim.conv2d, slim.separable_conv2d]
    with slim.arg_scope(layers, normalizer_fn=slim.batch_norm, normalizer_params=norm):
        net = slim.conv2d(images, 12, 3, stride=2, scope="conv1")
        net = slim.separable_conv2d(net, 16, 3, 1, scope="conv2")
        net = slim.max_pool2d(net, 2, scope="pool2")
        net = slim.conv2d(net, 20, 3, scope="conv3")
    net = tf.reduce_mean(net, [1, 2], name="pool3")
    net = slim.dropout(net, 0.8, is_training=is_training, scope="dropout3")
    logits = slim.fully_connected(net, CLASSES, activation_fn=None, scope="logits")
    return slim.softmax(logits, scope="Predictions")
