"""What every value of an input passes through: only there is a change one of the input itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.diagnosis.graph_diff import reads_input_names
from pytest_freezecheck.models.graphdef import operation_of

if TYPE_CHECKING:
    from pytest_freezecheck.models.constant_graph import EditableGraph

INPUTS = frozenset({"Placeholder", "PlaceholderWithDefault"})
#: They read how large a tensor is, and none of its values.
_SIZES = frozenset({"Shape", "ShapeN", "Size", "Rank"})
#: What prepares an input: scales, shifts, clips, orders or resizes its values, and reads them from
#: what they come in. Behind anything else, a spectrum say, they are the input's no more.
_PREPARING = frozenset(
    {"Add", "AddV2", "BiasAdd", "Cast", "ClipByValue", "Concat", "ConcatV2", "Div", "ExpandDims"}
)
_PREPARING |= {"Gather", "GatherV2", "Identity", "IdentityN", "Maximum", "Minimum", "Mul", "Neg"}
_PREPARING |= {"Pack", "Pad", "PadV2", "RealDiv", "Reshape", "ReverseV2", "Slice", "Split"}
_PREPARING |= {"SplitV", "Squeeze", "StridedSlice", "Sub", "Transpose", "Unpack", "MirrorPad"}
_PREPARING |= {"ResizeArea", "ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor"}
_PREPARING |= {"CropAndResize", "DecodeJpeg", "DecodePng", "DecodeRaw", "DecodeWav", "StopGradient"}
_PREPARING |= {"ParseExample", "ParseExampleV2", "PreventGradient", *INPUTS}


def reads(node: Any) -> list[str]:
    """Return the names of the operations that a node reads, control inputs included."""
    return [operation_of(read) for read in node.input]


def all_passes(side: EditableGraph, name: str) -> bool:
    """Return whether all that reaches an output of one input passes through a node.

    What is done to an input on one of several ways into the network, say on a late skip, is another
    operation of that way and no transform of the input.

    Args:
        side: live or frozen, as a graph of constants.
        name: of a node that is computed from inputs.
    """
    sources = {n for n in side.before(name) if side.nodes[n].op in INPUTS}
    ends = {operation_of(tensor) for tensor in side.graph.outputs.values()}
    if not sources or name in sources:
        return False
    reached = set(sources)
    readers: dict[str, list[str]] = {}
    for node in side.nodes.values():
        if node.op in _SIZES or node.name == name:
            continue
        for read in node.input:
            if not read.startswith("^"):
                readers.setdefault(operation_of(read), []).append(node.name)
    waiting = list(sources)
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            if reader not in reached:
                reached.add(reader)
                waiting.append(reader)
    return not reached & ends


def computed_from_input(side: EditableGraph, names: Iterable[str]) -> bool:
    """Return whether one of these nodes is computed from an input.

    The variance that LayerNorm adds an epsilon to is, and that of BatchNorm's statistics is not.
    """
    return not set(names).isdisjoint(reads_input_names(side.definition))


def before_weights(live: EditableGraph, variables: set[str]) -> set[str]:
    """Return the nodes that prepare an input: computed from it, from no variable, and not far.

    Those in a loop of TensorFlow 1's are computed from all that comes round in it.
    """
    found: set[str] = set()
    tainted = set(variables)
    behind = set(reads_input_names(live.definition))
    for name in _ordered(live):
        node = live.nodes[name]
        far = name in behind and node.op not in _PREPARING
        if far or any(read in tainted for read in reads(node)):
            tainted.add(name)
        elif node.op not in ("Const", "Placeholder"):
            found.add(name)
    return (found & behind) - live.inside


def _ordered(side: EditableGraph) -> list[str]:
    """Return all nodes, each after what it is computed from."""
    done: dict[str, None] = {}
    for start in side.nodes:
        waiting = [start]
        while waiting:
            left = [r for r in reads(side.nodes[waiting[-1]]) if r in side.nodes and r not in done]
            left = [read for read in left if read not in waiting]
            if left:
                waiting.append(left[0])
            else:
                done[waiting.pop()] = None
    return list(done)
