"""A GraphDef of constants as an expression of TensorFlow's own operations.

Names, identities, control inputs and attributes that only say how something is run do not count;
functions are read where they are called, and loops of both kinds as one operation each. Two graphs
that come to the same expression compute the same, bit for bit, for every input.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.values import Value, unit_of
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.models.constant_graph import ConstantGraph
from pytest_freezecheck.models.graph_definitions import count, deep, defaults, is_stateful, op_def
from pytest_freezecheck.models.graph_loops import (
    Replacer,
    decided,
    loop,
    loop_order,
    loop_variable,
    read_loop,
)
from pytest_freezecheck.models.graphdef import PASSING, back, operation_of

PREFIX = "tf:"
#: What only passes its input on, whatever else it is for.
_PASSING = PASSING | {"ReadVariableOp", "RefIdentity", "Enter", "RefEnter"}
_PASSING |= {"PlaceholderWithDefault"}
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_BRANCHES = frozenset({"If", "StatelessIf"})
_WHILES = frozenset({"While", "StatelessWhile"})
_TABLES = frozenset({"HashTableV2", "HashTable", "MutableHashTableV2"})
_FILLERS = frozenset({"LookupTableImportV2", "LookupTableImport", "InitializeTableV2"})
_FILLERS |= {"InitializeTable"}
_LOOKUPS = frozenset({"ResourceGather", "GatherV2"})
_FILES = frozenset({"InitializeTableFromTextFileV2", "InitializeTableFromTextFile"})
#: Stateful by their registration, and computing the same each time.
_STEADY = _CALLS | _BRANCHES | _WHILES | _TABLES | {"Assert", "Print", "PrintV2", "Placeholder"}
#: Attributes that say how an operation is run, or where, and not what it computes.
_SILENT = frozenset(
    {"shared_name", "container", "use_node_name_sharing", "parallel_iterations", "swap_memory"}
)
_SILENT |= {"use_cudnn_on_gpu", "validate_shape", "output_shapes", "config", "config_proto"}
_SILENT |= {"executor_type", "use_locking"}
_DEEPEST, _NESTED = 20_000, 200


class _Reader:
    """Reads one graph, or the body of one function."""

    def __init__(
        self,
        arena: Arena,
        nodes: Mapping[str, Any],
        library: Mapping[str, Any],
        given: Mapping[str, Node],
        depth: int = 0,
        calls: int = 0,
        *,
        chance: bool = False,
    ) -> None:
        self.arena, self.nodes, self.library = arena, nodes, library
        self.found: dict[str, Node] = dict(given)
        self.depth, self.calls, self.chance = depth, calls, chance

    def inside(self) -> _Reader:
        """Return a reader of what stands in a loop of this graph, with what is known outside."""
        made = copy.copy(self)
        made.found, made.depth = dict(self.found), self.depth + 1
        return made

    def node(self, tensor: str) -> Node:
        """Return the node of a tensor, `name:port`, of a function `name:output:index`."""
        tensor = tensor if ":" in tensor else f"{tensor}:0"
        waiting = [tensor]
        while waiting:
            here = waiting[-1]
            if here in self.found:
                waiting.pop()
                continue
            left = [read for read in self._needs(here) if read not in self.found]
            if left:
                if len(waiting) > _DEEPEST:
                    raise ArtifactError(f"{here} is computed from itself")
                waiting.extend(left)
                continue
            self.found[here] = self._made(here)
            waiting.pop()
        return self.found[tensor]

    def _needs(self, tensor: str) -> list[str]:
        node = self._of(tensor)
        if node.op in ("Exit", "RefExit") or node.op == "Const":
            return []
        return [_whole(read) for read in node.input if not read.startswith("^")]

    def _of(self, tensor: str) -> Any:
        name = operation_of(tensor)
        if name not in self.nodes:
            raise ArtifactError(f"{name} is read and is no operation of the graph")
        return self.nodes[name]

    def _made(self, tensor: str) -> Node:
        node = self._of(tensor)
        port = self._port(tensor, node)
        if node.op in ("Exit", "RefExit"):
            return read_loop(self, node)
        reads = [self.found[_whole(read)] for read in node.input if not read.startswith("^")]
        op = node.op
        taken = decided(self.arena, op, reads, port)
        if taken is not None:
            return taken
        if op in _LOOKUPS:
            return self._looked_up(node, reads)
        if op == "Const":
            return self.arena.constant(_constant(node))
        if op in _PASSING:
            return reads[0]
        if op == "IdentityN":
            return reads[port]
        if op in _CALLS:
            return self._called(node.attr["f"].func.name, reads)[port]
        if op in _BRANCHES:
            return self._branch(node, reads, port)
        if op in _WHILES:
            return self._while(node, reads, port)
        if op in _TABLES:
            return self._table(node)
        if op in self.library:
            return self._called(op, reads)[port]
        if op == "Placeholder":
            raise ArtifactError(f"{node.name} is neither an input nor given")
        if op not in _STEADY and is_stateful(op):
            if not self.chance:
                raise ArtifactError(f"{node.name} ({op}) is random, or keeps a state")
            reads = [*reads, self.arena.make(f"{PREFIX}chance", (), {"of": node.name})]
        given = self._attributes(node)
        if port:
            given["port"] = port
        return self.arena.make(PREFIX + op, reads, given, origin=node.name)

    def _looked_up(self, node: Any, reads: list[Node]) -> Node:
        """Return a look-up in a variable or a constant: freezing makes the one of the other.

        It gives the axis the type of the ids, which says nothing of what is computed.
        """
        table, ids, *axes = reads
        axis = axes[0].value if axes else Value(np.zeros((), np.int32))
        given = self._attributes(node)
        if "dtype" in given:
            given["Tparams"] = given.pop("dtype")
        if axis is not None:
            given.pop("Taxis", None)
            axes = [self.arena.constant(Value(axis.array.astype(np.int32)))]
        reads = [table, ids, *axes]
        return self.arena.make(PREFIX + "GatherV2", reads, given, origin=node.name)

    def _port(self, tensor: str, node: Any) -> int:
        """Return which output of a node a tensor is; in functions they have names."""
        parts = tensor.split(":")
        if len(parts) == 2:
            return int(parts[1])
        definition = op_def(node.op)
        if definition is None:
            if node.op in self.library:
                names = [arg.name for arg in self.library[node.op].signature.output_arg]
                return names.index(parts[1]) + int(parts[2])
            raise ArtifactError(f"{node.name}: {node.op} is not known")
        place = 0
        for output in definition.output_arg:
            if output.name == parts[1]:
                return place + int(parts[2])
            place += count(output, node)
        raise ArtifactError(f"{node.name} has no output {parts[1]}")

    def _attributes(self, node: Any) -> dict[str, Any]:
        usual = defaults(node.op)
        found: dict[str, Any] = {}
        for name, value in node.attr.items():
            if name.startswith("_") or name in _SILENT:
                continue
            content = value.SerializeToString(deterministic=True)
            if value.HasField("func"):
                raise ArtifactError(f"{node.name} ({node.op}) calls a function in a way of its own")
            if content != usual.get(name):
                found[name] = content
        return found

    def _called(self, name: str, reads: list[Node], turns: int = 0) -> list[Node]:
        """Return what a function answers to these."""
        function = self.library.get(name)
        if function is None:
            raise ArtifactError(f"the function {name} is missing")
        if self.calls > _NESTED:
            raise ArtifactError(f"the function {name} calls itself")
        names = [arg.name for arg in function.signature.input_arg]
        given = {f"{arg}:0": read for arg, read in zip(names, reads, strict=True)}
        nodes = {node.name: node for node in function.node_def}
        depth = self.depth + turns
        calls, chance = self.calls + 1, self.chance
        inner = _Reader(self.arena, nodes, self.library, given, depth, calls, chance=chance)
        return [inner.node(function.ret[output.name]) for output in function.signature.output_arg]

    def _branch(self, node: Any, reads: list[Node], port: int) -> Node:
        condition, *arguments = reads
        chosen = condition.value
        names = ["then_branch", "else_branch"]
        if chosen is not None and chosen.array.dtype == bool and chosen.array.size == 1:
            names = names[:1] if chosen.array.all() else names[1:]
        found = [self._called(node.attr[name].func.name, arguments)[port] for name in names]
        reads = [condition, *found]
        return found[0] if len(found) < 2 else self.arena.make("tf:If", reads, origin=node.name)

    def _while(self, node: Any, reads: list[Node], port: int) -> Node:
        places = [loop_variable(self.arena, self.depth, n) for n in range(len(reads))]
        (condition,) = self._called(node.attr["cond"].func.name, places, 1)
        body = self._called(node.attr["body"].func.name, places, 1)
        # What the body hands on as it is never changes, and can stand in the body at once.
        fixed = {id(p): r for p, b, r in zip(places, body, reads, strict=True) if b is p}
        if fixed:
            replaced = Replacer(self.arena, fixed)
            condition, *body = (replaced(part) for part in (condition, *body))
        if id(places[port]) in fixed:
            return reads[port]
        kept = [n for n, place in enumerate(places) if id(place) not in fixed]
        order = loop_order(condition, body, places, kept, port)
        return loop(self.arena, self.depth, condition, body, places, reads, order, node.name)

    def _table(self, node: Any) -> Node:
        """Return a lookup table as what it holds."""
        for other in self.nodes.values():
            reads = [read for read in other.input if not read.startswith("^")]
            if not reads or operation_of(reads[0]) != node.name:
                continue
            if other.op in _FILLERS:
                held = [self.node(_whole(read)) for read in reads[1:]]
                return self.arena.make("tf:Table", held, self._attributes(node), origin=node.name)
            if other.op in _FILES:
                content = self._file(self.node(_whole(reads[1])))
                given = {**self._attributes(node), **self._attributes(other)}
                return self.arena.make("tf:Table", (content,), given, origin=node.name)
        raise ArtifactError(f"nothing fills the lookup table {node.name}")

    def _file(self, name: Node) -> Node:
        value = name.value
        if value is None:
            raise ArtifactError("the name of a table's file is computed")
        path = value.array.reshape(-1)[0]
        try:
            content = Path(path.decode() if isinstance(path, bytes) else str(path)).read_bytes()
        except OSError as error:
            raise ArtifactError(f"a table's file cannot be read: {error}") from None
        return self.arena.constant(Value(np.asarray(content, object)))


def read_graph(arena: Arena, graph: ConstantGraph, *, chance: bool = False) -> dict[str, Node]:
    """Return what a graph of constants computes.

    Args:
        arena: where the nodes are made.
        graph: its inputs become leaves of the live names.
        chance: whether what is random, or keeps a state, is read, too: as an operation that is like
            no other. That says where it stands, and nothing of what it answers.

    Returns:
        {live output name: its node}.

    Raises:
        ArtifactError: it is random or keeps a state, and that was not asked for; or it holds what
            cannot be read.
    """
    import tensorflow as tf

    given: dict[str, Node] = {}
    nodes = {node.name: node for node in graph.definition.node}
    for name, tensor in graph.inputs.items():
        given[_whole(tensor)] = arena.make("input", (), {"name": name}, origin=name)
    for tensor, value in graph.constants.items():
        array = np.asarray(value)
        placeholder = nodes.get(operation_of(tensor))
        if placeholder is not None and placeholder.attr["dtype"].type:
            array = array.astype(tf.dtypes.as_dtype(placeholder.attr["dtype"].type).as_numpy_dtype)
        given[_whole(tensor)] = arena.constant(Value(array))
    needed = {node.name: node.op for node in back(graph.outputs.values(), nodes)}
    filled = not _TABLES.isdisjoint(needed.values())  # by what nothing reads
    for name in [name for name in graph.values if filled or name in needed]:
        array = np.asarray(graph.values[name])
        origin = Value(array, origin=(name,), unit=unit_of(array.dtype.name))
        given.setdefault(f"{name}:0", arena.constant(origin))
    library = {f.signature.name: f for f in graph.definition.library.function}
    reader = _Reader(arena, nodes, library, given, chance=chance)
    with deep():
        return {name: reader.node(tensor) for name, tensor in graph.outputs.items()}


def _whole(name: str) -> str:
    name = name.lstrip("^")
    return name if ":" in name else f"{name}:0"


def _constant(node: Any) -> Value:
    import tensorflow as tf

    held = node.attr["value"].tensor
    kind = tf.dtypes.as_dtype(held.dtype)
    content = held.tensor_content if kind.is_floating else b""
    shape = [int(axis.size) for axis in held.tensor_shape.dim]
    if content and len(content) == math.prod(shape) * kind.size:
        array = np.frombuffer(content, kind.as_numpy_dtype).reshape(shape)  # no second copy
    else:
        array = tf.make_ndarray(held)
    return Value(array, origin=(node.name,), unit=unit_of(array.dtype.name))
