"""A TensorFlow 1 evaluation as it has always been: reference variables, a session, no tf_slim."""

from pathlib import Path

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

HERE = Path(__file__).parent
CHECKPOINT = str(HERE / "train_dir" / "model.ckpt")
SIZE, CLASSES = 10, 4


def network(signal):
    """Return probabilities, float32, shape (batch, 4), of a signal, float32, shape (batch, 10)."""
    with tf.variable_scope("mlp"):
        weights = tf.get_variable("w1", [SIZE, 16], initializer=tf.glorot_normal_initializer(1))
        bias = tf.get_variable("b1", [16], initializer=tf.random_normal_initializer(0, 0.3, 2))
        hidden = tf.nn.leaky_relu(tf.matmul(signal, weights) + bias, alpha=0.1)
        # Normalise with statistics that training kept by hand, as code of the time did.
        mean = tf.get_variable("mean", [16], trainable=False, initializer=tf.zeros_initializer())
        std = tf.get_variable("std", [16], trainable=False, initializer=tf.ones_initializer())
        hidden = (hidden - mean) / (std + 1e-3)
        weights = tf.get_variable("w2", [16, CLASSES], initializer=tf.glorot_normal_initializer(3))
        bias = tf.get_variable("b2", [CLASSES], initializer=tf.random_normal_initializer(0, 0.3, 4))
        return tf.nn.softmax(tf.matmul(hidden, weights) + bias, name="scores")


def session():
    """Return what the gate needs: the session, its inputs and its outputs."""
    graph = tf.Graph()
    with graph.as_default():
        signal = tf.placeholder(tf.float32, [None, SIZE], name="signal")
        scores = network(signal)
        average = tf.train.ExponentialMovingAverage(0.95)
        live = tf.Session(graph=graph)
        tf.train.Saver(average.variables_to_restore()).restore(live, CHECKPOINT)
    return live, {"signal": signal}, {"scores": scores}
