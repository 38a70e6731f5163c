"""Polygraphy: a frozen graph against its ONNX export. `python polygraphy_onnx.py INPUTS`.

Its command line runs TensorFlow 1 alone; its runner of sessions takes one of today's, too.
"""

import json
import sys
from pathlib import Path

import net  # type: ignore[import-not-found]
import numpy as np
import tensorflow as tf
from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
from polygraphy.backend.tf import TfRunner
from polygraphy.comparator import Comparator, CompareFunc

v1 = tf.compat.v1
ROWS = 32
count = int(sys.argv[1])
with tf.Graph().as_default() as graph:
    definition = v1.GraphDef.FromString(Path("right.pb").read_bytes())
    tf.import_graph_def(definition, name="")
    session = v1.Session(graph=graph)
used = {name.partition(":")[0] for node in definition.node for name in node.input}
(output,) = (f"{node.name}:0" for node in definition.node if node.name not in used)
fed = np.random.default_rng(0).uniform(-1.0, 1.0, (count, *net.SHAPE)).astype(np.float32)
batches = [{"images:0": fed[first : first + ROWS]} for first in range(0, count, ROWS)]
runners = [TfRunner((session, [output])), OnnxrtRunner(SessionFromOnnx("right.onnx"))]
results = Comparator.run(runners, data_loader=batches)
compared = Comparator.compare_accuracy(
    results, compare_func=CompareFunc.simple(atol=1e-3, rtol=0.0, check_shapes=True)
)
Path("done.json").write_text(json.dumps({"passes": 2 * count}))
sys.exit(0 if compared else 1)
