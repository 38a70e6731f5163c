"""What an ONNX file computes, in normal form; what the vocabulary has not stays `onnx:`.

Written after the operator specification of ONNX (github.com/onnx/onnx, docs/Operators.md and
docs/Changelog.md), each operation in all forms that it had from opset 9 on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.rows import rows_of
from pytest_freezecheck.errors import ArtifactError, reason
from pytest_freezecheck.formats.channels_first import Sizes, on_a_grid, rows_of_all

PREFIX = "onnx:"
#: Opsets whose operations were read.
_FIRST, _LAST = 9, 22
_OWN = ("", "ai.onnx")
#: What holds graphs of its own, keeps a state or is random.
_REFUSED = frozenset({"If", "Loop", "Scan", "SequenceMap", "RandomNormal", "RandomUniform"})
_REFUSED |= {"RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
#: Returns the normal form of one operation's outputs, or None where it cannot be said so.
Translate = Callable[["Call"], "Node | list[Node] | None"]
TABLE: dict[str, Translate] = {}
#: Sizes that an expression may have, and still be worked out as such.
_MOST = 16


class Call:
    """One operation of ONNX's that is about to be translated.

    Attributes:
        b: makes nodes.
        node: the operation.
        x: its inputs, translated; None for one that is left out.
        opset: the version of the operations.
        outputs: how many of its outputs have a name.
    """

    def __init__(self, reader: Reader, node: Any, x: list[Node | None]) -> None:
        self.reader, self.node = reader, node
        self.b, self.opset = reader.builder, reader.opset
        self.all = x
        self.x: list[Node] = [read for read in x if read is not None]
        self.name = node.name or next(iter(node.output), "")
        self._given = {attribute.name: attribute for attribute in node.attribute}

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as a Python value, or what is given if it is left out."""
        import onnx

        if name not in self._given:
            return default
        value = onnx.helper.get_attribute_value(self._given[name])
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return list(value) if self._given[name].ints or self._given[name].floats else value

    def has(self, place: int) -> bool:
        """Return whether an input is there."""
        return len(self.all) > place and self.all[place] is not None

    def at(self, place: int) -> Node:
        """Return an input that has to be there."""
        found = self.all[place] if len(self.all) > place else None
        if found is None:
            raise ArtifactError(f"{self.name} ({self.node.op_type}) has no input {place}")
        return found

    def number(self, place: int) -> float | None:
        """Return an input that is one constant number, or None."""
        value = self.at(place).value
        return None if value is None or value.array.size != 1 else value.number()

    def sizes(self, place: int) -> Sizes | None:
        """Return an input of whole numbers, None for those not known before it runs."""
        return self.reader.sizes.get(self.node.input[place])

    def rows(self, place: int) -> Node | None:
        """Return the input whose number of rows an input's sizes are that are not known."""
        return self.reader.rows.get(self.node.input[place])

    def integers(self, place: int) -> tuple[int, ...] | None:
        """Return an input of whole numbers, all of which are known, or None."""
        value = self.at(place).value
        if value is not None and value.array.dtype.kind in "iu":
            return tuple(int(n) for n in value.array.ravel())
        sizes = self.sizes(place)
        if sizes is None or None in sizes:
            return None
        return tuple(n for n in sizes if n is not None)

    def axes(self, place: int = 1) -> tuple[int, ...] | None:
        """Return axes: an attribute in older opsets, an input in newer ones; () if left out.

        None where they are computed.
        """
        given = self.attribute("axes")
        if given is not None:
            return tuple(given)
        return self.integers(place) if self.has(place) else ()

    @property
    def rank(self) -> int | None:
        """How many axes the first input has."""
        shape = self.at(0).shape
        return None if shape is None else len(shape)

    def op(self, entry: str, *inputs: Node, **given: Any) -> Node:
        """Return an operation under the name of this one."""
        return self.b.op(entry, *inputs, origin=self.name, **given)

    @property
    def outputs(self) -> int:
        """How many of its outputs have a name."""
        return sum(bool(name) for name in self.node.output)


def operation(*names: str) -> Callable[[Translate], Translate]:
    """Return what enters a translation into the table, under these types of operations."""

    def enter(function: Translate) -> Translate:
        for name in names:
            TABLE[name] = function
        return function

    return enter


class Reader:
    """Reads one graph.

    Args:
        builder: makes nodes in normal form.
        model: the file's content.
        folder: where its weights lie, if they lie beside it.
        leaves: {name of an input: its node}.

    Attributes:
        builder: makes nodes.
        opset: version of the operations.
        sizes: {tensor: its whole numbers, as far as they are known}.
        rows: {tensor: the input whose number of rows those are that are not known}.
    """

    def __init__(
        self, builder: Builder, model: Any, folder: Path, leaves: Mapping[str, Node]
    ) -> None:
        self.builder, self._graph, self._folder = builder, model.graph, folder
        self._versions = {opset.domain: opset.version for opset in model.opset_import}
        self.opset = next((self._versions[name] for name in _OWN if name in self._versions), 0)
        if not _FIRST <= self.opset <= _LAST:
            raise ArtifactError(f"opset {self.opset} of ONNX is not read: {_FIRST} to {_LAST} are")
        self._functions = {(f.domain, f.name) for f in model.functions}
        self._found: dict[str, Node] = dict(leaves)
        self.sizes: dict[str, Sizes] = {}
        self.rows: dict[str, Node] = {}
        self._types = {value.name: value.type.tensor_type for value in self._graph.value_info}
        if self._graph.sparse_initializer:
            raise ArtifactError("it has sparse weights")

    def __call__(self, names: list[str]) -> list[Node]:
        """Return the nodes of tensors."""
        needed = self._needed(names)
        for weight in self._graph.initializer:
            if weight.name in needed and weight.name not in self._found:
                self.keep(weight.name, self.constant(weight, weight.name))
        for node in self._graph.node:
            if needed.isdisjoint(node.output):
                continue
            for name, made in zip(node.output, self._made(node), strict=False):
                if name:
                    self.keep(name, made)
        missing = [name for name in names if name not in self._found]
        if missing:
            raise ArtifactError(f"{missing[0]} is computed by nothing")
        return [self._found[name] for name in names]

    def _needed(self, names: list[str]) -> set[str]:
        """Return what tensors are computed from; the operations of a file stand in order."""
        needed = set(names)
        for node in reversed(self._graph.node):
            if not needed.isdisjoint(node.output):
                needed.update(name for name in node.input if name)
        return needed

    def keep(self, name: str, made: Node) -> None:
        """Remember a tensor, and its whole numbers if it is a constant of a few."""
        self._found[name] = made
        value = made.value
        if value is not None and value.array.dtype.kind in "iu" and value.array.size <= _MOST:
            self.sizes[name] = [int(n) for n in value.array.ravel()]

    def constant(self, tensor: Any, *origin: str) -> Node:
        """Return the node of a tensor of the file."""
        import onnx

        try:
            array = onnx.numpy_helper.to_array(tensor, str(self._folder))
        except Exception as error:
            raise ArtifactError(f"the weight {tensor.name} cannot be read: {reason(error)}") from None
        if array.dtype.kind in "OSU":
            text = [t.encode() if isinstance(t, str) else bytes(t) for t in array.ravel().tolist()]
            array = np.array(text, object).reshape(array.shape)  # as TensorFlow has it
        return self.builder.constant(on_a_grid(np.asarray(array), *origin))

    def _made(self, node: Any) -> list[Node]:
        if node.op_type in _REFUSED and node.domain in _OWN:
            raise ArtifactError(f"{node.name} ({node.op_type}) is random, or holds a graph")
        if (node.domain, node.op_type) in self._functions:
            raise ArtifactError(f"{node.name} ({node.op_type}) is a function of the file's own")
        missing = [name for name in node.input if name and name not in self._found]
        if missing:
            raise ArtifactError(f"{missing[0]} is read by {node.name} and computed by nothing")
        inputs = [self._found[name] if name else None for name in node.input]
        call = Call(self, node, inputs)
        if node.domain in _OWN:
            self._size(call)
            made = TABLE[node.op_type](call) if node.op_type in TABLE else None
            if made is not None:
                return made if isinstance(made, list) else [made]
        return [self._opaque(call, port) for port in range(len(node.output))]

    def _size(self, call: Call) -> None:
        name = call.node.output[0]
        from pytest_freezecheck.formats.onnx_sizes import MOVES, sizes_of

        found = sizes_of(call)
        if found is None or len(found) > _MOST:
            return
        self.sizes[name] = found
        reads = [read for read in call.node.input if read]
        if call.node.op_type == "Shape":
            rows = rows_of(call.at(0)) if found.count(None) == 1 else None
        elif call.node.op_type in MOVES:
            held = [self.sizes.get(read) for read in reads]
            rows = rows_of_all(held, [self.rows.get(read) for read in reads])
        else:
            rows = None
        if rows is not None:
            self.rows[name] = rows

    def _opaque(self, call: Call, port: int) -> Node:
        node = call.node
        given: dict[str, Any] = {
            attribute.name: attribute.SerializeToString(deterministic=True)
            for attribute in node.attribute
        }
        places = tuple(n for n, read in enumerate(call.all) if read is not None)
        given |= {"port": port, "version": self._versions.get(node.domain, self.opset)}
        given |= {"places": places}
        shape, dtype = self._told(node.output[port])
        domain = "" if node.domain in _OWN else f"{node.domain}."
        return self.builder.opaque(
            f"{PREFIX}{domain}{node.op_type}", call.x, given, shape=shape,
            dtype=dtype or (call.x[0].dtype if call.x else ""), origin=call.name,
        )  # fmt: skip

    def _told(self, name: str) -> tuple[Shape | None, str]:
        """Return shape and dtype of a tensor, as the file has them."""
        kind = self._types.get(name)
        if kind is None:
            return None, ""
        dtype = dtype_name(kind.elem_type)
        if not kind.HasField("shape"):
            return None, dtype
        sizes = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
        return tuple(None if n is None or n < 0 else n for n in sizes), dtype


def dtype_name(number: int) -> str:
    """Return the name of a dtype of ONNX's, empty for one that NumPy has not."""
    import onnx

    try:
        found = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number))
    except (KeyError, TypeError):
        return ""
    if number == onnx.TensorProto.BFLOAT16:
        return "bfloat16"
    return "string" if found.kind in "OSU" else found.name


def read_onnx(
    builder: Builder, path: Path, leaves: Mapping[str, Node], outputs: Mapping[str, str]
) -> dict[str, Node]:
    """Return what a file computes.

    Args:
        builder: makes nodes in normal form.
        path: the file.
        leaves: {name of an input: its node}.
        outputs: {live output name: name here}.

    Raises:
        ArtifactError: it cannot be read.
    """
    import onnx

    from pytest_freezecheck.formats import onnx_layers, onnx_numbers, onnx_shapes

    del onnx_layers, onnx_numbers, onnx_shapes  # they are entered in the table
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        raise ArtifactError(f"{path}: onnx cannot read it: {reason(error)}") from None
    reader = Reader(builder, model, path.parent, leaves)
    names = list(outputs)
    return dict(zip(names, reader([outputs[name] for name in names]), strict=True))


def finite(value: float | None) -> bool:
    """Return whether a number is known and finite."""
    return value is not None and math.isfinite(value)
