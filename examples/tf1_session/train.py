"""Train, save and freeze: python train.py."""

from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf
from evaluate import CHECKPOINT, CLASSES, HERE, SIZE, network, session


def train():
    """Write the checkpoint: raw weights, their shadows, and the statistics."""
    rng = np.random.default_rng(4)
    with tf.Graph().as_default(), tf.Session() as running:
        signal = tf.placeholder(tf.float32, [None, SIZE])
        truth = tf.placeholder(tf.int64, [None])
        loss = tf.losses.log_loss(tf.one_hot(truth, CLASSES), network(signal))
        step = tf.train.AdamOptimizer(0.01).minimize(loss)
        average = tf.train.ExponentialMovingAverage(0.95)
        variables = {v.op.name: v for v in tf.global_variables() if "Adam" not in v.op.name}
        variables = {k: v for k, v in variables.items() if k.startswith("mlp/")}
        with tf.control_dependencies([step]):
            update = average.apply(tf.trainable_variables())
        running.run(tf.global_variables_initializer())
        variables["mlp/mean"].load(rng.normal(0.2, 0.1, 16).astype(np.float32), running)
        variables["mlp/std"].load(rng.uniform(0.5, 1.5, 16).astype(np.float32), running)
        for _ in range(150):
            batch = rng.normal(0, 1, (64, SIZE)).astype(np.float32)
            running.run(update, {signal: batch, truth: batch[:, :CLASSES].argmax(axis=1)})
        shadows = {average.average_name(v): average.average(v) for v in tf.trainable_variables()}
        saver = tf.train.Saver({**variables, **shadows})
        saver.save(running, CHECKPOINT, write_meta_graph=False, write_state=False)


def freeze():
    """Write the frozen GraphDef that ships."""
    live, _, outputs = session()
    names = [tensor.op.name for tensor in outputs.values()]
    frozen = tf.graph_util.convert_variables_to_constants(live, live.graph.as_graph_def(), names)
    Path(HERE, "export", "frozen.pb").write_bytes(frozen.SerializeToString())


if __name__ == "__main__":
    train()
    freeze()
