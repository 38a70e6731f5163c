"""OpenVINO's operations that move values and compute none, and the sizes that they work out."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rearranged import depth_to_space, space_to_depth
from pytest_freezecheck.computation.shapes import part
from pytest_freezecheck.formats.openvino.call import Call, operation
from pytest_freezecheck.formats.openvino.sizes import masks_of, sizes_of
from pytest_freezecheck.formats.readers import channels_first as first
from pytest_freezecheck.formats.readers import moves
from pytest_freezecheck.formats.readers.moves import Sizes


@operation("ShapeOf")
def _shape(call: Call) -> Node | None:
    sizes = sizes_of(call)
    if sizes is None or None in sizes:
        return None
    return call.b.constant(np.asarray(sizes, call.dtype()), call.name)


@operation("Range")
def _range(call: Call) -> Node | None:
    bounds = [call.integers(place) for place in range(3)]
    if any(bound is None or len(bound) != 1 for bound in bounds) or "int" not in call.dtype():
        return None
    start, stop, step = (bound[0] for bound in bounds if bound is not None)
    if not step or abs(stop - start) > 1 << 20:
        return None
    return call.b.constant(np.arange(start, stop, step, dtype=call.dtype()), call.name)


@operation("Transpose")
def _transpose(call: Call) -> Node | None:
    perm, rank = call.integers(1), call.rank
    if perm is None or rank is None:
        return None
    return call.op("transpose", call.x[0], perm=perm or tuple(range(rank))[::-1])


@operation("Reshape")
def _reshape(call: Call) -> Node | None:
    sizes, shape = call.sizes(1), call.x[0].shape
    if sizes is None or shape is None:
        return None
    given: Sizes = list(sizes)
    if call.given["special_zero"]:
        given = [shape[n] if size == 0 and n < len(shape) else size for n, size in enumerate(sizes)]
        if sizes[0] == 0 and shape[0] is None and -1 in given[1:] and None not in shape[1:]:
            given = moves.with_the_rest(shape, given)
    return moves.reshaped(call.b, call.x[0], given, call.name)


@operation("Squeeze")
def _squeeze(call: Call) -> Node | None:
    axes = call.integers(1) if len(call.x) > 1 else None
    if (len(call.x) > 1 and axes is None) or call.given.get("allow_axis_skip"):
        return None
    return moves.squeezed(call.b, call.x[0], axes or None, call.name)


@operation("Unsqueeze")
def _unsqueeze(call: Call) -> Node | None:
    axes = call.integers(1)
    return None if axes is None else moves.unsqueezed(call.b, call.x[0], axes, call.name)


@operation("Concat")
def _concat(call: Call) -> Node | None:
    rank = call.rank
    if not rank or any(node.shape is None for node in call.x):
        return None
    return call.op("concat", *call.x, axis=int(call.given["axis"]) % rank)


@operation("Split", "VariadicSplit")
def _split(call: Call) -> list[Node] | None:
    axes, shape = call.integers(1), call.x[0].shape
    if axes is None or shape is None or shape[axes[0]] is None:
        return None
    size = shape[axes[0]] or 0
    if call.kind == "Split":
        count = int(call.given["num_splits"])
        lengths = [size // count] * count
    else:
        given = call.integers(2)
        if given is None:
            return None
        rest = size - sum(n for n in given if n >= 0)
        lengths = [n if n >= 0 else rest for n in given]
    ends = np.cumsum([0, *lengths]).tolist()
    parts = [
        moves.cut(call.b, call.x[0], [start], [stop], [axes[0]], [1], call.name)
        for start, stop in itertools.pairwise(ends)
    ]
    return [part for part in parts if part is not None] if None not in parts else None


@operation("Slice")
def _slice(call: Call) -> Node | None:
    starts, stops, steps = (call.integers(place) for place in (1, 2, 3))
    if starts is None or stops is None or steps is None:
        return None
    axes = call.integers(4) if len(call.x) > 4 else tuple(range(len(starts)))
    if axes is None:
        return None
    return moves.cut(call.b, call.x[0], starts, stops, axes, steps, call.name)


@operation("StridedSlice")
def _strided(call: Call) -> Node | None:
    begin, end = call.integers(1), call.integers(2)
    shape = call.x[0].shape
    if begin is None or end is None or shape is None:
        return None
    steps = call.integers(3) if len(call.x) > 3 else (1,) * len(begin)
    masks = masks_of(call, len(begin))
    if steps is None or any(masks["ellipsis"]):
        return None
    starts: list[int] = []
    stops: list[int] = []
    taken: list[int] = []
    made: list[int | None] = []
    for n, (low, high, step) in enumerate(zip(begin, end, steps, strict=True)):
        if masks["new_axis"][n]:
            made.append(1)
            continue
        axis = len(taken)
        if axis >= len(shape):
            return None
        size = shape[axis]
        if masks["shrink_axis"][n]:
            low, high, step = low, low + 1 if low != -1 else moves.END, 1
        else:
            low = (0 if step > 0 else moves.END) if masks["begin"][n] else low
            high = (moves.END if step > 0 else -moves.END) if masks["end"][n] else high
            cells = part(size, low, high if abs(high) < moves.END else None, step)
            whole = cells == (None, None, 1)
            counted = None if size is None else len(range(*slice(*cells).indices(size)))
            made.append(size if whole else counted)
        starts, stops, taken = [*starts, low], [*stops, high], [*taken, axis]
        if step != steps[n]:
            steps = (*steps[:n], step, *steps[n + 1 :])
    used = [step for n, step in enumerate(steps) if not masks["new_axis"][n]]
    cut = moves.cut(call.b, call.x[0], starts, stops, taken, used, call.name)
    if cut is None or not (any(masks["new_axis"]) or any(masks["shrink_axis"])):
        return cut
    return moves.reshaped(call.b, cut, [*made, *shape[len(taken) :]], call.name)


@operation("Gather")
def _gather(call: Call) -> Node | None:
    axes, rank, places = call.integers(2), call.rank, call.x[1]
    if axes is None or not rank or places.shape is None:
        return None
    axis, size = axes[0] % rank, (call.x[0].shape or ())[axes[0]]
    if places.value is not None and np.any(places.value.array < 0):
        if size is None or call.version != "opset8":
            return None
        places = call.b.constant(places.value.array % size, call.name)
    batch = int(call.given.get("batch_dims", 0))
    batch = batch + len(places.shape or ()) if batch < 0 else batch
    return call.op("gather", call.x[0], places, axis=axis, batch_dims=batch)


@operation("Pad")
def _pad(call: Call) -> Node | None:
    before, after, x = call.integers(1), call.integers(2), call.x[0]
    mode = str(call.given.get("pad_mode", "constant")).lower()
    if before is None or after is None or not real(x) or min(before + after) < 0:
        return None
    value = call.number(3) if len(call.x) > 3 else 0.0
    if value is None or mode not in ("constant", "reflect", "symmetric"):
        return None
    given: dict[str, Any] = {} if mode == "constant" else {"mode": mode}
    if mode == "constant" and value:
        given["value"] = float(value)
    return call.op("pad", x, pads=tuple(zip(before, after, strict=True)), **given)


@operation("Tile")
def _tile(call: Call) -> Node | None:
    times, rank = call.integers(1), call.rank
    if times is None or rank is None or len(times) != rank:
        return None
    return call.x[0] if set(times) == {1} else call.op("tile", call.x[0], times=times)


@operation("Broadcast")
def _broadcast(call: Call) -> Node | None:
    if str(call.given.get("mode", "")).lower() not in ("numpy", "bidirectional"):
        return None
    sizes = call.sizes(1)
    made = moves.tiled(call.b, call.x[0], sizes, call.name)
    return made or moves.filled(call.b, call.x[0], sizes, call.rows(1), call.name)


@operation("TopK")
def _largest(call: Call) -> list[Node] | None:
    rank, count = call.rank, call.integers(1)
    given = {name: str(call.given.get(name, "")).lower() for name in ("mode", "sort")}
    if not rank or not count or int(call.given["axis"]) % rank != rank - 1:
        return None
    if given["mode"] != "max" or (given["sort"] != "value" and count[0] != 1):
        return None
    if not call.given.get("stable") and call.node.output(1).get_target_inputs():
        return None  # nothing is said of the order of equal ones
    names = ("top_values", "top_places")
    return [call.op(name, call.x[0], k=count[0]) for name in names]


@operation("DepthToSpace", "SpaceToDepth")
def _blocks(call: Call) -> Node | None:
    function = depth_to_space if call.kind == "DepthToSpace" else space_to_depth
    mode = str(call.given["mode"]).lower()
    if (call.rank or 0) < 3 or mode not in ("blocks_first", "depth_first"):
        return None
    x = first.channels_last(call.b, call.x[0])
    made = function(
        call.b,
        x,
        int(call.given["block_size"]),
        blocks_first=mode == "blocks_first",
        origin=call.name,
    )
    return None if made is None else first.channels_second(call.b, made)
