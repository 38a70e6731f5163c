"""Where two GraphDefs differ in what they compute, and how to graft one onto the other.

Live and frozen graphs are usually built by the same code, so their nodes have the same names: a
node of one name that is another operation, has another attribute or reads other nodes is where
they part. What stands between two such nodes on one side only was inserted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_freezecheck.models.graphdef import PASSING, only, operation_of

#: Attributes that say nothing about what is computed.
_SILENT = frozenset({"dtype", "T", "shape", "value", "N", "U"})
RANDOM = frozenset(
    {
        "RandomUniform",
        "RandomStandardNormal",
        "TruncatedNormal",
        "RandomUniformInt",
        "Multinomial",
        "StatelessRandomUniform",
        "StatelessRandomUniformV2",
        "StatelessRandomNormal",
        "StatelessRandomNormalV2",
        "RandomGamma",
        "RandomShuffle",
    }
)
_PASSING = PASSING | {"ReadVariableOp"}


@dataclasses.dataclass(frozen=True)
class NodeDifference:
    """A node of one name that does not do the same on both sides.

    Attributes:
        name: of the node.
        live: the live node.
        frozen: the frozen node.
        attributes: names of attributes that differ.
        inserted: names of the nodes that it is computed from in the frozen graph alone.
        missing: in the live graph alone.
    """

    name: str
    live: Any
    frozen: Any
    attributes: tuple[str, ...]
    inserted: frozenset[str]
    missing: frozenset[str]

    @property
    def operation(self) -> bool:
        """Whether it is another operation."""
        return bool(self.live.op != self.frozen.op)


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


def node_differences(live: Any, frozen: Any) -> list[NodeDifference]:
    """Compare the nodes that both graphs have.

    Args:
        live: a `GraphDef` of constants.
        frozen: likewise.

    Returns:
        The differences, in the order of the live graph. Values of constants are not compared.
    """
    there = {node.name: node for node in frozen.node}
    here = {node.name: node for node in live.node}
    found = []
    for node in live.node:
        other = there.get(node.name)
        if other is None or node.op in {"Const", "Placeholder", *_PASSING}:
            continue
        mine, theirs = _read(node, here), _read(other, there)
        attributes = attributes_apart(node, other) if node.op == other.op else ()
        if node.op == other.op and mine == theirs and not attributes:
            continue
        found.append(
            NodeDifference(
                name=node.name,
                live=node,
                frozen=other,
                attributes=attributes,
                inserted=_only_there(frozen, theirs, mine, here),
                missing=_only_there(live, mine, theirs, there),
            )
        )
    return found


def _read(node: Any, nodes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a node reads, looking through what only passes values on."""
    return tuple(source(name, nodes) for name in node.input if not name.startswith("^"))


def source(name: str, nodes: Mapping[str, Any]) -> str:
    """Return the tensor that a name stands for, looking through what only passes values on."""
    short = name.removesuffix(":0")
    while short in nodes and nodes[short].op in _PASSING and nodes[short].input:
        short = nodes[short].input[0].removesuffix(":0")
    return short


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


def _only_there(
    definition: Any, theirs: Iterable[str], mine: Iterable[str], known: Mapping[str, Any]
) -> frozenset[str]:
    """Return what a node is computed from on its side alone, as far as the first shared nodes."""
    nodes = {node.name: node for node in definition.node}
    found: set[str] = set()
    waiting = [name for name in theirs if name not in set(mine)]
    while waiting:
        name = waiting.pop().split(":")[0].lstrip("^")
        if name in nodes and name not in known and name not in found:
            found.add(name)
            waiting.extend(nodes[name].input)
    return frozenset(found)


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
