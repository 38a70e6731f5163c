"""Inputs in the middle of a frozen graph: tensors that are fed in the place of what they come from.

Published graphs begin with decoding (a WAV file, a JPEG), and the network with a tensor behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_freezecheck.formats.matching import Shape, shape_of
from pytest_freezecheck.models.graphdef import ancestors

#: Operations that are made to be fed.
FED = frozenset({"Placeholder", "PlaceholderWithDefault"})


def interior(graph: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return {name: tensor} of those names that stand for a tensor of an operation's answer.

    Args:
        graph: a `tf.Graph`.
        names: of tensors or operations; one of a placeholder, or of nothing, is left out.
    """
    found = {}
    for name in names:
        try:
            tensor = graph.get_tensor_by_name(name if ":" in name else f"{name}:0")
        except (KeyError, ValueError):
            continue
        if tensor.op.type not in FED:
            found[name] = tensor
    return found


def input_shapes(
    definition: Any, tensors: Mapping[str, Any], outputs: Sequence[str]
) -> dict[str, Shape | None]:
    """Return {input name: shape} of placeholders without a default, and of these tensors.

    Placeholders that only lead to a tensor that is fed say nothing about how many rows there are.

    Args:
        definition: a `GraphDef`.
        tensors: {name: tensor} that is fed within it.
        outputs: names of what it answers.
    """
    from pytest_freezecheck.models.batching import static_shape  # NumPy, when a file is loaded

    hidden = ancestors(definition, list(tensors)) if tensors else set()
    hidden -= ancestors(definition, outputs, tensors)
    found = {
        node.name: shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
        for node in definition.node
        if node.op == "Placeholder" and node.name not in hidden
    }
    return {**found, **{name: static_shape(tensor) for name, tensor in tensors.items()}}


def types(tensors: Mapping[str, Any]) -> dict[str, str]:
    """Return {name: name of its dtype}."""
    return {name: tensor.dtype.base_dtype.name for name, tensor in tensors.items()}


def begun_at(definition: Any, tensors: Mapping[str, Any]) -> Any:
    """Return a copy of a GraphDef in which these tensors are placeholders.

    One that is not its operation's first answer stays what it is, and is fed.

    Args:
        definition: a `GraphDef`.
        tensors: {name: tensor} of its graph.
    """
    first = {t.op.name: t for t in tensors.values() if t.value_index == 0}
    if not first:
        return definition
    copy = type(definition)()
    copy.CopyFrom(definition)
    for node in copy.node:
        if node.name in first and len(first[node.name].op.outputs) == 1:
            tensor = first[node.name]
            node.Clear()
            node.name, node.op = tensor.op.name, "Placeholder"
            node.attr["dtype"].type = tensor.dtype.base_dtype.as_datatype_enum
            node.attr["shape"].shape.CopyFrom(tensor.shape.as_proto())
    return copy
