"""Where changes stand: between an input and all that reads it, or further on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pytest_freezecheck.checking.causes.wording import is_constant
from pytest_freezecheck.computation.edits import EXTRA, MISSING, Edit, Script
from pytest_freezecheck.computation.node import Node, walk

#: What moves values and computes none.
MOVES = frozenset({"slice", "concat", "gather", "reverse", "reshape", "transpose", "tile", "pad"})
#: What preprocessing is made of; another operation on an input is just another one.
_PREPARES = MOVES | {"affine", "add", "sub", "mul", "div", "reciprocal", "clip", "maximum"}
_PREPARES |= {"minimum", "cast", "square", "sqrt", "log"}


def before_weights(
    edits: Sequence[Edit],
    script: Script,
    weights: Mapping[str, Any],
    taken: Collection[str],
) -> bool:
    """Return whether changes stand between an input and all that reads it, and before any weight.

    Args:
        edits: the changes.
        script: all of them.
        weights: the live model's.
        taken: those that have taken up what something before them multiplies by.
    """
    leaves: set[str] = set()
    read: dict[int, list[Node]] = {}
    for pair, way in script.ways.values():
        for below in way.below:
            read.setdefault(id(below[0]), []).append(pair[0])
    tops: tuple[set[int], set[int]] = (set(), set())
    for edit in edits:
        here = read.get(id(edit.live), []) if is_constant(edit) else [edit.live]
        if not all(map(prepares, here if is_constant(edit) else _own(edit))):
            return False
        # What only one side has stands between an input and all that reads it on that side.
        if edit.kind != EXTRA:
            tops[0].update(map(id, here))
        if edit.kind != MISSING and not is_constant(edit):
            tops[1].add(id(edit.frozen))
        for node in walk([*here, edit.frozen]):
            if node.value is not None and any(name in weights for name in node.value.origin):
                return False
            if node.op == "input":
                leaves.add(node["name"])
    if not leaves:
        return False
    outputs = [[pair[side] for pair in script.outputs.values()] for side in (0, 1)]
    for node in walk(outputs[1]) if taken else ():
        reads = script.common.get(id(node), node).inputs
        if any(read.value is not None and {*read.value.origin} & {*taken} for read in reads):
            tops[1].add(id(node))
    return not any(
        without and reaches(ends, leaves, without)
        for ends, without in zip(outputs, tops, strict=True)
    )


def _own(edit: Edit) -> list[Node]:
    """Return the operations that one side alone has."""
    if edit.kind == MISSING:
        return [edit.live]
    return [edit.frozen] if edit.kind == EXTRA else [edit.live, edit.frozen]


def prepares(node: Node) -> bool:
    """Return whether an operation is one that inputs are prepared with."""
    return node.op in _PREPARES or node.op == "input" or "resiz" in node.op.lower()


def reaches(nodes: Iterable[Node], leaves: set[str], without: set[int]) -> bool:
    """Return whether inputs are read by another way than through certain nodes.

    Args:
        nodes: what reads them, the outputs.
        leaves: names of the inputs.
        without: ids of the nodes that are not gone through.
    """
    seen: set[int] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if id(node) in without or id(node) in seen:
            continue
        seen.add(id(node))
        if node.op == "input" and node["name"] in leaves:
            return True
        waiting.extend(node.inputs)
    return False
