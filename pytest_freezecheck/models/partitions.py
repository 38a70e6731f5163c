"""Partitioned variables: one variable to a checkpoint, several to the graph.

`tf.compat.v1.get_variable(partitioner=...)` makes `table/part_0`, `table/part_1` and so on. Saver
writes them, and their shadows, under the one key `table`, of which each part is a slice; so another
number of parts can be restored. A team's own saver may have given each part a key of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy.typing as npt


class Slice(NamedTuple):
    """Where a part lies in the whole variable.

    Attributes:
        whole: the whole variable's name.
        shape: the whole variable's.
        begin: the part's first index along each axis.
        size: the part's shape.
    """

    whole: str
    shape: tuple[int, ...]
    begin: tuple[int, ...]
    size: tuple[int, ...]

    def of(self, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the part of the whole variable's value."""
        ends = zip(self.begin, self.size, strict=True)
        return value[tuple(slice(begin, begin + size) for begin, size in ends)]


def slice_of(variable: Any) -> Slice | None:
    """Return where a variable lies in the one that it is a part of, or None if it is a whole one.

    Args:
        variable: a `tf.Variable` of TensorFlow 1.
    """
    about = getattr(variable, "_save_slice_info", None)
    if about is None or not about.full_name:
        return None
    return Slice(
        str(about.full_name),
        tuple(map(int, about.full_shape)),
        tuple(map(int, about.var_offset)),
        tuple(map(int, about.var_shape)),
    )


def joined(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Put the parts of each variable together.

    Args:
        wanted: {key: variable}; the key of a part begins with its own name.

    Returns:
        {key: variable, or the list of all its parts}.
    """
    found: dict[str, Any] = {}
    for key, variable in wanted.items():
        part = slice_of(variable)
        if part is None:
            found[key] = variable
        else:
            found.setdefault(whole_key(key, variable.op.name, part), []).append(variable)
    return found


def whole_key(key: str, name: str, part: Slice) -> str:
    """Return the key of the whole variable: `table/Momentum` of `table/part_0/Momentum`."""
    return key.replace(name, part.whole, 1)


def own_keys(key: str, parts: Sequence[Any]) -> dict[str, Any]:
    """Return {key: part} of parts that were saved one by one."""
    found = {}
    for variable in parts:
        part = slice_of(variable)
        assert part is not None  # noqa: S101 - or it would not have been joined
        found[key.replace(part.whole, variable.op.name, 1)] = variable
    return found


def slices(graph: Any) -> dict[str, Slice]:
    """Return {operation name: where it lies} of the variables of a graph that are parts."""
    import tensorflow as tf

    with graph.as_default():
        variables = tf.compat.v1.global_variables()
    found = {variable.op.name: slice_of(variable) for variable in variables}
    return {name: part for name, part in found.items() if part is not None}


def shape_of(variable: Any) -> list[int]:
    """Return the shape of a variable, or of the whole that these parts make."""
    if not isinstance(variable, list):
        shape: list[int] = variable.shape.as_list()
        return shape
    part = slice_of(variable[0])
    assert part is not None  # noqa: S101 - as above
    return list(part.shape)


def forgotten(meta_graph: Any) -> Any:
    """Return a MetaGraph whose variables do not know that they are parts of others.

    `wrap_function` does not lift those that know it out of the function.

    Args:
        meta_graph: a `MetaGraphDef`, which is changed.
    """
    from tensorflow.core.framework import variable_pb2

    for key in ("variables", "trainable_variables"):
        held = meta_graph.collection_def[key].bytes_list.value
        for place, written in enumerate(held):
            variable = variable_pb2.VariableDef.FromString(written)
            variable.ClearField("save_slice_info_def")
            held[place] = variable.SerializeToString()
    return meta_graph
