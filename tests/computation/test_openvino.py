"""OpenVINO's files as computations: correct ones are equal, altered ones never."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck.computation.proof import DIFFERS, EQUAL, NOT_MATCHED
from pytest_freezecheck.formats.extras import OPENVINO
from pytest_freezecheck.formats.openvino.format import OpenvinoModel
from pytest_freezecheck.formats.openvino.importing import import_openvino
from tests.computation.mutants import mutant, visibly_apart
from tests.computation.pictured import live_network, to_onnx
from tests.computation.proving import LiveSide, stops
from tests.kit.made import made, weight

onnx = pytest.importorskip("onnx")
pytest.importorskip("tf2onnx")
if missing := OPENVINO.missing():
    pytest.skip(missing, allow_module_level=True)
openvino = import_openvino()  # never by itself: each conversion would start a process that sends

ULPS = 4.8e-7


@pytest.fixture(scope="module")
def side() -> Iterator[LiveSide]:
    live = live_network()
    yield LiveSide(live)
    live.close()


@pytest.fixture(scope="module")
def exported(side: LiveSide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_onnx(side.live, tmp_path_factory.mktemp("exported") / "made.onnx", 17)


def _converted(path: Path, folder: Path, *, half: bool = False) -> OpenvinoModel:
    there = folder / "made.xml"
    openvino.save_model(openvino.convert_model(str(path)), str(there), compress_to_fp16=half)
    return OpenvinoModel(there)


@pytest.mark.parametrize("way", ["openvino", "openvino_saved_model"])
def test_a_conversion_is_equal(side: LiveSide, tmp_path: Path, way: str) -> None:
    frozen = freezecheck.load(freezecheck.freeze(side.live, way, tmp_path), way=way)
    proof = side.proof(frozen)
    assert proof.result == EQUAL, stops(proof)
    assert proof.furthest <= ULPS
    assert proof.accounted == 1.0


def test_a_conversion_of_an_onnx_file_is_equal(
    side: LiveSide, exported: Path, tmp_path: Path
) -> None:
    proof = side.proof(_converted(exported, tmp_path))
    assert proof.result == EQUAL, stops(proof)


def test_weights_of_float16_are_equal_up_to_their_rounding(
    side: LiveSide, exported: Path, tmp_path: Path
) -> None:
    proof = side.proof(_converted(exported, tmp_path, half=True))
    assert proof.result == EQUAL, stops(proof)
    assert proof.grid == "float16"
    assert ULPS < proof.furthest <= 2.0**-11


def test_a_weight_altered_by_a_hundredth_of_a_percent_differs(
    side: LiveSide, exported: Path, tmp_path: Path
) -> None:
    count = 0
    for place, tensor in enumerate(onnx.load(str(exported)).graph.initializer):
        array = onnx.numpy_helper.to_array(tensor).copy()
        if array.dtype != np.float32 or array.size < 2:
            continue
        model = onnx.load(str(exported))
        array.reshape(-1)[np.abs(array).argmax()] *= 1.0001
        model.graph.initializer[place].CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        path = tmp_path / "altered.onnx"
        onnx.save(model, str(path))
        assert side.proof(_converted(path, tmp_path)).result == DIFFERS, tensor.name
        count += 1
    assert count >= 7


def _attention(x: Any) -> Any:
    return tf.matmul(x, weight("q", 6, 6)), tf.matmul(x, weight("k", 6, 6))


def _scores(scale: float) -> Any:
    def build(x: Any) -> Any:
        query, key = _attention(x)
        shares = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) * scale)
        return {"y": tf.matmul(shares, x)}

    return build


@pytest.mark.parametrize(("there", "result"), [(0.5, EQUAL), (0.5001, DIFFERS)])
def test_the_scale_of_an_attention(tmp_path: Path, there: float, result: str) -> None:
    inputs = {"x": {"shape": [4, 6]}}
    live, other = (made(_scores(scale), inputs) for scale in (0.5, there))
    try:
        frozen = freezecheck.load(freezecheck.freeze(other, "openvino", tmp_path), way="openvino")
        assert LiveSide(live).proof(frozen).result == result
    finally:
        live.close()
        other.close()


def _one(activation: Any) -> Any:
    return lambda x: {"y": activation(x)}


@pytest.mark.parametrize(
    ("live", "frozen", "equal"),
    [
        (tf.nn.relu6, tf.nn.relu6, True),
        (tf.nn.relu6, tf.nn.relu, False),
        (tf.nn.elu, tf.nn.elu, True),
        (tf.nn.elu, tf.nn.selu, False),
        (tf.nn.swish, tf.nn.swish, True),
        (lambda x: tf.nn.gelu(x, approximate=True), tf.nn.gelu, False),
        (lambda x: tf.cumsum(x, 1), lambda x: tf.cumsum(x, 1), True),
        (lambda x: tf.cumsum(x, 1), lambda x: tf.cumsum(x, 1, exclusive=True), False),
        (lambda x: x[:, 1:5:2], lambda x: x[:, 1:5:2], True),
        (lambda x: x[:, 1:5:2], lambda x: x[:, 1:6:2], False),
        (lambda x: tf.math.top_k(x, 3)[1], lambda x: tf.math.top_k(x, 3)[1], True),
        (lambda x: tf.argmax(x, 1), lambda x: tf.argmax(x, 1), True),
        (lambda x: tf.argmax(x, 1), lambda x: tf.argmin(x, 1), False),
    ],
)
def test_operations(tmp_path: Path, live: Any, frozen: Any, equal: bool) -> None:
    inputs = {"x": {"shape": [6]}}
    mine, theirs = (made(_one(activation), inputs) for activation in (live, frozen))
    try:
        path = freezecheck.freeze(theirs, "openvino", tmp_path)
        proof = LiveSide(mine).proof(freezecheck.load(path, way="openvino"))
        assert (proof.result == EQUAL) is equal, stops(proof)
    finally:
        mine.close()
        theirs.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1))
def test_what_answers_otherwise_is_never_equal(
    side: LiveSide, exported: Path, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    model = onnx.load(str(exported))
    feeds = [rng.normal(0, size, (5, 12, 12, 3)).astype(np.float32) for size in (0.3, 1, 10)]

    def answers(frozen: OpenvinoModel) -> list[Any]:
        (name,) = frozen.input_names
        return [a for fed in feeds for a in frozen.run({name: fed}, frozen.output_names)]

    right = answers(_converted(exported, tmp_path))
    path = tmp_path / "mutant.onnx"
    told = 0
    for _ in range(30):
        altered, what = mutant(model, rng)
        path.write_bytes(altered.SerializeToString())
        try:
            frozen = _converted(path, tmp_path)
            there = answers(frozen)
        except Exception:  # noqa: BLE001  it is no valid file
            continue
        if not visibly_apart(right, there):
            continue
        told += 1
        try:
            result = side.proof(frozen).result
        except freezecheck.FreezecheckError:
            continue
        assert result in (DIFFERS, NOT_MATCHED), what
    assert told > 5
