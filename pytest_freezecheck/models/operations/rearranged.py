"""The largest in order, blocks of channels as blocks of cells, and one value everywhere."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rearranged import depth_to_space, space_to_depth
from pytest_freezecheck.computation.rows import rows_of
from pytest_freezecheck.computation.transposed import undone
from pytest_freezecheck.models.operations.translation import Call, operation


@operation("TopKV2")
def _largest(call: Call) -> Node | None:
    counts, rank = call.sizes(1), call.rank()
    if not counts or counts[0] is None or not rank or not call.attribute("sorted", default=True):
        return None
    name = "top_places" if call.port else "top_values"
    made = call.op(name, call.x[0], k=counts[0])
    if not call.port:
        return made
    return call.op("cast", made, to=call.attribute("index_type", "int32"))


@operation("DepthToSpace", "SpaceToDepth")
def _blocks(call: Call) -> Node | None:
    form = str(call.attribute("data_format", "NHWC"))
    if form not in ("NHWC", "NCHW"):
        return None
    function = depth_to_space if call.raw.op == "tf:DepthToSpace" else space_to_depth
    x = call.channels_last(call.x[0])
    made = function(call.b, x, int(call.attribute("block_size")), origin=call.name)
    return None if made is None else call.as_it_was(made)


@operation("Fill")
def _filled(call: Call) -> Node | None:
    """Return one value for each row of the batch, in a shape that is known but for them."""
    sizes = call.sizes(0)
    if not sizes or sizes[0] is not None or None in sizes[1:]:
        return None
    like = call.rows(0)
    if like is None:
        return None
    return call.op("fill", call.x[1], like, rest=tuple(n or 0 for n in sizes[1:]))


@operation("Conv2DBackpropInput")
def _transposed(call: Call) -> Node | None:
    """Return the gradient of a convolution, which TensorFlow has for its transpose."""
    sizes, weight = call.sizes(0), call.x[1]
    x = call.channels_last(call.x[2])
    if sizes is None or x.shape is None or len(sizes) != 4 or not weight.is_constant:
        return None
    made = undone(
        call.b,
        x,
        call.b.op("transpose", weight, perm=(0, 1, 3, 2)),
        sizes=call.spatial_sizes(sizes),
        strides=call.spatial(call.attribute("strides"), 2),
        dilations=call.spatial(call.attribute("dilations"), 2),
        pads=str(call.attribute("padding")),
        origin=call.name,
    )
    return None if made is None else call.as_it_was(made)


@operation("ZerosLike", "OnesLike")
def _like(call: Call) -> Node | None:
    """Return 0 or 1 in the shape of another, whose values do not matter, even if they are NaN."""
    x = call.x[0]
    if x.shape is None or not real(x) or None in x.shape[1:]:
        return None
    kind = np.float64 if x.dtype == "float64" else np.float32
    number = np.asarray(call.raw.op == "tf:OnesLike", kind)
    if None not in x.shape:
        return call.b.constant(np.broadcast_to(number, [n or 0 for n in x.shape]))
    rows = rows_of(x)
    if rows is None:
        return None
    return call.op("fill", call.b.constant(number), rows, rest=tuple(n or 0 for n in x.shape[1:]))
