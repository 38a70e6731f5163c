"""A token model: a table of 8,000 ids, two blocks of a transformer over 64 of them."""

from typing import Any

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
LENGTH, WORDS, WIDTH, HEADS, BLOCKS, CLASSES = 64, 8000, 128, 4, 2, 4
SHAPE = (LENGTH,)
DECAY = 0.99


def build(images: Any) -> Any:
    """Return the probabilities, float32, shape (batch, 4), of ids, int32, shape (batch, 64)."""
    x = tf.gather(_weight("table", WORDS, WIDTH), images) + _weight("positions", LENGTH, WIDTH)
    for number in range(BLOCKS):
        with v1.variable_scope(f"block{number}"):
            x = _normed("attention_norm", x + _attention(x))
            wide = tf.nn.relu(_dense("up", x, 4 * WIDTH))
            x = _normed("dense_norm", x + _dense("down", wide, WIDTH))
    logits = _dense("logits", tf.reduce_mean(x, 1), CLASSES)
    return tf.nn.softmax(logits, name="probabilities")


def placeholder() -> Any:
    """Return the network's input, the ids, named `images` as in all of these networks."""
    return v1.placeholder(tf.int32, [None, *SHAPE], name="images")


def _weight(name: str, *shape: int) -> Any:
    return v1.get_variable(name, shape, tf.float32)


def _dense(name: str, x: Any, width: int) -> Any:
    with v1.variable_scope(name):
        return tf.tensordot(x, _weight("weights", x.shape[-1], width), 1) + _weight("biases", width)


def _normed(name: str, x: Any) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    with v1.variable_scope(name):
        gamma, beta = _weight("gamma", WIDTH), _weight("beta", WIDTH)
    return (x - mean) * tf.math.rsqrt(variance + 1e-6) * gamma + beta


def _attention(x: Any) -> Any:
    def parts(name: str) -> Any:
        split = tf.reshape(_dense(name, x, WIDTH), [-1, LENGTH, HEADS, WIDTH // HEADS])
        return tf.transpose(split, [0, 2, 1, 3])

    scores = tf.matmul(parts("query"), parts("key"), transpose_b=True)
    mixed = tf.matmul(tf.nn.softmax(scores / np.sqrt(WIDTH / HEADS)), parts("value"))
    joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, LENGTH, WIDTH])
    return _dense("joined", joined, WIDTH)
