"""ONNX's operations that move values and compute none."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rearranged import depth_to_space, space_to_depth
from pytest_freezecheck.computation.shapes import unknown
from pytest_freezecheck.formats.onnx.call import Call, operation
from pytest_freezecheck.formats.readers import channels_first as first
from pytest_freezecheck.formats.readers import moves
from pytest_freezecheck.formats.readers.moves import Sizes

_MOST = 1 << 20


@operation("Constant")
def _constant(call: Call) -> Node | None:
    held = {attribute.name: attribute for attribute in call.node.attribute}
    if "value" in held:
        return call.reader.constant(held["value"].t, call.name)
    kinds: dict[str, Any] = {"value_float": np.float32, "value_floats": np.float32}
    kinds |= {"value_int": np.int64, "value_ints": np.int64}
    for name, kind in kinds.items():
        if name in held:
            value = list(held[name].floats or held[name].ints) if name.endswith("s") else None
            if value is None:
                value = held[name].f if kind is np.float32 else held[name].i
            return call.b.constant(np.asarray(value, kind), call.name)
    return None


@operation("ConstantOfShape")
def _filled(call: Call) -> Node | None:
    value: Any = np.zeros(1, np.float32)
    tensor = call.attribute("value")
    if tensor is not None:
        import onnx

        value = onnx.numpy_helper.to_array(tensor)
    sizes = call.integers(0)
    if sizes is None:
        one = call.b.constant(np.asarray(value.ravel()[0]), call.name)
        return moves.filled(call.b, one, call.sizes(0), call.rows(0), call.name)
    if any(n < 0 for n in sizes) or np.prod(sizes, dtype=float) > _MOST:
        return None
    return call.b.constant(np.full(sizes, value.ravel()[0], value.dtype), call.name)


@operation("Shape", "Size")
def _shape(call: Call) -> Node | None:
    sizes = call.reader.sizes.get(call.node.output[0])
    if sizes is None or None in sizes:
        return None
    array = np.asarray(sizes, np.int64)
    return call.b.constant(array if call.node.op_type == "Shape" else array[0], call.name)


@operation("Range")
def _range(call: Call) -> Node | None:
    values = [node.value for node in call.x]
    if any(value is None or value.array.dtype.kind not in "iu" for value in values):
        return None
    start, limit, step = (int(value.array.ravel()[0]) for value in values if value is not None)
    if not step or abs(limit - start) > _MOST:
        return None
    return call.b.constant(np.arange(start, limit, step, dtype=call.x[0].dtype), call.name)


@operation("Transpose")
def _transpose(call: Call) -> Node | None:
    rank = call.rank
    if rank is None:
        return None
    perm = call.attribute("perm") or range(rank)[::-1]
    return call.op("transpose", call.at(0), perm=tuple(int(axis) for axis in perm))


@operation("Reshape")
def _reshape(call: Call) -> Node | None:
    sizes, shape = call.sizes(1), call.at(0).shape
    if sizes is None or shape is None:
        return None
    given: Sizes = list(sizes)
    if not call.flag("allowzero", default=False):
        given = [shape[n] if size == 0 and n < len(shape) else size for n, size in enumerate(sizes)]
        if sizes[:1] == [0] and shape[:1] == (None,) and -1 in given:
            given = moves.with_the_rest(shape, given)
    return moves.reshaped(call.b, call.at(0), given, call.name)


@operation("Flatten")
def _flatten(call: Call) -> Node | None:
    shape = call.at(0).shape
    if shape is None:
        return None
    axis = int(call.attribute("axis", 1))
    axis = axis + len(shape) if axis < 0 else axis
    halves = [moves.product_of(list(part)) for part in (shape[:axis], shape[axis:])]
    return moves.reshaped(call.b, call.at(0), halves, call.name)


@operation("Squeeze")
def _squeeze(call: Call) -> Node | None:
    axes = call.axes()
    return None if axes is None else moves.squeezed(call.b, call.at(0), axes or None, call.name)


@operation("Unsqueeze")
def _unsqueeze(call: Call) -> Node | None:
    axes = call.axes()
    return None if axes is None else moves.unsqueezed(call.b, call.at(0), axes, call.name)


@operation("Concat")
def _concat(call: Call) -> Node | None:
    rank = call.rank
    if not rank or any(node.shape is None for node in call.x):
        return None
    return call.op("concat", *call.x, axis=int(call.attribute("axis")) % rank)


@operation("Split")
def _split(call: Call) -> list[Node] | None:
    shape = call.at(0).shape
    if shape is None:
        return None
    axis = int(call.attribute("axis", 0)) % len(shape)
    lengths = call.attribute("split")
    if lengths is None and call.has(1):
        lengths = call.integers(1)
        if lengths is None:
            return None
    if lengths is None:
        size, count = shape[axis], int(call.attribute("num_outputs", len(call.node.output)))
        if size is None:
            return None
        each = -(-size // count)  # of sizes that it does not divide, the last one is smaller
        lengths = [each] * (count - 1) + [size - each * (count - 1)]
    ends = np.cumsum([0, *lengths]).tolist()
    parts = [
        moves.cut(call.b, call.at(0), [start], [stop], [axis], [1], call.name)
        for start, stop in itertools.pairwise(ends)
    ]
    return None if None in parts else [part for part in parts if part is not None]


@operation("Slice")
def _slice(call: Call) -> Node | None:
    shape = call.at(0).shape
    if shape is None:
        return None
    starts: Any
    stops: Any
    axes: Any
    steps: Any
    if call.attribute("starts") is not None:
        starts, stops = call.attribute("starts"), call.attribute("ends")
        axes, steps = call.attribute("axes", list(range(len(starts)))), [1] * len(starts)
    else:
        starts, stops = call.integers(1), call.integers(2)
        if starts is None or stops is None:
            return None
        axes = call.integers(3) if call.has(3) else tuple(range(len(starts)))
        steps = call.integers(4) if call.has(4) else (1,) * len(starts)
        if axes is None or steps is None:
            return None
    return moves.cut(call.b, call.at(0), starts, stops, axes, steps, call.name)


@operation("Gather")
def _gather(call: Call) -> Node | None:
    rank = call.rank
    if not rank or call.at(1).shape is None:
        return None
    axis = int(call.attribute("axis", 0)) % rank
    places = call.at(1)
    size = (call.at(0).shape or ())[axis]
    if places.value is not None and np.any(places.value.array < 0):
        if size is None:
            return None
        places = call.b.constant(places.value.array % size, call.name)
    return call.op("gather", call.at(0), places, axis=axis, batch_dims=0)


@operation("GatherND")
def _gather_rows(call: Call) -> Node | None:
    """Return slices along one axis, of each row of a batch its own."""
    batch, places = int(call.attribute("batch_dims", 0)), call.at(1)
    shape = places.shape
    if call.rank is None or not shape or shape[-1] != 1 or unknown(shape) > 1:
        return None
    places = call.op("reshape", places, shape=shape[:-1])
    return call.op("gather", call.at(0), places, axis=batch, batch_dims=batch)


@operation("Pad")
def _pad(call: Call) -> Node | None:
    rank, x = call.rank, call.at(0)
    given = call.attribute("pads")
    if given is None:
        given = call.integers(1)
    mode = call.attribute("mode", "constant")
    if given is None or rank is None or not real(x) or any(n < 0 for n in given):
        return None
    if mode not in ("constant", "reflect"):
        return None
    axes = call.integers(3) if call.has(3) else tuple(range(rank))
    if axes is None:
        return None
    pads = [(0, 0)] * rank
    for n, axis in enumerate(axes):
        pads[axis % rank] = int(given[n]), int(given[len(axes) + n])
    value = call.attribute("value", 0.0)
    if call.has(2):
        value = call.number(2)
        if value is None:
            return None
    more: dict[str, Any] = {} if mode == "constant" else {"mode": mode}
    if mode == "constant" and value:
        more["value"] = float(value)
    return call.op("pad", x, pads=tuple(pads), **more)


@operation("Tile")
def _tile(call: Call) -> Node | None:
    times = call.integers(1)
    if times is None or call.at(0).shape is None:
        return None
    return call.at(0) if set(times) == {1} else call.op("tile", call.at(0), times=times)


@operation("Expand")
def _expand(call: Call) -> Node | None:
    sizes = call.sizes(1)
    made = moves.tiled(call.b, call.at(0), sizes, call.name)
    return made or moves.filled(call.b, call.at(0), sizes, call.rows(1), call.name)


@operation("TopK")
def _largest(call: Call) -> list[Node] | None:
    rank = call.rank
    count = call.integers(1) if call.has(1) else None
    axis = int(call.attribute("axis", -1))
    if not rank or not count or axis % rank != rank - 1:
        return None
    if not call.flag("largest", default=True) or not call.flag("sorted", default=True):
        return None
    names = ("top_values", "top_places")
    return [call.op(name, call.at(0), k=count[0]) for name in names]


@operation("DepthToSpace", "SpaceToDepth")
def _blocks(call: Call) -> Node | None:
    if call.rank != 4:
        return None
    deep = call.node.op_type == "DepthToSpace"
    mode = call.attribute("mode", "DCR") if deep else "DCR"
    made = (depth_to_space if deep else space_to_depth)(
        call.b,
        first.channels_last(call.b, call.at(0)),
        int(call.attribute("blocksize")),
        blocks_first=mode == "DCR",
        origin=call.name,
    )
    return None if made is None else first.channels_second(call.b, made)
