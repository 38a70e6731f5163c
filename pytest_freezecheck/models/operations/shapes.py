"""What moves values and computes none: reshapes, transpositions, slices, joins and look-ups."""

from __future__ import annotations

import math
from typing import Any

from pytest_freezecheck.computation.node import Node, Shape, walk
from pytest_freezecheck.computation.shapes import part, unknown
from pytest_freezecheck.models.operations.translation import Call, operation

_REAL = ("float16", "bfloat16", "float32", "float64")


@operation("Reshape")
def _reshape(call: Call) -> Node | None:
    sizes = call.sizes(1)
    if sizes is None or call.x[0].shape is None:
        return None
    if sum(size is None for size in sizes) > 1:
        told = _with_its_rows(call)
        if told is not None:
            return call.op("reshape", call.x[0], shape=told)
        return call.x[0] if _as_before(call, sizes) else None
    return call.op("reshape", call.x[0], shape=tuple(sizes))


def _with_its_rows(call: Call) -> Shape | None:
    """Return the shape of a reshape to its operand's own unknown size, and to what is left."""
    sizes, shape = call.translator.as_written(call.raw.inputs[1]) or [], call.x[0].shape or ()
    parts = list(walk([call.raw.inputs[1]]))
    own = all(part.inputs[0] is call.raw.inputs[0] for part in parts if part.op == "tf:Shape")
    products = any(part.op == "tf:Prod" for part in parts)
    if not own or products or shape.count(None) != 1:
        return None
    if sizes.count(None) != 1 or sizes.count(-1) != 1:
        return None
    others = math.prod(n for n in sizes if n is not None and n >= 0)
    left = math.prod(n for n in shape if n is not None)
    return tuple(left // max(others, 1) if n == -1 else n for n in sizes)


def _as_before(call: Call, sizes: list[int | None]) -> bool:
    """Return whether a reshape is to the very shape that its operand has."""
    shape, asked = call.x[0].shape, call.raw.inputs[1]
    return (
        list(shape or ()) == sizes
        and asked.op == "tf:Shape"
        and (asked.inputs[0] is call.raw.inputs[0])
    )


@operation("Squeeze")
def _squeeze(call: Call) -> Node | None:
    shape = call.x[0].shape
    if shape is None or unknown(shape) > 1:
        return None
    axes = call.attribute("squeeze_dims") or [n for n, size in enumerate(shape) if size == 1]
    if not call.attribute("squeeze_dims") and None in shape:
        return None  # a batch of one row would lose its axis
    gone = {axis % len(shape) for axis in axes}
    return call.op(
        "reshape", call.x[0], shape=tuple(s for n, s in enumerate(shape) if n not in gone)
    )


@operation("ExpandDims")
def _expand(call: Call) -> Node | None:
    shape, axes = call.x[0].shape, call.integers(1)
    if shape is None or axes is None or unknown(shape) > 1:
        return None
    return call.op("reshape", call.x[0], shape=_with_one(shape, axes[0]))


def _with_one(shape: Shape, axis: int) -> Shape:
    place = axis % (len(shape) + 1)
    return (*shape[:place], 1, *shape[place:])


@operation("Transpose")
def _transpose(call: Call) -> Node | None:
    perm, rank = call.integers(1), call.rank()
    if perm is None or rank is None:
        return None
    return call.op("transpose", call.x[0], perm=tuple(axis % rank for axis in perm))


@operation("ConcatV2")
def _concat(call: Call) -> Node | None:
    axes, rank = call.integers(len(call.x) - 1), call.rank()
    if axes is None or rank is None:
        return None
    return call.op("concat", *call.x[:-1], axis=axes[0] % rank)


@operation("Pack")
def _pack(call: Call) -> Node | None:
    shapes = [node.shape for node in call.x]
    if any(shape is None or unknown(shape) > 1 for shape in shapes):
        return None
    axis = int(call.attribute("axis", 0)) % (len(shapes[0] or ()) + 1)
    parts = [call.b.op("reshape", node, shape=_with_one(node.shape or (), axis)) for node in call.x]
    return call.op("concat", *parts, axis=axis)


@operation("Unpack")
def _unpack(call: Call) -> Node | None:
    shape = call.x[0].shape
    if shape is None or unknown(shape) > 1:
        return None
    axis = int(call.attribute("axis", 0)) % len(shape)
    return _one_of(call, axis, call.port)


def _one_of(call: Call, axis: int, place: int) -> Node:
    shape = call.x[0].shape or ()
    cut = cut_axis(call, call.x[0], axis, place, place + 1)
    return call.op("reshape", cut, shape=(*shape[:axis], *shape[axis + 1 :]))


def cut_axis(call: Call, x: Node, axis: int, start: int, stop: int) -> Node:
    """Return a slice along one axis."""
    parts: list[Any] = [(None, None, 1)] * len(x.shape or ())
    parts[axis] = (start, stop, 1)
    return call.op("slice", x, parts=tuple(parts))


@operation("Split")
def _split(call: Call) -> Node | None:
    axes, shape = call.integers(0), call.x[1].shape
    number = int(call.attribute("num_split", 1))
    if axes is None or shape is None:
        return None
    axis = axes[0] % len(shape)
    size = shape[axis]
    if size is None:
        return None
    each = size // number
    return cut_axis(call, call.x[1], axis, call.port * each, (call.port + 1) * each)


@operation("SplitV")
def _split_unevenly(call: Call) -> Node | None:
    lengths, axes, shape = call.integers(1), call.integers(2), call.x[0].shape
    if lengths is None or axes is None or shape is None:
        return None
    axis = axes[0] % len(shape)
    size = shape[axis]
    if size is None:
        return None
    rest = size - sum(n for n in lengths if n >= 0)
    lengths = tuple(n if n >= 0 else rest for n in lengths)
    start = sum(lengths[: call.port])
    return cut_axis(call, call.x[0], axis, start, start + lengths[call.port])


@operation("Slice")
def _slice(call: Call) -> Node | None:
    starts, sizes = call.integers(1), call.integers(2)
    if starts is None or sizes is None or call.x[0].shape is None:
        return None
    parts = []
    for size, start, length in zip(call.x[0].shape, starts, sizes, strict=True):
        stop = None if length < 0 else start + length
        parts.append(part(size, start, stop, 1))
    return call.op("slice", call.x[0], parts=tuple(parts))


@operation("StridedSlice")
def _strided(call: Call) -> Node | None:
    begin, end, steps = (call.integers(place) for place in (1, 2, 3))
    shape = call.x[0].shape
    if begin is None or end is None or steps is None or shape is None:
        return None
    masks = {
        name: int(call.attribute(f"{name}_mask", 0))
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    parts: list[Any] = []
    made: list[int | None] = []
    count = len(begin)
    news = bin(masks["new_axis"]).count("1")
    places = [n for n in range(count) if not (masks["new_axis"] | masks["ellipsis"]) >> n & 1]
    for n in range(count):
        if masks["ellipsis"] >> n & 1:
            skipped = len(shape) - len(places)
            for size in shape[len(parts) : len(parts) + skipped]:
                parts.append((None, None, 1))
                made.append(size)
        elif masks["new_axis"] >> n & 1:
            made.append(1)
        else:
            size = shape[len(parts)]
            if masks["shrink_axis"] >> n & 1:
                stop = None if begin[n] == -1 else begin[n] + 1
                parts.append(part(size, begin[n], stop, 1))
                continue
            low = None if masks["begin"] >> n & 1 else begin[n]
            high = None if masks["end"] >> n & 1 else end[n]
            cells = part(size, low, high, steps[n])
            parts.append(cells)
            known = size if cells == (None, None, 1) else None
            made.append(known if size is None else len(range(*slice(*cells).indices(size))))
    while len(parts) < len(shape):
        made.append(shape[len(parts)])
        parts.append((None, None, 1))
    if (unknown(tuple(made)) > 1 or 0 in made) and (news or masks["shrink_axis"]):
        return None
    cut = call.op("slice", call.x[0], parts=tuple(parts))
    if not news and not masks["shrink_axis"]:
        return cut
    return call.op("reshape", cut, shape=tuple(made))


@operation("Pad", "PadV2", "MirrorPad")
def _pad(call: Call) -> Node | None:
    pairs, rank = call.integers(1), call.rank()
    if pairs is None or rank is None or call.x[0].dtype not in _REAL:
        return None
    pads = tuple((pairs[2 * n], pairs[2 * n + 1]) for n in range(rank))
    mode = str(call.attribute("mode", "")).lower()
    if mode:
        return call.op("pad", call.x[0], pads=pads, mode=mode)
    if len(call.x) > 2:
        value = call.x[2].value
        number = None if value is None else value.number()
        if number is None:
            return None
        if number:
            return call.op("pad", call.x[0], pads=pads, value=number)
    return call.op("pad", call.x[0], pads=pads)


@operation("Tile")
def _tile(call: Call) -> Node | None:
    times = call.integers(1)
    if times is None or call.x[0].shape is None:
        return None
    if set(times) == {1}:
        return call.x[0]
    return call.op("tile", call.x[0], times=times)


@operation("ReverseV2")
def _reverse(call: Call) -> Node | None:
    axes, rank = call.integers(1), call.rank()
    if axes is None or rank is None:
        return None
    return call.op("reverse", call.x[0], axes=tuple(sorted(axis % rank for axis in axes)))


@operation("Roll")
def _roll(call: Call) -> Node | None:
    shifts, axes, shape = call.integers(1), call.integers(2), call.x[0].shape
    if shifts is None or axes is None or shape is None:
        return None
    x = call.x[0]
    for shift, axis in zip(shifts, axes, strict=True):
        size = shape[axis]
        if size is None:
            return None
        cut, place = (size - shift) % max(size, 1), axis % len(shape)
        if cut:
            parts = (cut_axis(call, x, place, *ends) for ends in ((cut, size), (0, cut)))
            x = call.op("concat", *parts, axis=place)
    return x
