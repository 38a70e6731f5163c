"""Live sides of all kinds: what is always fed, loose and partitioned variables, lookup tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel, Model, ModelError
from pytest_freezecheck.declared.live import build_live

v1 = tf.compat.v1
FEATURES: dict[str, Any] = {"features": {"shape": [3]}}
OFF: dict[str, Any] = {**FEATURES, "phase_train": {"value": False}}
IDS: dict[str, Any] = {"ids": {"shape": [4], "dtype": "int64", "low": 0, "high": 19}}


def verdict(live: LiveModel, path: Path) -> Any:
    return freezecheck.check(live, path, examples=20)


def write(session: Any, path: Path, output: str = "probabilities") -> Path:
    definition = v1.graph_util.convert_variables_to_constants(
        session, session.graph.as_graph_def(), [output]
    )
    path.write_bytes(definition.SerializeToString())
    return path


# What is always fed.


def phased(features: Any, phase: Any) -> Any:
    """Normalise by the statistics of the batch or by moving ones, as the phase says."""
    mean, variance = tf.nn.moments(features, [0])
    held = v1.get_variable("moving_mean", [3], initializer=tf.zeros_initializer())
    mean, variance = tf.cond(
        phase, lambda: (mean, variance), lambda: (tf.identity(held), tf.ones(3))
    )
    normal = (features - mean) / tf.sqrt(variance + 1e-3)
    return tf.nn.softmax(tf.matmul(normal, v1.get_variable("w", [3, 3])), name="probabilities")


def made_inside(features: Any) -> Any:
    return phased(features, v1.placeholder(tf.bool, [], name="phase_train"))


def as_parameter(features: Any, phase_train: Any) -> Any:
    return phased(features, phase_train)


@pytest.fixture(scope="module")
def phase_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(3)
        made_inside(v1.placeholder(tf.float32, [None, 3], name="features"))
        session.run(v1.global_variables_initializer())
        for variable in v1.global_variables():
            variable.load(np.random.default_rng(1).normal(size=variable.shape), session)
        folder = tmp_path_factory.mktemp("phase")
        return str(v1.train.Saver().save(session, str(folder / "model.ckpt")))


def phase_file(checkpoint: str, path: Path, phase: Callable[[], Any]) -> Path:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        phased(v1.placeholder(tf.float32, [None, 3], name="features"), phase())
        v1.train.Saver().restore(session, checkpoint)
        return write(session, path)


def in_session(checkpoint: str) -> LiveModel:
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        features = v1.placeholder(tf.float32, [None, 3], name="features")
        output = made_inside(features)
        v1.train.Saver().restore(session, checkpoint)
    return LiveModel.from_session(session, {"features": features}, {"probabilities": output}, OFF)


def by_build(build: Any) -> Callable[[str], LiveModel]:
    return lambda checkpoint: LiveModel.from_checkpoint(build, checkpoint, OFF, "none")


LIVES = {"inside": by_build(made_inside), "parameter": by_build(as_parameter), "live": in_session}
PHASES: dict[str, tuple[Callable[[], Any], bool]] = {
    "off": (lambda: tf.constant(False), True),
    "to be fed": (lambda: v1.placeholder(tf.bool, [], name="phase_train"), True),
    "on": (lambda: tf.constant(True), False),
    # A server feeds nothing here: it is asked as it ships.
    "on by default": (lambda: v1.placeholder_with_default(True, [], name="phase_train"), False),
}


@pytest.mark.parametrize("kind", LIVES)
@pytest.mark.parametrize("phase", PHASES)
def test_a_placeholder_of_the_live_side_is_fed_its_constant(
    phase: str, kind: str, phase_checkpoint: str, tmp_path: Path
) -> None:
    live = LIVES[kind](phase_checkpoint)
    make, right = PHASES[phase]
    found = verdict(live, phase_file(phase_checkpoint, tmp_path / "model.pb", make))
    live.close()
    assert found.outcome == ("passed" if right else "failed"), found.text
    if not right:
        assert found.max_abs_diff > 1e-3


def test_a_flag_is_found_whatever_the_names(phase_checkpoint: str, tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph, v1.name_scope("clone_0"):
        session = v1.Session(graph=graph)
        features = v1.placeholder(tf.float32, [None, 3], name="features")
        output = phased(features, tf.constant(False))
        v1.train.Saver().restore(session, phase_checkpoint)
    live = LiveModel.from_session(
        session, {"features": features}, {"probabilities": output}, FEATURES
    )
    path = phase_file(phase_checkpoint, tmp_path / "model.pb", PHASES["on by default"][0])
    frozen = freezecheck.load(path, inputs={"features": "features"})
    found = freezecheck.check(live, frozen, examples=20)
    assert found.cause is not None
    assert (found.cause["id"], found.cause["proven"]) == ("training-flag", True), found.text


@pytest.mark.parametrize("kind", LIVES)
@pytest.mark.parametrize(
    "way", ["graph_def", "graph_def_v2", "freeze_graph", "saved_model", "saved_model_module"]
)
def test_what_is_always_fed_is_frozen_too(
    way: str, kind: str, phase_checkpoint: str, tmp_path: Path
) -> None:
    if (kind, way) == ("live", "freeze_graph"):
        pytest.skip("needs the Saver that restored it")
    live = LIVES[kind](phase_checkpoint)
    path = freezecheck.freeze(live, way, tmp_path)
    found = freezecheck.check(live, freezecheck.load(path, way=way), examples=20)
    assert found.outcome == "passed", found.text


def test_a_declared_constant_is_no_input(phase_checkpoint: str, tmp_path: Path) -> None:
    path = phase_file(phase_checkpoint, tmp_path / "model.pb", PHASES["to be fed"][0])
    declared = Model(
        name="m", inputs=OFF, build=made_inside, checkpoint=phase_checkpoint, ema="none"
    )
    live = build_live(declared)
    assert set(live.inputs) == set(live.specs) == {"features"}
    assert freezecheck.check(live, path, examples=5)
    on = Model(
        name="m",
        inputs={**FEATURES, "phase_train": {"value": True}},
        build=made_inside,
        checkpoint=phase_checkpoint,
        ema="none",
    )
    feeds = {"features": np.eye(3, dtype=np.float32)}
    apart = live.predict(feeds)["probabilities"] - build_live(on).predict(feeds)["probabilities"]
    assert np.abs(apart).max() > 1e-3


@pytest.mark.parametrize(
    ("constant", "said"),
    [
        ({"phase_trian": {"value": False}}, "no placeholder 'phase_trian'.*nearest: 'phase_train'"),
        ({"phase_train": {"value": [False]}}, r"takes shape \(\), and value = \[False\] has shape"),
        ({"phase_train": {"value": 0.5}}, "takes bool, and value = 0.5 is none"),
        ({"phase_train": {"value": "no"}}, "takes bool, and value = 'no' is none"),
    ],
)
def test_a_constant_that_cannot_be_fed_is_one_line(
    constant: Any, said: str, phase_checkpoint: str
) -> None:
    with pytest.raises(ModelError, match=said):
        LiveModel.from_checkpoint(made_inside, phase_checkpoint, {**FEATURES, **constant}, "none")


# Variables in no collection.


def exported(folder: Path, seed: int, words: tuple[str, ...] = ("a", "b", "c")) -> Path:
    """Save a module of TensorFlow 2 with two variables and a lookup table."""

    class Net(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            rng = np.random.default_rng(seed)
            self.kernel = tf.Variable(rng.normal(size=(3, 3)), dtype=tf.float32, name="kernel")
            self.bias = tf.Variable(rng.normal(size=3), dtype=tf.float32, name="bias")
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(words, [0.5, 1.0, 2.0]), -1.0
            )

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec([None, 3], tf.float32, "features")]
        )
        def serve(self, features: Any) -> Any:
            scale = self.table.lookup(tf.where(features > 0, "a", "b"))
            logits = tf.matmul(features * scale, self.kernel) + self.bias
            return {"probabilities": tf.nn.softmax(logits)}

    with tf.init_scope():
        net = Net()
        tf.saved_model.save(net, str(folder), signatures={"serving_default": net.serve})
    return folder


def loaded(path: Path) -> LiveModel:
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        signature = v1.saved_model.load(session, ["serve"], str(path)).signature_def[
            "serving_default"
        ]
        inputs = {k: graph.get_tensor_by_name(t.name) for k, t in signature.inputs.items()}
        outputs = {k: graph.get_tensor_by_name(t.name) for k, t in signature.outputs.items()}
    return LiveModel.from_session(session, inputs, outputs, FEATURES)


def loose(**options: Any) -> Any:
    """Return a variable that is in no collection."""
    held = np.array([[1.0, 0.5, -0.5], [0.0, 2.0, 0.3], [0.7, 0.0, -1.0]], np.float32)
    return v1.get_variable("kernel", collections=[], initializer=held, **options)


def test_a_session_with_a_saved_model_of_tensorflow_2(tmp_path: Path) -> None:
    path = exported(tmp_path / "right", 1)
    live = loaded(path)
    assert {name: value.shape for name, value in live.weights().items()} == {
        "kernel": (3, 3),
        "bias": (3,),
    }
    assert verdict(live, path).outcome == "passed"
    other = verdict(live, exported(tmp_path / "wrong", 2))
    assert other.outcome == "failed"
    renumbered = verdict(live, exported(tmp_path / "renumbered", 1, ("b", "a", "c")))
    assert renumbered.outcome == "failed"
    assert renumbered.power is None or renumbered.power.caught == renumbered.power.planted


@pytest.mark.parametrize("way", ["graph_def", "graph_def_v2", "saved_model", "tflite"])
def test_loose_variables_are_frozen(way: str, tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        features = v1.placeholder(tf.float32, [None, 3], name="features")
        kernel = loose()
        output = tf.nn.softmax(tf.matmul(features, kernel), name="probabilities")
        session.run(kernel.initializer)
    live = LiveModel.from_session(
        session, {"features": features}, {"probabilities": output}, FEATURES
    )
    assert set(live.weights()) == {"kernel"}
    path = freezecheck.freeze(live, way, tmp_path)
    found = freezecheck.check(live, freezecheck.load(path, way=way), examples=20)
    assert found.outcome == "passed", found.text
    assert found.power is not None
    assert found.power.planted > 0


def test_a_loose_variable_of_tensorflow_1_too(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        features = v1.placeholder(tf.float32, [None, 3], name="features")
        kernel = loose(use_resource=False)
        tf.nn.softmax(tf.matmul(features, kernel), name="probabilities")
        session.run(kernel.initializer)
        right = write(session, tmp_path / "right.pb")
        live = LiveModel.from_session(
            session,
            {"features": features},
            {"probabilities": graph.get_tensor_by_name("probabilities:0")},
            FEATURES,
        )
        session.run(kernel.assign(2 * kernel))
        wrong = write(session, tmp_path / "wrong.pb")
    assert verdict(live, right).outcome == "passed"
    found = verdict(live, wrong)
    assert found.outcome == "failed"
    assert "kernel" in found.text


def test_a_loose_variable_without_a_value_is_one_line() -> None:
    with tf.Graph().as_default() as graph:
        features = v1.placeholder(tf.float32, [None, 3], name="features")
        kernel = loose()
        output = tf.nn.softmax(tf.matmul(features, kernel))
    with pytest.raises(ModelError, match="a variable has no value, or a lookup table"):
        LiveModel.from_session(
            v1.Session(graph=graph), {"features": features}, {"p": output}, FEATURES
        )


# Lookup tables.

WORDS: dict[str, Any] = {"words": {"shape": [4], "dtype": "int64", "low": 0, "high": 4}}


def spoken(vocabulary: Path) -> dict[str, Any]:
    """Build a graph that looks words up in a file; return its ends."""
    words = v1.placeholder(tf.int64, [None, 4], name="words")
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            str(vocabulary),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        1,
    )
    held = np.random.default_rng(6).normal(size=(5, 3)).astype(np.float32)
    rows = tf.gather(v1.get_variable("w", initializer=held), table.lookup(tf.as_string(words)))
    return {"words": words, "answer": tf.nn.softmax(tf.reduce_sum(rows, 1), name="answer")}


def spoken_session(folder: Path, order: str) -> tuple[Any, dict[str, Any]]:
    """Return a session with words in this order, read from a file."""
    folder.mkdir()
    vocabulary = folder / "words.txt"
    vocabulary.write_text("\n".join(order))
    with tf.Graph().as_default() as graph:
        ends = spoken(vocabulary)
        session = v1.Session(graph=graph)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
    return session, ends


def spoken_file(folder: Path, order: str) -> Path:
    """Export a SavedModel, which has a copy of the words, and remove the file."""
    session, ends = spoken_session(folder, order)
    with session.graph.as_default():
        graph = session.graph
        fill = tf.group(*graph.get_collection(v1.GraphKeys.TABLE_INITIALIZERS))
        signature = v1.saved_model.predict_signature_def(
            {"words": ends["words"]}, {"answer": ends["answer"]}
        )
        builder = v1.saved_model.Builder(str(folder / "saved"))
        assets = graph.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, assets, main_op=fill
        )
        builder.save()
    (folder / "words.txt").unlink()
    return folder / "saved"


def test_tables_are_those_of_the_session_and_not_of_a_file(tmp_path: Path) -> None:
    session, ends = spoken_session(tmp_path / "live", "0123")
    (tmp_path / "live" / "words.txt").write_text("\n".join("3210"))  # made again since
    live = LiveModel.from_session(
        session, {"words": ends["words"]}, {"answer": ends["answer"]}, WORDS
    )
    feeds = {"words": np.arange(20, dtype=np.int64).reshape(5, 4) % 5}
    np.testing.assert_array_equal(
        live.predict(feeds)["answer"], session.run(ends["answer"], {ends["words"]: feeds["words"]})
    )
    found = verdict(live, spoken_file(tmp_path / "right", "0123"))
    assert found.outcome == "passed", found.text
    assert found.power is not None
    assert verdict(live, spoken_file(tmp_path / "wrong", "3210")).outcome == "failed"


def test_a_session_with_a_saved_model_and_its_assets(tmp_path: Path) -> None:
    path = spoken_file(tmp_path / "right", "0123")
    with tf.Graph().as_default() as graph:
        served = v1.Session(graph=graph)
        v1.saved_model.load(served, ["serve"], str(path))
        tensor = graph.get_tensor_by_name
        live = LiveModel.from_session(
            served, {"words": tensor("words:0")}, {"answer": tensor("answer:0")}, WORDS
        )
    assert verdict(live, path).outcome == "passed"
    assert verdict(live, spoken_file(tmp_path / "wrong", "3210")).outcome == "failed"


def test_a_table_that_changes_is_taken_as_it_is(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        words = v1.placeholder(tf.int64, [None, 4], name="words")
        table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, -1.0)
        found = tf.reduce_sum(table.lookup(words), 1, keepdims=True)
        answer = tf.nn.softmax(found * [[1.0, 2.0, 0.5]], name="answer")
        session.run(table.insert([0, 1, 2], [0.5, 0.2, 0.9]))
    live = LiveModel.from_session(session, {"words": words}, {"answer": answer}, WORDS)
    feeds = {"words": np.arange(20, dtype=np.int64).reshape(5, 4) % 5}
    np.testing.assert_array_equal(
        live.predict(feeds)["answer"], session.run(answer, {words: feeds["words"]})
    )


def test_a_table_that_was_never_filled_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("0")
    with tf.Graph().as_default() as graph:
        ends = spoken(tmp_path / "words.txt")
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())
    with pytest.raises(ModelError, match=r"a variable has no value, or a lookup table: .*not init"):
        LiveModel.from_session(session, {"words": ends["words"]}, {"answer": ends["answer"]}, WORDS)


# Partitioned variables.


def looked_up(parts: int) -> Callable[..., Any]:
    def build(ids: Any) -> Any:
        split = v1.fixed_size_partitioner(parts) if parts else None
        table = v1.get_variable("table", [20, 4], partitioner=split)
        net = tf.reduce_mean(v1.nn.embedding_lookup(table, ids, partition_strategy="div"), 1)
        return tf.nn.softmax(tf.matmul(net, v1.get_variable("w", [4, 3])), name="probabilities")

    return build


@pytest.fixture(scope="module")
def parts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints of three parts: one key for all, and one for each."""
    folder = tmp_path_factory.mktemp("parts")
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(5)
        looked_up(3)(v1.placeholder(tf.int64, [None, 4], name="ids"))
        average = tf.train.ExponentialMovingAverage(0.5)
        averaging = average.apply(v1.trainable_variables())
        session.run(v1.global_variables_initializer())
        for variable in v1.trainable_variables():
            value = session.run(variable)
            variable.load(np.random.default_rng(3).normal(size=value.shape), session)
        session.run(averaging)
        v1.train.Saver().save(session, str(folder / "whole.ckpt"))
        each = {variable.op.name: variable for variable in v1.trainable_variables()}
        v1.train.Saver(each).save(session, str(folder / "each.ckpt"))
    return folder


def table_file(folder: Path, path: Path, *, averaged: bool) -> Path:
    """Freeze without any parts, from what the checkpoint has under each key."""
    reader = tf.train.load_checkpoint(str(folder / "whole.ckpt"))
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        looked_up(3)(v1.placeholder(tf.int64, [None, 4], name="ids"))
        suffix = "/ExponentialMovingAverage" if averaged else ""
        for variable in v1.global_variables():
            whole = reader.get_tensor(variable.op.name.split("/")[0] + suffix)
            about = variable._save_slice_info
            start = 0 if about is None else about.var_offset[0]
            variable.load(whole[start : start + variable.shape[0]], session)
        return write(session, path)


@pytest.mark.parametrize("parts", [3, 2, 0])
@pytest.mark.parametrize("ema", ["none", "trainable"])
def test_partitioned_variables_are_restored(
    ema: str, parts: int, parts_folder: Path, tmp_path: Path
) -> None:
    live = LiveModel.from_checkpoint(looked_up(parts), parts_folder / "whole.ckpt", IDS, ema)
    averaged = ema == "trainable"
    right = verdict(live, table_file(parts_folder, tmp_path / "right.pb", averaged=averaged))
    wrong = verdict(live, table_file(parts_folder, tmp_path / "wrong.pb", averaged=not averaged))
    assert right.outcome == "passed", right.text
    assert wrong.outcome == "failed"
    if parts == 3:
        assert wrong.cause["id"] == ("raw-weights" if averaged else "averaged-weights")
        assert wrong.cause["proven"]


def test_a_key_for_each_part(parts_folder: Path, tmp_path: Path) -> None:
    live = LiveModel.from_checkpoint(looked_up(3), parts_folder / "each.ckpt", IDS, "none")
    right = verdict(live, table_file(parts_folder, tmp_path / "right.pb", averaged=False))
    assert right.outcome == "passed", right.text
    with pytest.raises(ModelError, match=r"has table/part_0 in shape \[7, 4\]"):
        LiveModel.from_checkpoint(looked_up(2), parts_folder / "each.ckpt", IDS, "none")


@pytest.mark.parametrize("way", ["graph_def_v2", "freeze_graph", "saved_model"])
def test_partitioned_variables_are_frozen(way: str, parts_folder: Path, tmp_path: Path) -> None:
    live = LiveModel.from_checkpoint(looked_up(3), parts_folder / "whole.ckpt", IDS)
    path = freezecheck.freeze(live, way, tmp_path)
    found = freezecheck.check(live, freezecheck.load(path, way=way), examples=20)
    assert found.outcome == "passed", found.text
