"""Models with loops and branches, as TensorFlow 1 and as TensorFlow 2 writes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import InputSpec, LiveModel
from pytest_freezecheck.models.frames import inside
from pytest_freezecheck.models.session import plain_config

v1 = tf.compat.v1
WORDS, LENGTH, WIDTH, KINDS = 20, 9, 8, 4
INPUTS = {"tokens": InputSpec((LENGTH,), "int32", 0, WORDS - 1)}
#: They write a graph anew and leave its functions behind.
DROPPING = ("strip_unused", "remove_training_nodes", "optimize_for_inference", "fold_batch_norms")
KEEPING = ("graph_def", "graph_def_v2", "grappler", "float16_constants", "saved_model")


@contextlib.contextmanager
def control_flow(version: int) -> Iterator[None]:
    today = v1.control_flow_v2_enabled()
    (v1.enable_control_flow_v2 if version == 2 else v1.disable_control_flow_v2)()
    try:
        yield
    finally:
        (v1.enable_control_flow_v2 if today else v1.disable_control_flow_v2)()


def sentences(
    tokens: Any, *, kept: float = 0.9, length: int = LENGTH, limit: int = 3, turns: int = 2
) -> Any:
    """A recurrent network with a loop in its loop, and a branch for the first words."""
    rng = np.random.default_rng(4)

    def weights(name: str, *shape: int) -> Any:
        value = rng.normal(scale=shape[0] ** -0.5, size=shape).astype(np.float32)
        return v1.get_variable(name, initializer=value)

    table, turn, head = (
        weights("table", WORDS, WIDTH),
        weights("turn", WIDTH, WIDTH),
        weights("head", WIDTH, KINDS),
    )

    def settled(state: Any) -> Any:
        def step(number: Any, inner: Any) -> tuple[Any, Any]:
            return number + 1, tf.tanh(tf.matmul(inner, turn)) + 0.5 * inner

        return v1.while_loop(lambda number, _: number < turns, step, [0, state])[1]

    def step(place: Any, state: Any) -> tuple[Any, Any]:
        word = words[:, place]
        heard = v1.cond(place < limit, lambda: word * 0.5, lambda: word + 0.125)
        return place + 1, settled(kept * state + heard)

    # Not in the loop: what TensorFlow makes of a frozen lookup there, it cannot run.
    words = tf.nn.embedding_lookup(table, tokens)
    start = tf.zeros([tf.shape(tokens)[0], WIDTH])
    shapes = [tf.TensorShape([]), tf.TensorShape([None, WIDTH])]
    loop = v1.while_loop(lambda place, _: place < length, step, [0, start], shapes)
    return tf.nn.softmax(tf.matmul(loop[1], head) * 3.0, name="kinds")


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a checkpoint of the network's own values and of shadows that have moved away."""
    folder = tmp_path_factory.mktemp("sentences")
    with tf.Graph().as_default(), v1.Session() as session:
        sentences(v1.placeholder(tf.int32, [None, LENGTH], name="tokens"))
        average = tf.train.ExponentialMovingAverage(0.5)
        apply = average.apply(v1.trainable_variables())
        session.run(v1.global_variables_initializer())
        session.run(apply)
        for variable in v1.trainable_variables():
            session.run(v1.assign(variable, variable * 1.25))
        session.run(apply)
        return str(v1.train.Saver().save(session, str(folder / "model")))


def live_of(recurrent: str, **changed: Any) -> LiveModel:
    def build(tokens: Any) -> Any:
        return sentences(tokens, **changed)

    return LiveModel.from_checkpoint(build, recurrent, INPUTS, name="sentences")


def check(live: LiveModel, way: str, folder: Path) -> freezecheck.Agreement:
    frozen = freezecheck.load(freezecheck.freeze(live, way, folder), way=way)
    try:
        return freezecheck.check(live, frozen, examples=30)
    finally:
        frozen.close()


def test_what_stands_outside_can_be_fed_and_fetched() -> None:
    with control_flow(1), tf.Graph().as_default() as graph:
        sentences(v1.placeholder(tf.int32, [None, LENGTH], name="tokens"))
        session = v1.Session(config=plain_config())
        session.run(v1.global_variables_initializer())
        definition = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["kinds"]
        )
    within = inside(definition)
    kinds = {node.name: node.op for node in definition.node}
    assert {kinds[name] for name in within} >= {"Tanh", "Enter", "Switch", "Const", "LoopCond"}
    assert {op for name, op in kinds.items() if name not in within} >= {"Exit", "Softmax", "Const"}
    tokens = np.arange(2 * LENGTH).reshape(2, LENGTH) % WORDS
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        session = v1.Session(graph=graph, config=plain_config())
    outside = [
        name for name in kinds if name not in within and graph.get_operation_by_name(name).outputs
    ]
    values = session.run([f"{name}:0" for name in outside], {"tokens:0": tokens})
    constants = {
        f"{name}:0": value
        for name, value in zip(outside, values, strict=True)
        if kinds[name] == "Const"
    }
    session.run("kinds:0", {"tokens:0": tokens, **constants})
    (one,) = (
        n for n in within if kinds[n] == "Const" and n.endswith("mul/x") and n.count("while") == 2
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="different frames"):
        session.run("kinds:0", {"tokens:0": tokens, f"{one}:0": np.float32(0.9)})


@pytest.mark.parametrize("version", [1, 2])
def test_loops_and_branches_freeze_and_agree(version: int, recurrent: str, tmp_path: Path) -> None:
    with control_flow(version):
        live = live_of(recurrent)
        for way in (*KEEPING, *(DROPPING if version == 1 else ("xla",))):
            agreement = check(live, way, tmp_path)
            assert agreement, agreement.text
            assert agreement.exact or way in ("float16_constants", "grappler", "xla", *DROPPING[2:])
        live.close()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "changed",
    [{"kept": 0.8}, {"length": LENGTH - 1}, {"limit": 4}, {"turns": 1}],
    ids=lambda changed: next(iter(changed)),
)
def test_another_loop_or_branch_fails(
    changed: dict[str, Any], version: int, recurrent: str, tmp_path: Path
) -> None:
    with control_flow(version):
        live, other = live_of(recurrent), live_of(recurrent, **changed)
        path = freezecheck.freeze(other, "graph_def", tmp_path)
        agreement = freezecheck.check(live, path, examples=30)
        assert not agreement
        assert agreement.cause is not None
        cause = agreement.cause["id"], agreement.cause["proven"]
        assert cause == ("changed-operation", True)
        assert "first tensor that differs: " in agreement.text
        for model in (live, other):
            model.close()


@pytest.mark.parametrize("version", [1, 2])
def test_raw_weights_in_a_loop_are_named(version: int, recurrent: str, tmp_path: Path) -> None:
    with control_flow(version):
        live = live_of(recurrent)
        raw = LiveModel.from_checkpoint(sentences, recurrent, INPUTS, "none", name="raw")
        agreement = freezecheck.check(live, freezecheck.freeze(raw, "graph_def", tmp_path))
        assert not agreement
        assert agreement.cause is not None
        assert (agreement.cause["id"], agreement.cause["proven"]) == ("raw-weights", True)
        live.close()
        raw.close()


@pytest.mark.parametrize("way", DROPPING)
def test_functions_that_a_tool_leaves_behind_are_named(
    way: str, recurrent: str, tmp_path: Path
) -> None:
    with control_flow(2):
        live = live_of(recurrent)
        path = freezecheck.freeze(live, way, tmp_path)
        with pytest.raises(
            freezecheck.ArtifactError,
            match=rf"{way}\.pb: the graph calls \d functions that it does not have: while_body.*: "
            r"leave the tool out, or build the graph after "
            r"tf\.compat\.v1\.disable_control_flow_v2\(\)",
        ):
            freezecheck.check(live, path)
        live.close()


def test_xla_takes_no_loop_of_tensorflow_1(recurrent: str, tmp_path: Path) -> None:
    with control_flow(1):
        live = live_of(recurrent)
        with pytest.raises(freezecheck.FreezeError, match="sentences: xla does not compile a loop"):
            freezecheck.freeze(live, "xla", tmp_path)
        live.close()
