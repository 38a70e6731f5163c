"""TFLite files as computations: true exports are proved, and whatever is wrong with one is not."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import ArtifactError, FreezeError, InputSpec, LiveModel
from pytest_freezecheck.computation.proof import Proof
from pytest_freezecheck.formats.graph_def.convert import convert_variables
from pytest_freezecheck.models import reference
from tests.computation import tflite_files as files
from tests.computation.proving import LiveSide
from tests.computation.tflite_files import Change, File, changed
from tests.kit.made import made, weight
from tests.kit.made_once import copied, made_once
from tests.kit.networks import NETWORKS

FLOAT32 = ("tflite", "tflite_session", "tflite_saved_model", "tflite_concrete")
#: Four units in the last place; half a unit of float16; half a step of 127 on each side.
WAYS = {**dict.fromkeys(FLOAT32, 2.0**-21), "tflite_float16": 2.0**-11}
WAYS["tflite_dynamic_int8"] = 0.5 / 127 * 1.001
OLD = tf.__version__.startswith("2.15.")
GRIDS = {"tflite_float16": "float16", "tflite_dynamic_int8": "int8"}
#: Networks that between them have nearly every operation that is read.
FEW = (
    "squeeze and excite", "classes and top k", "simple RNN", "transformer block", "two towers",
    "segmentation", "super-resolution", "generator", "depth to space", "best boxes", "depthwise",
    "dilated", "grouped", "inception", "BatchNorm", "LRN", "PReLU and hard swish",
    "raw audio of 16 bits", "quantiles", "cumulative levels", "masked bag of words", "complex",
    "GroupNorm", "a small linear system",
)  # fmt: skip
#: What TFLite has no operation or dtype for without those of TensorFlow: nothing is written.
UNCONVERTED = {
    "float64", "float16", "bfloat16", "dynamic_rnn", "CTC, decoded greedily",
    "non-maximum suppression", "combined suppression",
}  # fmt: skip
#: Of the others, what does not come to one form on both sides, and why.
UNPROVED = {
    "as long as the longest of the batch": "how long that is nobody knows before it runs",
    "as many as are found": "how many those are nobody knows before it runs",
    "a loop until it settles": "the loop is an operation of TFLite's own",
    "fake quantisation": "a step of rounding becomes two operations on integers",
}
#: Of the rest, those whose weights tell something of the grids that others do not.
ROUNDED = (
    "simple RNN", "GRU", "transformer block", "self-attention", "masked bag of words", "depthwise",
    "grouped", "segmentation", "BatchNorm", "several heads", "prices of a million", "two towers",
)  # fmt: skip
#: Whose weights are beyond what float16 holds, so that the export is another function.
OVERFLOW = ("prices of a million", "several heads")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSide]:
    """Return the live side of the reference model."""
    folder = copied(made_once("reference", reference.train), tmp_path_factory.mktemp("reference"))
    live = reference.load(folder)
    yield LiveSide(live)
    live.close()


def export(live: LiveModel, way: str, folder: Path) -> Path:
    """Freeze a model in one way; skip the test where that is not there."""
    try:
        return freezecheck.freeze(live, way, folder)
    except freezecheck.UnavailableError as error:
        pytest.skip(str(error))


def proof(side: LiveSide, path: Path, way: str | None = None) -> Proof:
    """Return what the comparison with a file comes to."""
    frozen = freezecheck.load(path, way=way)
    try:
        return side.proof(frozen)
    finally:
        frozen.close()


@pytest.mark.parametrize("way", WAYS)
def test_the_reference_model_is_proved(trained: LiveSide, way: str, tmp_path: Path) -> None:
    found = proof(trained, export(trained.live, way, tmp_path), way)
    assert (found.result, found.accounted) == ("equal", 1.0)
    assert found.grid == GRIDS.get(way, "")
    # Until TensorFlow 2.15 a whole weight has one step, and not each of its channels its own.
    assert 0.0 < found.furthest <= (found.bound if OLD else WAYS[way])


@pytest.mark.parametrize("name", FEW)
def test_true_exports_are_proved(
    sides: Callable[[str], LiveSide], name: str, tmp_path: Path
) -> None:
    if OLD and name == "PReLU and hard swish":
        pytest.skip("the converter of TensorFlow 2.15 writes it in a way of its own")
    found = proof(sides(name), export(sides(name).live, "tflite", tmp_path))
    assert (found.result, found.accounted, found.grid) == ("equal", 1.0, "")
    assert found.furthest <= 2.0**-21


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {*FEW, *UNCONVERTED}))
def test_all_true_exports_are_proved(
    sides: Callable[[str], LiveSide], name: str, tmp_path: Path
) -> None:
    found = proof(sides(name), export(sides(name).live, "tflite", tmp_path))
    if name in UNPROVED:
        assert found.result == "not-matched"  # if it is equal, take it off the list
    else:
        assert (found.result, found.accounted) == ("equal", 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(UNCONVERTED))
def test_what_cannot_be_converted_is_known(
    sides: Callable[[str], LiveSide], name: str, tmp_path: Path
) -> None:
    with pytest.raises(FreezeError):
        export(sides(name).live, "tflite", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("way", GRIDS)
@pytest.mark.parametrize("name", ROUNDED)
def test_exports_with_rounded_weights_are_proved(
    sides: Callable[[str], LiveSide], name: str, way: str, tmp_path: Path
) -> None:
    found = proof(sides(name), export(sides(name).live, way, tmp_path), way)
    if way == "tflite_float16" and name in OVERFLOW:
        assert found.result == "differs"  # a million is more than float16 holds
        assert found.constants[0].apart.frozen == pytest.approx(-65504.0)
    else:
        assert (found.result, found.accounted) == ("equal", 1.0)


def atrous(x: Any) -> Any:
    """A dilated convolution, as `tf.nn.with_space_to_batch` writes it."""
    dealt = tf.space_to_batch_nd(x, [2, 2], [[2, 2], [2, 2]])
    maps = tf.nn.conv2d(dealt, weight("k", 3, 3, 3, 8), 1, "VALID")
    maps = tf.batch_to_space(maps, [2, 2], [[0, 0], [0, 0]])
    return {"scores": tf.reduce_mean(tf.nn.relu(maps + weight("b", 8)), [1, 2], name="scores")}


def dilated(x: Any) -> Any:
    """The same, as newer versions write it."""
    maps = tf.nn.conv2d(x, weight("k", 3, 3, 3, 8), 1, "SAME", dilations=2)
    return {"scores": tf.reduce_mean(tf.nn.relu(maps + weight("b", 8)), [1, 2], name="scores")}


def test_a_dilation_that_is_written_out_is_the_same(tmp_path: Path) -> None:
    inputs = {"x": {"shape": [16, 16, 3]}}
    live, other = made(atrous, inputs), made(dilated, inputs)
    (tmp_path / "other").mkdir()
    paths = [export(live, "tflite", tmp_path), export(other, "tflite", tmp_path / "other")]
    side = LiveSide(live)
    assert [proof(side, path).result for path in paths] == ["equal", "equal"]
    for factor in (1, 3):
        change = files.option("CONV_2D", "dilationWFactor", factor)
        assert proof(side, changed(paths[1], tmp_path, change)).result == "differs"
    change = files.option("CONV_2D", "padding", 0)
    assert not proof(side, changed(paths[0], tmp_path, change)).holds
    live.close()
    other.close()


def weights(file: File) -> list[Any]:
    """Return the constants of floats that are not all 0."""
    return [t for t in file.constants(0) if len(t.shape) and np.any(file.array(t))]


def altered(place: int) -> Change:
    """Return what alters one weight of one constant by 0.01 %."""

    def change(file: File) -> None:
        array = file.array(weights(file)[place])
        near = np.abs(array) > 0.1 * np.abs(array).max()
        array[np.flatnonzero(near)[near.sum() // 2]] *= np.float32(1.0001)

    return change


def test_an_altered_weight_of_any_layer_differs(trained: LiveSide, tmp_path: Path) -> None:
    path = export(trained.live, "tflite", tmp_path)
    count = len(weights(File(path)))
    assert count >= 8
    assert proof(trained, changed(path, tmp_path, lambda _: None)).result == "equal"
    for place in range(count):
        found = proof(trained, changed(path, tmp_path, altered(place)))
        assert found.result == "differs"
        (wrong,) = found.constants
        assert wrong.apart.count == 1
        assert 1e-5 <= wrong.apart.relative <= 1.01e-4


#: (network, what is wrong, how).
WRONG: dict[str, tuple[str, Change]] = {
    "relu6 for relu": ("BatchNorm", files.option("CONV_2D", "fusedActivationFunction", 3)),
    "no relu": ("names", files.option("FULLY_CONNECTED", "fusedActivationFunction", 0)),
    "an activation that no kernel has": (
        "generator", files.option("CONV_2D", "fusedActivationFunction", 4)
    ),
    "another stride": ("BatchNorm", files.option("CONV_2D", "strideW", 1)),
    "another padding": ("BatchNorm", files.option("CONV_2D", "padding", 1)),
    "a dilation less": ("dilated", files.option("CONV_2D", "dilationHFactor", 1)),
    "a depthwise stride": ("depthwise", files.option("DEPTHWISE_CONV_2D", "strideH", 2)),
    "another window": ("inception", files.option("MAX_POOL_2D", "filterWidth", 2)),
    "mean for largest": ("inception", files.other_kind("MAX_POOL_2D", "AVERAGE_POOL_2D")),
    "sum for mean": ("BatchNorm", files.other_kind("MEAN", "SUM")),
    "other axes": ("BatchNorm", files.integers("MEAN", 1, [0, 1])),
    "a temperature": ("BatchNorm", files.option("SOFTMAX", "beta", 0.5)),
    "another slope": ("generator", files.option("LEAKY_RELU", "alpha", 0.25)),
    "aligned corners": ("super-resolution", files.option("RESIZE_BILINEAR", "alignCorners", True)),
    "half pixels": ("generator", files.option("RESIZE_NEAREST_NEIGHBOR", "halfPixelCenters", True)),
    "another radius": ("LRN", files.option("LOCAL_RESPONSE_NORMALIZATION", "radius", 3)),
    "tanh for sigmoid": ("squeeze and excite", files.other_kind("LOGISTIC", "TANH")),
    "another axis": ("two towers", files.integers("SUM", 1, [0])),
    "its reverse": ("cumulative levels", files.option("CUMSUM", "reverse", True)),
    "a gelu of its own": ("transformer block", files.option("GELU", "approximate", False)),
    "less of the best": ("classes and top k", files.integers("TOPK_V2", 1, [2])),
    "a lost sign": ("quantiles", files.other_kind("NEG", "ABS")),
    "a transposed stride": ("segmentation", files.option("TRANSPOSE_CONV", "strideW", 1)),
    "blocks of another size": ("depth to space", files.option("DEPTH_TO_SPACE", "blockSize", 1)),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_operation_is_no_proof(
    sides: Callable[[str], LiveSide], wrong: str, tmp_path: Path
) -> None:
    name, change = WRONG[wrong]
    path = export(sides(name).live, "tflite", tmp_path)
    assert proof(sides(name), changed(path, tmp_path, lambda _: None)).result == "equal"
    found = proof(sides(name), changed(path, tmp_path, change))
    assert not found.holds
    assert found.result == RESULTS.get(wrong, "differs")


#: Of which no more is known than that operations are not the same.
RESULTS: dict[str, str] = {"its reverse": "not-matched"}
RESULTS["an activation that no kernel has"] = "not-matched"


def test_a_step_of_int8_is_rounding_and_two_are_not(trained: LiveSide, tmp_path: Path) -> None:
    path = export(trained.live, "tflite_dynamic_int8", tmp_path)

    def step(file: File) -> None:
        array = file.array(file.constants(9)[0], np.int8)
        place = int(np.argmin(np.abs(array.astype(int))))
        array[place] += 1

    def larger(file: File) -> None:
        scales = np.array(file.constants(9)[0].quantization.scale)
        scales[0] *= 1.05
        file.constants(9)[0].quantization.scale = scales

    for change in (step, larger):
        found = proof(trained, changed(path, tmp_path, change))
        assert (found.result, len(found.constants)) == ("differs", 1)
        assert found.constants[0].apart.excess > 1.5


@pytest.mark.parametrize("which", [np.argmax, np.argmin])
def test_a_step_of_float16_is_rounding_and_two_are_not(
    trained: LiveSide, tmp_path: Path, which: Any
) -> None:
    path = export(trained.live, "tflite_float16", tmp_path)
    assert proof(trained, path).result == "equal"

    def steps(file: File) -> None:
        halves = [t for t in file.constants(1) if len(t.shape) == 4]
        array = file.array(halves[0], np.float16)
        place = int(which(np.where(array == 0.0, np.inf, np.abs(array))))
        if which is np.argmax:
            place = int(np.argmax(np.abs(array)))
        for _ in range(2):
            array[place] = np.nextafter(array[place], np.float16(np.inf))

    found = proof(trained, changed(path, tmp_path, steps))
    assert (found.result, found.grid) == ("differs", "float16")
    assert found.constants[0].apart.count == 1


def whole_int8(live: LiveModel, specs: dict[str, InputSpec], folder: Path) -> Path:
    """Convert a model so that activations are integers, too."""
    converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(convert_variables(live, folder)),
        [tensor.op.name for tensor in live.inputs.values()],
        [tensor.op.name for tensor in live.outputs.values()],
    )
    rng = np.random.default_rng(0)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.uniform(-1, 1, (1, *spec.shape)).astype(np.float32) for spec in specs.values()]
        for _ in range(8)
    )
    path = folder / "int8.tflite"
    path.write_bytes(converter.convert())
    return path


def test_integer_activations_are_named(trained: LiveSide, tmp_path: Path) -> None:
    path = whole_int8(trained.live, reference.INPUTS, tmp_path)
    found = proof(trained, path)
    assert (found.result, found.grid) == ("equal", "int8 weights and activations")

    def wrong(file: File) -> None:
        kernels = [t for t in file.constants(9) if len(t.shape) == 4]
        array = file.array(kernels[0], np.int8)
        array[int(np.argmin(np.abs(array.astype(int))))] += 2

    assert proof(trained, changed(path, tmp_path, wrong)).result == "differs"


def test_rows_that_are_looked_up_keep_their_scale(
    sides: Callable[[str], LiveSide], tmp_path: Path
) -> None:
    side = sides("transformer block")
    path = export(side.live, "tflite_dynamic_int8", tmp_path)
    assert proof(side, path).grid == "int8"

    def other(file: File) -> None:
        made_here = file.graph.tensors[int(file.operations("GATHER")[0].outputs[0])]
        made_here.quantization.scale = np.array(made_here.quantization.scale) * 1.05

    with pytest.raises(ArtifactError, match="GATHER hands on integers that stand for others"):
        proof(side, changed(path, tmp_path, other))


def _shuffled(file: File) -> None:
    file.operations("FULLY_CONNECTED")[0].builtinOptions.weightsFormat = 1


def test_what_cannot_be_read_is_said_in_a_line(
    sides: Callable[[str], LiveSide], tmp_path: Path
) -> None:
    side = sides("logits of a thousand")
    path = export(side.live, "tflite", tmp_path)
    with pytest.raises(ArtifactError, match="shuffled weights") as caught:
        side.proof(freezecheck.load(changed(path, tmp_path, _shuffled)))
    assert "\n" not in str(caught.value)
    without_axes = files.other_kind("SOFTMAX", "MEAN")
    with pytest.raises(ArtifactError, match="cannot be read") as caught:
        side.proof(freezecheck.load(changed(path, tmp_path, without_axes)))
    assert "\n" not in str(caught.value)
    assert proof(side, path).result == "equal"


def test_an_operation_of_tflites_own_is_no_proof(
    sides: Callable[[str], LiveSide], tmp_path: Path
) -> None:
    side = sides("fake quantisation")
    found = proof(side, export(side.live, "tflite", tmp_path))
    assert found.result == "not-matched"
    assert found.partings[0].frozen.op == "tflite:QUANTIZE"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["tflite", "tflite_float16", "tflite_dynamic_int8"])
@pytest.mark.parametrize("name", ["reference", "transformer block", "inception", "best boxes"])
def test_what_answers_otherwise_is_no_proof(
    request: pytest.FixtureRequest,
    sides: Callable[[str], LiveSide],
    name: str,
    way: str,
    tmp_path: Path,
) -> None:
    side: LiveSide = request.getfixturevalue("trained") if name == "reference" else sides(name)
    path = export(side.live, way, tmp_path)
    rng = random.Random(7)
    folder = tmp_path / "changed"
    folder.mkdir()
    for number in range(40):
        file = File(path)
        try:
            files.at_random(rng)(file)
        except IndexError:  # there is nothing of that kind to change
            continue
        file.save(folder / f"{number}.tflite")
    (folder / "true.tflite").write_bytes(path.read_bytes())
    draw = np.random.default_rng(1)
    feeds = {name: _drawn(draw, tensor) for name, tensor in side.live.inputs.items()}
    np.savez(folder / "feeds.npz", **feeds)
    script = Path(__file__).with_name("tflite_answers.py")
    subprocess.run([sys.executable, str(script), str(folder)], check=True, timeout=300)
    with np.load(folder / "true.npz") as answers:
        true = dict(answers)
    seen = 0
    for number in range(40):
        if not (folder / f"{number}.npz").exists():
            continue
        with np.load(folder / f"{number}.npz") as answers:
            if not _visible(true, dict(answers)):
                continue
        seen += 1
        try:
            assert not proof(side, folder / f"{number}.tflite").holds, number
        except ArtifactError:
            continue
    assert seen >= 5


def _drawn(rng: np.random.Generator, tensor: Any) -> Any:
    shape = [4, *(size or 1 for size in tensor.shape.as_list()[1:])]
    if tensor.dtype.is_integer:
        return rng.integers(0, 99, shape).astype(tensor.dtype.as_numpy_dtype)
    return rng.uniform(-1, 1, shape).astype(tensor.dtype.as_numpy_dtype)


def _visible(true: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether answers are apart by more than kernels are."""
    for name, one in true.items():
        two = other[name]
        if one.shape != two.shape:
            return True
        if one.dtype.kind != "f":
            if not np.array_equal(one, two):
                return True
            continue
        if not np.allclose(one, two, rtol=0.0, atol=1e-4 * max(float(np.abs(one).max()), 1e-6)):
            return True
    return False
