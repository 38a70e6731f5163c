"""Which rows of a table a model looked up: what no input reaches, no comparison sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.models.batching import pieces
from pytest_freezecheck.models.graphdef import PASSING

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Arrays
    from pytest_freezecheck.models.clone import Clone

#: Operations that look rows of their first input up, and which input has the numbers of the rows.
_LOOKUPS = {"Gather": 1, "GatherV2": 1, "ResourceGather": 1}
_PASSES_ON = PASSING | {"ReadVariableOp", "Enter"}


def looked_up(clone: Clone, batches: Iterable[Arrays], rows: int | None) -> dict[str, int]:
    """Return {weight: how many of its rows these inputs look up}, of tables.

    Args:
        clone: a copy of the live model.
        batches: each {input name: array (rows, *shape)}.
        rows: the only number of rows that the model takes, or None for any.
    """
    graph = clone.session.graph
    wanted = [tensor.op.name for tensor in clone.outputs.values()]
    tensors = lookups_in(graph, clone.weights, wanted)
    if not tensors:
        return {}
    clone.hold({})
    answers = (
        clone.session.run(tensors, {clone.inputs[name]: value for name, value in piece.items()})
        for feeds in batches
        for piece in pieces(feeds, rows)
    )
    return rows_reached(clone.weights, answers)


def lookups_in(
    graph: Any, weights: Mapping[str, Any], wanted: Iterable[str]
) -> dict[str, list[Any]]:
    """Return {weight: tensors with the numbers of the rows that are looked up in it}.

    Of weights that are looked up along their first axis and read in no other way, outside of
    functions.

    Args:
        graph: a `tf.Graph`.
        weights: {name of a variable or constant: value}.
        wanted: names of the operations that answer.
    """
    from tensorflow import get_static_value

    found: dict[str, list[Any]] = {}
    others: set[str] = set()
    for operation in _before(graph, wanted):
        place = _LOOKUPS.get(operation.type)
        for number, tensor in enumerate(operation.inputs):
            name = _source(tensor)
            if name not in weights or operation.type in _PASSES_ON:
                continue
            axis = 0
            if operation.type == "GatherV2":
                axis = get_static_value(operation.inputs[2])
            if place is not None and number == 0 and axis == 0:
                found.setdefault(name, []).append(operation.inputs[place])
            else:
                others.add(name)
    return {name: tensors for name, tensors in found.items() if name not in others}


def _source(tensor: Any) -> str:
    operation = tensor.op
    while operation.type in _PASSES_ON and operation.inputs:
        operation = operation.inputs[0].op
    return str(operation.name)


def _before(graph: Any, wanted: Iterable[str]) -> list[Any]:
    """Return the operations that these are computed from."""
    waiting = [graph.get_operation_by_name(name) for name in wanted]
    met: dict[str, Any] = {}
    while waiting:
        operation = waiting.pop()
        if operation.name not in met:
            met[operation.name] = operation
            waiting += [tensor.op for tensor in operation.inputs]
    return list(met.values())


def rows_reached(weights: Arrays, answers: Iterable[Mapping[str, list[Any]]]) -> dict[str, int]:
    """Return {weight: how many of its rows were looked up}.

    Args:
        weights: {name: value}.
        answers: {weight: arrays of numbers of rows}, of each batch.
    """
    reached: dict[str, set[int]] = {}
    for answer in answers:
        for name, arrays in answer.items():
            rows = reached.setdefault(name, set())
            for array in arrays:
                rows.update(np.unique(array).tolist())
    count = {name: len(weights[name]) for name in reached}
    return {name: len([r for r in rows if 0 <= r < count[name]]) for name, rows in reached.items()}
