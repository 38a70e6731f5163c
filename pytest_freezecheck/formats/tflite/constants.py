"""Constants of TFLite files: what a tensor's bytes stand for, and what grid they lie on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pytest_freezecheck.computation.values import BITS, Value
from pytest_freezecheck.errors import ArtifactError

#: `TensorType` of the schema, as far as NumPy has it.
TYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 5: "string", 6: "bool",
    7: "int16", 8: "complex64", 9: "int8", 10: "float64", 11: "complex128", 12: "uint64",
    15: "uint32", 16: "uint16",
}  # fmt: skip


class Constants:
    """The constants of a file.

    Args:
        model: the `ModelT`.
        grid: what constants of integers lie on, in words, if more than they themselves do.

    Attributes:
        on_a_grid: how many constants were read that are not kept exactly.
    """

    def __init__(self, model: Any, grid: str = "") -> None:
        self._buffers = model.buffers or []
        self._grid = grid
        self.on_a_grid = 0

    def holds(self, tensor: Any) -> bool:
        """Return whether a tensor has a value in the file."""
        data = self._buffers[tensor.buffer].data if tensor.buffer < len(self._buffers) else None
        return data is not None and len(data) > 0

    def value(self, tensor: Any, perm: tuple[int, ...] | None = None) -> Value:
        """Return a constant, its axes in this order.

        Raises:
            ArtifactError: it is kept in a way that is not known here.
        """
        name = named(tensor)
        array = self._array(tensor, name)
        if perm is not None:
            array = array.transpose(perm)
        if tensor.type == 1:
            return _of_float16(array, name)
        scales = quantised(tensor)
        if scales is None:
            return Value(array, origin=(name,))
        return self._of_integers(tensor, array, scales, perm, name)

    def _array(self, tensor: Any, name: str) -> Any:
        if tensor.sparsity is not None:
            raise ArtifactError(f"{name} is kept as a sparse tensor")
        kind = TYPES.get(tensor.type)
        if kind is None:
            raise ArtifactError(f"{name} is of a type that is not read (TensorType {tensor.type})")
        shape = tuple(int(n) for n in (tensor.shape if tensor.shape is not None else ()))
        count = math.prod(shape)
        if not self.holds(tensor):
            if count or self._outside(tensor):
                raise ArtifactError(f"{name} has no value in the file")
            return np.zeros(shape, object if kind == "string" else kind)
        data = np.asarray(self._buffers[tensor.buffer].data, np.uint8)
        if kind == "string":
            return _texts(data.tobytes(), count, name).reshape(shape)
        if data.size != count * np.dtype(kind).itemsize:
            raise ArtifactError(f"{name} has {data.size} bytes, which is not its shape {shape}")
        return data.view(kind).reshape(shape)

    def _outside(self, tensor: Any) -> bool:
        buffer = self._buffers[tensor.buffer] if tensor.buffer < len(self._buffers) else None
        return bool(
            getattr(buffer, "offset", 0) or getattr(tensor, "externalBuffer", 0) or buffer is None
        )

    def _of_integers(
        self, tensor: Any, array: Any, scales: Any, perm: tuple[int, ...] | None, name: str
    ) -> Value:
        """Return a constant that is kept as integers: scale times what is above the zero point."""
        given = tensor.quantization
        zeros = np.asarray(given.zeroPoint if given.zeroPoint is not None else [0], np.int64)
        steps = array.astype(np.float32)
        self.on_a_grid += 1
        grid = self._grid or TYPES[tensor.type]
        if scales.size == 1:
            steps = steps - np.float32(zeros[0]) if zeros[0] else steps
            scale = np.full(steps.shape[-1:] or (1,), scales[0], np.float64)
            half: Any = float(scales[0]) / 2
            if not steps.ndim:
                return Value(steps * scales[0], half=half, grid=grid, origin=(name,), folded=True)
            return Value(steps, scale=scale, half=half, grid=grid, origin=(name,), folded=True)
        axis = int(given.quantizedDimension)
        if not 0 <= axis < array.ndim:
            raise ArtifactError(f"{name} has scales for an axis that it does not have")
        axis = axis if perm is None else perm.index(axis)
        if scales.size != array.shape[axis] or np.any(zeros):
            raise ArtifactError(f"{name} has scales that are not one for each of its channels")
        if axis == array.ndim - 1:
            return Value(
                steps, scale=scales, half=scales / 2, grid=grid, origin=(name,), folded=True
            )
        wide = steps * scales.reshape([-1 if n == axis else 1 for n in range(array.ndim)])
        return Value(wide, half=float(scales.max()) / 2, grid=grid, origin=(name,), folded=True)


def named(tensor: Any) -> str:
    """Return the name of a tensor."""
    name = tensor.name or b""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def quantised(tensor: Any) -> Any:
    """Return the scales of a tensor of integers that stand for real numbers, or None."""
    given = tensor.quantization
    if given is None or given.scale is None or not len(given.scale):
        return None
    if tensor.type not in (2, 3, 4, 7, 9):
        return None
    scales = np.asarray(given.scale, np.float64)
    if not np.isfinite(scales).all() or (scales < 0).any():
        raise ArtifactError(f"{named(tensor)} has a scale that is no size")
    return scales


def _of_float16(array: Any, name: str) -> Value:
    wide = array.astype(np.float32)
    return Value(wide, bits=BITS["float16"], grid="float16", origin=(name,))


def _texts(data: bytes, count: int, name: str) -> Any:
    """Return the texts of a buffer: their number, where each begins, where the last ends, bytes."""
    if len(data) < 4 or len(data) < 4 * (count + 2):
        raise ArtifactError(f"{name} has fewer texts than its shape says")
    places = np.frombuffer(data, "<i4", count + 2)
    if places[0] != count:
        raise ArtifactError(f"{name} has {places[0]} texts, not {count}")
    array = np.empty(count, object)
    for n in range(count):
        array[n] = data[places[n + 1] : places[n + 2]]
    return array
