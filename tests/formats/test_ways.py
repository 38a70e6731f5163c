"""Every way to freeze: a correct freeze is bit-identical, a wrong one fails, in each format."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.tools import freeze_graph as tool

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.formats import find_way, format_of, unavailable
from pytest_freezecheck.models import reference
from tests.kit.ways import EXACT, HERE, LOSSY, ROUNDING

v1 = tf.compat.v1


@pytest.fixture
def feeds() -> dict[str, Any]:
    return {"images": reference.pictures(8, seed=1)[0]}


@pytest.fixture(scope="session")
def raw(trained: Path) -> Iterator[LiveModel]:
    """The same checkpoint read without its shadows: what is frozen from it is wrong for `live`."""
    model = LiveModel.from_checkpoint(reference.build, trained, reference.INPUTS, ema="none")
    yield model
    model.close()


def loaded(path: Path, way: str) -> contextlib.closing[freezecheck.FrozenModel]:
    return contextlib.closing(freezecheck.load(path, way=way))


@pytest.mark.parametrize("way", EXACT)
def test_a_correct_freeze_is_bit_identical(
    way: str, live: LiveModel, correct: Callable[[str], Path]
) -> None:
    with loaded(correct(way), way) as artifact:
        agreement = freezecheck.assert_agreement(live, artifact, exact=True)
    assert agreement.max_abs_diff == 0.0
    assert agreement.logit_rel_diff == 0.0
    assert agreement.exact
    assert agreement.proof is not None
    proved = agreement.proof.result == "identical"
    assert (agreement.examples, agreement.inputs > 400) == ((10, False) if proved else (100, True))
    assert proved
    assert agreement.warnings == []


@pytest.mark.parametrize("way", ROUNDING)
def test_one_that_rounds_elsewhere_stays_within_the_tolerance(
    way: str, live: LiveModel, correct: Callable[[str], Path]
) -> None:
    with loaded(correct(way), way) as artifact:
        # `exact` is of what TensorFlow runs as it was written: it asks nothing of the others.
        agreement = freezecheck.assert_agreement(live, artifact, exact=True)
    assert agreement.atol == 1e-5
    assert agreement.max_abs_diff is not None
    assert 0.0 < agreement.max_abs_diff < 5e-6
    assert agreement.logit_rel_diff is not None
    assert 0.0 < agreement.logit_rel_diff < 1e-5
    assert agreement.noise_floor is not None
    assert 0.0 < agreement.noise_floor < 5e-6
    assert agreement.warnings == []


@pytest.mark.parametrize("way", LOSSY)
def test_one_that_is_declared_lossy_has_a_tolerance_of_its_own(
    way: str, live: LiveModel, correct: Callable[[str], Path]
) -> None:
    with loaded(correct(way), way) as artifact:
        agreement = freezecheck.assert_agreement(live, artifact)
        strict = freezecheck.check(live, artifact, atol=1e-5)
    assert agreement.lossy
    assert agreement.atol == find_way(way).tolerances["atol"]
    assert f"(allowed {agreement.atol:g}, the default of {way}, which loses precision)" in (
        agreement.text
    )
    assert not strict  # whoever asks for 1e-5 gets it
    assert strict.atol == 1e-5
    assert "which loses precision" not in strict.text


@pytest.mark.parametrize("way", HERE)
def test_its_wrong_twin_fails(way: str, live: LiveModel, raw: LiveModel, tmp_path: Path) -> None:
    with loaded(freezecheck.freeze(raw, way, tmp_path), way) as artifact:
        agreement = freezecheck.check(live, artifact)
        assert freezecheck.assert_agreement(raw, artifact, examples=5).exact or way not in EXACT
    assert not agreement
    first, *rest = agreement.text.splitlines()
    assert first.startswith("raw-weights: ")
    assert rest[1].startswith(f"  reference, {way}: output probabilities ")
    assert agreement.cause is not None
    if way in EXACT:
        assert any("15 of 23 differ" in line and "conv1/weights" in line for line in rest)
    assert (agreement.cause["id"], agreement.cause["proven"]) == ("raw-weights", True)


@pytest.mark.parametrize("way", HERE)
def test_what_was_frozen_is_loaded_by_its_content_too(
    way: str, live: LiveModel, correct: Callable[[str], Path], feeds: dict[str, Any]
) -> None:
    artifact = freezecheck.load(correct(way))
    expected = live.predict(feeds)["probabilities"]
    assert artifact.format == format_of(way)
    (name,), (output,) = artifact.input_names, artifact.output_names
    answer = artifact.predict({name: feeds["images"]})[output]
    np.testing.assert_allclose(answer, expected, atol=0.0 if way in EXACT else 5e-2)
    with pytest.raises(freezecheck.MatchError, match=r"fed \['wrong'\].* inputs are \['images"):
        artifact.predict({"wrong": feeds["images"]})
    artifact.close()


@pytest.mark.parametrize("way", EXACT)
def test_disturbing_its_weights_moves_its_answer_and_leaves_them_as_they_were(
    way: str, correct: Callable[[str], Path], feeds: dict[str, Any]
) -> None:
    with loaded(correct(way), way) as artifact:
        names = artifact.output_names
        before = artifact.answer(feeds, names)
        moved = artifact.answer_disturbed(feeds, names, lambda value: value * 1.5 + 0.125)
        after = artifact.answer(feeds, names)
    assert moved is not None
    assert np.abs(moved.outputs[names[0]] - before.outputs[names[0]]).max() > 0.01
    np.testing.assert_array_equal(after.outputs[names[0]], before.outputs[names[0]])


def test_logits_come_from_before_the_softmax_on_both_sides(
    live: LiveModel, correct: Callable[[str], Path], feeds: dict[str, Any]
) -> None:
    expected = live.answer(feeds).logits["probabilities"]
    for way in EXACT:
        if way == "saved_model_module":
            continue  # its function holds another one, in which the softmax is
        with loaded(correct(way), way) as artifact:
            answer = artifact.answer(feeds, ["probabilities"])
        np.testing.assert_array_equal(answer.logits["probabilities"], expected)


def test_ways_are_available_by_what_is_installed() -> None:
    core = {way for way in freezecheck.WAYS if format_of(way) in ("graph_def", "saved_model")}
    assert core <= set(freezecheck.available_ways())
    assert len(core) >= 19
    for way in freezecheck.WAYS:
        missing = unavailable(way)
        assert (missing is None) == (way in freezecheck.available_ways())
        assert missing is None or 'pip install "pytest-freezecheck[' in missing


def test_an_unknown_way_names_the_closest(live: LiveModel, tmp_path: Path) -> None:
    with pytest.raises(freezecheck.FreezeError, match=r"'graphdef' \(nearest: 'graph_def'\)"):
        freezecheck.freeze(live, "graphdef", tmp_path)


def test_freeze_graph_needs_the_saver_and_says_so(live: LiveModel, tmp_path: Path) -> None:
    bare = LiveModel(live.session, live.inputs, live.outputs, live.specs)
    with pytest.raises(freezecheck.FreezeError, match="freeze_graph needs the checkpoint that"):
        freezecheck.freeze(bare, "freeze_graph", tmp_path)


def test_freeze_graph_without_a_saver_says_that_it_cannot_freeze_here(
    live: LiveModel, tmp_path: Path
) -> None:
    """TensorFlow's tool itself raises IndexError: it looks for a variable behind each handle."""
    bare = LiveModel(
        live.session, live.inputs, live.outputs, live.specs, checkpoint=live.checkpoint
    )
    with pytest.raises(freezecheck.FreezeError, match="freeze_graph cannot freeze here: without a"):
        freezecheck.freeze(bare, "freeze_graph", tmp_path)
    with tf.Graph().as_default(), pytest.raises(IndexError):
        tool.freeze_graph_with_def_protos(
            input_graph_def=live.graph.as_graph_def(),
            input_saver_def=None,
            input_checkpoint=live.checkpoint,
            output_node_names="probabilities",
            restore_op_name="",
            filename_tensor_name="",
            output_graph=str(tmp_path / "never.pb"),
            clear_devices=True,
            initializer_nodes="",
        )


def test_a_command_that_fails_is_one_line(
    live: LiveModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "checkpoint", str(tmp_path / "nowhere"))
    expected = r"the command freeze_graph failed with \d+: \S+"
    with pytest.raises(freezecheck.FreezeError, match=expected) as raised:
        freezecheck.freeze(live, "freeze_graph_cli", tmp_path)
    assert len(str(raised.value).splitlines()) == 1


def test_a_saved_model_is_not_written_over(live: LiveModel, tmp_path: Path) -> None:
    freezecheck.freeze(live, "saved_model", tmp_path)
    with pytest.raises(freezecheck.FreezeError, match="saved_model exists already"):
        freezecheck.freeze(live, "saved_model", tmp_path)


def test_a_saved_model_that_initialises_again_when_it_is_loaded_fails(
    trained: Path, tmp_path: Path
) -> None:
    """tensorflow#15527: the file holds the right weights, and its main_op throws them away."""
    path = tmp_path / "reinitialised"
    live = reference.load(trained)  # its graph will carry the main_op from now on
    with live.graph.as_default():
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            live.session,
            ["serve"],
            {
                "serving_default": v1.saved_model.predict_signature_def(live.inputs, live.outputs),
            },
            main_op=v1.global_variables_initializer(),
        )
        builder.save()
    with contextlib.closing(freezecheck.load(path, way="saved_model_session")) as artifact:
        assert not freezecheck.check(live, artifact)
    live.close()


def test_a_saved_model_of_the_logits_fails(live: LiveModel, tmp_path: Path) -> None:
    path = str(tmp_path / "logits")
    logits = live.outputs["probabilities"].op.inputs[0]
    with live.graph.as_default():
        v1.saved_model.simple_save(live.session, path, live.inputs, {"probabilities": logits})
    agreement = freezecheck.check(live, path)
    assert not agreement
    assert "all 23 that have the live model's names equal it bit for bit" in agreement.text


def test_a_saved_model_made_by_tensorflow_2_is_loaded(
    live: LiveModel, correct: Callable[[str], Path], tmp_path: Path
) -> None:
    """Its signature shows no logits: they are recovered from the probabilities."""
    definition = v1.GraphDef.FromString(correct("graph_def").read_bytes())
    module = tf.Module()
    imported = v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
    pruned = imported.prune("images:0", "probabilities:0")

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec([None, 24, 24, 3], tf.float32, name="images")]
    )
    def serve(images: Any) -> Any:
        return {"probabilities": pruned(images)}

    module.serve = serve
    path = str(tmp_path / "two")
    tf.saved_model.save(module, path, signatures={"serving_default": serve})
    agreement = freezecheck.check(live, path)
    assert agreement.max_abs_diff == 0.0, agreement.text
    assert agreement.logit_rel_diff == pytest.approx(0.0, abs=1e-6)
