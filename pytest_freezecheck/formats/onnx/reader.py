"""What an ONNX file computes, in normal form; what the vocabulary does not have stays `onnx:`.

Written after the operator specification of ONNX (github.com/onnx/onnx, docs/Operators.md and
docs/Changelog.md), each operation in all forms that it had from opset 9 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.rows import rows_of
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.onnx.call import TABLE, Call, dtype_name
from pytest_freezecheck.formats.onnx.weights import Weights
from pytest_freezecheck.formats.readers.moves import Sizes, rows_of_all
from pytest_freezecheck.messages.wording import reason

PREFIX = "onnx:"
#: Opsets whose operations were read.
_FIRST, _LAST = 9, 22
_OWN = ("", "ai.onnx")
#: What holds graphs of its own, keeps a state or is random.
_REFUSED = frozenset({"If", "Loop", "Scan", "SequenceMap", "RandomNormal", "RandomUniform"})
_REFUSED |= {"RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"}
#: Sizes that an expression may have, and still be worked out as such.
_MOST = 16


class Reader:
    """Reads one graph.

    Args:
        builder: makes nodes in normal form.
        weights: the file's content.
        folder: where its weights lie, if they lie beside it.
        leaves: {name of an input: its node}.

    Attributes:
        builder: makes nodes.
        opset: version of the operations.
        sizes: {tensor: its whole numbers, as far as they are known}.
        rows: {tensor: the input whose number of rows those are that are not known}.
    """

    def __init__(
        self, builder: Builder, weights: Weights, folder: Path, leaves: Mapping[str, Node]
    ) -> None:
        model = weights.model
        self.builder, self._graph, self._folder = builder, model.graph, folder
        self._weights = weights
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
        for number, weight in enumerate(self._graph.initializer):
            if weight.name in needed and weight.name not in self._found:
                self.keep(weight.name, self.constant(weight, weight.name, number=number))
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

    def constant(self, tensor: Any, *origin: str, number: int | None = None) -> Node:
        """Return the node of a tensor of the file.

        Args:
            tensor: the `TensorProto`.
            *origin: what the file calls it.
            number: which of the graph's initializers it is, if it is one.
        """
        import onnx

        try:
            array = None if number is None else self._weights.array(number, tensor)
            if array is None:
                array = onnx.numpy_helper.to_array(tensor, str(self._folder))
        except Exception as error:
            raise ArtifactError(
                f"the weight {tensor.name} cannot be read: {reason(error)}"
            ) from error
        if array.dtype.kind in "OSU":
            text = [t.encode() if isinstance(t, str) else bytes(t) for t in array.ravel().tolist()]
            array = np.array(text, object).reshape(array.shape)  # as TensorFlow has it
        return self.builder.constant(np.asarray(array), *origin)

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
        from pytest_freezecheck.formats.onnx.sizes import MOVES, sizes_of

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
    from pytest_freezecheck.formats.onnx import activations as onnx_activations
    from pytest_freezecheck.formats.onnx import layers as onnx_layers
    from pytest_freezecheck.formats.onnx import numbers as onnx_numbers
    from pytest_freezecheck.formats.onnx import shapes as onnx_shapes

    del onnx_activations, onnx_layers, onnx_numbers, onnx_shapes  # they are entered in the table
    try:
        weights = Weights(path)
    except Exception as error:
        raise ArtifactError(f"{path}: onnx cannot read it: {reason(error)}") from error
    reader = Reader(builder, weights, path.parent, leaves)
    names = list(outputs)
    return dict(zip(names, reader([outputs[name] for name in names]), strict=True))
