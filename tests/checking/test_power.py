"""How strong a check was: of the mistakes planted in this very model, how many it would catch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference
from pytest_freezecheck.models.clone import Clone
from pytest_freezecheck.power.score import Probe, plan
from tests.kit.faults import freeze, raw_weights
from tests.kit.made import made, weight

v1 = tf.compat.v1


@pytest.fixture(scope="module")
def correct(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("correct") / "correct.pb"
    freeze(trained, path)
    return path


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_reference_model_notices_almost_all_of_300_mistakes(
    seed: int, live: LiveModel, correct: Path
) -> None:
    power = freezecheck.assert_agreement(live, correct, seed=seed).power
    assert power is not None
    assert power.planted >= 300
    assert power.score >= 0.95
    assert len(power.survivors) == power.planted - power.caught
    for name, why in power.survivors:
        assert name
        assert why.startswith(("moves no answer on all ", "below the tolerance on all "))


def test_it_is_measured_once_for_a_model(
    live: LiveModel, correct: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = freezecheck.check(live, correct, seed=5)
    monkeypatch.setattr(Probe, "measure", lambda *_: pytest.fail("measured again"))
    assert freezecheck.check(live, correct, seed=5).power == first.power


def test_every_layer_and_every_kind_of_mistake_is_planted(live: LiveModel) -> None:
    twin = Clone(live)
    names = [mistake.name for mistake in plan(twin, live.checkpoint, 0, classes=True).mistakes]
    twin.close()
    assert len(names) == len(set(names))
    for weighted in live.weights():
        assert any(name.startswith(f"{weighted}[") for name in names), weighted
    for kind in (
        "raw instead of its shadow",
        "its shadow instead of the variable",
        "still at its initial value",
        "with an epsilon larger by 1e-3",
        "rounded to float16",
        "of another step's checkpoint",
    ):
        assert any(name.endswith(f": {kind}") and not name.startswith("all ") for name in names)
        assert any(name.startswith("all ") and name.endswith(f": {kind}") for name in names), kind
    assert "classes shifted by one" in names
    assert "all 15 weights: raw instead of its shadow" in names
    assert "all 8 weights: its shadow instead of the variable" in names


def test_a_planted_mistake_is_the_mistake(trained: Path, live: LiveModel, tmp_path: Path) -> None:
    """All raw weights, planted, answer what a freeze of the raw weights answers, bit for bit."""
    raw_weights(trained, tmp_path / "raw.pb")
    frozen = freezecheck.load(tmp_path / "raw.pb")
    twin = Clone(live)
    mistakes = plan(twin, live.checkpoint, 0, classes=True).mistakes
    (planted,) = (m for m in mistakes if m.name == "all 15 weights: raw instead of its shadow")
    images = {"images": reference.pictures(8, seed=3)[0]}
    wrong = twin.answer(images, planted.changes()).outputs["probabilities"]
    assert np.array_equal(wrong, frozen.predict(images)["probabilities"])
    assert np.array_equal(
        twin.answer(images).outputs["probabilities"], live.predict(images)["probabilities"]
    )
    frozen.close()
    twin.close()


@pytest.mark.parametrize(
    ("layer", "count"),
    [
        (lambda x, w: tf.tensordot(x, w, 1), 6 * 8 * 5),  # a matrix for each of six positions
        (lambda x, w: tf.matmul(x[:, 0], w), 8 * 5),
        (lambda x, w: tf.reshape(tf.matmul(x[:, 0], w), [-1, 5]), 8 * 5),
    ],
    ids=["tensordot", "matmul", "matmul and a reshape of rows"],
)
def test_what_one_row_costs_is_told_by_its_layers(
    layer: Callable[[Any, Any], Any], count: int
) -> None:
    """Else power takes longer than the share of a check that it may."""
    live = made(lambda x: {"y": layer(x, weight("w", 8, 5))}, {"x": {"shape": [6, 8]}})
    twin = Clone(live)
    assert twin.macs() == count
    twin.close()
    live.close()


def test_the_live_model_is_not_touched(live: LiveModel, correct: Path) -> None:
    before, size = live.weights(), len(live.graph.get_operations())
    freezecheck.check(live, correct, seed=9)
    after = live.weights()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    assert len(live.graph.get_operations()) == size


def test_a_looser_tolerance_is_a_weaker_check(live: LiveModel, correct: Path) -> None:
    strict = freezecheck.check(live, correct).power
    loose = freezecheck.check(live, correct, atol=0.05, logit_rtol=False).power
    assert strict is not None
    assert loose is not None
    assert loose.caught < strict.caught / 2
    assert loose.planted == strict.planted
    largest = [why for _, why in loose.survivors if why.startswith("below")]
    assert largest


def test_a_proof_notices_what_no_answer_shows(live: LiveModel, correct: Path) -> None:
    proved = freezecheck.check(live, correct, min_power=1.0, atol=0.05, logit_rtol=False)
    assert proved, proved.text
    assert proved.power is not None
    assert proved.power.score < 0.9
    assert proved.power.as_json()["in_all"] == proved.power.planted
    assert f"({proved.power.caught} by answers alone)" in proved.text


@pytest.mark.usefixtures("answers_alone")
def test_less_than_was_asked_for_is_a_failure(live: LiveModel, correct: Path) -> None:
    options: Any = {"atol": 0.05, "logit_rtol": False}
    weak = freezecheck.check(live, correct, min_power=0.9, **options)
    assert not weak
    first, *rest = weak.text.splitlines()
    assert first.startswith("too-weak: the check is too weak: it notices")
    assert first.endswith("(asked for 0.9)")
    assert any(line.startswith("  not noticed: ") for line in rest)
    assert freezecheck.check(live, correct, min_power=0.01, **options)
    assert freezecheck.check(live, correct, min_power=0.95)


def test_a_model_without_a_checkpoint_has_weights_to_alter_all_the_same(
    trained: Path, tmp_path: Path
) -> None:
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        images = v1.placeholder(tf.float32, [None, 24, 24, 3], name="images")
        output = reference.build(images)
        v1.train.Saver().restore(session, reference.checkpoint(trained))
    live = LiveModel.from_session(
        session, {"images": images}, {"probabilities": output}, reference.INPUTS
    )
    power = freezecheck.check(live, freezecheck.freeze(live, "graph_def", tmp_path)).power
    assert power is not None
    assert 250 <= power.planted < 310
    assert power.score >= 0.95
    live.close()
    session.close()


def test_what_has_no_weights_cannot_be_measured_and_says_so(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        output = tf.identity(tf.tanh(x * 2.0 + tf.constant(0.5)), name="y")
    spec = {"x": freezecheck.InputSpec((4,))}
    live = LiveModel.from_session(session, {"x": x}, {"y": output}, spec)
    path = freezecheck.freeze(live, "graph_def", tmp_path)
    agreement = freezecheck.check(live, path)
    assert agreement
    assert agreement.power is None
    assert "power could not be measured: there is nothing to alter" in agreement.warnings
    weak = freezecheck.check(live, path, min_power=0.5)
    assert not weak
    assert "its power could not be measured (asked for 0.5)" in weak.text.splitlines()[0]
    live.close()
    session.close()


def test_what_telling_inputs_do_not_show_is_tried_on_all_inputs(tmp_path: Path) -> None:
    """A row of a table of words is only read where its word is fed."""
    with tf.Graph().as_default() as graph:
        v1.set_random_seed(2)
        session = v1.Session(graph=graph)
        ids = v1.placeholder(tf.int32, [None, 3], name="ids")
        table = v1.get_variable("table", [400, 4])
        seen = tf.reshape(tf.nn.embedding_lookup(table, ids), [-1, 12])
        weights = v1.get_variable("w", [12, 3])
        y = tf.nn.softmax(9.0 * tf.tanh(3.0 * seen) @ weights, name="y")
        session.run(v1.global_variables_initializer())
        values = session.run(table)
    spec = {"ids": freezecheck.InputSpec((3,), "int32", 0, 399)}
    live = LiveModel.from_session(session, {"ids": ids}, {"y": y}, spec)
    path = freezecheck.freeze(live, "graph_def", tmp_path)
    power = freezecheck.assert_agreement(live, path).power
    assert power is not None
    missed = {name for name, _ in power.survivors}
    definition = v1.GraphDef.FromString(path.read_bytes())
    (node,) = (node for node in definition.node if node.name == "table")
    for row in {int(name.split("[")[1].split(",")[0]) for name in missed if "table[" in name}:
        # What is said to pass does: no input reaches that row.
        wrong = values.copy()
        wrong[row] += 1.0
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(wrong))
        (tmp_path / "wrong.pb").write_bytes(definition.SerializeToString())
        assert freezecheck.check(live, tmp_path / "wrong.pb"), row
    live.close()
    session.close()


def test_where_bits_have_to_be_the_same_any_change_counts(live: LiveModel, correct: Path) -> None:
    options: Any = {"exact": True, "min_power": 1.0, "examples": 100}
    power = freezecheck.assert_agreement(live, correct, **options).power
    assert power is not None
    assert power.score == 1.0
