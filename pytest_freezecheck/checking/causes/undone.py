"""What an artifact does besides, and can be undone before it is held against the live model.

A switch that is on can be fed false, and what is computed in the place of a weight can be that
weight. Where less is left to change then, that is one of the mistakes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pytest_freezecheck.checking.causes.blocks import of_batch
from pytest_freezecheck.checking.causes.hints import pairs
from pytest_freezecheck.checking.proving import Compared, compared_with, read_again
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.errors import ArtifactError, ModelError
from pytest_freezecheck.models.graph_loops import Replacer
from pytest_freezecheck.models.graph_reader import PREFIX
from pytest_freezecheck.models.graphdef import operation_of
from pytest_freezecheck.result.findings import Blamed


@dataclasses.dataclass(frozen=True)
class Undone:
    """An artifact without a mistake that was suspected in it.

    Attributes:
        compared: both computations.
        causes: the mistake.
        fed: {tensor: what to feed it}, which undoes it.
    """

    compared: Compared
    causes: tuple[Blamed, ...] = ()
    fed: dict[str, Any] = dataclasses.field(default_factory=dict)


def switched_off(sides: Sides, compared: Compared) -> Undone | None:
    """Return an artifact whose training mode is switched off; None if it has no such switch."""
    flags = _flags(sides)
    fed = {f"{name}:0": False for name in flags}
    again = read_again(sides, compared.live, fed) if flags else None
    if again is None:
        return None
    causes = (Blamed("training-flag", (name,), why, proven=True) for name, why in flags.items())
    return Undone(again, tuple(causes), fed)


def _flags(sides: Sides) -> dict[str, str]:
    """Return {placeholder: why} of an artifact's that are fed true, or default to it unfed."""
    import tensorflow as tf

    try:
        graph = sides.frozen.readable_graph(sides.inputs, sides.outputs)
    except (ArtifactError, ModelError):
        return {}  # it is no graph, or none that can be read
    nodes: dict[str, Any] = {node.name: node for node in graph.definition.node}
    given = {operation_of(name): value for name, value in graph.constants.items()}
    found = {name: f"{name} is declared to be fed true" for name, v in given.items() if v is True}
    for node in nodes.values():
        if node.op != "PlaceholderWithDefault" or node.name in given:
            continue
        default = nodes.get(operation_of(node.input[0]))
        if default is None or default.op != "Const":
            continue
        value = tf.make_ndarray(default.attr["value"].tensor)
        if value.dtype == bool and value.all():
            found[node.name] = f"{node.name} is true unless it is fed"
    return found


def with_its_weights(sides: Sides, compared: Compared) -> Undone | None:
    """Return an artifact with weights where it computes something; None if it does so nowhere."""
    if compared.raw is None:
        return None
    held = sides.live.weights()
    found = {
        mine.origin: (mine, theirs)
        for mine, theirs in pairs(compared.live.raw, compared.raw)
        if mine.origin in held and not theirs.is_constant and not _is_stored(theirs)
    }
    if not found:
        return None
    arena = Arena(compared.arena)
    replaced = Replacer(arena, {id(theirs): mine for mine, theirs in found.values()})
    raw = {name: replaced(node) for name, node in compared.raw.items()}
    try:
        again = compared_with(sides, compared.live, arena, raw)
    except (ValueError, IndexError, KeyError, TypeError):
        return None  # a weight that does not fit there stands in another place
    return Undone(again, tuple(_causes(found)))


def _is_stored(node: Node) -> bool:
    """Return whether a node is a constant that the file keeps in fewer bits."""
    return node.op == f"{PREFIX}Cast" and node.inputs[0].is_constant


def _causes(found: dict[str, tuple[Any, Any]]) -> Iterator[Blamed]:
    """Yield what it is that weights are computed, {weight: (it, what stands there)}."""
    batch = {name: pair for name, pair in found.items() if of_batch([*walk([pair[1]])])}
    others = {name: pair for name, pair in found.items() if name not in batch}
    if batch:
        name, (_, there) = next(iter(batch.items()))
        said = f"{there.origin} is computed from the batch, in the live graph it is {name}"
        yield Blamed("training-batch-norm", tuple(batch), said, proven=True)
    if others:
        name, (_, there) = next(iter(others.items()))
        said = f"{there.origin} is computed, in the live graph it is the weight {name}"
        yield Blamed("changed-operation", tuple(others), said, proven=True)
