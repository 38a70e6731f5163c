"""Weights that are read where they lie: the same values, of a file that may be damaged, too."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.computation.pages import give_back, mapped
from pytest_freezecheck.models.held import Held

onnx: Any = pytest.importorskip("onnx")

from pytest_freezecheck.formats.onnx.weights import Weights  # noqa: E402

_SHAPE = (40, 60)


def _tensors() -> list[Any]:
    rng = np.random.default_rng(0)
    made = []
    for kind in ("float32", "float64", "float16", "int32", "int64", "uint8", "bool"):
        array = rng.integers(0, 2, _SHAPE) if kind == "bool" else rng.normal(size=_SHAPE) * 50
        made.append(onnx.numpy_helper.from_array(array.astype(kind), f"large {kind}"))
        made.append(onnx.numpy_helper.from_array(array[:2, :2].astype(kind), f"small {kind}"))
    wide = rng.normal(size=_SHAPE).astype(np.float32)
    narrow = onnx.TensorProto(name="bfloat16", data_type=onnx.TensorProto.BFLOAT16, dims=_SHAPE)
    narrow.raw_data = (wide.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    numbers = onnx.helper.make_tensor("numbers", onnx.TensorProto.FLOAT, _SHAPE, wide.ravel())
    texts = onnx.helper.make_tensor("texts", onnx.TensorProto.STRING, (2,), [b"one", b"two"])
    return [*made, narrow, numbers, texts, onnx.TensorProto(name="none", data_type=1, dims=[0])]


def _model(tensors: list[Any]) -> Any:
    node = onnx.helper.make_node("Identity", ["large float32"], ["y"])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, _SHAPE)
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [y], tensors))


def _written(folder: Path, content: bytes, name: str = "m.onnx") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _same_as_onnx(path: Path) -> int:
    """Hold each weight against onnx's own reading, and return how many are views."""
    found, usual = Weights(path), onnx.load(str(path), load_external_data=False)
    views = 0
    for n, (here, there) in enumerate(
        zip(found.model.graph.initializer, usual.graph.initializer, strict=True)
    ):
        array = found.array(n, here)
        views += array is not None
        if array is None:
            array = onnx.numpy_helper.to_array(here)
            assert here == there
        expected = onnx.numpy_helper.to_array(there)
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    rest = type(usual)()
    for model in (found.model, usual):
        rest.CopyFrom(model)
        del rest.graph.initializer[:]
        model.CopyFrom(rest)
    assert found.model == usual
    return views


def test_every_kind_of_weight_is_what_onnx_reads(tmp_path: Path) -> None:
    """Large ones of plain dtypes are views; the others are in the message as they were."""
    assert _same_as_onnx(_written(tmp_path, _model(_tensors()).SerializeToString())) == 5


def test_by_another_name_it_is_read_by_onnx_alone(tmp_path: Path) -> None:
    """Which goes by the ending: it may be JSON."""
    path = _written(tmp_path, _model(_tensors()).SerializeToString(), "m.pb")
    assert _same_as_onnx(path) == 0


def test_a_message_in_two_pieces_is_merged(tmp_path: Path) -> None:
    """Two graphs in one file are one to Protocol Buffers, and a later value takes the place."""
    tensors = _tensors()
    first, second = (_model(part).SerializeToString() for part in (tensors[:3], tensors[3:]))
    assert _same_as_onnx(_written(tmp_path, first + second)) == 0
    tensor = tensors[0].SerializeToString()
    other = onnx.TensorProto(raw_data=bytes(4 * 40 * 60)).SerializeToString()
    tensors[0] = onnx.TensorProto.FromString(tensor + other)
    graph = onnx.GraphProto(initializer=[tensors[2]]).SerializeToString()
    twice = tensor + other
    graph += b"\x2a" + _size(len(twice)) + twice
    content = onnx.ModelProto(ir_version=8).SerializeToString()
    path = _written(tmp_path, content + b"\x3a" + _size(len(graph)) + graph)
    assert _same_as_onnx(path) == 0
    assert not onnx.numpy_helper.to_array(Weights(path).model.graph.initializer[1]).any()


def _size(number: int) -> bytes:
    return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))


def test_a_truncated_file_is_refused_as_onnx_does(tmp_path: Path) -> None:
    """Wherever it ends: either onnx raises, or it reads the same from what is left."""
    content = _model(_tensors()).SerializeToString()
    for end in range(0, len(content), 997):
        path = _written(tmp_path, content[:end])
        try:
            onnx.load(str(path))
        except Exception as error:  # noqa: BLE001  (of whatever type)
            with pytest.raises(type(error)):
                Weights(path)
        else:
            _same_as_onnx(path)


def test_a_size_that_fits_no_shape_raises(tmp_path: Path) -> None:
    """As onnx does, and not only where the bytes are no whole numbers."""
    for size in (4 * 40 * 60 - 1, 4 * 40 * 60 - 4):
        tensor = onnx.TensorProto(name="w", data_type=1, dims=_SHAPE, raw_data=bytes(size))
        weights = Weights(_written(tmp_path, _model([tensor]).SerializeToString()))
        with pytest.raises(ValueError):
            weights.array(0, weights.model.graph.initializer[0])


def test_pages_that_were_given_back_are_read_again(tmp_path: Path) -> None:
    """Of a view in any order; of what is no view of a file, nothing is given back."""
    array = np.random.default_rng(0).normal(size=(300, 700)).astype(np.float32)
    content = mapped(_written(tmp_path, b"head" + array.tobytes()))
    assert isinstance(content, (mmap.mmap, bytes))
    view = np.frombuffer(content, np.float32, array.size, 4).reshape(array.shape)
    for part in (view, view.T[::-1, 5:9], view[:0], view[::-2]):
        give_back(part)
        np.testing.assert_array_equal(view, array)
    own = array.copy()
    give_back(own)
    np.testing.assert_array_equal(own, array)
    assert bytes(mapped(_written(tmp_path, b""))) == b""


def test_values_are_read_a_few_at_a_time() -> None:
    """In groups that fit, each once where they are asked for in order, and none is kept."""
    sizes = {"a": 5 << 20, "b": 3 << 20, "c": 1, "d": 100 << 20, "e": 1}
    asked: list[list[str]] = []

    def read(names: Any) -> list[str]:
        asked.append(list(names))
        return [name.upper() for name in names]

    held = Held(sizes, read)
    assert {name: held[name] for name in held} == {name: name.upper() for name in sizes}
    assert asked == [["a", "b"], ["c"], ["d"], ["e"]]
    assert len(held) == len(sizes)
    assert "f" not in held
