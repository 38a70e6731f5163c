"""Convert a frozen GraphDef as scripts in the wild do. Needs an extra only where it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from pytest_freezecheck.formats.openvino.importing import import_openvino

v1 = tf.compat.v1
Convert = Callable[[Path, Path], Path]


def to_tflite(frozen: Path, folder: Path, batch: int | None = None) -> Path:
    """Convert to TFLite; with a batch, for that many rows and no other number."""
    shapes = None if batch is None else {"images": [batch, 24, 24, 3]}
    converter = v1.lite.TFLiteConverter.from_frozen_graph(
        str(frozen), _inputs(frozen), [_end(frozen)], input_shapes=shapes
    )
    path = folder / f"{frozen.stem}.tflite"
    path.write_bytes(converter.convert())
    return path


def to_onnx(frozen: Path, folder: Path) -> Path:
    """Convert to ONNX."""
    import tf2onnx

    path = folder / f"{frozen.stem}.onnx"
    tf2onnx.convert.from_graph_def(
        _definition(frozen),
        input_names=[f"{name}:0" for name in _inputs(frozen)],
        output_names=[f"{_end(frozen)}:0"],
        opset=17,
        output_path=str(path),
    )
    return path


def to_openvino(frozen: Path, folder: Path, **options: Any) -> Path:
    """Convert to OpenVINO's IR."""
    openvino = import_openvino()

    path = folder / f"{frozen.stem}.xml"
    settings = {"compress_to_fp16": False, **options}
    openvino.save_model(openvino.convert_model(str(frozen)), str(path), **settings)
    return path


def _definition(frozen: Path) -> Any:
    return v1.GraphDef.FromString(frozen.read_bytes())


def _inputs(frozen: Path) -> list[str]:
    return [node.name for node in _definition(frozen).node if node.op == "Placeholder"]


def _end(frozen: Path) -> str:
    """Return the one operation that nothing reads."""
    nodes = _definition(frozen).node
    read = {name.split(":")[0].lstrip("^") for node in nodes for name in node.input}
    (end,) = (n.name for n in nodes if n.name not in read and n.op not in ("Const", "NoOp"))
    return str(end)
