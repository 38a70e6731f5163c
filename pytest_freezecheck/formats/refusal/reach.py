"""Which nodes of a graph run for an output, through functions too, and what a node is fed with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_freezecheck.models.graphdef import back, operation_of


@dataclasses.dataclass(frozen=True)
class Place:
    """A node, and the function of the library that it stands in.

    Attributes:
        node: a `NodeDef`.
        function: the function's name, or None for the graph itself.
        calls: whether the node's type is the name of a function that the file holds.
    """

    node: Any
    function: str | None = None
    calls: bool = False

    def __str__(self) -> str:
        inside = f" in function {self.function!r}" if self.function else ""
        return f"node {self.node.name!r}{inside}"


class Reach:
    """Follows data and control inputs back from outputs, and into the functions that are called.

    What a graph lacks is passed over: importing it says so.

    Args:
        definition: a `GraphDef`.
    """

    def __init__(self, definition: Any) -> None:
        self._nodes = {node.name: node for node in definition.node}
        self._functions = {f.signature.name: f for f in definition.library.function}
        #: What is assigned to variables outside of functions: paths of assets are, by initialisers.
        self._assigned: dict[str, list[str]] = {}
        for node in definition.node:
            if node.op in ("Assign", "AssignVariableOp") and len(node.input) > 1:
                self._assigned.setdefault(operation_of(node.input[0]), []).append(node.input[1])
        self._bodies: dict[str, dict[str, Any]] = {}
        self._callers: dict[str, list[Place]] = {}

    def places(self, outputs: Iterable[str], functions: Iterable[str] = ()) -> list[Place]:
        """Return all that runs for these outputs, the nearest to them first.

        Args:
            outputs: names of operations or tensors.
            functions: names of functions that are called by themselves.
        """
        found = [self._place(node) for node in back(outputs, self._nodes)]
        met: set[str] = set()
        waiting = list(functions)
        for place in found:  # grows as it is walked
            for called in self._called(place.node):
                self._callers.setdefault(called, []).append(place)
                waiting.append(called)
            self._enter(waiting, met, found)
        self._enter(waiting, met, found)
        return found

    def _enter(self, waiting: list[str], met: set[str], found: list[Place]) -> None:
        while waiting:
            name = waiting.pop()
            if name not in met and name in self._functions:
                met.add(name)
                found.extend(self._place(node, name) for node in self._run(name))

    def _place(self, node: Any, function: str | None = None) -> Place:
        return Place(node, function, node.op in self._functions)

    def _run(self, name: str) -> Iterator[Any]:
        """Return the nodes of a function that run: for its results, and those that keep state."""
        function, body = self._functions[name], self._body(name)
        asked = [*function.ret.values(), *function.control_ret.values()]
        return back([*asked, *(n for n in body if _stateful(body[n].op))], body)

    def _body(self, name: str) -> dict[str, Any]:
        if name not in self._bodies:
            self._bodies[name] = {node.name: node for node in self._functions[name].node_def}
        return self._bodies[name]

    def _called(self, node: Any) -> list[str]:
        """Return the functions that a node calls: as attributes, or as its type (TensorFlow 1)."""
        values = node.attr.values()
        functions = [value.func.name for value in values if value.HasField("func")]
        functions += [function.name for value in values for function in value.list.func]
        return functions + ([node.op] if node.op in self._functions else [])

    def comes_from(
        self, place: Place, sources: frozenset[str], bound: Mapping[str, set[str]] | None = None
    ) -> bool:
        """Return whether data of one of these nodes reaches a node.

        Args:
            place: the node; one that `places` returned.
            sources: names of nodes of the graph itself.
            bound: {function: arguments that hold such data}, of those that are called by
                themselves.
        """
        waiting, met = [(place.function, name) for name in _data(place.node.input)], set()
        while waiting:
            inside, name = waiting.pop()
            if (inside, name) in met:
                continue
            met.add((inside, name))
            if inside is None:
                if name in sources:
                    return True
                names = _data(self._nodes[name].input) if name in self._nodes else []
                names += _data(self._assigned.get(name, ()))
            elif name in self._body(inside):
                names = _data(self._body(inside)[name].input)
            else:
                if name in (bound or {}).get(inside, ()):
                    return True
                for caller in self._callers.get(inside, ()):
                    waiting += [(caller.function, n) for n in self._given(caller, inside, name)]
                continue
            waiting += [(inside, n) for n in names]
        return False

    def _given(self, caller: Place, function: str, argument: str) -> list[str]:
        """Return what a call gives for an argument; all that it is given, if that is not clear."""
        given = _data(caller.node.input)
        arguments = [a.name for a in self._functions[function].signature.input_arg]
        if len(given) == len(arguments) and argument in arguments:
            return [given[arguments.index(argument)]]
        return given


def answers(kind: str) -> bool:
    """Return whether operations of this type have an output; one that is not known may have."""
    from tensorflow.python.framework import op_def_registry

    known = op_def_registry.get(kind)
    return known is None or bool(known.output_arg)


def _data(inputs: Iterable[str]) -> list[str]:
    return [operation_of(name) for name in inputs if not name.startswith("^")]


def _stateful(kind: str) -> bool:
    """Return whether operations of this type run in a function although nothing reads them."""
    from tensorflow.python.framework import op_def_registry

    known = op_def_registry.get(kind)
    return known is None or bool(known.is_stateful)
