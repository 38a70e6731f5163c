"""Operations of TensorFlow's on constants alone, worked out by TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.values import Value, unit_of
from pytest_freezecheck.models.graph_definitions import is_stateful, op_def

#: What is larger than this stays an operation.
_LARGEST = 1 << 20


def worth_folding(raw: Node, inputs: Sequence[Node]) -> bool:
    """Return whether an operation is on small constants alone, and computes the same each time."""
    if not inputs or not raw.op.startswith("tf:"):
        return False
    values = [node.value for node in inputs]
    if any(value is None or value.scale is not None or value.rounded for value in values):
        return False
    name = raw.op.removeprefix("tf:")
    if op_def(name) is None or is_stateful(name):
        return False
    return sum(value.array.size for value in values if value is not None) <= _LARGEST


def worked_out(raw: Node, inputs: Sequence[Node]) -> Value | None:
    """Return what it computes, or None where TensorFlow does not take it."""
    import tensorflow as tf
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

    from pytest_freezecheck.models.session import plain_config

    definition = tf.compat.v1.GraphDef()
    reads: list[str] = []
    for number, node in enumerate(inputs):
        value = node.value
        array: Any = None if value is None else value.array
        held = definition.node.add(name=f"constant_{number}", op="Const")
        held.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
        held.attr["dtype"].type = held.attr["value"].tensor.dtype
        reads.append(held.name)
    made = definition.node.add(name="made", op=raw.op.removeprefix("tf:"), input=reads)
    for name, content in raw.attributes:
        if name != "port":
            made.attr[name].CopyFrom(AttrValue.FromString(content))
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph, config=plain_config()) as session:
            array = np.asarray(session.run(f"made:{int(raw.get('port', 0))}"))
    except (ValueError, TypeError, KeyError, tf.errors.OpError):
        return None
    if array.size > _LARGEST:
        return None
    origin = tuple(
        dict.fromkeys(name for node in inputs if node.value for name in node.value.origin)
    )
    return Value(array, folded=True, origin=origin, unit=unit_of(array.dtype.name))
