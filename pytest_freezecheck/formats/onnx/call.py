"""One operation of an ONNX file, as a translation sees it, and the table of translations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.readers.moves import Sizes

if TYPE_CHECKING:
    from pytest_freezecheck.formats.onnx.reader import Reader

#: Returns the normal form of one operation's outputs, or None where it cannot be said so.
Translate = Callable[["Call"], "Node | list[Node] | None"]
TABLE: dict[str, Translate] = {}


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

    def flag(self, name: str, *, default: bool) -> bool:
        """Return an attribute that is 0 or 1."""
        value = self.attribute(name, int(default))
        if value not in (0, 1):
            raise ArtifactError(f"{self.name} ({self.node.op_type}): {name} is {value}")
        return bool(value)

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


def finite(value: float | None) -> bool:
    """Return whether a number is known and finite."""
    return value is not None and math.isfinite(value)
