"""TFLite, ONNX and OpenVINO files that ship: correct ones pass, all faults fail."""

from __future__ import annotations

import importlib.util
import operator
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.formats.openvino.importing import import_openvino
from pytest_freezecheck.models import reference
from tests.kit import faults
from tests.kit.converted import Convert, to_onnx, to_openvino, to_tflite
from tests.kit.spread import spread

#: {format: what converts to it}, of those that can be run here.
CONVERTERS: dict[str, Convert] = {
    name: convert
    for name, convert in (("tflite", to_tflite), ("onnx", to_onnx), ("openvino", to_openvino))
    if name in freezecheck.available_ways()
}
#: Random operations, which no converter takes.
_NOT_CONVERTED = (faults.dropout,)


def classes_permuted(folder: Path, path: Path) -> None:
    """Freeze with the columns of the last layer in another order."""

    def turned(name: str, value: Any) -> Any:
        last = name.startswith("logits/") and value.shape[-1:] == (reference.CLASSES,)
        return np.roll(value, 2, axis=-1) if last else value

    faults.edited(folder, path, faults.edit_constants(turned))


#: What can be told of a file that nobody can look into.
CAUSES = {
    faults.raw_weights: "raw-weights",
    faults.averaged_statistics: "averaged-statistics",
    faults.older_checkpoint: "other-checkpoint",
    faults.statistics_not_restored: "initial-statistics",
    faults.classes_shifted: "class-order",
    classes_permuted: "class-order",
    faults.channels_reversed: "input-transform",
    faults.input_scaled: "input-transform",
    faults.wrong_output: "output-tensor",
    faults.half_precision: "reduced-precision",
}
#: What is read in the file, where no answer tells it. How much was initialised is not seen there.
BY_COMPUTATION: dict[Any, str] = {
    faults.another_epsilon: "batch-norm-epsilon",
    faults.bias_not_restored: "other-weights",  # it is 0, and may have been left out
    faults.beta_not_restored: "other-weights",
    faults.one_weight_altered: "altered-weights",
    faults.initialised_again: "other-weights",
    faults.not_a_number: "non-finite",
    faults.training_batch_norm: "batch-dependence",
}


@pytest.fixture(params=CONVERTERS)
def convert(request: pytest.FixtureRequest) -> Convert:
    return CONVERTERS[request.param]


def shipped(convert: Convert, fault: faults.Fault, trained: Path, folder: Path) -> Path:
    (folder / "frozen.pb").write_bytes(faults.written(fault, trained))
    return convert(folder / "frozen.pb", folder)


def test_a_correct_file_passes_with_its_noise_shown(
    convert: Convert, live: LiveModel, trained: Path, tmp_path: Path
) -> None:
    path = shipped(convert, faults.freeze, trained, tmp_path)
    agreement = freezecheck.assert_agreement(live, path)
    assert agreement.max_abs_diff is not None
    assert 0.0 < agreement.max_abs_diff < 5e-6
    assert not agreement.exact
    assert agreement.noise_floor is not None
    assert agreement.noise_floor > 0.0
    assert agreement.cause is None
    assert all("OpenVINO computes in" in warning for warning in agreement.warnings)


@pytest.mark.parametrize(
    ("convert", "fault"),
    spread(
        [f for f in faults.FAULTS if f not in _NOT_CONVERTED],
        list(CONVERTERS),
        operator.attrgetter("__name__"),
    ),
    indirect=["convert"],
)
def test_every_fault_fails_and_no_other_cause_is_claimed(
    fault: faults.Fault,
    convert: Convert,
    live: LiveModel,
    faulty: Callable[[faults.Fault], Path],
    tmp_path: Path,
) -> None:
    if convert is to_tflite and fault is faults.classes_shifted:
        fault = classes_permuted  # TFLite has no Roll
    path = convert(faulty(fault), tmp_path)
    agreement = freezecheck.check(live, path)
    assert not agreement
    assert agreement.cause is not None
    found = agreement.cause["id"], agreement.cause["proven"]
    if fault in CAUSES:
        assert found == (CAUSES[fault], True)
    else:
        assert found == (BY_COMPUTATION.get(fault), True) or not found[1]


def test_the_text_says_how_the_cause_was_found(
    live: LiveModel, trained: Path, tmp_path: Path
) -> None:
    path = shipped(to_tflite, faults.averaged_statistics, trained, tmp_path)
    text = freezecheck.check(live, path).text
    assert "cause: averaged-statistics: the frozen model holds EMA shadows of BatchNorm's" in text
    assert re.search(r"    8 of \d+ weights; \S+/moving_mean is the shadow '", text)
    assert "with this, the live model computes what the file does, for every input" in text
    assert "weights:" not in text  # it keeps none under its name


def _changes(before: Any, after: Any) -> Any:
    """What differs between two pictures, of which large values soon saturate a class."""
    rng = np.random.default_rng(3)
    filters = rng.normal(size=(3, 3, 3, 6)).astype(np.float32)
    table = rng.normal(size=(6, 4)).astype(np.float32) * 3
    one, other = (tf.nn.relu(tf.nn.conv2d(x, filters, 2, "SAME")) for x in (before, after))
    cells = tf.reduce_mean(tf.nn.relu(one - 0.6 * other), [1, 2])
    return tf.nn.softmax(tf.matmul(cells, table), name="changes")


def _changes_of(folder: Path, *, exchanged: bool) -> tuple[LiveModel, Path]:
    """Return such a model, and its GraphDef, or one that takes each input for the other."""
    inputs = {name: freezecheck.InputSpec((12, 10, 3)) for name in ("before", "after")}
    build = (lambda before, after: _changes(after, before)) if exchanged else _changes
    live = LiveModel.from_session(*_session(build, inputs), inputs)
    return live, freezecheck.freeze(live, "graph_def", folder)


def _session(build: Callable[..., Any], inputs: Any) -> tuple[Any, Any, Any]:
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        fed = {n: v1.placeholder(tf.float32, [None, *s.shape], name=n) for n, s in inputs.items()}
        answer = build(**fed)
    return v1.Session(graph=graph), fed, {"changes": answer}


def test_two_inputs_that_were_mixed_up_are_called_that(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "right").mkdir()
    live, right = _changes_of(tmp_path / "right", exchanged=False)
    assert freezecheck.assert_agreement(live, convert(right, tmp_path / "right"))
    other, wrong = _changes_of(tmp_path, exchanged=True)
    for path in (wrong, convert(wrong, tmp_path)):
        agreement = freezecheck.check(live, path)
        assert not agreement
        assert agreement.cause is not None
        assert (agreement.cause["id"], agreement.cause["proven"]) == ("input-transform", True)
        assert "it takes each of the two for the other" in agreement.text
        assert "give inputs the names that they have in the live model" in agreement.text
    live.close()
    other.close()


def test_a_fixed_batch_is_fed_in_pieces(live: LiveModel, trained: Path, tmp_path: Path) -> None:
    faults.freeze(trained, tmp_path / "frozen.pb")
    path = to_tflite(tmp_path / "frozen.pb", tmp_path, batch=1)
    frozen = freezecheck.load(path)
    assert frozen.batch_size() == 1
    assert freezecheck.assert_agreement(live, frozen).inputs > 400
    frozen.close()
    faults.one_weight_altered(trained, tmp_path / "frozen.pb")
    assert not freezecheck.check(live, to_tflite(tmp_path / "frozen.pb", tmp_path, batch=1))


def test_a_file_of_reduced_precision_is_suspected_of_it(live: LiveModel, tmp_path: Path) -> None:
    for way, held in (("tflite_float16", "of float16"), ("tflite_dynamic_int8", "of int8")):
        agreement = freezecheck.check(live, freezecheck.freeze(live, way, tmp_path))
        assert not agreement  # as a file that ships it is held to the run's tolerance
        assert "suspected, not proven: reduced-precision: " in agreement.text
        assert held in agreement.text


def rounded_tflite(other: LiveModel, folder: Path) -> Path:
    return freezecheck.freeze(other, "tflite_float16", folder)


def rounded_openvino(other: LiveModel, folder: Path) -> Path:
    frozen = freezecheck.freeze(other, "graph_def", folder)
    return to_openvino(frozen, folder, compress_to_fp16=True)


@pytest.mark.parametrize(
    "export", [f for f in (rounded_tflite, rounded_openvino) if f.__name__[8:] in CONVERTERS]
)
def test_rounding_is_not_blamed_for_more_than_it_does(
    export: Callable[[LiveModel, Path], Path], live: LiveModel, trained: Path, tmp_path: Path
) -> None:
    def darker(images: Any) -> Any:  # by a factor that nobody looks for
        return reference.build(images * 0.37)

    prefix = tf.train.latest_checkpoint(str(trained))
    other = LiveModel.from_checkpoint(darker, prefix, live.specs, name="darker")
    agreement = freezecheck.check(live, export(other, tmp_path))
    other.close()
    assert not agreement
    assert agreement.cause is not None
    assert (agreement.cause["id"], agreement.cause["proven"]) == ("unknown", False)
    said = re.search(
        r"it holds \d+ tensors of float16, and weights rounded to that move the live answers by "
        r"(\S+) only",
        agreement.text,
    )
    assert said is not None
    assert agreement.max_abs_diff is not None
    assert 30.0 * float(said[1]) < agreement.max_abs_diff


def test_bytes_at_the_input_are_no_rounding(trained: Path, tmp_path: Path) -> None:
    def build(images: Any, scale: float = 255.0) -> Any:
        return reference.build(tf.cast(images, tf.float32) / scale)

    inputs = {"images": freezecheck.InputSpec((24, 24, 3), "uint8", 0, 255)}
    model = LiveModel.from_checkpoint(build, trained, inputs)
    other = LiveModel.from_checkpoint(lambda images: build(images, 200.0), trained, inputs)
    agreement = freezecheck.check(model, freezecheck.freeze(other, "tflite", tmp_path))
    assert not agreement
    assert agreement.cause is not None
    assert agreement.cause["id"] != "reduced-precision"
    assert freezecheck.check(model, freezecheck.freeze(model, "tflite", tmp_path))
    for live in (model, other):
        live.close()


def test_keys_of_a_signature_name_inputs_and_outputs(live: LiveModel, tmp_path: Path) -> None:
    path = freezecheck.freeze(live, "tflite_saved_model", tmp_path)
    frozen = freezecheck.load(path)
    assert (frozen.input_names, frozen.output_names) == (["images"], ["probabilities"])
    frozen.close()


def test_a_table_names_what_has_another_name(trained: Path, tmp_path: Path) -> None:
    two = LiveModel.from_checkpoint(
        lambda images: {
            "scores": reference.build(images),
            "halves": tf.identity(images[:, :1, 0, :] * 0.5, name="halves"),
        },
        trained,
        reference.INPUTS,
    )
    path = freezecheck.freeze(two, "tflite", tmp_path)
    # Two outputs, one of which has another name than the live key: its tensor's, which is tried.
    assert freezecheck.assert_agreement(two, path)
    wrong = freezecheck.load(path, outputs={"scores": "halves", "halves": "probabilities"})
    assert not freezecheck.check(two, wrong)
    right = freezecheck.load(path, outputs={"scores": "probabilities:0"})
    assert freezecheck.assert_agreement(two, right)
    lost = freezecheck.load(path, outputs={"scores": "probability"})
    with pytest.raises(freezecheck.MatchError, match=r"no output 'probability' .*'probabilities'"):
        freezecheck.check(two, lost)
    two.close()


@pytest.mark.parametrize("name", ["model.tflite", "model.onnx", "model.xml"])
def test_a_truncated_file_is_one_line(
    name: str, live: LiveModel, trained: Path, tmp_path: Path
) -> None:
    kind = {"model.tflite": "tflite", "model.onnx": "onnx", "model.xml": "openvino"}[name]
    if kind not in CONVERTERS:
        pytest.skip(f"{kind} cannot be run here")
    whole = shipped(CONVERTERS[kind], faults.freeze, trained, tmp_path).read_bytes()
    for part in (0.1, 0.5, 0.9, 0.99):
        (tmp_path / name).write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(freezecheck.ArtifactError, match=r"cannot load it: ") as raised:
            freezecheck.check(live, tmp_path / name)
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.skipif("openvino" not in CONVERTERS, reason="needs OpenVINO")
def test_an_ir_without_its_weights_says_so(live: LiveModel, trained: Path, tmp_path: Path) -> None:
    path = shipped(to_openvino, faults.freeze, trained, tmp_path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(freezecheck.ArtifactError, match=r"frozen\.bin, which holds the weights"):
        freezecheck.check(live, path)


@pytest.mark.skipif("onnx" not in CONVERTERS, reason="needs onnxruntime")
def test_an_onnx_file_needs_onnxruntime_alone(
    live: LiveModel, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without(name: str) -> Any:
        return None if name in ("onnx", "tf2onnx") else find(name)

    path = shipped(to_onnx, faults.freeze, trained, tmp_path)
    (tmp_path / "wrong").mkdir()
    wrong = shipped(to_onnx, faults.raw_weights, trained, tmp_path / "wrong")
    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert freezecheck.assert_agreement(live, path)
    assert not freezecheck.check(live, wrong)
    with pytest.raises(freezecheck.UnavailableError, match=r"onnx needs tf2onnx, onnx, not inst"):
        freezecheck.freeze(live, "onnx", tmp_path)


def test_a_file_whose_extra_is_absent_fails_and_says_what_installs_it(
    live: LiveModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(self: freezecheck.Extra) -> str:
        return f"needs something, not installed here: {self.install}"

    monkeypatch.setattr(freezecheck.Extra, "missing", nothing)
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08\x12\x07")
    with pytest.raises(
        freezecheck.ArtifactError, match=r'pip install "pytest-freezecheck\[onnx\]"'
    ):
        freezecheck.check(live, tmp_path / "model.onnx")
    with pytest.raises(freezecheck.UnavailableError, match=r"onnx needs something"):
        freezecheck.freeze(live, "onnx", tmp_path)
    with pytest.raises(freezecheck.UnavailableError, match=r"onnx needs something"):
        freezecheck.load(tmp_path / "model.onnx", way="onnx")


def test_tflite_runs_without_litert(
    live: LiveModel, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def without(name: str) -> Any:
        return None if name == "ai_edge_litert" else find(name)

    path = shipped(to_tflite, faults.freeze, trained, tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", without)
    frozen = freezecheck.load(path)
    assert getattr(frozen, "executor", "") == "tf.lite"
    assert freezecheck.assert_agreement(live, frozen)
    frozen.close()


@pytest.mark.skipif("openvino" not in CONVERTERS, reason="needs OpenVINO")
class TestOpenvino:
    def test_it_is_imported_without_its_telemetry(self) -> None:
        code = (
            "import sys\n"
            "from pytest_freezecheck.formats.openvino.importing import import_openvino\n"
            "import_openvino()\n"
            "from openvino.tools.ovc import telemetry_utils\n"
            "print(telemetry_utils.tm.__name__, 'openvino_telemetry' in sys.modules)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert run.stdout == "openvino.tools.ovc.telemetry_stub False\n", run.stderr
        assert "openvino_telemetry" not in sys.modules  # nor do these tests import it

    def test_its_own_precision_is_warned_of_where_it_is_not_float32(
        self, live: LiveModel, trained: Path, tmp_path: Path
    ) -> None:
        openvino = import_openvino()

        path = shipped(to_openvino, faults.freeze, trained, tmp_path)
        default = openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()
        said = freezecheck.assert_agreement(live, path).warnings
        if default == "f32":
            assert said == []
        else:
            (warning,) = said
            assert f"OpenVINO computes in {default} on this CPU, and the answers move by" in warning

    def test_it_is_not_said_of_a_way_to_freeze(self, live: LiveModel, tmp_path: Path) -> None:
        frozen = freezecheck.load(freezecheck.freeze(live, "openvino", tmp_path), way="openvino")
        assert freezecheck.assert_agreement(live, frozen).warnings == []
        frozen.close()

    def test_weights_that_save_model_compressed_fail(
        self, live: LiveModel, trained: Path, tmp_path: Path
    ) -> None:
        faults.freeze(trained, tmp_path / "frozen.pb")
        path = to_openvino(tmp_path / "frozen.pb", tmp_path, compress_to_fp16=True)
        agreement = freezecheck.check(live, path)
        assert not agreement
        assert agreement.max_abs_diff is not None
        assert agreement.max_abs_diff < 1e-2
        assert agreement.cause is not None
        assert (agreement.cause["id"], agreement.cause["proven"]) == ("reduced-precision", False)
        assert re.search(
            r"it holds \d+ tensors of float16, and weights rounded to that move the live answers "
            r"by \d\.\de-0\d$",
            agreement.text,
            re.MULTILINE,
        )
        assert freezecheck.check(live, path, atol=1e-2, logit_rtol=1e-2)


@pytest.mark.skipif("onnx" not in CONVERTERS, reason="needs onnxruntime")
def test_onnx_has_a_second_opinion(live: LiveModel, trained: Path, tmp_path: Path) -> None:
    path = shipped(to_onnx, faults.freeze, trained, tmp_path)
    wrong = shipped(to_onnx, faults.raw_weights, trained, tmp_path)
    images = reference.pictures(8, seed=1)[0]
    one = freezecheck.load(wrong, way="onnx").predict({"images:0": images})
    two = freezecheck.load(wrong, way="onnx_reference").predict({"images:0": images})
    np.testing.assert_allclose(one["probabilities:0"], two["probabilities:0"], atol=2e-6)
    assert path == wrong  # the same file, written over
