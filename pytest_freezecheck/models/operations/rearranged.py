"""The largest of an axis in order, and blocks of channels as blocks of cells."""

from __future__ import annotations

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rearranged import depth_to_space, space_to_depth
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
