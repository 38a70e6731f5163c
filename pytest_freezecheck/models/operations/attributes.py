"""Attributes of a graph's operations, which an expression has serialised."""

from __future__ import annotations

from typing import Any


def decoded(content: Any) -> Any:
    """Return a serialised `AttrValue` as a Python value."""
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    value = AttrValue.FromString(content)
    kind = value.WhichOneof("value")
    if kind == "s":
        return value.s.decode("utf-8", "replace")
    if kind == "list":
        for field in ("i", "f", "b", "type"):
            if getattr(value.list, field):
                return list(getattr(value.list, field))
        return [text.decode("utf-8", "replace") for text in value.list.s]
    if kind == "type":
        return dtype_of(value.type)
    return getattr(value, kind) if kind else None


def encoded(value: float) -> bytes:
    """Return a number as a serialised `AttrValue`."""
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    return bytes(AttrValue(f=value).SerializeToString(deterministic=True))


def dtype_of(number: int) -> str:
    """Return the name of a dtype that is told by its number in `types.proto`."""
    import tensorflow as tf

    return str(tf.dtypes.as_dtype(number).name)
