"""Loops and branches of TensorFlow 1 in a GraphDef. Needs no TensorFlow of its own.

They are no functions, but nodes between `Enter` and `Exit`, or between `Switch` and `Merge`
(https://arxiv.org/abs/1805.01772, section 4.1). What stands there has a value in its own iteration
or branch alone: fetched from outside it has none, and fed from outside it stands outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.models.graphdef import operation_of

_ENTER = frozenset({"Enter", "RefEnter"})
_EXIT = frozenset({"Exit", "RefExit"})
_SWITCH = frozenset({"Switch", "RefSwitch"})
_MERGE = frozenset({"Merge", "RefMerge"})
_NEXT = frozenset({"NextIteration", "RefNextIteration"})
_CONDITION = "LoopCond"


def inside(definition: Any) -> set[str]:
    """Return the names of the nodes whose value stands in a loop or a branch.

    Args:
        definition: a `GraphDef`.
    """
    nodes = {node.name: node for node in definition.node}
    if not any(node.op in _ENTER | _SWITCH for node in definition.node):
        return set()
    depths: dict[str, int] = {}
    for start in nodes:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            reads = _forward(nodes[name], nodes)
            left = [read for read in reads if read not in depths]
            if name not in depths and left and left[0] not in waiting:
                waiting.append(left[0])
                continue
            waiting.pop()
            around = max((depths.get(read, 0) for read in reads), default=0)
            depths[name] = max(0, around + _step(nodes[name], nodes))
    return {name for name, depth in depths.items() if depth > 0}


def _forward(node: Any, nodes: Mapping[str, Any]) -> list[str]:
    """Return what a node reads, apart from what comes back from the iteration before."""
    names = (operation_of(read) for read in node.input)
    return [name for name in names if name in nodes and nodes[name].op not in _NEXT]


def _step(node: Any, nodes: Mapping[str, Any]) -> int:
    """Return how much deeper than what it reads the value of a node stands."""
    if node.op in _ENTER:
        return 1
    if node.op in _EXIT:
        return -1
    if node.op in _SWITCH:
        # A loop's own switch is asked by its condition, and goes no deeper.
        return 0 if _asked_by_a_loop(node.input[1], nodes) else 1
    if node.op in _MERGE:
        back = any(nodes[operation_of(n)].op in _NEXT for n in node.input if _known(n, nodes))
        return 0 if back else -1
    return 0


def _asked_by_a_loop(name: str, nodes: Mapping[str, Any]) -> bool:
    node = nodes.get(operation_of(name))
    while node is not None and node.op == "Identity":
        node = nodes.get(operation_of(node.input[0]))
    return node is not None and node.op == _CONDITION


def _known(name: str, nodes: Mapping[str, Any]) -> bool:
    return operation_of(name) in nodes
