"""Freeze without the loop: shadows for what is trainable, BatchNorm's own moving statistics."""

import sys

import net
import tensorflow as tf

v1 = tf.compat.v1


def freeze(checkpoint, path):
    """Freeze a checkpoint into a GraphDef."""
    with tf.Graph().as_default() as graph:
        probabilities = net.build(net.placeholder())
        average = tf.train.ExponentialMovingAverage(net.DECAY)
        saver = v1.train.Saver(average.variables_to_restore())
        with v1.Session(graph=graph) as session:
            saver.restore(session, checkpoint)
            frozen = v1.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), [probabilities.op.name]
            )
    with open(path, "wb") as file:
        file.write(frozen.SerializeToString())


if __name__ == "__main__":
    freeze(tf.train.latest_checkpoint(sys.argv[1]), sys.argv[2])
