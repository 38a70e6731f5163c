"""Was a value rounded, and to what? NumPy only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
#: What rounding in float32 moves a value by, of the largest.
_CLOSE = 1e-6


def rounded_to(live: Array, frozen: Array) -> str | None:
    """Return what a value was rounded to, if to anything."""
    if live.dtype.kind != "f" or live.dtype != frozen.dtype or live.shape != frozen.shape:
        return None
    if not np.isfinite(live).all():
        return None
    with np.errstate(over="ignore"):
        if np.array_equal(live.astype(np.float16).astype(live.dtype), frozen):
            return "float16"
    if live.dtype == np.float32 and np.array_equal(_bfloat16(live), frozen):
        return "bfloat16"
    if live.size > 1 and any(
        np.allclose(value, frozen, rtol=0.0, atol=_CLOSE * float(np.abs(live).max()))
        for value in int8_of(live)
    ):
        return "int8"
    levels = np.unique(frozen)
    if frozen.size >= 300 and len(levels) <= 256:
        span = float(frozen.max() - frozen.min())
        if span > 0 and float(np.abs(frozen - live).max()) <= span / 250.0:
            return f"an integer grid of {len(levels)} values"
    return None


def _bfloat16(value: Array) -> Array:
    """Round to the nearest bfloat16, ties to even, and back to float32."""
    bits = np.ascontiguousarray(value, np.float32).view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) << 16
    return rounded.astype(np.uint32).view(np.float32)


def _float16(value: Array) -> Array:
    """Round to the nearest float16 and back to float32."""
    with np.errstate(over="ignore"):
        return value.astype(np.float16).astype(np.float32)


def int8_of(value: Array) -> Iterator[Array]:
    """Yield a value on the grids of int8, where that changes it: of the whole, of each channel."""
    for axes in (tuple(range(value.ndim)), tuple(range(value.ndim - 1)))[: max(1, value.ndim)]:
        step = np.abs(value).max(axis=axes, keepdims=True) / 127.0
        step = np.where(step > 0.0, step, 1.0)
        rounded = (np.round(value / step) * step).astype(value.dtype)
        if not np.allclose(rounded, value, rtol=0.0, atol=_CLOSE * float(np.abs(value).max())):
            yield rounded


#: {dtype: rounds float32 values to it, and back}.
ROUNDINGS = {"float16": _float16, "bfloat16": _bfloat16}
