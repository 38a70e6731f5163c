"""A checkpoint and a frozen graph made by TensorFlow 1.15 with tf.contrib.slim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import slim as compatibility
from tests.kit.ways import EXACT

DATA = Path(__file__).parents[1] / "data" / "contrib_slim"
INPUTS = {"images": {"shape": [16, 16, 3]}}


def build(images: Any) -> Any:
    """Build with tf_slim what `make.py` builds with tf.contrib.slim."""
    compatibility.prepare()
    import tf_slim as slim

    norm = {"is_training": False, "decay": 0.9, "scale": True}
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params=norm):
        net = slim.conv2d(images, 8, [3, 3], stride=2, scope="conv1")
        net = slim.conv2d(net, 12, [3, 3], stride=2, scope="conv2")
    net = slim.dropout(slim.flatten(net), 0.8, is_training=False, scope="dropout")
    return slim.softmax(slim.fully_connected(net, 4, activation_fn=None, scope="logits"))


def restored(ema: str) -> Iterator[LiveModel]:
    live = LiveModel.from_checkpoint(build, DATA / "model.ckpt", INPUTS, ema, name="contrib")
    yield live
    live.close()


@pytest.fixture(scope="module")
def model() -> Iterator[LiveModel]:
    yield from restored("trainable")


@pytest.fixture(scope="module")
def raw() -> Iterator[LiveModel]:
    yield from restored("none")


@pytest.fixture(scope="module")
def averaged() -> Iterator[LiveModel]:
    yield from restored("all")


def test_it_is_small_enough_to_keep() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 200_000


def test_the_checkpoint_restores_and_answers_as_it_did_in_1_15(model: LiveModel) -> None:
    recorded = np.load(DATA / "answers.npz")
    (answer,) = model.predict({"images": recorded["inputs"]}).values()
    np.testing.assert_allclose(answer, recorded["answers"], atol=2e-6)
    assert np.ptp(recorded["answers"]) > 0.5


@pytest.mark.parametrize("way", EXACT)
def test_it_freezes_and_agrees(way: str, model: LiveModel, raw: LiveModel, tmp_path: Path) -> None:
    frozen = freezecheck.load(freezecheck.freeze(model, way, tmp_path), way=way)
    assert freezecheck.assert_agreement(model, frozen).exact
    assert not freezecheck.check(raw, frozen)
    frozen.close()


def test_the_graph_that_1_15_froze_agrees(model: LiveModel) -> None:
    agreement = freezecheck.assert_agreement(model, DATA / "frozen.pb")
    assert agreement.exact


def test_it_is_not_the_raw_weights_nor_the_shadows_of_the_statistics(
    raw: LiveModel, averaged: LiveModel
) -> None:
    for live in (raw, averaged):
        agreement = freezecheck.check(live, DATA / "frozen.pb")
        assert not agreement
        assert "differs from the live model by" in agreement.text


def test_versions_of_the_graph_are_of_1_15() -> None:
    definition = tf.compat.v1.GraphDef.FromString((DATA / "frozen.pb").read_bytes())
    assert definition.versions.producer < 300


def flag(value: bool) -> freezecheck.FrozenModel:
    return freezecheck.load(DATA / "flagged.pb", constants={"is_training": value})


def test_a_graph_with_its_training_flag_runs_when_the_flag_is_fed(model: LiveModel) -> None:
    for switch in ("Switch", "Merge"):
        definition = tf.compat.v1.GraphDef.FromString((DATA / "flagged.pb").read_bytes())
        assert any(node.op == switch for node in definition.node)
    frozen = flag(False)
    assert freezecheck.assert_agreement(model, frozen).exact
    frozen.close()


def test_the_same_graph_in_training_mode_fails_by_its_flag(model: LiveModel) -> None:
    frozen = flag(True)
    agreement = freezecheck.check(model, frozen)
    assert not agreement
    assert agreement.cause is not None
    assert (agreement.cause["id"], agreement.cause["proven"]) == ("training-flag", True)
    frozen.close()


def test_a_flag_that_is_not_fed_is_an_error_that_says_how(model: LiveModel) -> None:
    with pytest.raises(freezecheck.MatchError, match=r"needs is_training fed") as raised:
        freezecheck.check(model, DATA / "flagged.pb")
    assert "inputs = { is_training = { value = ... } }" in str(raised.value)


@pytest.mark.parametrize("operation", ["FusedBatchNorm", "FusedBatchNormV2"])
def test_older_operations_of_batch_norm_run_and_agree(
    operation: str, model: LiveModel, raw: LiveModel, tmp_path: Path
) -> None:
    """Graphs from before TensorFlow 1.14 have them; they differ in dtypes and outputs alone."""
    definition = tf.compat.v1.GraphDef.FromString((DATA / "frozen.pb").read_bytes())
    for node in definition.node:
        if node.op == "FusedBatchNormV3":
            node.op = operation
            if operation == "FusedBatchNorm":
                del node.attr["U"]
    path = tmp_path / "older.pb"
    path.write_bytes(definition.SerializeToString())
    agreement = freezecheck.assert_agreement(model, path)
    assert agreement.exact
    assert not freezecheck.check(raw, path)
