"""ResNet v2 50 of tf_slim.nets at 224 x 224: a network of real size, and its exporter.

There is no checkpoint of 200 MB in this repository: the weights are drawn from a seed, and the
statistics of BatchNorm are measured on a batch, so that activations and logits are of the size
that a trained network has.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pytest_freezecheck.models import slim as today

today.prepare()  # tf_slim on today's TensorFlow; your repository may have a shim of its own
import tf_slim as slim  # noqa: E402
from tf_slim.nets import resnet_v2  # noqa: E402

v1 = tf.compat.v1
SHAPE, CLASSES = (224, 224, 3), 1000


def network(images, is_training=False, epsilon=1e-5):
    """Return probabilities, float32, shape (batch, 1000), of images, float32, in [-1, 1]."""
    scope = resnet_v2.resnet_arg_scope(batch_norm_decay=0.0, batch_norm_epsilon=epsilon)
    with slim.arg_scope(scope):
        _, end_points = resnet_v2.resnet_v2_50(images, CLASSES, is_training=is_training)
    return end_points["predictions"]


def values():
    """Return {variable name: value}: seeded weights, and statistics measured on a batch."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(5)
        images = np.random.default_rng(5).uniform(-1, 1, (4, *SHAPE)).astype(np.float32)
        network(tf.constant(images), is_training=True)
        session.run(v1.global_variables_initializer())
        # With a decay of 0 the statistics are those of this batch.
        session.run(v1.get_collection(v1.GraphKeys.UPDATE_OPS))
        variables = v1.global_variables()
        found = {v.op.name: x for v, x in zip(variables, session.run(variables), strict=True)}
    rng = np.random.default_rng(6)
    for name, value in found.items():
        if name.endswith(("beta", "biases")):
            found[name] = value + rng.normal(0, 0.05, value.shape).astype(np.float32)
    found["resnet_v2_50/logits/weights"] *= 5  # logits of standard deviation about 3
    return found


def restored(build, known):
    """Return a session with a network in it, and the network's input and output."""
    graph = tf.Graph()
    with graph.as_default():
        images = v1.placeholder(tf.float32, [None, *SHAPE], name="images")
        probabilities = build(images)
        session = v1.Session(graph=graph)
        for variable in v1.global_variables():
            feed = {variable.initializer.inputs[1]: known[variable.op.name]}
            session.run(variable.initializer, feed)
    return session, images, probabilities


def session():
    """Return the live session, its inputs and its outputs."""
    live, images, probabilities = restored(network, values())
    return live, {"images": images}, {"probabilities": probabilities}


def export(live, directory):
    """Write `resnet_v2_50.pb`: what ships is built again, as by an exporting script.

    Args:
        live: the live model, whose values are taken.
        directory: a folder.
    """
    known = live.weights()
    with restored(network, known)[0] as running:
        frozen = v1.graph_util.convert_variables_to_constants(
            running, running.graph.as_graph_def(), [live.outputs["probabilities"].op.name]
        )
    (Path(directory) / "resnet_v2_50.pb").write_bytes(frozen.SerializeToString())
