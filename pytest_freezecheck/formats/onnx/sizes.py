"""Sizes that an ONNX file works out while it runs, as far as they are known before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_freezecheck.formats.onnx.call import Call
from pytest_freezecheck.formats.readers.moves import Sizes, product_of

_KEPT = frozenset({"Cast", "Squeeze", "Unsqueeze", "Identity"})
#: What moves sizes and computes none.
MOVES = _KEPT | {"Concat", "Gather", "Slice"}
_PAIRS: dict[str, Callable[[int, int], int]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Max": max,
    "Min": min,
}


def sizes_of(call: Call) -> Sizes | None:
    """Return the whole numbers that an operation computes, flat, or None if it is none of these."""
    op = call.node.op_type
    if op == "Shape":
        shape = call.at(0).shape
        if shape is None:
            return None
        return list(shape)[call.attribute("start", 0) : call.attribute("end")]
    if op == "Size":
        shape = call.at(0).shape
        return None if shape is None else [product_of(list(shape))]
    read = [call.sizes(place) if name else None for place, name in enumerate(call.node.input)]
    if not read or read[0] is None:
        return None
    if op == "Cast" and not _whole(call):
        return None
    if op == "Unsqueeze" and len(read[0]) != 1:
        return None  # sizes are vectors, or one number
    if op in _KEPT:
        return read[0]
    if op == "Concat":
        if any(part is None for part in read):
            return None
        return [n for part in read for n in part or ()]
    if op == "Gather":
        return _gathered(read[0], read[1])
    if op == "Slice":
        return _cut(call, read[0])
    if op == "ReduceProd":
        return [product_of(read[0])]
    if op in _PAIRS and len(read) == 2 and read[1] is not None:
        return _pairwise(_PAIRS[op], read[0], read[1])
    return None


def _whole(call: Call) -> bool:
    import onnx

    kinds = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
    return call.attribute("to") in kinds


def _gathered(sizes: Sizes, places: Sizes | None) -> Sizes | None:
    if places is None or any(n is None or not -len(sizes) <= n < len(sizes) for n in places):
        return None
    return [sizes[n] for n in places if n is not None]


def _cut(call: Call, sizes: Sizes) -> Sizes | None:
    if len(call.at(0).shape or (0,)) != 1:
        return None
    bounds: list[Any] = [call.attribute("starts"), call.attribute("ends"), [1]]
    if bounds[0] is None:
        bounds = [call.integers(1), call.integers(2), call.integers(4) if call.has(4) else [1]]
    if any(bound is None or len(bound) != 1 for bound in bounds):
        return None
    start, stop, step = (int(bound[0]) for bound in bounds)
    return sizes[start:stop:step]


def _pairwise(function: Callable[[int, int], int], one: Sizes, other: Sizes) -> Sizes | None:
    length = max(len(one), len(other))
    if not {len(one), len(other)} <= {1, length}:
        return None
    pairs = zip(one * (length // len(one)), other * (length // len(other)), strict=True)
    return [None if a is None or b is None else function(a, b) for a, b in pairs]
