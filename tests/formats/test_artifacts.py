"""Artifacts that are no model, or not the model's: one clear line each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference
from tests.kit.faults import edited, freeze
from tests.kit.ways import HERE

v1 = tf.compat.v1


def missing(live: LiveModel, folder: Path) -> Path:
    return folder / "nowhere.pb"


def empty(live: LiveModel, folder: Path) -> Path:
    (folder / "empty.pb").touch()
    return folder / "empty.pb"


def text_file(live: LiveModel, folder: Path) -> Path:
    (folder / "notes.txt").write_text("not a model")
    return folder / "notes.txt"


def noise(live: LiveModel, folder: Path) -> Path:
    (folder / "noise.pb").write_bytes(bytes(range(256)) * 8)
    return folder / "noise.pb"


def truncated(live: LiveModel, folder: Path) -> Path:
    path = freezecheck.freeze(live, "graph_def", folder)
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def unfrozen(live: LiveModel, folder: Path) -> Path:
    path = folder / "unfrozen.pb"
    path.write_bytes(live.graph.as_graph_def().SerializeToString())
    return path


def empty_folder(live: LiveModel, folder: Path) -> Path:
    (folder / "model").mkdir()
    return folder / "model"


def saved_model_without_variables(live: LiveModel, folder: Path) -> Path:
    path = freezecheck.freeze(live, "saved_model", folder)
    shutil.rmtree(path / "variables")
    return path


def saved_model_cut_short(live: LiveModel, folder: Path) -> Path:
    path = freezecheck.freeze(live, "saved_model", folder) / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:200])
    return path.parent


def saved_model_for_training(live: LiveModel, folder: Path) -> Path:
    with live.graph.as_default():
        builder = v1.saved_model.Builder(str(folder / "training"))
        builder.add_meta_graph_and_variables(live.session, ["train"], {})
        builder.save()
    return folder / "training"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (missing, r"nowhere\.pb: no such file or folder"),
        (empty, r"empty\.pb: not a GraphDef: it has no named operations"),
        (
            text_file,
            r"notes\.txt: this file is of no known format \(saved_model, .*, graph_def\)",
        ),
        (noise, r"noise\.pb: not a GraphDef"),
        (truncated, r"graph_def\.pb: not a GraphDef, or truncated: \d+ bytes do not parse"),
        (unfrozen, r"unfrozen\.pb: not frozen, 23 variables are left in the graph: conv1/weights"),
        (empty_folder, r"model: this folder is of no known format"),
        (saved_model_without_variables, r"saved_model: TensorFlow cannot load this SavedModel: "),
        (saved_model_cut_short, r"saved_model: TensorFlow cannot load this SavedModel: "),
        (saved_model_for_training, r"training: no signature 'serving_default'; it has none"),
    ],
)
def test_one_line_says_what_is_wrong(
    make: Callable[[LiveModel, Path], Path], said: str, live: LiveModel, tmp_path: Path
) -> None:
    path = make(live, tmp_path)
    with pytest.raises(freezecheck.ArtifactError) as error:
        freezecheck.check(live, path)
    assert re.search(said, str(error.value))
    assert "\n" not in str(error.value)


def test_a_training_graph_wants_inputs_that_the_live_model_has_not(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    path = tmp_path / "training.pb"

    def build(images: object) -> object:
        keep = v1.placeholder(tf.float32, [], name="keep_prob")
        return reference.build(images) * keep

    freeze(trained, path, build=build)
    with pytest.raises(freezecheck.MatchError, match=r"needs keep_prob fed, .* training graph\?"):
        freezecheck.check(live, path)


def test_an_input_of_another_name_is_not_guessed(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    path = tmp_path / "renamed.pb"

    def rename(definition: object) -> None:
        for node in definition.node:  # type: ignore[attr-defined]
            node.name = "image_batch" if node.name == "images" else node.name
            for place, name in enumerate(node.input):
                node.input[place] = "image_batch" if name == "images" else name

    edited(trained, path, rename)
    with pytest.raises(freezecheck.MatchError, match=r"no input 'images' .*it has .*"):
        freezecheck.check(live, path)


def test_a_model_of_another_image_size_is_an_error_of_the_artifact(
    live: LiveModel, tmp_path: Path
) -> None:
    path = freezecheck.freeze(live, "graph_def", tmp_path)
    definition = v1.GraphDef.FromString(path.read_bytes())
    for node in definition.node:
        if node.name == "images":
            node.attr["shape"].shape.dim[1].size = 32
            node.attr["shape"].shape.dim[2].size = 32
        node.attr.pop("_output_shapes", None)
    path.write_bytes(definition.SerializeToString())
    said = r"graph_def\.pb: input 'images' takes \(batch, 32, 32, 3\), .* \(batch, 24, 24, 3\)$"
    with pytest.raises(freezecheck.MatchError, match=said):
        freezecheck.check(live, path)


def test_a_placeholder_of_any_shape_has_no_dimensions_in_an_old_graph(
    live: LiveModel, tmp_path: Path
) -> None:
    path = freezecheck.freeze(live, "graph_def", tmp_path)
    definition = v1.GraphDef.FromString(path.read_bytes())
    definition.versions.producer = 21
    for node in definition.node:
        if node.name == "images":
            node.attr["shape"].shape.Clear()
        node.attr.pop("_output_shapes", None)
    path.write_bytes(definition.SerializeToString())
    assert freezecheck.load(path).input_shapes == {"images": None}
    assert freezecheck.assert_agreement(live, path).exact


def test_a_single_output_may_be_called_anything(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    path = tmp_path / "renamed.pb"
    freeze(trained, path, build=lambda x: tf.identity(reference.build(x), name="answer"))
    assert freezecheck.assert_agreement(live, path).exact


def test_what_comes_after_the_live_output_is_part_of_the_artifact(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    path = tmp_path / "squared.pb"
    freeze(trained, path, build=lambda x: tf.square(reference.build(x), name="squared"))
    agreement = freezecheck.check(live, path)
    assert not agreement
    assert "compared with the artifact's output 'squared'" in agreement.text


@pytest.mark.parametrize("inlined", [False, True])
def test_a_head_that_no_output_needs_is_not_missed(inlined: bool, tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        main, auxiliary = (v1.get_variable(f"{name}/kernel", [4, 3]) for name in ("main", "aux"))
        tf.matmul(x, auxiliary)
        y = tf.nn.softmax(tf.matmul(x, main))
        session.run(v1.global_variables_initializer())
        live = LiveModel.from_session(session, {"x": x}, {"y": y}, {"x": {"shape": [4]}})
        kernel = tf.constant(session.run(main)) if inlined else main
        wrong = tf.nn.softmax(2.0 * tf.matmul(x, kernel), name="wrong")
        definition = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [wrong.op.name]
        )
    (tmp_path / "wrong.pb").write_bytes(definition.SerializeToString())
    text = freezecheck.check(live, tmp_path / "wrong.pb").text
    live.close()
    assert "differs from the live model" in text
    assert ("the artifact lacks 1 of the live model's under their names: main/kernel" in text) == (
        inlined
    )
    assert "aux" not in text


#: One way for each kind of file.
_KINDS = ("graph_def", "saved_model", "saved_model_session", "tflite", "onnx", "openvino")


@pytest.mark.parametrize("way", [way for way in _KINDS if way in HERE])
def test_channels_that_come_first_are_told_in_one_line(
    way: str, trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    def build(images: object) -> object:
        return reference.build(tf.transpose(images, [0, 2, 3, 1]))

    prefix = tf.train.latest_checkpoint(str(trained))
    inputs = {"images": freezecheck.InputSpec((3, 24, 24), low=-1.0, high=1.0)}
    turned = LiveModel.from_checkpoint(build, prefix, inputs, name="turned")
    artifact = freezecheck.load(freezecheck.freeze(turned, way, tmp_path), way=way)
    with pytest.raises(freezecheck.MatchError) as error:
        freezecheck.check(live, artifact)
    first, second = str(error.value).splitlines()
    assert re.search(
        r"input 'images(:0)?' takes \(batch, 3, 24, 24\), the live model's 'images' takes "
        r"\(batch, 24, 24, 3\)$",
        first,
    )
    assert second.startswith("  its channels come first: convert it without that")
    # The same file, where that is what was evaluated.
    assert freezecheck.check(turned, artifact, examples=1)
    artifact.close()
    turned.close()
