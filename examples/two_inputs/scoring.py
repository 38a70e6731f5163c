"""Scores a picture and a vector of features: two inputs, two outputs. python scoring.py writes all.

The class comes from both inputs; the price is a regression on the features and the picture's mean.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
PICTURE, FEATURES, CLASSES = (12, 12, 1), 6, 3
HERE = Path(__file__).parent
CHECKPOINT = str(HERE / "train_dir" / "model.ckpt")


def build(picture, features):
    """Return {"probabilities": (batch, 3), "price": (batch,)}.

    Args:
        picture: uint8, shape (batch, 12, 12, 1).
        features: float32, shape (batch, 6), in [0, 10].
    """
    scaled = tf.cast(picture, tf.float32) / 127.5 - 1.0
    kernel = v1.get_variable("conv/kernel", [3, 3, 1, 8])
    bias = v1.get_variable("conv/bias", [8], initializer=v1.random_normal_initializer(0, 0.1))
    seen = tf.nn.elu(tf.nn.conv2d(scaled, kernel, 2, "SAME") + bias)
    both = tf.concat([tf.reduce_mean(seen, [1, 2]), features / 10.0], axis=1, name="both")
    weights = v1.get_variable("class/weights", [8 + FEATURES, CLASSES])
    offset = v1.get_variable("class/bias", [CLASSES], initializer=v1.random_normal_initializer())
    scale = v1.get_variable("price/weights", [8 + FEATURES, 1])
    return {
        "probabilities": tf.nn.softmax(
            tf.matmul(both, weights) * 3.0 + offset, name="class/softmax"
        ),
        "price": tf.squeeze(tf.nn.softplus(tf.matmul(both, scale)), 1, name="price/value"),
    }


def placeholders():
    """Return the two inputs."""
    return {
        "picture": v1.placeholder(tf.uint8, [None, *PICTURE], name="picture"),
        "features": v1.placeholder(tf.float32, [None, FEATURES], name="features"),
    }


def train():
    """Fit generated data, with an EMA of the weights."""
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 256, (2000, *PICTURE)).astype(np.uint8)
    features = rng.uniform(0, 10, (2000, FEATURES)).astype(np.float32)
    labels, prices = features[:, :CLASSES].argmax(axis=1), features.sum(axis=1) / 20
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(2)
        inputs = placeholders()
        outputs = build(**inputs)
        truth, cost = v1.placeholder(tf.int64, [None]), v1.placeholder(tf.float32, [None])
        loss = v1.losses.log_loss(tf.one_hot(truth, CLASSES), outputs["probabilities"])
        loss += v1.losses.mean_squared_error(cost, outputs["price"])
        step = v1.train.AdamOptimizer(0.02).minimize(loss)
        average = tf.train.ExponentialMovingAverage(0.98)
        variables = v1.trainable_variables()
        with tf.control_dependencies([step]):
            update = average.apply(variables)
        session.run(v1.global_variables_initializer())
        for _ in range(200):
            rows = rng.integers(0, 2000, 64)
            fed = dict(zip(inputs.values(), (pictures[rows], features[rows]), strict=True))
            session.run(update, {**fed, truth: labels[rows], cost: prices[rows]})
        saved = {v.op.name: v for v in variables}
        saved |= {average.average_name(v): average.average(v) for v in variables}
        v1.train.Saver(saved).save(session, CHECKPOINT, write_meta_graph=False, write_state=False)


def export(directory):
    """Write a SavedModel, and a GraphDef whose names are those of another team."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        inputs = placeholders()
        outputs = build(**inputs)
        average = tf.train.ExponentialMovingAverage(0.98)
        v1.train.Saver(average.variables_to_restore()).restore(session, CHECKPOINT)
        v1.saved_model.simple_save(session, str(Path(directory, "saved_model")), inputs, outputs)
        names = [tensor.op.name for tensor in outputs.values()]
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), names)
    with tf.Graph().as_default() as graph:
        image = v1.placeholder(tf.uint8, [None, *PICTURE], name="serving/image")
        table = v1.placeholder(tf.float32, [None, FEATURES], name="serving/table")
        scores, price = tf.import_graph_def(
            frozen,
            {"picture": image, "features": table},
            [f"{name}:0" for name in names],
            name="net",
        )
        tf.identity(scores, name="serving/scores")
        tf.identity(price, name="serving/price")
        Path(directory, "frozen.pb").write_bytes(graph.as_graph_def().SerializeToString())


if __name__ == "__main__":
    if "export" not in sys.argv:
        train()
    export(HERE / "export")
