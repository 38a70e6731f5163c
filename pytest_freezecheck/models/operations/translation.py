"""From an expression of TensorFlow's operations to the normal form; what has no entry stays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node, Shape, walk
from pytest_freezecheck.computation.rows import rows_of
from pytest_freezecheck.models.graph_definitions import defaults, op_def
from pytest_freezecheck.models.operations.attributes import decoded, dtype_of
from pytest_freezecheck.models.operations.constants import worked_out, worth_folding
from pytest_freezecheck.models.operations.lists import shape_by_list

#: Returns the normal form of one operation, or None where it cannot be said so.
Translate = Callable[["Call"], "Node | None"]
TABLE: dict[str, Translate] = {}
ShapeOf = Callable[[Node], "Shape | None"]
#: What sizes are worked out by: few numbers, whose own shape nothing asks for.
_OF_SIZES = {f"tf:{op}" for op in ("Shape", "ShapeN", "Size", "Rank", "Pack", "Prod", "Range")}
_OF_SIZES |= {f"tf:{op}" for op in ("StridedSlice", "ConcatV2", "GatherV2", "Gather")}
#: Of those, what is a vector, or one number where an axis is dropped.
_TOLD = {"tf:Shape", "tf:StridedSlice", "tf:ConcatV2"}


class Call:
    """One operation of TensorFlow's that is about to be translated.

    Attributes:
        b: makes nodes.
        raw: the operation.
        x: its inputs, translated.
        translator: knows sizes.
    """

    def __init__(self, translator: Translator, raw: Node, x: list[Node]) -> None:
        self.translator, self.raw, self.x = translator, raw, x
        self.b = translator.builder
        self.name = raw.origin

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as a Python value; those that have their default are not there."""
        content = self.raw.get(name)
        return default if content is None else decoded(content)

    @property
    def port(self) -> int:
        """Which of the operation's outputs it is."""
        return int(self.raw.get("port", 0))

    def integers(self, place: int) -> tuple[int, ...] | None:
        """Return an input of whole numbers that are constant, or None."""
        value = self.x[place].value
        if value is None or value.array.dtype.kind not in "iu":
            return None
        return tuple(int(n) for n in value.array.ravel())

    def sizes(self, place: int) -> list[int | None] | None:
        """Return an input that is a shape, None for what is not known before it runs."""
        return self.translator.sizes(self.raw.inputs[place])

    def rows(self, place: int) -> Node | None:
        """Return the input whose number of rows stands first in an input that is a shape."""
        return rows_told(self.translator, self.raw.inputs[place])

    def rank(self, place: int = 0) -> int | None:
        """Return how many axes an input has."""
        shape = self.x[place].shape
        return None if shape is None else len(shape)

    def op(self, entry: str, *inputs: Node, **given: Any) -> Node:
        """Return an operation under the name of this one."""
        return self.b.op(entry, *inputs, origin=self.name, **given)

    def channels_last(self, node: Node) -> Node:
        """Return a picture with its channels last, whichever way the operation has them."""
        if not self._channels_first():
            return node
        rank = len(node.shape or ())
        return self.b.op("transpose", node, perm=(0, *range(2, rank), 1))

    def as_it_was(self, node: Node) -> Node:
        """Return a picture the way the operation has it."""
        if not self._channels_first():
            return node
        rank = len(node.shape or ())
        return self.b.op("transpose", node, perm=(0, rank - 1, *range(1, rank - 1)))

    def _channels_first(self) -> bool:
        return str(self.attribute("data_format", "NHWC")).startswith("NC")

    def spatial(self, values: Any, rank: int) -> tuple[int, ...]:
        """Return of a list with one number for each axis those of the spatial ones."""
        if not values:
            return (1,) * rank
        numbers: tuple[int, ...] = tuple(int(value) for value in values)
        return numbers[2:] if self._channels_first() else numbers[1:-1]

    def spatial_sizes(self, sizes: list[int | None]) -> tuple[int | None, ...]:
        """Return of the sizes of a picture those of its spatial axes."""
        return tuple(sizes[2:] if self._channels_first() else sizes[1:-1])


def rows_told(translator: Translator, raw: Node) -> Node | None:
    """Return the input whose number of rows stands first in a vector of sizes, or None."""
    while raw.op in ("tf:Pack", "tf:ConcatV2", "tf:Cast", "tf:ExpandDims", "tf:Squeeze"):
        raw = raw.inputs[0]
    if raw.op == "tf:StridedSlice":
        bounds = [part.value for part in raw.inputs[1:]]
        if [None if b is None else b.array.ravel().tolist() for b in bounds] != [[0], [1], [1]]:
            return None
        raw = raw.inputs[0]
    return rows_of(translator(raw.inputs[0])) if raw.op == "tf:Shape" else None


def operation(*names: str) -> Callable[[Translate], Translate]:
    """Return what enters a translation into the table, under these types of operations."""

    def enter(function: Translate) -> Translate:
        for name in names:
            TABLE[f"tf:{name}"] = function
        return function

    return enter


class Translator:
    """Brings expressions of TensorFlow's operations to normal form.

    Args:
        builder: makes nodes in normal form.
        inputs: {live input name: (shape with the batch, dtype)}.
        shape_of: tells the static shape of an operation of TensorFlow's, where the graph does.
    """

    def __init__(
        self,
        builder: Builder,
        inputs: Mapping[str, tuple[Shape | None, str]],
        shape_of: ShapeOf,
    ) -> None:
        self.builder, self._inputs, self._shape_of = builder, inputs, shape_of
        self._done: dict[int, Node] = {}
        self._sizes: dict[int, list[int | None] | None] = {}

    def __call__(self, raw: Node) -> Node:
        """Return the normal form of an expression."""
        for part in walk([raw]):
            if id(part) not in self._done:
                self._done[id(part)] = self._translated(part)
        return self._done[id(raw)]

    def _translated(self, raw: Node) -> Node:
        if raw.value is not None:
            return self.builder.arena.constant(raw.value)
        if raw.op == "input":
            shape, dtype = self._inputs[raw["name"]]
            return self.builder.input(raw["name"], shape, dtype)
        inputs = [self._done[id(read)] for read in raw.inputs]
        translate = TABLE.get(raw.op)
        made = None if translate is None else translate(Call(self, raw, inputs))
        if made is not None:
            return made
        told = self._told(raw)
        if told is not None:
            return told
        if worth_folding(raw, inputs):
            worked = worked_out(raw, inputs)
            if worked is not None:
                return self.builder.constant(worked)
        shape = None if raw.op in _OF_SIZES else self._shape_of(raw)
        if shape is None:
            shape = shape_by_list(raw, inputs)
        return self.builder.opaque(
            raw.op,
            inputs,
            dict(raw.attributes),
            shape=shape,
            dtype=_dtype_of(raw, inputs),
            origin=raw.origin,
        )

    def _told(self, raw: Node) -> Node | None:
        """Return sizes that are known before it runs, as the constant that they are."""
        if raw.op not in _TOLD:
            return None
        sizes = self.sizes(raw)
        if sizes is None or None in sizes:
            return None
        kind = decoded(raw.get("out_type" if raw.op == "tf:Shape" else "T") or b"") or "int32"
        alone = raw.op == "tf:StridedSlice" and raw.get("shrink_axis_mask") is not None
        if kind not in ("int32", "int64") or (alone and len(sizes) != 1):
            return None
        return self.builder.constant(np.asarray(sizes[0] if alone else sizes, kind), raw.origin)

    def sizes(self, raw: Node) -> list[int | None] | None:
        """Return a vector of sizes that an expression computes, None for what is not known.

        A negative size, which `Reshape` takes for what is left, is one that is not known.
        """
        written = self.as_written(raw)
        return written and [None if n is not None and n < 0 else n for n in written]

    def as_written(self, raw: Node) -> list[int | None] | None:
        """Return the same, -1 for what is left."""
        for part in walk([raw]):
            if id(part) not in self._sizes:
                self._sizes[id(part)] = self._worked(part)
        return self._sizes[id(raw)]

    def _worked(self, raw: Node) -> list[int | None] | None:
        if raw.value is not None:
            array = raw.value.array
            if array.dtype.kind not in "iu" or array.size > 16:
                return None
            return [max(int(n), -1) for n in array.ravel()]
        if raw.op == "tf:Shape":
            shape = self(raw.inputs[0]).shape
            return None if shape is None else list(shape)
        read = [self._sizes.get(id(part)) for part in raw.inputs]
        if raw.op in ("tf:Pack", "tf:ConcatV2"):
            parts = read if raw.op == "tf:Pack" else read[:-1]
            return None if any(p is None for p in parts) else [n for p in parts for n in p or ()]
        if not read or read[0] is None:
            return None
        if raw.op in ("tf:Cast", "tf:Squeeze", "tf:ExpandDims", "tf:Reshape"):
            return read[0]
        if raw.op == "tf:StridedSlice":
            return self._cut(raw, read)
        if raw.op in ("tf:GatherV2", "tf:Gather"):
            places = read[1]
            if places is None or any(n is None or not 0 <= n < len(read[0]) for n in places):
                return None
            return [read[0][n] for n in places if n is not None]
        if raw.op == "tf:Prod":
            known = [n for n in read[0] if n is not None and n >= 0]
            return [math.prod(known) if len(known) == len(read[0]) else None]
        return None

    def _cut(self, raw: Node, read: list[list[int | None] | None]) -> list[int | None] | None:
        bounds = [part.value for part in raw.inputs[1:]]
        if any(value is None or value.array.size != 1 for value in bounds) or read[0] is None:
            return None
        start, stop, step = (int(v.array.ravel()[0]) for v in bounds if v is not None)
        given = {name: decoded(content) for name, content in raw.attributes if name != "port"}
        if given.get("shrink_axis_mask"):
            return [read[0][start]]
        low = None if given.get("begin_mask") else start
        high = None if given.get("end_mask") else stop
        return read[0][low:high:step]


def _dtype_of(raw: Node, inputs: list[Node]) -> str:
    """Return the dtype of one of an operation's outputs as it is registered; empty if unknown."""
    op = raw.op.partition(":")[2]
    if op == "If":
        return inputs[1].dtype
    definition = op_def(op)
    if definition is None:
        return ""
    port = int(raw.get("port", 0))
    outputs = list(definition.output_arg)
    if any(output.type_list_attr for output in outputs):
        return ""
    if len(outputs) == 1:
        port = 0
    elif any(output.number_attr for output in outputs):
        return ""
    if outputs[port].type:
        return dtype_of(outputs[port].type)
    name = outputs[port].type_attr
    content = raw.get(name, defaults(op).get(name))
    kind = None if content is None else decoded(content)
    return kind if isinstance(kind, str) else ""
