"""A Keras 3 model as the live side: what it holds, what ships from it, and use_ema."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel, Model
from pytest_freezecheck.declared.live import build_live
from pytest_freezecheck.formats import unavailable
from pytest_freezecheck.models.keras import is_keras
from tests.kit.inprocess import Here
from tests.kit.ways import HERE, OF_KERAS

if unavailable("keras") is not None:
    pytest.skip(str(unavailable("keras")), allow_module_level=True)

import keras

INPUTS = {"images": {"shape": [16, 16, 3], "low": -1.0, "high": 1.0}}
#: They freeze from a checkpoint of TensorFlow 1's, which a Keras model has not.
_FROM_A_CHECKPOINT = ("freeze_graph", "freeze_graph_meta", "freeze_graph_cli")


def pictures(count: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    images = rng.normal(size=(count, 16, 16, 3)) / 3 + (labels[:, None, None, None] - 1.5) * 0.2
    return np.clip(images, -1.0, 1.0).astype(np.float32), labels


def network() -> Any:
    """Build and compile a network whose optimizer averages the weights."""
    layers = keras.layers
    images = keras.Input((16, 16, 3), name="images")
    net = layers.Conv2D(8, 3, strides=2, name="conv")(images)
    net = layers.BatchNormalization(momentum=0.8, name="norm")(net)
    net = layers.ReLU()(net)
    net = layers.GlobalAveragePooling2D()(net)
    net = layers.Dropout(0.3)(net)
    answer = layers.Dense(4, activation="softmax", name="probabilities")(net)
    model = keras.Model(images, answer, name="flowers")
    optimizer = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keras")


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    """Train it; a callback saves an archive after the last epoch, as many do."""
    state = np.random.get_state()
    keras.utils.set_random_seed(3)
    made = network()
    saving = keras.callbacks.ModelCheckpoint(str(folder / "callback.keras"))
    made.fit(*pictures(512, 1), epochs=4, batch_size=32, verbose=0, callbacks=[saving])
    np.random.set_state(state)
    return made


@pytest.fixture(scope="module")
def flowers(model: Any) -> Iterator[LiveModel]:
    made = LiveModel.from_keras(model, INPUTS, name="flowers")
    yield made
    made.close()


def test_it_answers_as_keras_does(flowers: LiveModel, model: Any) -> None:
    images, _ = pictures(8, 5)
    answer = flowers.predict({"images": images})["probabilities"]
    np.testing.assert_array_equal(answer, model(images, training=False).numpy())
    assert np.ptp(answer) > 0.5
    assert set(flowers.weights()) < {variable.path for variable in model.variables}  # no dropout


@pytest.mark.parametrize("way", [w for w in (*HERE, *OF_KERAS) if w not in _FROM_A_CHECKPOINT])
def test_it_freezes_and_agrees(way: str, flowers: LiveModel, tmp_path: Path) -> None:
    frozen = freezecheck.load(freezecheck.freeze(flowers, way, tmp_path), way=way)
    agreement = freezecheck.assert_agreement(flowers, frozen, examples=40)
    frozen.close()
    if way in (*OF_KERAS, "graph_def", "saved_model"):
        assert agreement.exact
        assert agreement.noise_floor == 0.0
    assert agreement.power is not None
    assert agreement.power.caught > 0


@pytest.mark.parametrize("way", _FROM_A_CHECKPOINT)
def test_ways_that_need_a_checkpoint_say_so(way: str, flowers: LiveModel, tmp_path: Path) -> None:
    with pytest.raises(freezecheck.FreezeError, match=rf"flowers: {way} needs the checkpoint"):
        freezecheck.freeze(flowers, way, tmp_path)


def test_what_a_callback_saved_has_raw_weights_and_fails(flowers: LiveModel, folder: Path) -> None:
    agreement = freezecheck.check(flowers, folder / "callback.keras")
    assert not agreement
    assert agreement.max_abs_diff is not None
    assert agreement.max_abs_diff > 1e-3
    assert agreement.text.startswith("raw-weights: ")
    assert "weights: " in agreement.text
    assert agreement.cause is not None
    assert (agreement.cause["id"], agreement.cause["proven"]) == ("raw-weights", True)


def test_an_export_after_train_on_batch_fails_until_the_averages_are_finalised(
    tmp_path: Path,
) -> None:
    made = network()
    for step in range(20):
        made.train_on_batch(*pictures(32, step))
    made.export(str(tmp_path / "early"))
    made.optimizer.finalize_variable_values(made.trainable_variables)
    made.export(str(tmp_path / "late"))
    live = LiveModel.from_keras(made, INPUTS, name="flowers")
    assert freezecheck.assert_agreement(live, tmp_path / "late").exact
    early = freezecheck.check(live, tmp_path / "early")
    assert not early
    live.close()


def test_an_archive_with_code_of_its_own_is_refused(flowers: LiveModel, tmp_path: Path) -> None:
    images = keras.Input((16, 16, 3), name="images")
    net = keras.layers.Lambda(lambda x: x * 2.0)(images)
    answer = keras.layers.Dense(4, activation="softmax")(keras.layers.Flatten()(net))
    keras.Model(images, answer).save(tmp_path / "lambda.keras")
    with pytest.raises(
        freezecheck.ArtifactError, match="refused: a Lambda layer is Python"
    ) as raised:
        freezecheck.check(flowers, tmp_path / "lambda.keras")
    assert len(str(raised.value).splitlines()) == 1


def test_several_inputs_and_outputs_go_by_their_names(tmp_path: Path) -> None:
    small = keras.Input((3,), name="zz_first")
    large = keras.Input((5,), name="aa_second")
    both = keras.layers.Concatenate()([small, large])
    head = keras.layers.Dense(2, activation="softmax", name="head")(both)
    tail = keras.layers.Dense(1, name="tail")(large)
    made = keras.Model([small, large], [head, tail])
    specs = {"aa_second": {"shape": [5]}, "zz_first": {"shape": [3]}}
    live = LiveModel.from_keras(made, specs)
    fed = {"zz_first": np.ones((2, 3), np.float32), "aa_second": np.full((2, 5), 2, np.float32)}
    answer = live.predict(fed)
    expected = made([fed["zz_first"], fed["aa_second"]])
    np.testing.assert_array_equal(answer["head"], expected[0].numpy())
    np.testing.assert_array_equal(answer["tail"], expected[1].numpy())
    for way in OF_KERAS:
        frozen = freezecheck.load(freezecheck.freeze(live, way, tmp_path), way=way)
        assert freezecheck.assert_agreement(live, frozen, examples=10).exact
        frozen.close()
    live.close()


def normalised(mean: float = 128.0) -> Any:
    """Return a model whose first layer keeps mean and variance as tensors, not as variables."""
    pixels = keras.Input((16, 16, 3), name="pixels")
    net = keras.layers.Normalization(mean=[mean] * 3, variance=[900.0] * 3, name="scale")(pixels)
    net = keras.layers.Conv2D(6, 3, strides=2, activation="tanh", name="conv")(net)
    net = keras.layers.GlobalAveragePooling2D(name="pool")(net)
    answer = keras.layers.Dense(3, activation="softmax", name="kinds")(net)
    return keras.Model(pixels, answer, name="normalised")


def test_what_a_layer_keeps_as_a_tensor_is_a_constant(tmp_path: Path) -> None:
    right, wrong = normalised(), normalised(mean=120.0)
    wrong.set_weights(right.get_weights())
    inputs = {"pixels": {"shape": [16, 16, 3], "low": 0.0, "high": 255.0}}
    live = LiveModel.from_keras(right, inputs, name="normalised")
    for way in ("graph_def", "keras", "keras_export"):
        frozen = freezecheck.load(freezecheck.freeze(live, way, tmp_path / way), way=way)
        assert freezecheck.assert_agreement(live, frozen).exact
        frozen.close()
    wrong.save(tmp_path / "wrong.keras")
    wrong.export(str(tmp_path / "wrong"))
    archive = freezecheck.check(live, tmp_path / "wrong.keras")
    export = freezecheck.check(live, tmp_path / "wrong")
    assert not archive
    assert not export
    assert archive.cause is not None
    assert (archive.cause["id"], archive.cause["proven"]) == ("input-transform", True)
    assert "is [120, 120, 120], in the live graph [128, 128, 128]" in archive.text
    assert "Const is" not in export.text  # constants of no name of their own are not held together
    live.close()


def forecast(scale: float = 5.0, *, backwards: bool = False) -> Any:
    """Return a model whose dilated convolution and loop hide the shapes of what follows them."""
    history = keras.Input((12, 5), name="history")
    net = keras.layers.Normalization(mean=[0.0] * 5, variance=[1.0] * 4 + [scale], name="scale")(
        history
    )
    net = keras.layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="tanh")(net)
    net = keras.layers.GRU(7, return_sequences=True, go_backwards=backwards, name="loop")(net)
    net = keras.layers.GlobalAveragePooling1D()(net)
    return keras.Model(history, keras.layers.Dense(2, name="next")(net))


@pytest.mark.parametrize(
    ("wrong", "cause", "said"),
    [
        (
            {"scale": 5.5},
            "input-transform",
            " is 5.5 at [0, 0, 4], in the live graph 5",
        ),
        ({"backwards": True}, "changed-operation", "ReverseV2"),
    ],
)
def test_behind_a_loop_in_a_function_computations_are_held_together(
    wrong: dict[str, Any], cause: str, said: str, tmp_path: Path
) -> None:
    right, other = forecast(), forecast(**wrong)
    other.set_weights(right.get_weights())
    live = LiveModel.from_keras(right, {"history": {"shape": [12, 5]}}, name="forecast")
    right.export(str(tmp_path / "right"), verbose=False)
    proof = freezecheck.assert_agreement(live, tmp_path / "right").proof
    assert proof is not None
    assert proof.result == "identical"
    other.export(str(tmp_path / "wrong"), verbose=False)
    agreement = freezecheck.check(live, tmp_path / "wrong")
    assert agreement.proof is not None
    assert agreement.proof.result == "differs"
    assert agreement.cause is not None
    assert (agreement.cause["id"], agreement.cause["proven"]) == (cause, True)
    assert said in agreement.text
    live.close()


def looking_up(vocabulary: list[int]) -> Any:
    words = keras.Input((4,), dtype="int64", name="words")
    net = keras.layers.IntegerLookup(vocabulary=vocabulary, output_mode="multi_hot")(words)
    dense = keras.layers.Dense(2, activation="softmax", name="probabilities")
    model = keras.Model(words, dense(net))
    dense.set_weights([np.linspace(-1.0, 1.0, 8).reshape(4, 2) ** 3, np.array([0.3, -0.1])])
    return model


@pytest.mark.parametrize("way", ["keras", "keras_export", "saved_model"])
def test_tables_that_a_layer_looks_up_in_are_taken_over(way: str, tmp_path: Path) -> None:
    inputs = {"words": {"shape": [4], "dtype": "int64", "low": 0, "high": 9}}
    live = LiveModel.from_keras(looking_up([3, 5, 8]), inputs, name="lookup")
    other = LiveModel.from_keras(looking_up([3, 8, 5]), inputs, name="lookup")
    right = freezecheck.freeze(live, way, tmp_path / "right")
    wrong = freezecheck.freeze(other, way, tmp_path / "wrong")
    found = freezecheck.check(live, freezecheck.load(right, way=way), examples=20)
    assert found.outcome == "passed", found.text
    assert (
        freezecheck.check(live, freezecheck.load(wrong, way=way), examples=20).outcome == "failed"
    )
    live.close()
    other.close()


def anywhere(stride: int) -> Any:
    """Return a model of pictures of any size."""
    pictures = keras.Input((None, None, 3), name="pictures")
    net = keras.layers.Conv2D(4, 3, strides=stride, name="conv")(pictures)
    net = keras.layers.GlobalMaxPooling2D()(net)
    answer = keras.layers.Dense(3, "softmax", name="answer")(net)
    model = keras.Model(pictures, answer, name="anywhere")
    for number, layer in enumerate(model.layers):
        rng = np.random.default_rng(number)
        layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return model


def test_a_model_of_any_size_is_traced_with_the_declared_one(tmp_path: Path) -> None:
    inputs = {"pictures": {"shape": [9, 9, 3]}}
    model = anywhere(1)
    live = LiveModel.from_keras(model, inputs, name="anywhere")
    shapes = [op.outputs[0].shape for op in live.graph.get_operations() if op.type == "Conv2D"]
    assert [shape.as_list()[1:] for shape in shapes] == [[7, 7, 4]]
    model.save(tmp_path / "right.keras")
    anywhere(2).save(tmp_path / "wrong.keras")
    assert freezecheck.check(live, tmp_path / "right.keras", examples=20)
    wrong = freezecheck.check(live, tmp_path / "wrong.keras", examples=20)
    assert wrong.outcome == "failed"
    assert wrong.cause is not None
    assert (wrong.cause["id"], wrong.cause["proven"]) == ("changed-operation", True), wrong.text
    with pytest.raises(freezecheck.ModelError, match=r"takes \(None, None, 3\).*declared is 9 x 9"):
        LiveModel.from_keras(model, {"pictures": {"shape": [9, 9]}}, name="anywhere")
    live.close()


def two_heads(*, swapped: bool) -> Any:
    """Return a model that answers a dictionary, whose keys are not its layers' names."""
    features = keras.Input((4,), name="features")
    zoom = keras.layers.Dense(3, "softmax", name="zoom_layer")
    angle = keras.layers.Dense(3, "softmax", name="angle_layer")
    ends = {"zoom": zoom(features), "angle": angle(features)}
    if swapped:
        ends = {"zoom": ends["angle"], "angle": ends["zoom"]}
    model = keras.Model(features, ends)
    for number, layer in enumerate((zoom, angle)):
        rng = np.random.default_rng(number)
        layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return model


@pytest.mark.parametrize("way", ["keras", "keras_export", "tflite"])
def test_a_dictionary_is_matched_by_its_keys(way: str, tmp_path: Path) -> None:
    inputs = {"features": {"shape": [4]}}
    live = LiveModel.from_keras(two_heads(swapped=False), inputs, name="heads")
    other = LiveModel.from_keras(two_heads(swapped=True), inputs, name="heads")
    right = freezecheck.freeze(live, way, tmp_path / "right")
    swapped = freezecheck.freeze(other, way, tmp_path / "wrong")
    assert freezecheck.check(live, freezecheck.load(right, way=way), examples=20)
    found = freezecheck.check(live, freezecheck.load(swapped, way=way), examples=20)
    # An archive names outputs by the layers that answer, whatever the key.
    assert found.outcome == ("failed" if way == "keras_export" else "passed"), found.text
    live.close()
    other.close()


def test_a_table_of_names_comes_before_the_keys(tmp_path: Path) -> None:
    live = LiveModel.from_keras(
        two_heads(swapped=False), {"features": {"shape": [4]}}, name="heads"
    )
    path = tmp_path / "swapped"
    two_heads(swapped=True).export(str(path), verbose=False)
    assert not freezecheck.check(live, path, examples=20)
    crossed = {"zoom_layer": "angle", "angle_layer": "zoom"}
    assert freezecheck.check(live, freezecheck.load(path, outputs=crossed), examples=20)
    live.close()


def test_an_archive_of_quantized_weights_is_suspected_of_it(tmp_path: Path) -> None:
    inputs = {"pixels": {"shape": [16, 16, 3], "low": 0.0, "high": 255.0}}
    model = normalised()
    live = LiveModel.from_keras(model, inputs, name="normalised")
    model.save(tmp_path / "right.keras")
    assert freezecheck.check(live, tmp_path / "right.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its input layer cannot be
        model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    agreement = freezecheck.check(live, tmp_path / "int8.keras")
    assert not agreement
    assert agreement.cause is not None
    assert (agreement.cause["id"], agreement.cause["proven"]) == ("reduced-precision", False)
    assert "it holds 1 tensor of int8" in agreement.text
    live.close()


def test_a_sequential_model_is_one_too(tmp_path: Path) -> None:
    layers = keras.layers
    made = keras.Sequential(
        [keras.Input((5,), name="features"), layers.Dense(3, activation="softmax", name="head")]
    )
    live = LiveModel.from_keras(made, {"features": {"shape": [5]}})
    for way in OF_KERAS:
        frozen = freezecheck.load(freezecheck.freeze(live, way, tmp_path), way=way)
        assert freezecheck.assert_agreement(live, frozen, examples=10).exact
        frozen.close()
    live.close()


def test_a_batch_size_of_its_own_is_fed_in_pieces(tmp_path: Path) -> None:
    def made(rows: int | None, seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        images = keras.Input(batch_shape=(rows, 6, 6, 2), name="images")
        flat = layers.Flatten()(layers.Conv2D(4, 3, activation="relu", name="conv")(images))
        return keras.Model(images, layers.Dense(3, activation="softmax", name="head")(flat))

    state = np.random.get_state()
    files = {"any": made(None, 1), "four": made(4, 1), "wrong": made(4, 2)}
    np.random.set_state(state)
    for name, model in files.items():
        model.save(tmp_path / f"{name}.keras")
    spec = {"images": {"shape": [6, 6, 2]}}
    for name, rows in (("any", None), ("four", 4)):
        live = LiveModel.from_keras(files[name], spec)
        assert live.batch_size == rows
        for file in ("any", "four"):
            path = tmp_path / f"{file}.keras"
            assert freezecheck.assert_agreement(live, path, examples=10, exact=True).exact
        assert not freezecheck.check(live, tmp_path / "wrong.keras", examples=10)
        live.close()


def test_inputs_of_other_names_are_an_error_that_names_both() -> None:
    with pytest.raises(freezecheck.ModelError, match=r"inputs are \['images'\], .* \['pixels'\]"):
        LiveModel.from_keras(network(), {"pixels": {"shape": [16, 16, 3]}}, name="flowers")


def test_a_model_without_known_inputs_is_an_error() -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            return images

    with pytest.raises(freezecheck.ModelError, match="whose inputs are not known"):
        LiveModel.from_keras(Own(), INPUTS)


def test_only_a_model_of_keras_3_is_taken_for_one() -> None:
    import tf_keras

    assert is_keras(network())
    assert not is_keras(tf_keras.Sequential())
    assert not is_keras(object())


def test_a_declared_live_function_may_return_one(model: Any, tmp_path: Path) -> None:
    declared = Model("flowers", INPUTS, live=lambda: model, root=tmp_path)
    live = build_live(declared)
    assert live.keras is model
    live.close()


REPOSITORY = """
import keras

def model():
    return keras.saving.load_model("final.keras")
"""
DECLARATION = """
[tool.freezecheck.models.flowers]
live = "evaluation:model"
artifacts = ["final.keras", "callback.keras"]
freeze = ["keras_export", "saved_model"]

[tool.freezecheck.models.flowers.inputs.images]
shape = [16, 16, 3]
low = -1.0
high = 1.0
"""


def test_a_repository_of_its_own(
    model: Any, folder: Path, tmp_path: Path, pytester: pytest.Pytester
) -> None:
    model.save(tmp_path / "final.keras")
    (tmp_path / "callback.keras").write_bytes((folder / "callback.keras").read_bytes())
    (tmp_path / "evaluation.py").write_text(REPOSITORY)
    (tmp_path / "pyproject.toml").write_text(DECLARATION)
    given = ("--freezecheck", "--freezecheck-report=r.json", "-o", "freezecheck_isolation=process")
    code, printed = Here(pytester).pytest(tmp_path, *given)
    assert code == 1, printed
    checks = json.loads((tmp_path / "r.json").read_text())["checks"]
    outcomes = {check["artifact"]: check["outcome"] for check in checks}
    assert outcomes == {
        "final.keras": "passed",
        "callback.keras": "failed",
        "keras_export": "passed",
        "saved_model": "passed",
    }
    assert "  flowers, callback.keras: output " in printed
