"""How far two graphs are apart along the way, and the first tensor that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.models.graphdef import PASSING, operation_of
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.result.exhibit import Layer

if TYPE_CHECKING:
    from pytest_freezecheck.models.constant_graph import EditableGraph

#: Values fetched in one run: 16 million, so that a network of real size fits into memory.
_AT_ONCE = 2**24
#: What only passes a value on.
_PASSING = PASSING | {"ReadVariableOp"}


def bypassed(definition: Any) -> Any:
    """Return a copy in which nodes read past what only passes values on.

    Whether a weight is read through `ReadVariableOp` or `ReadVariableOp_1` is a matter of what else
    was built before; by name, the two graphs would differ there without doing so.
    """
    made = type(definition)()
    made.CopyFrom(definition)
    nodes = {node.name: node for node in definition.node}
    for node in made.node:
        sources = [n if n.startswith("^") else source(n, nodes) for n in node.input]
        del node.input[:]
        node.input.extend(sources)
    return made


def source(name: str, nodes: Mapping[str, Any]) -> str:
    """Return the tensor that a name stands for, looking through what only passes values on."""
    short = name.removesuffix(":0")
    while short in nodes and nodes[short].op in _PASSING and nodes[short].input:
        short = nodes[short].input[0].removesuffix(":0")
    return short


def layers(
    live: EditableGraph, frozen: EditableGraph, feeds: Mapping[str, Any]
) -> tuple[Layer, ...]:
    """Return each tensor that both sides have by name, on the way from the input to the output.

    Each comes after what it is computed from.

    Args:
        live: the live side.
        frozen: the frozen side.
        feeds: one batch that shows the difference; a single row will do.

    Returns:
        How far each is apart.
    """
    found = []
    shared = [
        name
        for name in reads_input_names(live.definition)
        if name in frozen.nodes and _has_values(live, name) and _has_values(frozen, name)
    ]
    rows = rows_of(feeds)
    for names in _chunks(live, shared, rows):
        one, other = live.fetch(names, feeds), frozen.fetch(names, feeds)
        for name in names:
            size = np.abs(one[name].astype(np.float64)).max(initial=0.0)
            found.append(Layer(name, _apart(one[name], other[name]), float(size)))
    return tuple(found)


def first_difference(found: Sequence[Layer]) -> tuple[str, float] | None:
    """Return name and difference of the first tensor that differs, or None if none does.

    What it is computed from agrees, as far as both sides have it by name.
    """
    return next(((one.tensor, one.difference) for one in found if one.difference > 0.0), None)


def thinned(found: Sequence[Layer], most: int) -> tuple[Layer, ...]:
    """Return at most so many of them, spread evenly, the first that differs and the last too."""
    differing = [n for n, one in enumerate(found) if one.difference > 0.0]
    kept = {*differing[:1], len(found) - 1} if len(found) > most else set(range(len(found)))
    spread = max(1, most - len(kept))
    kept |= {n * len(found) // spread for n in range(spread)} if len(found) > most else set()
    return tuple(found[n] for n in sorted(kept))


def _has_values(side: EditableGraph, name: str) -> bool:
    """Return whether a node has a value that can be compared."""
    if name in side.inside:
        return False
    outputs = side.operation(name).outputs
    kind = outputs[0].dtype if outputs else None
    return kind is not None and bool(kind.is_floating or kind.is_integer or kind.is_bool)


def _chunks(side: EditableGraph, names: list[str], rows: int) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    left = _AT_ONCE
    for name in names:
        shape = side.shape(name)
        cells = (
            int(np.prod([rows if size is None else size for size in shape.as_list()]))
            if (shape.rank is not None)
            else 0
        )
        if cells > left and chunks[-1]:
            chunks.append([])
            left = _AT_ONCE
        chunks[-1].append(name)
        left -= cells
    return [chunk for chunk in chunks if chunk]


def _apart(one: Any, other: Any) -> float:
    if one.shape != other.shape:
        return float("inf")
    apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
    apart = np.where(np.isnan(one) & np.isnan(other), 0.0, apart)
    return float(np.nan_to_num(apart.max(initial=0.0), nan=np.inf, posinf=np.inf))


def reads_input_names(definition: Any) -> list[str]:
    """Return the nodes that are computed from an input, each after what it is computed from."""
    nodes = {node.name: node for node in definition.node}
    depends: dict[str, bool] = {}
    ordered: list[str] = []
    for start in nodes:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            if name in depends:
                waiting.pop()
                continue
            reads = [operation_of(read) for read in nodes[name].input]
            left = [read for read in reads if read not in depends and read in nodes]
            # A loop of TensorFlow 1's control flow comes back to itself.
            left = [read for read in left if nodes[read].op != "NextIteration"]
            if left and left[0] not in waiting:
                waiting.extend(left)
                continue
            waiting.pop()
            fed = nodes[name].op in ("Placeholder", "PlaceholderWithDefault")
            depends[name] = fed or any(depends.get(read, False) for read in reads)
            if depends[name] and not fed:
                ordered.append(name)
    return ordered
