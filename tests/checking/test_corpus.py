"""What is fed: as many batches as were asked for, some of them steered to where it matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import InputSpec, LiveModel
from pytest_freezecheck.checking.comparison import prepared
from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.models import reference
from pytest_freezecheck.settings import Settings
from tests.kit.faults import another_epsilon, freeze, half_precision

v1 = tf.compat.v1


@pytest.mark.parametrize("examples", [1, 2, 4, 5, 7, 19, 100, 250])
@pytest.mark.parametrize("wrong", [False, True])
def test_so_many_examples_are_so_many_batches(
    examples: int, wrong: bool, trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    (half_precision if wrong else freeze)(trained, tmp_path / "model.pb")
    frozen = freezecheck.load(tmp_path / "model.pb")
    fed, _ = prepared(Sides(live, frozen), Corpus(live, examples, seed=0), Settings())
    fed.everything(Corpus(live, examples, seed=0))
    large = 2  # batches of many rows come besides
    assert fed.tally.examples == examples + large
    frozen.close()


def test_steered_inputs_are_level_legal_and_all_different(live: LiveModel) -> None:
    corpus = Corpus(live, 100, seed=0)
    for _ in corpus.main(live, live.answer):
        pass
    (steered,) = corpus.steered()
    images = steered["images"]
    assert images.shape == (32, 24, 24, 3)
    assert images.dtype == np.float32
    assert ((images >= -1.0) & (images <= 1.0)).all()
    assert len({row.tobytes() for row in images}) == 32
    logits = np.sort(live.answer(steered).logits["probabilities"], axis=1)
    assert (logits[:, -1] - logits[:, -2] <= 0.06).all()
    drawn = np.sort(np.concatenate([a.logits["probabilities"] for a in corpus.drawn().answers]), 1)
    assert np.median(drawn[:, -1] - drawn[:, -2]) > 1.0


def test_a_boundary_input_shows_far_more_than_a_drawn_one(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    another_epsilon(trained, tmp_path / "epsilon.pb")
    frozen = freezecheck.load(tmp_path / "epsilon.pb")
    corpus = Corpus(live, 100, seed=0)
    shown: dict[bool, list[float]] = {True: [], False: []}
    for words, feeds, answer in corpus.main(live, live.answer):
        (other,) = frozen.predict(feeds).values()
        apart = np.abs(answer.outputs["probabilities"] - other).max(axis=1)
        shown["decision boundary" in words] += apart.tolist()
    assert len(shown[True]) == 32
    assert np.median(shown[True]) > 10 * np.median(shown[False])
    frozen.close()


def test_the_same_seed_feeds_the_same_and_another_one_other_inputs(live: LiveModel) -> None:
    def fed(seed: int) -> list[bytes]:
        corpus = Corpus(live, 40, seed)
        return [feeds["images"].tobytes() for _, feeds, _ in corpus.main(live, live.answer)]

    assert fed(0) == fed(0)
    # Even inputs at one of 17 levels come again; hardly anything else does.
    assert len(set(fed(0)) & set(fed(1))) < 4


def test_blends_and_windows_of_real_samples_are_drawn(trained: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", reference.pictures(12, seed=4)[0])
    spec = InputSpec((24, 24, 3), samples=str(tmp_path / "*.npy"))
    live = LiveModel.from_checkpoint(reference.build, trained, {"images": spec})
    corpus = Corpus(live, 100, seed=0)
    words = [said for said, _, _ in corpus.main(live, live.answer)]
    assert words[0] == "8 real samples"
    assert words[1] == "4 real samples"
    assert any("blend" in said for said in words)
    assert any("crop" in said for said in words)
    live.close()


def test_whole_images_of_classes_are_steered_too(tmp_path: Path) -> None:
    """A segmentation answers a distribution in each place."""
    with tf.Graph().as_default() as graph:
        v1.set_random_seed(1)
        session = v1.Session(graph=graph)
        x = v1.placeholder(tf.float32, [None, 6, 6, 2], name="x")
        weights = v1.get_variable("w", [3, 3, 2, 3])
        y = tf.nn.softmax(tf.nn.conv2d(x, weights * 4.0, 1, "SAME"), name="y")
        session.run(v1.global_variables_initializer())
    live = LiveModel.from_session(session, {"x": x}, {"y": y}, {"x": InputSpec((6, 6, 2))})
    corpus = Corpus(live, 50, seed=0)
    for _ in corpus.main(live, live.answer):
        pass
    (steered,) = corpus.steered()
    logits = np.sort(live.answer(steered).outputs["y"], axis=-1)
    level = np.log(logits[..., -1] / logits[..., -2]).reshape(len(logits), -1).min(axis=1)
    assert (level <= 0.06).all()
    agreement = freezecheck.assert_agreement(live, freezecheck.freeze(live, "graph_def", tmp_path))
    assert agreement.power is not None
    assert agreement.power.score > 0.9
    live.close()
    session.close()


def test_several_inputs_and_outputs_are_steered_together(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        v1.set_random_seed(2)
        session = v1.Session(graph=graph)
        x = v1.placeholder(tf.float32, [None, 8], name="x")
        ids = v1.placeholder(tf.int32, [None, 3], name="ids")
        table = v1.get_variable("table", [50, 4])
        seen = tf.reshape(tf.nn.embedding_lookup(table, ids), [-1, 12])
        hidden = tf.tanh(tf.concat([x, 3.0 * seen], 1) @ v1.get_variable("w", [20, 8]))
        classes = tf.nn.softmax(4.0 * hidden @ v1.get_variable("v", [8, 3]), name="classes")
        score = tf.sigmoid(5.0 * hidden @ v1.get_variable("u", [8, 1]), name="score")
        session.run(v1.global_variables_initializer())
    inputs: dict[str, Any] = {"x": InputSpec((8,)), "ids": InputSpec((3,), "int32", 0, 49)}
    outputs = {"classes": classes, "score": score}
    live = LiveModel.from_session(session, {"x": x, "ids": ids}, outputs, inputs)
    corpus = Corpus(live, 100, seed=0)
    words = [said for said, _, _ in corpus.main(live, live.answer)]
    assert any("decision boundary" in said for said in words)
    assert any("where the answer changes fastest" in said for said in words)
    for feeds in corpus.steered():
        assert ((feeds["ids"] >= 0) & (feeds["ids"] <= 49)).all()
    agreement = freezecheck.assert_agreement(live, freezecheck.freeze(live, "graph_def", tmp_path))
    assert agreement.warnings == []
    assert agreement.power is not None
    assert agreement.power.score > 0.9
    live.close()
    session.close()
