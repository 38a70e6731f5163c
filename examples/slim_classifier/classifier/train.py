"""Train for a few seconds, with an EMA, and write checkpoints: python -m classifier.train."""

import numpy as np
import tensorflow as tf

from classifier.nets import CLASSES, DECAY, SHAPE, inference, slim

v1 = tf.compat.v1
STEPS = 200


def pictures(count, seed):
    """Draw spots; the class is the quarter they lie in.

    Returns:
        Images, float32, shape (count, 16, 16, 3), in [-1, 1], and labels, int64, shape (count,).
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    images = rng.normal(-0.2, 0.4, (count, *SHAPE))
    for image, label in zip(images, labels, strict=True):
        top, left = 8 * (label // 2), 8 * (label % 2)
        image[top : top + 8, left : left + 8] += rng.uniform(0.2, 0.6, 3)
    return np.clip(images, -1, 1).astype(np.float32), labels


def main(directory="train_dir"):
    """Write `model.ckpt-100` and `model.ckpt-200` into a directory."""
    images, labels = pictures(32 * STEPS, 1)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(1)
        fed = v1.placeholder(tf.float32, [None, *SHAPE], name="images")
        truth = v1.placeholder(tf.int64, [None], name="labels")
        loss = v1.losses.log_loss(tf.one_hot(truth, CLASSES), inference(fed, is_training=True))
        with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
            train = v1.train.AdamOptimizer(0.01).minimize(loss)
        average = tf.train.ExponentialMovingAverage(DECAY)
        with tf.control_dependencies([train]):
            update = average.apply(slim.get_model_variables())
        shadows = {average.average_name(v): average.average(v) for v in slim.get_model_variables()}
        saver = v1.train.Saver({**{v.op.name: v for v in slim.get_model_variables()}, **shadows})
        session.run(v1.global_variables_initializer())
        for step in range(1, STEPS + 1):
            rows = slice(32 * (step - 1), 32 * step)
            session.run(update, {fed: images[rows], truth: labels[rows]})
            if step in (STEPS // 2, STEPS):
                saver.save(session, f"{directory}/model.ckpt", step, write_meta_graph=False)
    np.save("samples/pictures.npy", pictures(16, 2)[0])


if __name__ == "__main__":
    main()
