"""Where two GraphDefs of the same names differ, and how to graft one onto the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pytest_freezecheck.diagnosis.first_difference import source
from pytest_freezecheck.models.graphdef import PASSING, only, operation_of

#: Attributes that say nothing about what is computed.
_SILENT = frozenset({"dtype", "T", "shape", "value", "N", "U"})
#: What is not replaced: what only passes a value on, and what has a value of its own.
_KEPT = PASSING | {"ReadVariableOp", "Const", "Placeholder"}


def differing(live: Any, frozen: Any, named: Callable[[str], str | None] = str) -> tuple[str, ...]:
    """Return the nodes that both graphs have and that do not do the same, in the live order.

    Args:
        live: a `GraphDef` of constants, whose values are not compared.
        frozen: likewise.
        named: gives the name in the frozen graph.
    """
    there = {node.name: node for node in frozen.node}
    here = {node.name: node for node in live.node}
    found = []
    for node in live.node:
        other = there.get(named(node.name) or "")
        if other is None or node.op in _KEPT:
            continue
        mine, theirs = (
            [source(n, nodes) for n in one.input if not n.startswith("^")]
            for one, nodes in ((node, here), (other, there))
        )
        mine = [_there(read, named) for read in mine]
        if node.op != other.op or mine != theirs or attributes_apart(node, other):
            found.append(node.name)
    return tuple(found)


def _there(read: str, named: Callable[[str], str | None]) -> str:
    """Return what a tensor of the live graph is called in the frozen graph."""
    name, colon, port = read.partition(":")
    return f"{named(name) or name}{colon}{port}"


def attributes_apart(one: Any, other: Any) -> tuple[str, ...]:
    """Return the names of the attributes in which two nodes differ.

    One that is missing on a side is added to it, with nothing in it.
    """
    # What begins with an underscore is no attribute of the operation: shapes that were inferred,
    # devices, or a gradient of Python's, which has another number in each graph.
    names = {name for name in (*one.attr, *other.attr) if name[:1] != "_"} - _SILENT
    return tuple(
        sorted(
            name
            for name in names
            if one.attr[name].SerializeToString() != other.attr[name].SerializeToString()
        )
    )


def graft(live: Any, frozen: Any, names: Iterable[str], outputs: Iterable[str]) -> Any:
    """Return the frozen graph with these nodes as the live graph has them.

    Args:
        live: the graph to take nodes from.
        frozen: the graph to put them into.
        names: of the nodes; what they read and the frozen graph has not comes along.
        outputs: names of what is to be computed.
    """
    made = type(frozen)()
    made.CopyFrom(frozen)
    here = {node.name: node for node in live.node}
    waiting = [name for name in names if name in here]
    nodes = {node.name: node for node in made.node}
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        if name in nodes:
            nodes[name].CopyFrom(here[name])
        else:
            nodes[name] = made.node.add()
            nodes[name].CopyFrom(here[name])
        for read in here[name].input:
            short = operation_of(read)
            if short not in nodes:
                waiting.append(short)
    known = {function.signature.name for function in made.library.function}
    # Without a function that a node calls, TensorFlow takes seconds to say so.
    missing = [f for f in live.library.function if f.signature.name not in known]
    made.library.function.extend(missing)
    return only(made, list(outputs))
