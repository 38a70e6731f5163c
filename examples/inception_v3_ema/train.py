"""Train for a few dozen steps, with an EMA over all model variables, and write a checkpoint."""

import sys

import net
import tensorflow as tf
import tf_slim as slim

v1 = tf.compat.v1
STEPS = 30
BATCH = 8


def train(directory, steps=STEPS):
    """Write `model.ckpt-<steps>` into a directory."""
    images, labels = net.pictures(steps * BATCH, seed=1)
    with tf.Graph().as_default() as graph:
        v1.set_random_seed(1)
        fed = net.placeholder()
        truth = v1.placeholder(tf.int64, [None], name="labels")
        probabilities = net.build(fed, is_training=True)
        loss = v1.losses.log_loss(tf.one_hot(truth, net.CLASSES), probabilities)
        step = v1.train.get_or_create_global_step()
        with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
            applied = v1.train.AdamOptimizer(1e-3).minimize(loss, global_step=step)
        with tf.control_dependencies([applied]):
            # As slim's train_image_classifier.py has it: the step makes the decay start low.
            average = tf.train.ExponentialMovingAverage(net.DECAY, step)
            update = average.apply(slim.get_model_variables())
        saver = v1.train.Saver()
        with v1.Session(graph=graph) as session:
            session.run(v1.global_variables_initializer())
            for number in range(steps):
                rows = slice(number * BATCH, (number + 1) * BATCH)
                value, _ = session.run([loss, update], {fed: images[rows], truth: labels[rows]})
            saver.save(session, f"{directory}/model.ckpt", global_step=steps)
    return float(value)


if __name__ == "__main__":
    print("loss", train(sys.argv[1] if len(sys.argv) > 1 else "train_dir"))
