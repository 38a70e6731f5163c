"""The computations of a live model and of an artifact, compared as a check compares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_freezecheck import LiveModel
from pytest_freezecheck.comparing.sides import Sides
from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node, Shape
from pytest_freezecheck.computation.proof import IDENTICAL, Proof, compare, same
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.models.graph_reader import read_graph
from pytest_freezecheck.models.operations import Translator
from pytest_freezecheck.models.pieces import static_shape


class LiveSide:
    """What a live model computes, read once.

    Attributes:
        outputs: {name: its expression}.
    """

    def __init__(self, live: LiveModel) -> None:
        self.live = live
        self._arena = Arena()
        self._raw = read_graph(self._arena, live.constant_graph())
        self._inputs = {
            name: (static_shape(tensor), tensor.dtype.name) for name, tensor in live.inputs.items()
        }
        self.outputs = self._translated(self._arena, self._raw, shapes_of(live.graph))

    def _translated(
        self, arena: Arena, raw: dict[str, Node], shape_of: Callable[[Node], Shape | None]
    ) -> dict[str, Node]:
        translator = Translator(Builder(arena, RULES), self._inputs, shape_of)
        return {name: translator(node) for name, node in raw.items()}

    def read(self, frozen: FrozenModel) -> tuple[dict[str, Node], bool]:
        """Return what an artifact computes, and whether it is the very same graph.

        Raises:
            ArtifactError: it cannot be read.
        """
        sides = Sides(self.live, frozen)
        arena = Arena(self._arena)
        try:
            graph = frozen.constant_graph(sides.inputs, sides.outputs)
        except ArtifactError:
            builder = Builder(arena, RULES, rows=frozen.batch_size())
            leaves = {
                there: builder.input(name, *self._inputs[name])
                for name, there in sides.inputs.items()
            }
            return frozen.expressions(builder, leaves, sides.outputs), False
        raw = read_graph(arena, graph)
        return self._translated(arena, raw, lambda _: None), same(self._raw, raw)

    def proof(self, frozen: FrozenModel) -> Proof:
        """Return what the comparison with an artifact comes to.

        Raises:
            ArtifactError: it cannot be read.
        """
        outputs, identical = self.read(frozen)
        if identical:
            return Proof(IDENTICAL, accounted=1.0)
        return compare(self.outputs, outputs, frozenset(self.live.weights()))


def shapes_of(graph: Any) -> Callable[[Node], Shape | None]:
    """Return what tells the static shape of an operation of a graph."""

    def shape_of(raw: Node) -> Shape | None:
        try:
            tensor = graph.get_tensor_by_name(f"{raw.origin}:{raw.get('port', 0)}")
        except (KeyError, ValueError, TypeError):
            return None
        return static_shape(tensor)

    return shape_of


def stops(proof: Proof) -> str:
    """Return where a comparison stopped, or what differs, in a few words."""
    parts = [
        f"{part.live.origin} ({part.live.op}) / {part.frozen.origin} ({part.frozen.op})"
        for part in proof.partings
    ]
    parts += [
        f"{', '.join(c.live.value.origin[:2]) if c.live.value else ''} x {c.apart.excess:.2g}"
        for c in proof.constants
    ]
    return "; ".join([proof.why, *parts[:3]] if proof.why else parts[:3])
