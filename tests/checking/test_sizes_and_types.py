"""Checks of models that take several sizes, truth values or strings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.formats import unavailable

v1 = tf.compat.v1
ANY_SIZE: dict[str, Any] = {"pictures": {"shape": ["8..20", "8..20", 3]}}


def pooled(pictures: Any, cells: Callable[[Any], Any]) -> Any:
    """Convolve, and take the mean over so many cells as the function says."""
    kernel = v1.get_variable("kernel", [3, 3, 3, 4])
    net = tf.nn.relu(tf.nn.conv2d(pictures, kernel, 1, "SAME"))
    mean = tf.reduce_sum(net, [1, 2]) / cells(net)
    return tf.nn.softmax(8 * tf.matmul(mean, v1.get_variable("w", [4, 3])), name="probabilities")


def own_cells(net: Any) -> Any:
    return tf.cast(tf.reduce_prod(tf.shape(net)[1:3]), tf.float32)


def right(pictures: Any) -> Any:
    return pooled(pictures, own_cells)


def wrong(pictures: Any) -> Any:
    return pooled(pictures, lambda _: 256.0)


def gated(features: Any, on: Any) -> Any:
    w = v1.get_variable("w", [3, 2])
    chosen = tf.where(on, features, tf.zeros_like(features))
    return tf.nn.softmax(3 * tf.matmul(chosen, w), name="probabilities")


def ungated(features: Any, on: Any) -> Any:
    del on
    return gated(features, tf.ones_like(features, tf.bool))


def speaking(words: tuple[str, ...]) -> Callable[..., Any]:
    def build(colours: Any) -> Any:
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(words, tf.range(3, dtype=tf.int64)), 3
        )
        rows = tf.gather(v1.get_variable("w", [4, 3]), table.lookup(colours))
        return tf.nn.softmax(3 * tf.reduce_sum(rows, 1), name="probabilities")

    return build


def checkpoint(folder: Path, build: Callable[..., Any], inputs: Any, seed: int = 5) -> str:
    """Write a checkpoint with values that are drawn."""
    folder.mkdir(exist_ok=True)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        build(**placeholders(inputs))
        rng = np.random.default_rng(seed)
        for variable in v1.global_variables():
            variable.load(rng.normal(0.0, 0.7, variable.shape), session)
        return str(v1.train.Saver().save(session, str(folder / "model.ckpt")))


def placeholders(inputs: Any) -> dict[str, Any]:
    return {
        name: v1.placeholder(
            spec.get("dtype", "float32"),
            [None, *(None if isinstance(n, str) else n for n in spec["shape"])],
            name=name,
        )
        for name, spec in inputs.items()
    }


def saved(path: Path, prefix: str, build: Callable[..., Any], inputs: Any) -> Path:
    """Export a SavedModel with a signature."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        fed = placeholders(inputs)
        output = build(**fed)
        v1.train.Saver().restore(session, prefix)
        fills = v1.tables_initializer()
        session.run(fills)
        v1.saved_model.simple_save(
            session, str(path), fed, {"probabilities": output}, legacy_init_op=fills
        )
    return path


def frozen(path: Path, prefix: str, build: Callable[..., Any], inputs: Any) -> Path:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        build(**placeholders(inputs))
        v1.train.Saver().restore(session, prefix)
        definition = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["probabilities"]
        )
    path.write_bytes(definition.SerializeToString())
    return path


def test_a_file_that_is_right_at_one_size_fails_in_a_range(tmp_path: Path) -> None:
    prefix = checkpoint(tmp_path, right, ANY_SIZE)
    good = frozen(tmp_path / "good.pb", prefix, right, ANY_SIZE)
    bad = frozen(tmp_path / "bad.pb", prefix, wrong, ANY_SIZE)
    one = LiveModel.from_checkpoint(right, prefix, {"pictures": {"shape": [16, 16, 3]}}, "none")
    assert freezecheck.check(one, bad, examples=20)  # that is all that was declared
    live = LiveModel.from_checkpoint(right, prefix, ANY_SIZE, "none")
    found = freezecheck.check(live, good)
    assert found.outcome == "passed", found.text
    assert found.power is not None
    assert found.power.caught > 0.8 * found.power.planted
    failure = freezecheck.check(live, bad)
    assert failure.outcome == "failed"
    assert failure.counterexample is not None
    size = failure.counterexample.feeds["pictures"].shape[1:]
    assert live.specs["pictures"].takes(size)
    assert size[:2] != (16, 16)


@pytest.mark.parametrize("seed", range(3))
def test_a_failure_in_a_range_has_its_cause(seed: int, tmp_path: Path) -> None:
    prefix = checkpoint(tmp_path, right, ANY_SIZE)
    live = LiveModel.from_checkpoint(right, prefix, ANY_SIZE, "none")

    other = checkpoint(tmp_path / "other", right, ANY_SIZE, seed=9)
    path = frozen(tmp_path / "other.pb", other, right, ANY_SIZE)
    found = freezecheck.check(live, path, examples=30, seed=seed)
    assert found.outcome == "failed"
    assert found.cause is not None
    assert found.cause["proven"], found.text
    assert set(found.cause["tensors"]) == {"kernel", "w"}


def test_a_file_of_one_size_is_no_file_of_all(tmp_path: Path) -> None:
    prefix = checkpoint(tmp_path, right, ANY_SIZE)
    fixed = {"pictures": {"shape": [16, 16, 3]}}
    live = LiveModel.from_checkpoint(right, prefix, ANY_SIZE, "none")
    path = frozen(tmp_path / "fixed.pb", prefix, right, fixed)
    with pytest.raises(freezecheck.ArtifactError, match="cannot be run on the inputs: Cannot feed"):
        freezecheck.check(live, path, examples=20)


@pytest.mark.parametrize(
    "way", ["graph_def", "graph_def_v2", "saved_model", "saved_model_module", "tflite", "onnx"]
)
def test_several_sizes_are_frozen(way: str, tmp_path: Path) -> None:
    if unavailable(way) is not None:
        pytest.skip(str(unavailable(way)))
    prefix = checkpoint(tmp_path, right, ANY_SIZE)
    live = LiveModel.from_checkpoint(right, prefix, ANY_SIZE, "none")
    path = freezecheck.freeze(live, way, tmp_path / way)
    found = freezecheck.check(live, freezecheck.load(path, way=way), examples=20)
    assert found.outcome == "passed", found.text


def test_truth_values(tmp_path: Path) -> None:
    inputs: dict[str, Any] = {"features": {"shape": [3]}, "on": {"shape": [3], "dtype": "bool"}}
    prefix = checkpoint(tmp_path, gated, inputs)
    live = LiveModel.from_checkpoint(gated, prefix, inputs, "none")
    good = freezecheck.check(live, frozen(tmp_path / "good.pb", prefix, gated, inputs))
    assert good.outcome == "passed", good.text
    bad = freezecheck.check(live, saved(tmp_path / "bad", prefix, ungated, inputs))
    assert bad.outcome == "failed"
    # Where the gate is shut everywhere the wrong file would still agree.
    assert bad.counterexample is not None
    assert not bad.counterexample.feeds["on"].all()


def test_strings(tmp_path: Path) -> None:
    inputs = {
        "colours": {"shape": [2], "dtype": "string", "choices": ["red", "green", "blue", "pink"]}
    }
    build = speaking(("red", "green", "blue"))
    prefix = checkpoint(tmp_path, build, inputs)
    live = LiveModel.from_checkpoint(build, prefix, inputs, "none")
    good = freezecheck.check(live, saved(tmp_path / "good", prefix, build, inputs))
    assert good.outcome == "passed", good.text
    other = speaking(("red", "blue", "green"))
    bad = freezecheck.check(live, saved(tmp_path / "bad", prefix, other, inputs))
    assert bad.outcome == "failed"
    assert bad.counterexample is not None
    assert {"green", "blue"} & set(bad.counterexample.feeds["colours"].ravel().tolist())


def test_a_cause_behind_a_lookup_table_is_proven(tmp_path: Path) -> None:
    inputs = {"colours": {"shape": [2], "dtype": "string", "choices": ["red", "green", "pink"]}}
    build = speaking(("red", "green", "blue"))
    live = LiveModel.from_checkpoint(build, checkpoint(tmp_path, build, inputs), inputs, "none")
    other = checkpoint(tmp_path / "other", build, inputs, seed=9)
    found = freezecheck.check(live, saved(tmp_path / "bad", other, build, inputs), examples=30)
    assert found.outcome == "failed"
    assert found.cause is not None
    assert (found.cause["id"], found.cause["proven"]) == ("other-checkpoint", True), found.text
    assert found.cause["tensors"] == ["w"]
