"""TensorFlow's operations within a TFLite file: each holds the node that it was converted from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: What the name of such an operation begins with.
FLEX = "Flex"


def custom(model: Any) -> list[str]:
    """Return the names of the operations of a `ModelT` that are not TFLite's own."""
    return [name for name in map(name_of, model.operatorCodes or ()) if name]


def nodes(model: Any, content: bytes) -> Iterator[Any]:
    """Yield the `NodeDef` of each of TensorFlow's operations, in all subgraphs.

    It is the node that is run, whatever the operation is called.

    Args:
        model: a `ModelT`.
        content: the file, which may hold what an operation needs behind the model.

    Raises:
        ValueError: a node cannot be read.
    """
    names = [name_of(code) for code in model.operatorCodes or ()]
    for graph in model.subgraphs or ():
        for operator in graph.operators or ():
            held = node(names[operator.opcodeIndex], operator, content)
            if held is not None:
                yield held


def node(name: str, operator: Any, content: bytes) -> Any:
    """Return the `NodeDef` of an operation of TensorFlow's; None of any other.

    Args:
        name: of its custom code.
        operator: an `OperatorT`.
        content: the file.

    Raises:
        ValueError: it cannot be read.
    """
    options = _options(operator, content)
    return _node(name, options) if name.startswith(FLEX) and options else None


def name_of(code: Any) -> str:
    """Return the name of a custom operation; empty of one of TFLite's own."""
    name = code.customCode or ""
    return name.decode() if isinstance(name, bytes) else name


def _options(operator: Any, content: bytes) -> bytes:
    # Of files of more than 2 GB; the schema of older TensorFlow does not know it.
    start = getattr(operator, "largeCustomOptionsOffset", 0)
    if start > 1:
        return content[start : start + operator.largeCustomOptionsSize]
    return b"" if operator.customOptions is None else bytes(operator.customOptions)


def _node(name: str, options: bytes) -> Any:
    """Return the node in a flexbuffer of [type of operation, serialised NodeDef]."""
    from flatbuffers import flexbuffers  # type: ignore[import-untyped]
    from tensorflow.core.framework import node_def_pb2

    try:
        _, held = flexbuffers.GetRoot(options).AsVector
        return node_def_pb2.NodeDef.FromString(held.AsStringBytes)
    except Exception as error:  # of struct, flatbuffers or protobuf
        raise ValueError(f"operation {name!r} holds no node that can be read") from error
