"""One operation of OpenVINO's that is about to be translated, and the table of translations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.formats.readers.moves import Sizes

if TYPE_CHECKING:
    from pytest_freezecheck.formats.openvino.reader import Reader

Translate = Callable[["Call"], "Node | list[Node] | None"]


TABLE: dict[str, Translate] = {}


_DTYPES = {
    "f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "boolean": "bool",
    "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "string": "string",
    "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64",
}  # fmt: skip


class Call:
    """One operation of OpenVINO's that is about to be translated.

    Attributes:
        b: makes nodes.
        node: the operation.
        x: its inputs, translated.
        given: its attributes.
    """

    def __init__(self, reader: Reader, node: Any, x: list[Node]) -> None:
        self.reader, self.node, self.x = reader, node, x
        self.b = reader.builder
        self.name = str(node.get_friendly_name())
        self.kind = str(node.get_type_name())
        self.version = str(node.get_type_info().version_id)
        self.given: Mapping[str, Any] = node.get_attributes()

    @property
    def rank(self) -> int | None:
        """How many axes the first input has."""
        shape = self.x[0].shape
        return None if shape is None else len(shape)

    def sizes(self, place: int) -> Sizes | None:
        """Return an input of whole numbers, None for those not known before it runs."""
        source = self.node.input(place).get_source_output()
        return self.reader.sizes.get(key_of(source))

    def rows(self, place: int) -> Node | None:
        """Return the input whose number of rows an input's sizes are that are not known."""
        source = self.node.input(place).get_source_output()
        return self.reader.rows.get(key_of(source))

    def integers(self, place: int) -> tuple[int, ...] | None:
        """Return an input of whole numbers, all of which are known, or None."""
        value = self.x[place].value
        if value is not None and value.array.dtype.kind in "iu":
            return tuple(int(n) for n in value.array.ravel())
        sizes = self.sizes(place)
        if sizes is None or None in sizes:
            return None
        return tuple(n for n in sizes if n is not None)

    def number(self, place: int) -> float | None:
        """Return an input that is one constant number, or None."""
        value = self.x[place].value
        return None if value is None or value.array.size != 1 else value.number()

    def dtype(self, port: int = 0) -> str:
        """Return the dtype of an output."""
        return dtype_of(self.node.output(port))

    def op(self, entry: str, *inputs: Node, **given: Any) -> Node:
        """Return an operation under the name of this one."""
        return self.b.op(entry, *inputs, origin=self.name, **given)


def key_of(output: Any) -> tuple[str, int]:
    """Return what an output of an operation is remembered under: names are unique."""
    return str(output.get_node().get_name()), int(output.get_index())


def dtype_of(output: Any) -> str:
    """Return the name of a dtype, empty for one that NumPy has not."""
    return _DTYPES.get(output.get_element_type().to_string(), "")


def operation(*names: str) -> Callable[[Translate], Translate]:
    """Return what enters a translation into the table, under these types of operations."""

    def enter(function: Translate) -> Translate:
        for name in names:
            TABLE[name] = function
        return function

    return enter
