"""Sizes that a file of OpenVINO's works out while it runs, as far as they are known before."""

from __future__ import annotations

import operator

from pytest_freezecheck.formats.openvino.call import Call
from pytest_freezecheck.formats.readers.moves import Sizes, product_of

_KEPT = frozenset({"Squeeze", "Unsqueeze", "Reshape"})
#: What moves sizes and computes none.
MOVES = _KEPT | {"Convert", "Concat", "Gather", "StridedSlice"}


def masks_of(call: Call, count: int) -> dict[str, list[bool]]:
    """Return the masks of a slice, of so many axes each: {name: for each axis}."""
    found = {}
    for name in ("begin", "end", "new_axis", "shrink_axis", "ellipsis"):
        given = [bool(n) for n in call.given.get(f"{name}_mask", ())]
        found[name] = (given + [False] * count)[:count]
    return found


def sizes_of(call: Call) -> Sizes | None:
    """Return the whole numbers that an operation computes, flat, or None if it is none of these."""
    if call.kind == "ShapeOf":
        shape = call.x[0].shape
        return None if shape is None else list(shape)
    read = [call.sizes(place) for place in range(len(call.x))]
    if not read or read[0] is None:
        return None
    if call.kind in _KEPT and len(call.x[0].shape or ()) + len(read[0]) > 2:
        return None  # sizes are vectors, or one number
    if call.kind in _KEPT or (call.kind == "Convert" and call.dtype() in ("int32", "int64")):
        return read[0]
    if call.kind == "Concat":
        return None if None in read else [n for part in read for n in part or ()]
    if call.kind == "Gather":
        places = read[1]
        if places is None or any(n is None or n >= len(read[0]) for n in places):
            return None
        return [read[0][n] for n in places if n is not None]
    if call.kind == "ReduceProd":
        return [product_of(read[0])]
    if call.kind == "StridedSlice" and len(call.x[0].shape or (0, 0)) == 1:
        return _cut(call, read[0])
    other = read[1] if len(read) == 2 else None
    if call.kind not in ("Multiply", "Add") or other is None or len(read[0]) != len(other):
        return None
    function = operator.add if call.kind == "Add" else operator.mul
    pairs = zip(read[0], other, strict=True)
    return [None if a is None or b is None else function(a, b) for a, b in pairs]


def _cut(call: Call, sizes: Sizes) -> Sizes | None:
    begin, end = call.integers(1), call.integers(2)
    steps = call.integers(3) if len(call.x) > 3 else (1,)
    if begin is None or end is None or steps is None or len(begin) != 1:
        return None
    masks = masks_of(call, 1)
    if masks["new_axis"][0] or masks["ellipsis"][0]:
        return None
    if masks["shrink_axis"][0]:
        return [sizes[begin[0]]]
    low = None if masks["begin"][0] else begin[0]
    high = None if masks["end"][0] else end[0]
    return sizes[low : high : steps[0]]
