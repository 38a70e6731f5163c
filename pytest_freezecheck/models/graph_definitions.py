"""How TensorFlow has registered operations: their defaults, outputs, whether they keep a state."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from typing import Any


@functools.cache
def op_def(op: str) -> Any:
    """Return how TensorFlow has registered a type of operation, or None."""
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(op)


@functools.cache
def defaults(op: str) -> dict[str, bytes]:
    """Return {attribute: its default, serialised} of a type of operation."""
    definition = op_def(op)
    if definition is None:
        return {}
    return {
        attr.name: attr.default_value.SerializeToString(deterministic=True)
        for attr in definition.attr
        if attr.HasField("default_value")
    }


def is_stateful(op: str) -> bool:
    """Return whether a type of operation keeps a state, or is not known."""
    definition = op_def(op)
    return definition is None or bool(definition.is_stateful)


def count(output: Any, node: Any) -> int:
    """Return how many tensors one declared output of a node is."""
    if output.number_attr:
        return int(node.attr[output.number_attr].i)
    if output.type_list_attr:
        return len(node.attr[output.type_list_attr].list.type)
    return 1


@contextlib.contextmanager
def deep() -> Iterator[None]:
    """Allow for functions within functions within loops."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 5_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
