"""What a file of OpenVINO's computes, in normal form; the rest as `openvino:`.

Written after OpenVINO's operation sets (docs.openvino.ai, "Available Operation Sets").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.rows import rows_of
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.openvino.call import TABLE, Call, dtype_of, key_of
from pytest_freezecheck.formats.openvino.importing import import_openvino
from pytest_freezecheck.formats.readers.moves import Sizes, rows_of_all
from pytest_freezecheck.messages.wording import reason

PREFIX = "openvino:"
#: What holds graphs of its own, keeps a state or is random.
_REFUSED = frozenset({"If", "Loop", "TensorIterator", "RandomUniform", "Multinomial"})
_REFUSED |= {"ReadValue", "Assign"}
_MOST = 16


class Reader:
    """Reads one model.

    Attributes:
        builder: makes nodes.
        sizes: {output: its whole numbers, as far as they are known}.
        rows: {output: the input whose number of rows those are that are not known}.
    """

    def __init__(self, builder: Builder, leaves: Mapping[tuple[str, int], Node]) -> None:
        self.builder = builder
        self.sizes: dict[tuple[str, int], Sizes] = {}
        self.rows: dict[tuple[str, int], Node] = {}
        self._found = dict(leaves)

    def read(self, nodes: Any) -> None:
        """Read operations, each after what it is applied to."""
        for node in nodes:
            if node.get_type_name() in ("Result", "Parameter"):
                continue
            for port, made in enumerate(self._made(node)):
                key = key_of(node.output(port))
                self._found[key] = made
                value = made.value
                if value is None or value.array.dtype.kind not in "iu":
                    continue
                if value.array.size <= _MOST:
                    self.sizes[key] = [int(n) for n in value.array.ravel()]

    def at(self, output: Any) -> Node:
        """Return the node of an output of an operation."""
        key = key_of(output)
        if key not in self._found:
            raise ArtifactError(f"{key[0]} is neither an input nor computed")
        return self._found[key]

    def _made(self, node: Any) -> list[Node]:
        kind = node.get_type_name()
        if kind == "Constant":
            return [self._constant(node)]
        if kind in _REFUSED:
            raise ArtifactError(f"{node.get_friendly_name()} ({kind}) has a state, or a graph")
        inputs = [self.at(port.get_source_output()) for port in node.inputs()]
        call = Call(self, node, inputs)
        own = call.version.startswith("opset")
        if own:
            from pytest_freezecheck.formats.openvino.sizes import sizes_of

            found = sizes_of(call)
            if found is not None and len(found) <= _MOST:
                self.sizes[key_of(node.output(0))] = found
                rows = self._rows(call, found)
                if rows is not None:
                    self.rows[key_of(node.output(0))] = rows
        made = TABLE[kind](call) if own and kind in TABLE else None
        if made is not None:
            return made if isinstance(made, list) else [made]
        return [self._opaque(call, port) for port in range(len(node.outputs()))]

    def _rows(self, call: Call, found: Sizes) -> Node | None:
        from pytest_freezecheck.formats.openvino.sizes import MOVES

        if call.kind == "ShapeOf":
            return rows_of(call.x[0]) if found.count(None) == 1 else None
        if call.kind not in MOVES:
            return None
        held = [call.sizes(place) for place in range(len(call.x))]
        return rows_of_all(held, [call.rows(place) for place in range(len(call.x))])

    def _constant(self, node: Any) -> Node:
        output, name = node.output(0), str(node.get_friendly_name())
        dtype = dtype_of(output)
        if not dtype:
            kind = output.get_element_type().to_string()
            raise ArtifactError(f"{name}: constants of {kind} are not read")
        if dtype == "string":
            text = [t.encode() if isinstance(t, str) else t for t in node.get_value_strings()]
            shape = tuple(node.get_output_shape(0))
            return self.builder.constant(np.array(text, object).reshape(shape), name)
        array = np.asarray(node.data)  # a view into the file
        if dtype == "bfloat16" and array.dtype.itemsize == 2:
            import ml_dtypes

            array = array.view(ml_dtypes.bfloat16)
        if array.dtype.name != dtype:
            raise ArtifactError(f"{name}: a constant of {dtype} is read as {array.dtype.name}")
        return self.builder.constant(array, name)

    def _opaque(self, call: Call, port: int) -> Node:
        given = {str(name): repr(value) for name, value in call.given.items()}
        given |= {"port": str(port), "version": call.version}
        output = call.node.output(port)
        return self.builder.opaque(
            f"{PREFIX}{call.kind}", call.x, given, shape=shape_of(output), dtype=dtype_of(output),
            origin=call.name,
        )  # fmt: skip


def shape_of(output: Any) -> Shape | None:
    """Return the static shape of an output."""
    shape = output.get_partial_shape()
    if not shape.rank.is_static:
        return None
    return tuple(size.get_length() if size.is_static else None for size in shape)


def read_openvino(
    builder: Builder,
    path: Path,
    leaves: Mapping[str, Node],
    outputs: Mapping[str, str],
    name_of: Callable[[Any], str],
) -> dict[str, Node]:
    """Return what a file computes.

    Args:
        builder: makes nodes in normal form.
        path: the file.
        leaves: {name of an input: its node}.
        outputs: {live output name: name here}.
        name_of: the name of an input or output.

    Raises:
        ArtifactError: it cannot be read.
    """
    from pytest_freezecheck.formats.openvino import layers as openvino_layers
    from pytest_freezecheck.formats.openvino import numbers as openvino_numbers
    from pytest_freezecheck.formats.openvino import shapes as openvino_shapes

    del openvino_layers, openvino_numbers, openvino_shapes  # they are entered in the table
    try:
        model = import_openvino().Core().read_model(str(path))
    except Exception as error:
        raise ArtifactError(f"{path}: OpenVINO cannot read it: {reason(error)}") from error
    given = {
        key_of(port): leaves[name_of(port)] for port in model.inputs if name_of(port) in leaves
    }
    reader = Reader(builder, given)
    reader.read(model.get_ordered_ops())
    ends = {name_of(port): port.get_node().input(0).get_source_output() for port in model.outputs}
    missing = [name for name in outputs.values() if name not in ends]
    if missing:
        raise ArtifactError(f"{path}: {missing[0]} is no output of it")
    return {name: reader.at(ends[there]) for name, there in outputs.items()}
