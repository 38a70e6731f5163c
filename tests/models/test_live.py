"""The live model: restored as an evaluation restores it, or an error that names what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import InputSpec, LiveModel
from pytest_freezecheck.models import reference
from pytest_freezecheck.models.checkpoint import keys_to_restore
from tests.kit.faults import freeze
from tests.kit.ways import CLASSIC

v1 = tf.compat.v1


@pytest.fixture
def feeds() -> dict[str, Any]:
    return {"images": reference.pictures(64, seed=1)[0]}


def test_the_reference_model_is_what_freezing_gets_wrong(
    live: LiveModel, trained: Path, feeds: dict[str, Any]
) -> None:
    images, labels = reference.pictures(256, seed=5)
    answer = live.answer({"images": images})
    probabilities, logits = answer.outputs["probabilities"], answer.logits["probabilities"]
    assert (probabilities.argmax(axis=-1) == labels).mean() > 0.95
    assert 2.0 < logits.std() < 4.5
    assert np.median(probabilities.max(axis=-1)) < 0.999
    reader = tf.train.load_checkpoint(reference.checkpoint(trained))
    shadow = "/ExponentialMovingAverage"
    for name, value in live.weights().items():
        initial = 1.0 if name.endswith(("gamma", "moving_variance")) else 0.0
        assert np.abs(value - initial).max() > 0.01, name
        assert np.abs(reader.get_tensor(name) - reader.get_tensor(name + shadow)).max() > 1e-3, name
    for ema in ("all", "none"):
        other = LiveModel.from_checkpoint(reference.build, trained, reference.INPUTS, ema=ema)
        assert (
            np.abs(
                other.predict(feeds)["probabilities"] - live.predict(feeds)["probabilities"]
            ).max()
            > 1e-3
        )
        other.close()


def test_training_again_gives_the_same_checkpoint(trained: Path, tmp_path: Path) -> None:
    reference.train(tmp_path)
    one, other = (tf.train.load_checkpoint(reference.checkpoint(f)) for f in (trained, tmp_path))
    for key in one.get_variable_to_shape_map():
        np.testing.assert_array_equal(one.get_tensor(key), other.get_tensor(key), err_msg=key)


def test_a_folder_means_its_latest_checkpoint(trained: Path, feeds: dict[str, Any]) -> None:
    latest = LiveModel.from_checkpoint(reference.build, trained, reference.INPUTS)
    assert latest.checkpoint == reference.checkpoint(trained)
    latest.close()


def test_shadows_are_read_for_what_the_mode_says(trained: Path) -> None:
    reader = tf.train.load_checkpoint(reference.checkpoint(trained))
    shadow = "/ExponentialMovingAverage"
    for ema, weight, statistic in (
        ("trainable", shadow, ""),
        ("all", shadow, shadow),
        ("none", "", ""),
    ):
        model = LiveModel.from_checkpoint(reference.build, trained, reference.INPUTS, ema=ema)
        weights = model.weights()
        for name, suffix in (
            ("conv1/weights", weight),
            ("conv1/BatchNorm/beta", weight),
            ("conv1/BatchNorm/moving_mean", statistic),
        ):
            np.testing.assert_array_equal(weights[name], reader.get_tensor(name + suffix))
        model.close()


def test_a_missing_key_is_named_with_the_nearest_one(trained: Path) -> None:
    def build(images: Any) -> Any:
        with v1.variable_scope("tower"):
            return reference.build(images)

    with pytest.raises(freezecheck.ModelError) as error:
        LiveModel.from_checkpoint(build, trained, reference.INPUTS)
    first = str(error.value).splitlines()[0]
    assert "lacks 23 of the 23 keys that the live model reads: tower/conv1/" in first
    assert "and 20 more (nearest: 'conv1/" in first


def test_a_variable_of_another_shape_is_named(trained: Path) -> None:
    def build(images: Any) -> Any:
        return reference.build(images[:, :16, :16])

    with pytest.raises(freezecheck.ModelError, match=r"has fc4/weights.* in shape \[144, 16\]"):
        LiveModel.from_checkpoint(build, trained, reference.INPUTS)


@pytest.mark.parametrize(
    ("checkpoint", "said"),
    [("nowhere/model.ckpt", "no checkpoint at nowhere/model.ckpt"), (".", "no checkpoint in .:")],
)
def test_a_missing_checkpoint_is_an_error(
    checkpoint: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(freezecheck.ModelError, match=said):
        LiveModel.from_checkpoint(reference.build, checkpoint, reference.INPUTS)


def test_an_unknown_ema_mode_is_an_error(trained: Path) -> None:
    with pytest.raises(
        freezecheck.ModelError, match="ema = 'some' is not accepted; expected one of"
    ):
        LiveModel.from_checkpoint(reference.build, trained, reference.INPUTS, ema="some")


@pytest.mark.parametrize("returned", [None, {}, {"p": 3}, [1]])
def test_a_build_that_returns_no_tensor_is_an_error(trained: Path, returned: Any) -> None:
    with pytest.raises(freezecheck.ModelError, match=r"build returned .*; expected a tensor, or"):
        LiveModel.from_checkpoint(lambda images: returned, trained, reference.INPUTS)


def test_several_outputs_have_the_names_that_build_gives(
    trained: Path, tmp_path: Path, feeds: dict[str, Any]
) -> None:
    def build(images: Any) -> Any:
        probabilities = reference.build(images)
        return {"scores": probabilities, "label": tf.argmax(probabilities, axis=-1, name="label")}

    model = LiveModel.from_checkpoint(build, trained, reference.INPUTS)
    answer = model.predict(feeds)
    assert set(answer) == {"scores", "label"}
    for way in CLASSIC:
        artifact = freezecheck.load(freezecheck.freeze(model, way, tmp_path), way=way)
        assert freezecheck.assert_agreement(model, artifact).exact
        artifact.close()
    model.close()


def test_feeding_the_wrong_inputs_is_an_error(live: LiveModel, feeds: dict[str, Any]) -> None:
    with pytest.raises(
        freezecheck.ModelError, match=r"fed \['image'\], .* inputs are \['images'\]"
    ):
        live.predict({"image": feeds["images"]})


def test_a_session_of_ones_own_is_copied_and_only_read(
    trained: Path, tmp_path: Path, live: LiveModel, feeds: dict[str, Any]
) -> None:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        images = v1.placeholder(tf.float32, [None, 24, 24, 3], name="images")
        output = reference.build(images)
        saver = v1.train.Saver(keys_to_restore("trainable"))
        saver.restore(session, reference.checkpoint(trained))
        operations = len(graph.get_operations())
        own = LiveModel.from_session(
            session,
            {"images": images},
            {"probabilities": output},
            {"images": InputSpec((24, 24, 3))},
            name="own",
        )
        assert len(graph.get_operations()) == operations
        np.testing.assert_array_equal(
            own.predict(feeds)["probabilities"], live.predict(feeds)["probabilities"]
        )
        freeze(trained, tmp_path / "frozen.pb")
        assert freezecheck.assert_agreement(own, tmp_path / "frozen.pb").exact
        own.close()


def test_a_session_that_was_never_restored_is_an_error() -> None:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        images = v1.placeholder(tf.float32, [None, 24, 24, 3], name="images")
        output = reference.build(images)
        with pytest.raises(
            freezecheck.ModelError, match="own: a variable has no value, or a lookup table: "
        ):
            LiveModel.from_session(
                session, {"images": images}, {"p": output}, reference.INPUTS, name="own"
            )


def test_specs_have_to_be_those_of_the_inputs(live: LiveModel) -> None:
    with pytest.raises(freezecheck.ModelError, match=r"inputs \['images'\], but specs for \['x'\]"):
        LiveModel(live.session, live.inputs, live.outputs, {"x": InputSpec((3,))})


def test_the_slim_shim_is_only_where_names_are_missing() -> None:
    import sys

    from pytest_freezecheck.models import slim

    slim.prepare()
    legacy = sys.modules["tf_keras.legacy_tf_layers"]
    slim.prepare()
    assert sys.modules["tf_keras.legacy_tf_layers"] is legacy
