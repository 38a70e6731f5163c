"""One operation of a TFLite file, as what translates TensorFlow's operations sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.formats.tflite.sizes import rows_told
from pytest_freezecheck.models.operations.translation import TABLE, Call

if TYPE_CHECKING:
    from pytest_freezecheck.formats.tflite.reader import Reader

#: `ActivationFunctionType`: what is done to the result of a layer, within it.
_CLIPS = {1: (0.0, math.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}
#: Operations whose kernels have no activation, although their options do.
_INACTIVE = ("CONCATENATION", "L2_NORMALIZATION")
#: Attributes that a graph has and that do not say what is computed; see `models.graph_reader`.
_SILENT = frozenset({"validate_shape", "use_locking"})


class Operation(Call):
    """One output of one operation of a file.

    Attributes:
        reader: reads the file.
        kind: name of its `BuiltinOperator`.
        options: its options, as the schema has them, or None.
        tensors: the numbers of its inputs, -1 for one that is left out.
        outputs: the numbers of its outputs.
    """

    def __init__(self, reader: Reader, raw: Any, kind: str, port: int) -> None:
        self.reader, self.kind, self._port = reader, kind, port
        self.options = raw.builtinOptions
        self.raw_operator = raw
        self.tensors = [int(n) for n in (raw.inputs if raw.inputs is not None else ())]
        self.outputs = [int(n) for n in (raw.outputs if raw.outputs is not None else ())]
        self._given: Mapping[str, Any] = {}
        name = reader.name(self.outputs[port])
        super().__init__(cast(Any, reader), Node(f"tflite:{kind}", origin=name), [])

    def option(self, name: str, default: Any = None) -> Any:
        """Return an option; where the operation has none at all, what is given."""
        return getattr(self.options, name, default)

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of TensorFlow's operation that does the same."""
        return self._given.get(name, default)

    @property
    def port(self) -> int:
        """Which of the operation's outputs it is."""
        return self._port

    def has(self, place: int) -> bool:
        """Return whether an input is there."""
        return place < len(self.tensors) and self.tensors[place] >= 0

    def input(self, place: int) -> Node:
        """Return an input."""
        return self.reader.node(self.tensors[place])

    def weight(self, place: int, perm: tuple[int, ...]) -> Node | None:
        """Return a constant input with its axes in this order; None if it is computed."""
        return self.reader.weight(self.tensors[place], perm)

    def sizes(self, place: int) -> list[int | None] | None:
        """Return an input that is a shape, None for what is not known before it runs."""
        return self.reader.sizes(self.tensors[place])

    def rows(self, place: int) -> Node | None:
        """Return the input whose number of rows stands first in an input that is a shape."""
        return rows_told(self.reader, self.tensors[place])

    def read_all(self) -> None:
        """Have all inputs at hand, in `x`."""
        self.x = [self.reader.node(n) for n in self.tensors if n >= 0]

    def translated(self, there: str, given: Mapping[str, Any]) -> Node | None:
        """Return what TensorFlow's operation of this name computes, in the vocabulary's words."""
        translate = TABLE.get(f"tf:{there}")
        if translate is None:
            return None
        self._given = given
        self.raw = Node(f"tf:{there}", origin=self.name)
        return translate(self)

    def as_tensorflow(self, there: str, given: Mapping[str, Any]) -> Node:
        """Return the very operation of TensorFlow's, which this one is the same as.

        Args:
            there: its type.
            given: its attributes, but for types and numbers of inputs, which follow.
        """
        from pytest_freezecheck.models.graph_definitions import defaults, op_def

        definition, usual = op_def(there), defaults(there)
        told = {**self._deduced(definition), **given}
        attributes: dict[str, Any] = {}
        for attr in definition.attr:
            if attr.name in told and attr.name not in _SILENT:
                content = encoded(attr.type, told[attr.name])
                if content != usual.get(attr.name):
                    attributes[attr.name] = content
            elif attr.name not in usual and attr.name not in _SILENT:
                return self.own()  # what is left out has its default, and this one has none
        if self.port:
            attributes["port"] = self.port
        return self.b.opaque(
            f"tf:{there}",
            self.x,
            attributes,
            shape=self.reader.shape(self.outputs[self.port]),
            dtype=self.reader.dtype(self.outputs[self.port]),
            origin=self.name,
        )

    def _deduced(self, definition: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        place = 0
        for arg in definition.input_arg:
            if place < len(self.tensors) and arg.type_attr:
                found[arg.type_attr] = self.reader.dtype(self.tensors[place])
            if arg.number_attr:
                rest = len(self.tensors) - len(definition.input_arg) + 1
                found[arg.number_attr] = rest
                place += rest
            else:
                place += 1
        for arg, tensor in zip(definition.output_arg, self.outputs, strict=False):
            if arg.type_attr:
                found[arg.type_attr] = self.reader.dtype(tensor)
        return found

    def own(self) -> Node:
        """Return an operation that only TFLite has, with all that its file says of it."""
        given: dict[str, Any] = {
            name: _hashable(value) for name, value in vars(self.options or object()).items()
        } if self.options is not None else {}  # fmt: skip
        given["custom"] = _hashable(self.raw_operator.customOptions)
        given["absent"] = tuple(n for n, tensor in enumerate(self.tensors) if tensor < 0)
        given["output"] = self.port
        return self.b.opaque(
            f"tflite:{self.kind}",
            self.x,
            given,
            shape=self.reader.shape(self.outputs[self.port]),
            dtype=self.reader.dtype(self.outputs[self.port]),
            origin=self.name,
        )

    def activated(self, made: Node) -> Node | None:
        """Return a result after the activation that is fused into the operation.

        None for one that kernels pass over without a word: `CalculateActivationRange` in
        kernels/kernel_util.h knows those that clip alone, and some kernels have none at all.
        """
        kind = int(self.option("fusedActivationFunction", 0))
        if kind in _CLIPS and self.kind not in _INACTIVE:
            low, high = _CLIPS[kind]
            return self.op("clip", made, low=low, high=high)
        return None if kind else made


def encoded(kind: str, value: Any) -> bytes:
    """Return the value of an attribute, serialised as a graph has it."""
    import tensorflow as tf
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    made = AttrValue()
    if kind == "type":
        made.type = tf.dtypes.as_dtype(value).as_datatype_enum
    elif kind == "string":
        made.s = str(value).encode()
    elif kind in ("bool", "int", "float"):
        setattr(made, kind[0], value)
    elif kind.startswith("list("):
        made.list.SetInParent()
        getattr(made.list, kind[5]).extend(value)
    else:
        raise ValueError(f"attributes of {kind}")
    content: bytes = made.SerializeToString(deterministic=True)
    return content


def _hashable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, (list, tuple)):
        return tuple(_hashable(part) for part in value)
    return value if isinstance(value, (int, float, str, bytes, bool, type(None))) else repr(value)


def shape_or_none(shape: Shape | None, most: int = 1) -> Shape | None:
    """Return a shape if no more of its sizes than this are unknown."""
    return shape if shape is not None and shape.count(None) <= most else None
