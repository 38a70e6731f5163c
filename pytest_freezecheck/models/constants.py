"""Placeholders of the live graph that are fed the same value with every question.

`phase_train`, `is_training` and `keep_prob` are no inputs of the model: an evaluation feeds them
one value. They are not drawn, and in whatever is made of the graph they are that constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import nearest
from pytest_freezecheck.models.placeholders import takes
from pytest_freezecheck.spec.inputs import Constant

if TYPE_CHECKING:
    import numpy.typing as npt

_FED = ("Placeholder", "PlaceholderWithDefault", "PlaceholderV2")


class Held(NamedTuple):
    """A tensor of the live graph, and the value that it is fed.

    Attributes:
        tensor: of the live graph, mostly a placeholder.
        value: an array of its dtype, and of a shape that it takes.
    """

    tensor: Any
    value: npt.NDArray[Any]


def make(constants: Mapping[str, Constant], build: Callable[..., Any]) -> dict[str, Any]:
    """Make placeholders, in the default graph, for the constants that `build` has a parameter for.

    Args:
        constants: by the names of placeholders.
        build: builds the graph.
    """
    import tensorflow as tf

    made = {}
    for name, constant in constants.items():
        if takes(build, name):
            with tf.Graph().as_default():
                value = tf.constant(constant.value)
            made[name] = tf.compat.v1.placeholder(value.dtype, value.shape, name=name)
    return made


def find(
    graph: Any, given: Mapping[str, Any], constants: Mapping[str, Constant], model: str
) -> dict[str, Held]:
    """Return what each constant is fed to.

    Args:
        graph: the live model's.
        given: {name: tensor} that came with the model; the others are found in the graph.
        constants: by the names of placeholders.
        model: what messages call the model.

    Raises:
        ModelError: there is no such placeholder, or it does not take the value.
    """
    return {
        name: _held(given[name] if name in given else _found(graph, name, model), constant, model)
        for name, constant in constants.items()
    }


def _found(graph: Any, name: str, model: str) -> Any:
    try:
        return graph.get_tensor_by_name(name if ":" in name else f"{name}:0")
    except (KeyError, ValueError):
        there = [op.name for op in graph.get_operations() if op.type in _FED]
        raise ModelError(
            f"{model}: the live graph has no placeholder {name!r} to feed a constant"
            f"{nearest(name, there)}; it has {', '.join(sorted(there)) or 'none'}"
        ) from None


def _held(tensor: Any, constant: Constant, model: str) -> Held:
    import numpy as np

    dtype = tensor.dtype.base_dtype
    value = np.asarray(constant.value, None if dtype.name == "string" else dtype.as_numpy_dtype)
    lossy = dtype.name == "bool" or dtype.is_integer
    if (lossy and not np.array_equal(value, np.asarray(constant.value))) or (
        dtype.name == "string" and value.dtype.kind not in "OSU"
    ):
        raise ModelError(
            f"{model}: the placeholder {tensor.op.name!r} takes {dtype.name}, and value = "
            f"{constant.value!r} is none"
        )
    if not tensor.shape.is_compatible_with(value.shape):
        raise ModelError(
            f"{model}: the placeholder {tensor.op.name!r} takes shape {tensor.shape}, and value = "
            f"{constant.value!r} has shape {value.shape}"
        )
    return Held(tensor, value.astype(object) if dtype.name == "string" else value)


def pinned(definition: Any, held: Mapping[str, Held]) -> Any:
    """Return a copy of a GraphDef in which the placeholders are constants.

    Args:
        definition: a `GraphDef`.
        held: what is fed.
    """
    import tensorflow as tf

    if not held:
        return definition
    copy = type(definition)()
    copy.CopyFrom(definition)
    values = {there.tensor.op.name: there for there in held.values()}
    for node in copy.node:
        if node.name in values:
            there = values[node.name]
            node.Clear()
            node.name, node.op = there.tensor.op.name, "Const"
            dtype = there.tensor.dtype.base_dtype
            node.attr["dtype"].type = dtype.as_datatype_enum
            proto = tf.make_tensor_proto(there.value, dtype, there.value.shape)
            node.attr["value"].tensor.CopyFrom(proto)
    return copy
