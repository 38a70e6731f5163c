"""A plain Hypothesis test, as one would write it: both sides are asked what Hypothesis draws."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import net  # type: ignore[import-not-found]
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies
from hypothesis.extra.numpy import arrays

v1 = tf.compat.v1
SIZES = strategies.integers(1, 8).map(lambda rows: (rows, *net.SHAPE))
asked = 0


@pytest.fixture(scope="module")
def both() -> Iterator[list[Any]]:
    """Functions that ask the live model, and the file."""
    with tf.Graph().as_default() as live:
        output = net.build(net.placeholder()).name
        average = tf.train.ExponentialMovingAverage(net.DECAY)
        restored = v1.Session(graph=live)
        saver = v1.train.Saver(average.variables_to_restore())
        saver.restore(restored, tf.train.latest_checkpoint("train_dir"))
    with tf.Graph().as_default() as frozen:
        definition = v1.GraphDef.FromString(Path("right.pb").read_bytes())
        tf.import_graph_def(definition, name="")
        loaded = v1.Session(graph=frozen)
    yield [lambda rows, run=run: run.run(output, {"images:0": rows}) for run in (restored, loaded)]
    Path("done.json").write_text(json.dumps({"passes": 2 * asked}))


@hypothesis.settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(rows=arrays(np.float32, SIZES, elements=strategies.floats(-1, 1, width=32)))
def test_agrees(both: list[Any], rows: Any) -> None:
    """Both answer the same."""
    global asked
    asked += len(rows)
    live, frozen = (ask(rows) for ask in both)
    assert np.abs(live - frozen).max() <= 1e-5  # noqa: S101
