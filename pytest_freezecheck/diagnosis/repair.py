"""A suspected cause, and what would repair it if the suspicion is right."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.diagnosis.graph_diff import graft
from pytest_freezecheck.models.constant_graph import ConstantGraph, EditableGraph
from pytest_freezecheck.models.graphdef import operation_of

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays


@dataclasses.dataclass(frozen=True)
class Suspicion:
    """What may be wrong.

    Attributes:
        cause: id of a cause.
        tensors: names of what is suspected.
        evidence: what speaks for it, in words, without a full stop.
        weights: {constant: the live value}, which repairs it.
        nodes: names of the nodes to take from the live graph, which repairs it.
        fed: {tensor: value} to feed, which repairs it.
        output: {live output name: tensor name} to ask for instead, which repairs it.
        also: ids of causes that cannot be repaired apart from this one.
        share: how many weights it concerns, of how many that were compared; None where the
            evidence does not count them.
    """

    cause: str
    tensors: tuple[str, ...]
    evidence: str
    weights: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    fed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    output: Mapping[str, str] = dataclasses.field(default_factory=dict)
    also: tuple[str, ...] = ()
    share: tuple[int, int] | None = None

    def with_more(self, other: Suspicion) -> Suspicion:
        """Return one suspicion of two of the same cause."""
        return dataclasses.replace(
            self,
            tensors=tuple(dict.fromkeys((*self.tensors, *other.tensors))),
            weights={**self.weights, **other.weights},
            nodes=tuple(dict.fromkeys((*self.nodes, *other.nodes))),
            fed={**self.fed, **other.fed},
            output={**self.output, **other.output},
            share=None if set(other.tensors) - set(self.tensors) else self.share,
        )


_kept: contextvars.ContextVar[list[Suspicion] | None] = contextvars.ContextVar(
    "freezecheck_repairs", default=None
)


@contextlib.contextmanager
def kept_repairs() -> Iterator[list[Suspicion]]:
    """Keep, for a while, what the last diagnosis repaired in memory; else it is let go."""
    kept: list[Suspicion] = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def keep(repairs: Iterable[Suspicion]) -> None:
    """Keep these, in place of an earlier diagnosis, if anybody wants them."""
    kept = _kept.get()
    if kept is not None:
        kept[:] = repairs


class Repairer:
    """Runs the frozen graph with some suspicions repaired and the others left.

    Args:
        live: the live side, to take nodes from.
        frozen: the frozen side.
        distance: how far an answer is from the live one.
        feeds: what both are asked.
    """

    def __init__(
        self,
        live: EditableGraph,
        frozen: EditableGraph,
        distance: Callable[[Answer], float],
        feeds: Arrays,
    ) -> None:
        self.live, self.frozen, self.distance, self.feeds = live, frozen, distance, feeds
        self._made: dict[tuple[Any, ...], EditableGraph] = {}

    def apart(self, repaired: Sequence[Suspicion]) -> float:
        """Return how far the frozen graph is from the live answer with these repaired.

        Raises:
            ModelError: the repaired graph cannot be run.
        """
        return self.distance(self.answer(repaired))

    def answer(self, repaired: Sequence[Suspicion]) -> Answer:
        """Return what the frozen graph answers with these repaired.

        Raises:
            ModelError: the repaired graph cannot be run.
        """
        nodes = tuple(sorted({name for s in repaired for name in s.nodes}))
        output = {name: tensor for s in repaired for name, tensor in s.output.items()}
        editable = self._editable(nodes, output)
        weights = {
            name: value
            for s in repaired
            for name, value in s.weights.items()
            if name in editable.nodes and editable.nodes[name].op == "Const"
        }
        fed = {
            name: value
            for s in repaired
            for name, value in s.fed.items()
            if operation_of(name) in editable.nodes
        }
        return editable.answer(self.feeds, weights, fed)

    def _editable(self, nodes: tuple[str, ...], output: Mapping[str, str]) -> EditableGraph:
        key = (nodes, *sorted(output.items()))
        if key not in self._made:
            if not nodes and not output:
                return self.frozen
            graph = self.frozen.graph
            outputs = {**graph.outputs, **output}
            ends = [operation_of(name) for name in outputs.values()]
            definition = graft(self.live.definition, graph.definition, nodes, ends)
            constants = self._constants(definition)
            self._made[key] = EditableGraph(
                ConstantGraph(definition, graph.inputs, outputs, constants, graph.rows)
            )
        return self._made[key]

    def _constants(self, definition: Any) -> Mapping[str, Any]:
        names = {node.name for node in definition.node}
        constants = self.frozen.graph.constants
        return {name: value for name, value in constants.items() if operation_of(name) in names}

    def close(self) -> None:
        """Free what was made."""
        for editable in self._made.values():
            editable.close()
