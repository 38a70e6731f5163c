"""The least that anyone could do: restore, load, ask both sides the same inputs, and compare.

No search, no power, no cause: `python limit.py INPUTS FILE...`, beside a `net.py`, a checkpoint and
the files. Writes how many seconds each part took, and how many rows went forward, to `done.json`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

began = time.perf_counter()
import net  # type: ignore[import-not-found]  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

v1 = tf.compat.v1
ROWS = 32
#: What another executor rounds otherwise.
ATOL = {".pb": 1e-5, ".onnx": 1e-3}
seconds = {"import": time.perf_counter() - began, "restore": 0.0, "load": 0.0, "ask": 0.0}


def timed(part: str, function: Any, *arguments: Any) -> Any:
    """Call a function, and add what it took to a part."""
    start = time.perf_counter()
    answer = function(*arguments)
    seconds[part] += time.perf_counter() - start
    return answer


def restored() -> Any:
    """Return a function that asks the live model, and the name of its output."""
    with tf.Graph().as_default() as graph:
        output = net.build(net.placeholder()).name
        average = tf.train.ExponentialMovingAverage(net.DECAY)
        session = v1.Session(graph=graph)
        saver = v1.train.Saver(average.variables_to_restore())
        saver.restore(session, tf.train.latest_checkpoint("train_dir"))
    return (lambda rows: session.run(output, {"images:0": rows})), output


def loaded(path: str, output: str) -> Any:
    """Return a function that asks a file."""
    if path.endswith(".onnx"):
        import onnxruntime

        executor = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return lambda rows: executor.run(None, {"images:0": rows})[0]
    with tf.Graph().as_default() as graph:
        definition = v1.GraphDef.FromString(Path(path).read_bytes())
        tf.import_graph_def(definition, name="")
        session = v1.Session(graph=graph)
    return lambda rows: session.run(output, {"images:0": rows})


def inputs(count: int) -> Any:
    """Draw inputs from the range that the table declares."""
    rng, declared = np.random.default_rng(0), json.loads(Path("inputs.json").read_text())
    shape, low, high = (count, *net.SHAPE), declared["low"], declared["high"]
    if declared["dtype"] == "int32":
        return rng.integers(low, high, shape, np.int32, endpoint=True)
    return rng.uniform(low, high, shape).astype(np.float32)


live, output = timed("restore", restored)
files = {path: timed("load", loaded, path, output) for path in sys.argv[2:]}
fed = inputs(int(sys.argv[1]))
for first in range(0, len(fed), ROWS):
    batch = fed[first : first + ROWS]
    expected = timed("ask", live, batch)
    for path, file in files.items():
        apart = np.abs(timed("ask", file, batch) - expected).max()
        if not apart <= ATOL[Path(path).suffix]:
            sys.exit(f"{path} is {apart} apart")
passes = len(fed) * (1 + len(files))
Path("done.json").write_text(json.dumps({"passes": passes, "seconds": seconds}))
