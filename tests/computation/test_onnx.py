"""ONNX files as computations: correct ones are equal, altered ones never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pytest_freezecheck.computation.proof import DIFFERS, EQUAL, NOT_MATCHED
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.onnx.format import OnnxModel
from tests.computation.mutants import answers, mutant, visibly_apart
from tests.computation.pictured import live_network, to_onnx
from tests.computation.proving import LiveSide, stops
from tests.kit.made import made, weight

onnx = pytest.importorskip("onnx")
pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")

Alter = Callable[[Any], None]
VECTOR = {"x": {"shape": [6]}}
ULPS = 4.8e-7
UNREAD = "unread"


@pytest.fixture(scope="module")
def side() -> Iterator[LiveSide]:
    live = live_network()
    yield LiveSide(live)
    live.close()


@pytest.fixture(scope="module")
def exported(side: LiveSide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_onnx(side.live, tmp_path_factory.mktemp("exported") / "made.onnx", 17)


@pytest.mark.parametrize("opset", [10, 13, 18])
def test_an_export_of_any_opset_is_equal(side: LiveSide, tmp_path: Path, opset: int) -> None:
    proof = side.proof(OnnxModel(to_onnx(side.live, tmp_path / "made.onnx", opset)))
    assert proof.result == EQUAL, stops(proof)
    assert proof.furthest <= ULPS
    assert proof.accounted == 1.0


def _nodes(model: Any, kind: str) -> list[Any]:
    return [node for node in model.graph.node if node.op_type == kind]


def _given(node: Any, name: str) -> Any:
    return next(attribute for attribute in node.attribute if attribute.name == name)


def _tensor(model: Any, name: str) -> Any:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def _scaled(tensor: Any, factor: float) -> None:
    array = onnx.numpy_helper.to_array(tensor).copy()
    array.reshape(-1)[np.abs(array).argmax()] *= factor
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def _stride(model: Any) -> None:
    node = next(n for n in _nodes(model, "Conv") if list(_given(n, "strides").ints) == [2, 2])
    _given(node, "pads").ints[:] = [1, 1, 0, 0]


def _window(model: Any) -> None:
    _nodes(model, "MaxPool")[0].op_type = "AveragePool"


def _perm(model: Any) -> None:
    for node in _nodes(model, "Transpose"):
        if sorted(_given(node, "perm").ints) == [0, 1, 2, 3]:
            perm = list(_given(node, "perm").ints)
            _given(node, "perm").ints[:] = [perm[0], perm[2], perm[1], perm[3]]
            return


def _slope(model: Any) -> None:
    _given(_nodes(model, "LeakyRelu")[0], "alpha").f = 0.3001


def _order(model: Any) -> None:
    node = _nodes(model, "Concat")[0]
    node.input[0], node.input[1] = node.input[1], node.input[0]


def _other_activation(model: Any) -> None:
    _nodes(model, "Tanh")[0].op_type = "Softsign"


FAULTS: dict[str, Alter] = {
    "padding": _stride,
    "pool": _window,
    "perm": _perm,
    "slope": _slope,
    "order": _order,
    "activation": _other_activation,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_altered_file_is_never_equal(
    side: LiveSide, exported: Path, tmp_path: Path, fault: str
) -> None:
    model = onnx.load(str(exported))
    FAULTS[fault](model)
    path = tmp_path / "altered.onnx"
    onnx.save(model, str(path))
    assert _outcome(side, path) in (DIFFERS, NOT_MATCHED, UNREAD)


def _outcome(side: LiveSide, path: Path) -> str:
    """Return what comes of a file, or that onnxruntime does not take it."""
    try:
        return side.proof(OnnxModel(path)).result
    except ArtifactError:
        return UNREAD


def test_a_weight_altered_by_a_hundredth_of_a_percent_differs(
    side: LiveSide, exported: Path, tmp_path: Path
) -> None:
    names = [
        tensor.name
        for tensor in onnx.load(str(exported)).graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and onnx.numpy_helper.to_array(tensor).any()
    ]
    assert len(names) >= 8
    for name in names:
        model = onnx.load(str(exported))
        _scaled(_tensor(model, name), 1.0001)
        path = tmp_path / "altered.onnx"
        onnx.save(model, str(path))
        # A bound that is altered is an attribute: the values that are tried do not reach it.
        one = onnx.numpy_helper.to_array(_tensor(model, name)).size == 1
        known = (DIFFERS, NOT_MATCHED) if one else (DIFFERS,)
        assert side.proof(OnnxModel(path)).result in known, name


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_answers_otherwise_is_never_equal(
    side: LiveSide, exported: Path, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    model = onnx.load(str(exported))
    (name,) = OnnxModel(exported).input_names
    feeds = [
        {name: rng.normal(0, size, (5, 12, 12, 3)).astype(np.float32)} for size in (0.3, 1, 10)
    ]
    right = answers(exported, feeds)
    assert right is not None
    path = tmp_path / "mutant.onnx"
    told = 0
    for _ in range(60):
        altered, what = mutant(model, rng)
        path.write_bytes(altered.SerializeToString())
        there = answers(path, feeds)
        if there is None or not visibly_apart(right, there):
            continue
        told += 1
        assert _outcome(side, path) in (DIFFERS, NOT_MATCHED, UNREAD), what
    assert told > 10


def _written(
    nodes: list[Any],
    shape: list[Any],
    held: dict[str, Any],
    path: Path,
    opset: int,
) -> OnnxModel:
    """Write a file by hand; it computes `y` from `x`."""
    make = onnx.helper
    graph = make.make_graph(
        nodes,
        "written",
        [make.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", *shape])],
        [make.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in held.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, str(path))
    return OnnxModel(path)


def _values(live: Any) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in live.weights().items()}


def _result(build: Any, inputs: Any, nodes: Any, tmp_path: Path, opset: int = 17) -> str:
    """Return what comes of a live model and a file that is written with its weights."""
    live = made(build, inputs)
    try:
        given, held = nodes(_values(live))
        shape = list(inputs["x"]["shape"])
        frozen = _written(given, shape, held, tmp_path / "written.onnx", opset)
        return LiveSide(live).proof(frozen).result
    finally:
        live.close()


def _dense(x: Any) -> Any:
    return {"y": tf.matmul(x, weight("w", 6, 4)) * 0.5 + weight("b", 4) * 2.0}


@pytest.mark.parametrize(
    ("alpha", "beta", "turned", "result"),
    [
        (0.5, 2.0, 1, EQUAL),
        (0.5, 1.0, 1, DIFFERS),
        (0.5001, 2.0, 1, DIFFERS),
    ],
)
def test_gemm(tmp_path: Path, alpha: float, beta: float, turned: int, result: str) -> None:
    def nodes(values: Any) -> Any:
        node = onnx.helper.make_node(
            "Gemm", ["x", "w", "b"], ["y"], alpha=alpha, beta=beta, transB=turned
        )
        return [node], {"w": values["w"].T.copy(), "b": values["b"]}

    assert _result(_dense, VECTOR, nodes, tmp_path) == result


@pytest.mark.parametrize(
    ("opset", "axis", "result"),
    [(13, 2, EQUAL), (11, 2, EQUAL), (13, 1, NOT_MATCHED), (11, 1, NOT_MATCHED)],
)
def test_softmax_was_over_all_axes_from_one_on(
    tmp_path: Path, opset: int, axis: int, result: str
) -> None:
    def nodes(_: Any) -> Any:
        return [onnx.helper.make_node("Softmax", ["x"], ["y"], axis=axis)], {}

    found = _result(
        lambda x: {"y": tf.nn.softmax(x)}, {"x": {"shape": [3, 4]}}, nodes, tmp_path, opset
    )
    assert found == result or (result == NOT_MATCHED and found == DIFFERS)


@pytest.mark.parametrize(
    ("mode", "result"), [("SAME_UPPER", EQUAL), ("SAME_LOWER", DIFFERS), ("VALID", DIFFERS)]
)
def test_padding_above_and_below_are_two(tmp_path: Path, mode: str, result: str) -> None:
    def build(x: Any) -> Any:
        maps = tf.nn.conv2d(x, weight("k", 2, 2, 3, 4), 1, "SAME")
        return {"y": tf.reduce_mean(maps, [1, 2])}

    def nodes(values: Any) -> Any:
        make = onnx.helper.make_node
        perm = [0, 3, 1, 2]
        return [
            make("Transpose", ["x"], ["t"], perm=perm),
            make("Conv", ["t", "k"], ["c"], auto_pad=mode),
            make("ReduceMean", ["c"], ["y"], axes=[2, 3], keepdims=0),
        ], {"k": values["k"].transpose(3, 2, 0, 1).copy()}

    found = _result(build, {"x": {"shape": [5, 5, 3]}}, nodes, tmp_path)
    assert found == result or (result == DIFFERS and found == NOT_MATCHED)


@pytest.mark.parametrize(("epsilon", "result"), [(1e-3, EQUAL), (1.001e-3, EQUAL), (2e-3, DIFFERS)])
def test_the_epsilon_of_a_normalisation(tmp_path: Path, epsilon: float, result: str) -> None:
    def build(x: Any) -> Any:
        variance = tf.square(weight("v", 6)) + 1.0
        return {
            "y": tf.nn.batch_normalization(
                x, weight("m", 6), variance, weight("b", 6), weight("g", 6), 1e-3
            )
        }

    def nodes(values: Any) -> Any:
        held = {name: values[name] for name in ("g", "b", "m")}
        held["v"] = np.square(values["v"]) + np.float32(1.0)
        names = ["x", "g", "b", "m", "v"]
        return [onnx.helper.make_node("BatchNormalization", names, ["y"], epsilon=epsilon)], held

    found = _result(build, VECTOR, nodes, tmp_path)
    # A thousandth of epsilon moves a factor by 5e-7: about the rounding of one that was folded.
    assert found == result or (epsilon == 1.001e-3 and found == DIFFERS)


@pytest.mark.parametrize(("high", "result"), [(6.0, EQUAL), (6.001, DIFFERS)])
@pytest.mark.parametrize("opset", [10, 13])
def test_bounds(tmp_path: Path, opset: int, high: float, result: str) -> None:
    def nodes(_: Any) -> Any:
        make = onnx.helper.make_node
        if opset < 11:
            return [make("Clip", ["x"], ["y"], min=0.0, max=high)], {}
        held = {"low": np.float32(0.0), "high": np.float32(high)}
        return [make("Clip", ["x", "low", "high"], ["y"])], held

    found = _result(lambda x: {"y": tf.nn.relu6(x)}, VECTOR, nodes, tmp_path, opset)
    assert found == result


@pytest.mark.parametrize(("moved", "result"), [(0.0, EQUAL), (1e-3, DIFFERS)])
def test_weights_of_float16_are_equal_up_to_their_rounding(
    tmp_path: Path, moved: float, result: str
) -> None:
    def nodes(values: Any) -> Any:
        make = onnx.helper.make_node
        half = values["w"].astype(np.float16)
        half[np.unravel_index(np.abs(half).argmax(), half.shape)] *= np.float16(1.0 + moved)
        return [
            make("Cast", ["w"], ["wide"], to=onnx.TensorProto.FLOAT),
            make("MatMul", ["x", "wide"], ["y"]),
        ], {"w": half}

    def build(x: Any) -> Any:
        return {"y": tf.matmul(x, weight("w", 6, 4))}

    assert _result(build, VECTOR, nodes, tmp_path) == result


def test_few_bits_that_are_enough_excuse_nothing(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        return {"y": tf.matmul(x, weight("w", 6, 4))}

    live = made(build, VECTOR, change=lambda _, value: value.astype(np.float16))
    try:
        side = LiveSide(live)
        half = live.weights()["w"].astype(np.float16)
        other = half.copy()
        other[1, 2] = np.nextafter(other[1, 2], np.float16(9.0))
        make = onnx.helper.make_node
        nodes = [
            make("Cast", ["w"], ["wide"], to=onnx.TensorProto.FLOAT),
            make("MatMul", ["x", "wide"], ["y"]),
        ]
        found = [
            side.proof(_written(nodes, [6], {"w": held}, tmp_path / "w.onnx", 17)).result
            for held in (half, other)
        ]
        assert found == [EQUAL, DIFFERS]
    finally:
        live.close()


def test_an_unknown_opset_is_not_read(side: LiveSide, exported: Path, tmp_path: Path) -> None:
    frozen = OnnxModel(exported)
    model = onnx.load(str(exported))
    model.opset_import[0].version = 99
    frozen.path = tmp_path / "newer.onnx"
    onnx.save(model, str(frozen.path))
    with pytest.raises(ArtifactError, match="opset 99 of ONNX is not read"):
        side.proof(frozen)
