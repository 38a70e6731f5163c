"""Reading a GraphDef: what an output is computed from. Needs no TensorFlow of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

#: Operations that hand on their first input as it is, whatever else they are for.
PASSING = frozenset(
    {"Identity", "StopGradient", "Snapshot", "PreventGradient", "EnsureShape", "CheckNumerics"}
)
#: Loops and branches whose bodies are functions, as TensorFlow 2 has them.
_FUNCTIONAL = frozenset({"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"})


def operation_of(name: str) -> str:
    """Return the name of the operation that a tensor `name:port`, or a control input, is of."""
    return name.removeprefix("^").partition(":")[0]


def ancestors(definition: Any, outputs: Sequence[str], fed: Iterable[str] = ()) -> set[str]:
    """Return the names of the operations that the outputs are computed from.

    Args:
        definition: a `GraphDef`.
        outputs: names of operations or tensors.
        fed: names of tensors whose values are given, such as `Reshape:0`. Of what they come from
            only what an operation waits for is needed.
    """
    given = {name.removesuffix(":0") for name in fed}
    inputs = {
        n.name: [operation_of(x) for x in n.input if x.removesuffix(":0") not in given]
        for n in definition.node
    }
    found: set[str] = set()
    waiting = [operation_of(name) for name in outputs]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(inputs[name])
    return found


def back(outputs: Iterable[str], nodes: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the nodes that these are computed from, and that they wait for.

    Args:
        outputs: names of operations or tensors.
        nodes: {name: `NodeDef`}; one that is missing leads nowhere.
    """
    waiting = [operation_of(name) for name in outputs][::-1]
    met: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in met and name in nodes:
            met.add(name)
            yield nodes[name]
            waiting.extend(operation_of(i) for i in nodes[name].input)


def missing_functions(definition: Any, outputs: Sequence[str]) -> list[str]:
    """Return the names, sorted, of functions that these outputs call and that the graph has not.

    The body of a loop or a branch is a function of the graph's library. A tool that writes a new
    graph from the nodes of another one and leaves the library behind makes a graph that can be
    imported, and not run.

    Args:
        definition: a `GraphDef`.
        outputs: names of operations or tensors.
    """
    needed = ancestors(definition, outputs)
    held = {function.signature.name: function for function in definition.library.function}
    waiting = [node for node in definition.node if node.name in needed]
    met: set[str] = set()
    while waiting:
        for name in called(waiting.pop()):
            if name not in met:
                met.add(name)
                waiting.extend(held[name].node_def if name in held else ())
    return sorted(met - set(held))  # attributes come in no order


def called(node: Any) -> list[str]:
    """Return the names of the functions that a node is given."""
    values = node.attr.values()
    functions = [value.func for value in values if value.HasField("func")]
    functions += [function for value in values for function in value.list.func]
    return [function.name for function in functions]


@dataclasses.dataclass(frozen=True)
class Part:
    """Some of a GraphDef's operations, which are not copied: with them are all weights.

    Attributes:
        node: the operations.
        library: the functions.
    """

    node: Sequence[Any]
    library: Any


def part(definition: Any, outputs: Sequence[str]) -> Part:
    """Return what these outputs are computed from, to be read and neither run nor changed."""
    needed = ancestors(definition, outputs)
    return Part([node for node in definition.node if node.name in needed], definition.library)


def only(definition: Any, outputs: Sequence[str]) -> Any:
    """Return a copy of a GraphDef that holds what these outputs are computed from.

    Wishes to lie on the device of another operation are dropped, which may be gone.
    """
    kept = type(definition)(versions=definition.versions, library=definition.library)
    for node in part(definition, outputs).node:
        copy = kept.node.add()
        copy.CopyFrom(node)
        copy.attr.pop("_class", None)
    return kept


def functional(operations: Iterable[str]) -> list[str]:
    """Return the types, sorted, of loops and branches whose bodies are functions.

    Args:
        operations: types of the operations of a graph.
    """
    return sorted(_FUNCTIONAL.intersection(operations))
