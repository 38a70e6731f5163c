"""Export what ships: a frozen GraphDef and a SavedModel. python -m classifier.export."""

from pathlib import Path

import tensorflow as tf

from classifier.nets import DECAY, SHAPE, inference

v1 = tf.compat.v1
CHECKPOINT = str(Path(__file__).parents[1] / "train_dir" / "model.ckpt-200")


def main(live, directory):
    """Write `frozen.pb` and `saved_model` into a directory.

    Args:
        live: the live model, which the gate hands to exporters; this script builds its own.
        directory: a folder.
    """
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        images = v1.placeholder(tf.float32, [None, *SHAPE], name="images")
        probabilities = inference(images, is_training=False)
        average = tf.train.ExponentialMovingAverage(DECAY)
        v1.train.Saver(average.variables_to_restore()).restore(session, CHECKPOINT)
        frozen = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [probabilities.op.name]
        )
        (Path(directory) / "frozen.pb").write_bytes(frozen.SerializeToString())
        v1.saved_model.simple_save(
            session,
            str(Path(directory) / "saved_model"),
            {"images": images},
            {"probabilities": probabilities},
        )


if __name__ == "__main__":
    main(None, "export")
