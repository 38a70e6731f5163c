"""Converted files that draw random numbers, so rarely that no input shows it; and from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import ArtifactError, LiveModel
from pytest_freezecheck.formats.openvino.importing import import_openvino
from tests.kit.made import softmax_of

HERE = set(freezecheck.available_ways())
KERNEL = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)
NEVER = np.float32(1e-30)
DRAWN = "on the way to the output draws random numbers, without a seed of its own"


@pytest.fixture(scope="module")
def live() -> Iterator[LiveModel]:
    model = softmax_of(KERNEL)
    yield model
    model.close()


def onnx_file(folder: Path, how: str) -> Path:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    seed = {"seed": 1.0} if how == "seed" else {}
    drawn = helper.make_node("RandomUniform", [], ["drawn"], shape=[1], dtype=1, **seed)
    rarely = [
        helper.make_node("Less", ["drawn", "never"], ["rare"]),
        helper.make_node("Where", ["rare", "half", "whole"], ["factor"]),
    ]
    functions = []
    if how == "function":
        parts = ["never"], ["rare"], [drawn, rarely[0]], [helper.make_opsetid("", 17)]
        functions = [helper.make_function("flowers", "Rare", *parts)]
        rarely = [helper.make_node("Rare", ["never"], ["rare"], domain="flowers"), rarely[1]]
    elif how == "off the way":
        rarely = [helper.make_node("Identity", ["whole"], ["factor"])]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["p"], axis=-1),
        *([] if how == "function" else [drawn]),
        *rarely,
        helper.make_node("Mul", ["p", "factor"], ["y"]),
    ]
    held = {"w": KERNEL, "never": [NEVER], "half": [0.5], "whole": [1.0]}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3])],
        [numpy_helper.from_array(np.asarray(v, np.float32), n) for n, v in held.items()],
    )
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("flowers", 1)]
    model = helper.make_model(graph, opset_imports=sets, functions=functions, ir_version=8)
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


def tflite_file(folder: Path, how: str) -> Path:
    module = tf.Module()

    def call(x: Any) -> Any:
        y = tf.nn.softmax(tf.matmul(x, tf.constant(KERNEL)))
        if how == "off the way":
            return {"y": y}
        seeds = {"seed": 1, "seed2": 2} if how == "seed" else {}
        drawn = tf.raw_ops.RandomUniform(shape=[1], dtype=tf.float32, **seeds)
        return {"y": tf.where(drawn < NEVER, y * 0.5, y)}

    module.call = tf.function(
        call, input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")], autograph=False
    )
    traced = module.call.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], module)
    (folder / "model.tflite").write_bytes(converter.convert())
    return folder / "model.tflite"


def openvino_file(folder: Path, how: str) -> Path:
    openvino = import_openvino()
    from openvino import opset8

    x = opset8.parameter([-1, 4], np.float32, name="x")
    x.output(0).set_names({"x"})
    y = opset8.softmax(opset8.matmul(x, opset8.constant(KERNEL), False, False), 1)
    if how != "off the way":
        low, high = (opset8.constant(np.array(v, np.float32)) for v in (0.0, 1.0))
        seeds = (1, 2) if how == "seed" else (0, 0)
        shape = opset8.constant(np.array([1], np.int64))
        drawn = opset8.random_uniform(shape, low, high, "f32", *seeds)
        rare = opset8.less(drawn, opset8.constant(np.array([NEVER])))
        y = opset8.select(rare, opset8.multiply(y, opset8.constant(np.float32(0.5))), y)
    result = opset8.result(y)
    y.output(0).set_names({"y"})
    openvino.save_model(openvino.Model([result], [x]), str(folder / "model.xml"), False)
    return folder / "model.xml"


MADE: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "onnx": (onnx_file, "RandomUniform"),
    "tflite": (tflite_file, "RANDOM_UNIFORM"),
    "openvino": (openvino_file, "RandomUniform"),
}


@pytest.mark.parametrize("way", MADE)
@pytest.mark.parametrize("how", ["drawn", "function", "seed", "off the way"])
def test_what_is_drawn_is_refused_by_name_unless_it_has_a_seed(
    way: str, how: str, live: LiveModel, tmp_path: Path
) -> None:
    if way not in HERE:
        pytest.skip(f"no {way} here")
    if how == "function" and way != "onnx":
        pytest.skip("these files hold no functions")
    write, operation = MADE[way]
    path = write(tmp_path, how)
    options = {"allow_ops": ["flowers::*"]} if how == "function" else {}
    if how in ("seed", "off the way"):
        freezecheck.assert_agreement(live, path, examples=1, **options)
        return
    with pytest.raises(ArtifactError) as error:
        freezecheck.check(live, path, examples=1, **options)
    first, last = str(error.value).splitlines()
    assert first == f"{path}: refused: operation {operation!r} {DRAWN}"
    assert last.endswith(f'allow_ops = ["{operation}"]')
    freezecheck.assert_agreement(live, path, examples=1, allow_ops=[operation, "flowers::*"])
