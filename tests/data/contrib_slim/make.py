"""Make the checkpoint and the frozen graph beside this file, with TensorFlow 1.15's contrib.slim.

Needs Python 3.7 and tensorflow==1.15.5, so it is not run by the tests; they use what it wrote:
a checkpoint with shadows of all model variables, `frozen.pb` as the era's scripts froze it,
`flagged.pb` with the `is_training` placeholder left in (its BatchNorm is a `Switch` and a `Merge`
of both modes), and `answers.npz`, what the live session of TensorFlow 1.15 answered to eight inputs.
"""

import os

import numpy as np
import tensorflow as tf
from tensorflow.contrib import slim

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = (16, 16, 3)


def network(images, is_training):
    """Build the network; `tests/formats/test_contrib_slim.py` builds the same with tf_slim."""
    norm = {"is_training": is_training, "decay": 0.9, "scale": True}
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params=norm):
        net = slim.conv2d(images, 8, [3, 3], stride=2, scope="conv1")
        net = slim.conv2d(net, 12, [3, 3], stride=2, scope="conv2")
    net = slim.dropout(slim.flatten(net), 0.8, is_training=is_training, scope="dropout")
    return slim.softmax(slim.fully_connected(net, 4, activation_fn=None, scope="logits"))


def pictures(count, seed):
    """Draw images whose class is the quarter that is bright."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, 4, count)
    images = rng.uniform(-1, 0.5, (count,) + SHAPE)
    for image, label in zip(images, labels):
        image[8 * (label // 2) :, :, :][:8, 8 * (label % 2) :][:, :8] += 0.5
    return images.astype(np.float32), labels


def main():
    """Train, save, freeze and answer."""
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        images = tf.placeholder(tf.float32, (None,) + SHAPE, name="images")
        labels = tf.placeholder(tf.int64, [None], name="labels")
        loss = tf.losses.log_loss(tf.one_hot(labels, 4), network(images, True))
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train = tf.train.AdamOptimizer(0.01).minimize(loss)
        average = tf.train.ExponentialMovingAverage(0.95)
        with tf.control_dependencies([train]):
            update = average.apply(slim.get_model_variables())
        shadows = {average.average_name(v): average.average(v) for v in slim.get_model_variables()}
        saved = dict({v.op.name: v for v in slim.get_model_variables()}, **shadows)
        saver = tf.train.Saver(saved)  # without Adam's slots, to stay small
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for step in range(120):
                batch, truth = pictures(32, step)
                session.run(update, {images: batch, labels: truth})
            saver.save(session, os.path.join(HERE, "model.ckpt"), write_meta_graph=False)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, (None,) + SHAPE, name="images")
        output = network(images, False)
        saver = tf.train.Saver(tf.train.ExponentialMovingAverage(0.95).variables_to_restore())
        saver.restore(session, os.path.join(HERE, "model.ckpt"))
        inputs = pictures(8, 1000)[0]
        np.savez(
            os.path.join(HERE, "answers.npz"),
            inputs=inputs,
            answers=session.run(output, {images: inputs}),
        )
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [output.op.name]
        )
    with open(os.path.join(HERE, "frozen.pb"), "wb") as file:
        file.write(frozen.SerializeToString())
    flagged()


def flagged():
    """Freeze the network with its flag left to be fed."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, (None,) + SHAPE, name="images")
        output = network(images, tf.placeholder(tf.bool, [], name="is_training"))
        saver = tf.train.Saver(tf.train.ExponentialMovingAverage(0.95).variables_to_restore())
        saver.restore(session, os.path.join(HERE, "model.ckpt"))
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [output.op.name]
        )
    with open(os.path.join(HERE, "flagged.pb"), "wb") as file:
        file.write(frozen.SerializeToString())


if __name__ == "__main__":
    main()
