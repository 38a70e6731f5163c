"""What a TFLite file computes, in normal form.

Operations that do the same as one of TensorFlow's are read as that one: what is said of it in the
vocabulary is said once, and what has no entry there still matches its like. Quantised activations
are taken for what they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.tflite.constants import TYPES, Constants, named, quantised
from pytest_freezecheck.formats.tflite.grids import Grids
from pytest_freezecheck.formats.tflite.operation import Operation
from pytest_freezecheck.formats.tflite.operations import READ
from pytest_freezecheck.formats.tflite.sizes import Sizes

_PASSING = ("DEQUANTIZE", "QUANTIZE")


class Reader:
    """Reads one graph of a file.

    Args:
        model: the `ModelT`.
        place: which of its subgraphs.
        builder: makes nodes.
        given: {number of a tensor: the node that stands for it}.
        kinds: {number of a builtin operator: its name}.
    """

    def __init__(
        self,
        model: Any,
        place: int,
        builder: Builder,
        given: Mapping[int, Node],
        kinds: Mapping[int, str],
    ) -> None:
        self.builder = builder
        self._graph = model.subgraphs[place]
        self._tensors = self._graph.tensors or []
        self._found: dict[int, Node] = dict(given)
        self._weights: dict[tuple[int, tuple[int, ...] | None], Node] = {}
        codes = [_kind(code, kinds) for code in model.operatorCodes or ()]
        self._made_by: dict[int, tuple[Any, str, int]] = {}
        for raw in self._graph.operators or ():
            for port, tensor in enumerate(raw.outputs if raw.outputs is not None else ()):
                self._made_by[int(tensor)] = (raw, codes[raw.opcodeIndex], port)
        self._given = frozenset(given)
        self.constants = Constants(model)
        self._stored = self._constant_sources()
        self._grids = Grids(self._tensors, self._made_by, self._stored)
        self._grid = self._grids.activations()
        self.constants = Constants(model, self._grid)
        self._sizes = Sizes(self)

    def _constant_sources(self) -> dict[int, int]:
        """Return {tensor: the one in the file whose value it has}."""
        found = {
            n: n
            for n, tensor in enumerate(self._tensors)
            if n not in self._made_by and n not in self._given and not tensor.isVariable
            and (self.constants.holds(tensor) or 0 in self.static(n))
        }  # fmt: skip
        for n, (raw, kind, _) in self._made_by.items():
            if kind == "DEQUANTIZE" and len(raw.inputs) == 1 and int(raw.inputs[0]) in found:
                found[n] = int(raw.inputs[0])
        return found

    def read(self, tensors: Mapping[str, int]) -> dict[str, Node]:
        """Return {name: the node of a tensor}.

        Raises:
            ArtifactError: the file cannot be read so.
        """
        found = {name: self.node(tensor) for name, tensor in tensors.items()}
        if self._grid and not self.constants.on_a_grid:
            raise ArtifactError("its activations are kept as integers, and no weight is")
        return found

    def node(self, tensor: int) -> Node:
        """Return the node of a tensor."""
        waiting = [tensor]
        while waiting:
            here = waiting[-1]
            if here in self._found:
                waiting.pop()
                continue
            left = [n for n in self.reads(here) if n not in self._found]
            if left and len(waiting) > len(self._tensors) + 1:
                raise ArtifactError(f"{self.name(here)} is computed from itself")
            if left:
                waiting.extend(left)
                continue
            self._found[here] = self._node(here)
            waiting.pop()
        return self._found[tensor]

    def reads(self, tensor: int) -> list[int]:
        """Return what a tensor is computed from, but for constants."""
        if tensor in self._stored or tensor not in self._made_by:
            return []
        raw = self._made_by[tensor][0]
        return [int(n) for n in raw.inputs if n >= 0 and int(n) not in self._stored]

    def _node(self, tensor: int) -> Node:
        if tensor in self._stored:
            made = self.weight(tensor, None)
            if made is not None:
                return made
        if tensor not in self._made_by:
            return self._state(tensor)
        raw, kind, port = self._made_by[tensor]
        operation = Operation(self, raw, kind, port)
        if kind in _PASSING and not self._grids.rounds(raw, kind):
            return self._passed(operation)
        self._grids.check(kind, operation.tensors, tensor)
        read = READ.get(kind)
        if read is None:
            operation.read_all()
            return operation.own()
        return read(operation)

    def _passed(self, operation: Operation) -> Node:
        kinds = {self._tensors[n].type for n in (*operation.tensors, *operation.outputs)}
        if not kinds <= {0, 1, 3, 7, 9} or len(operation.tensors) != 1:
            raise ArtifactError(f"{operation.name} is converted in a way that is not read")
        return operation.input(0)

    def _state(self, tensor: int) -> Node:
        if not self._tensors[tensor].isVariable:
            raise ArtifactError(f"{self.name(tensor)} is neither an input nor given")
        return self.builder.opaque(
            "tflite:state", (), {"tensor": tensor}, shape=None, dtype="", origin=self.name(tensor)
        )

    def weight(self, tensor: int, perm: tuple[int, ...] | None) -> Node | None:
        """Return a constant with its axes in this order; None if it is computed."""
        source = self._stored.get(tensor)
        if source is None:
            return None
        key = source, perm
        if key not in self._weights:
            if perm is not None and len(self.static(source)) != len(perm):
                raise ArtifactError(f"{self.name(source)} has not {len(perm)} axes")
            value = self.constants.value(self._tensors[source], perm)
            self._weights[key] = self.builder.constant(value)
        return self._weights[key]

    def sizes(self, tensor: int) -> list[int | None] | None:
        """Return a vector of sizes, None for what is not known before it runs."""
        return self._sizes(tensor)

    def operation(self, tensor: int) -> Operation | None:
        """Return what computes a tensor, or None."""
        made = self._made_by.get(tensor)
        return None if made is None else Operation(self, *made)

    def name(self, tensor: int) -> str:
        """Return the name of a tensor."""
        return named(self._tensors[tensor])

    def dtype(self, tensor: int) -> str:
        """Return the dtype of what a tensor stands for."""
        found = self._tensors[tensor]
        return "float32" if quantised(found) is not None else TYPES.get(found.type, "")

    def static(self, tensor: int) -> tuple[int, ...]:
        """Return the shape of a tensor, as the file has it."""
        shape = self._tensors[tensor].shape
        return tuple(int(n) for n in (shape if shape is not None else ()))

    def shape(self, tensor: int) -> Shape | None:
        """Return the shape of a tensor as far as the file tells it of any batch."""
        found = self._tensors[tensor]
        signature = found.shapeSignature
        if signature is not None and len(signature):
            return tuple(int(n) if n >= 0 else None for n in signature)
        shape: list[int | None] = list(self.static(tensor))
        if not shape:
            return () if getattr(found, "hasRank", False) else None
        if self.builder.rows is not None and shape[0] == self.builder.rows:
            shape[0] = None
        return tuple(shape)


def _kind(code: Any, kinds: Mapping[int, str]) -> str:
    # Numbers above 127 have a field of their own (schema.fbs, "OperatorCode").
    number = max(int(code.deprecatedBuiltinCode), int(code.builtinCode))
    return kinds.get(number, f"builtin {number}")


def read_expressions(
    model: Any,
    schema: Any,
    builder: Builder,
    ends: tuple[int, Mapping[str, int], Mapping[str, int]],
    leaves: Mapping[str, Node],
    outputs: Mapping[str, str],
) -> dict[str, Node]:
    """Return what a file computes.

    Args:
        model: the `ModelT`.
        schema: the module that it is of.
        builder: makes the nodes.
        ends: which subgraph it is, {name of an input: tensor}, {name of an output: tensor}.
        leaves: {input name here: the node that stands for it}.
        outputs: {live output name: name here}.

    Raises:
        ArtifactError: the file cannot be read so.
    """
    place, inputs, answers = ends
    builtin = vars(schema.BuiltinOperator)
    kinds = {number: name for name, number in builtin.items() if isinstance(number, int)}
    tensors = model.subgraphs[place].tensors
    for number in (*inputs.values(), *(answers[name] for name in outputs.values())):
        if quantised(tensors[number]) is not None:
            raise ArtifactError(f"{named(tensors[number])} stands for other numbers, by a scale")
    given = {inputs[name]: leaf for name, leaf in leaves.items() if name in inputs}
    reader = Reader(model, place, builder, given, kinds)
    return reader.read({live: answers[name] for live, name in outputs.items()})
