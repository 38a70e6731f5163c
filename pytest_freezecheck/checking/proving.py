"""Compares what both sides compute, beside what they answer."""

from __future__ import annotations

import dataclasses
import fnmatch
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_freezecheck.checking.described import names_of
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation import proof as proofs
from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.matching import Constants
from pytest_freezecheck.computation.node import Arena, Node, Shape
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.errors import ArtifactError, ModelError
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.models.batching import static_shape
from pytest_freezecheck.models.constant_graph import ConstantGraph
from pytest_freezecheck.models.graph_reader import read_graph
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.models.operations import Translator


class Computation:
    """What a live model computes, read once for all of its artifacts.

    Args:
        live: the model.
        names: of its weights.

    Attributes:
        arena: of its nodes.
        raw: {output: its expression, of TensorFlow's operations}.
        inputs: {input: (shape with the batch, dtype)}.
        names: of its weights.
        error: why it cannot be read, or None.
    """

    def __init__(self, live: LiveModel, names: frozenset[str]) -> None:
        self.arena, self.names = Arena(), names
        self.inputs = {n: (_shape(tensor), tensor.dtype.name) for n, tensor in live.inputs.items()}
        self.raw: dict[str, Node] = {}
        self.error: str | None = None
        self._rows = live.batch_size
        self._shape_of = shapes_in(live.graph, self._rows)
        self._normal: dict[str, Node] | None = None
        try:
            self.raw = _read(self.arena, live.readable_graph, live.constant_graph)
        except (ArtifactError, ModelError) as error:
            self.error = f"of the live model, {error}"

    def read(self) -> None:
        """Bring it to normal form, before artifacts: what equals it is made of its nodes."""
        _ = self.normal

    @property
    def normal(self) -> Mapping[str, Node]:
        """{output: its expression in normal form}."""
        if self._normal is None:
            self._normal = self.translated(self.arena, self.raw)
        return self._normal

    def translated(self, arena: Arena, raw: Mapping[str, Node]) -> dict[str, Node]:
        """Return the normal form of a computation that is the live one, or nearly.

        Args:
            arena: where the nodes are made.
            raw: {output: its expression, of TensorFlow's operations}.
        """
        translate = Translator(Builder(arena, RULES, self._rows), self.inputs, self._shape_of)
        return {name: translate(node) for name, node in raw.items()}


_computations: weakref.WeakKeyDictionary[LiveModel, tuple[object, Computation]] = (
    weakref.WeakKeyDictionary()
)


def computation_of(live: LiveModel, digests: Mapping[str, object]) -> Computation:
    """Return what a live model computes, kept from the last artifact where no weight has changed.

    Args:
        live: the model.
        digests: {weight: digest of its value}.
    """
    known, found = _computations.get(live, (None, None))
    if found is None or known != digests:
        found = Computation(live, frozenset(digests))
        _computations[live] = dict(digests), found
    return found


@dataclasses.dataclass(frozen=True)
class Compared:
    """Both computations, and what their comparison came to.

    Attributes:
        live: what the live model computes.
        proof: what the comparison came to.
        arena: where the artifact's nodes were made.
        theirs: {output: the artifact's expression in normal form}; None where it was not needed, or
            cannot be read.
        raw: {output: the same of TensorFlow's operations}; None where it is no graph of these.
    """

    live: Computation
    proof: proofs.Proof
    arena: Arena
    theirs: Mapping[str, Node] | None = None
    raw: Mapping[str, Node] | None = None

    def again(self, arena: Arena, raw: Mapping[str, Node]) -> proofs.Proof:
        """Return what the comparison comes to with another computation in the live one's place.

        Args:
            arena: where its nodes were made.
            raw: {output: its expression, of TensorFlow's operations}.
        """
        theirs = self.theirs or {}
        mine = self.live.translated(arena, {name: raw[name] for name in theirs})
        return proofs.compare(mine, theirs, self.live.names, self.proof.measured)


def prove(sides: Sides, live: Computation, patterns: Sequence[str] = ()) -> Compared:
    """Compare both computations.

    Args:
        sides: live and frozen.
        live: what the live model computes.
        patterns: of names of live weights that are meant to be others.
    """
    arena = Arena(live.arena)
    theirs: Mapping[str, Node] | None = None
    raw: Mapping[str, Node] | None = None
    try:
        if live.error is not None:
            raise ArtifactError(live.error)
        raw = _graph_of(sides, arena)
        if raw is None:
            theirs = _converted(sides, live, arena)
        else:
            if proofs.same(live.raw, raw):
                return Compared(live, proofs.IDENTITY, arena)
            theirs = _translated(sides, live, arena, raw)
    except (ArtifactError, ModelError) as error:
        return Compared(live, proofs.unread(str(error)), arena)
    found = proofs.compare({name: live.normal[name] for name in theirs}, theirs, live.names)
    return Compared(live, unignored(found, live.names, patterns), arena, theirs, raw)


def read_again(
    sides: Sides, live: Computation, given: Mapping[str, Any] | None = None
) -> Compared | None:
    """Read an artifact once more that is a GraphDef, with what is random in it, too.

    What this comes to proves nothing of the artifact: it says what stands there.

    Args:
        sides: live and frozen.
        live: what the live model computes.
        given: {tensor of the artifact: value} that its placeholders are to be fed.

    Returns:
        It, or None where it is no GraphDef, or cannot be read.
    """
    arena = Arena(live.arena)
    try:
        graph = sides.frozen.constant_graph(sides.inputs, sides.outputs)
        graph = dataclasses.replace(graph, constants={**graph.constants, **(given or {})})
        raw = read_graph(arena, graph, chance=True)
    except (ArtifactError, ModelError):
        return None
    return compared_with(sides, live, arena, raw)


def compared_with(
    sides: Sides, live: Computation, arena: Arena, raw: Mapping[str, Node]
) -> Compared:
    """Hold the live computation against one of the artifact's that was written anew.

    Args:
        sides: live and frozen.
        live: what the live model computes.
        arena: where the nodes were made.
        raw: {output: its expression, of TensorFlow's operations}.
    """
    theirs = _translated(sides, live, arena, raw)
    mine = {name: live.normal[name] for name in theirs}
    return Compared(live, proofs.compare(mine, theirs, live.names), arena, theirs, raw)


def _graph_of(sides: Sides, arena: Arena) -> dict[str, Node] | None:
    """Return what an artifact computes that is a GraphDef, or None if it is none."""
    frozen, names = sides.frozen, (sides.inputs, sides.outputs)
    try:
        graph = frozen.readable_graph(*names)
    except ArtifactError:
        return None
    return _read(arena, lambda: graph, lambda: frozen.constant_graph(*names))


def _read(
    arena: Arena, fast: Callable[[], ConstantGraph], sure: Callable[[], ConstantGraph]
) -> dict[str, Node]:
    """Read a graph and its variables' values; where that cannot be, one of constants is made."""
    graph = fast()
    try:
        return read_graph(arena, graph)
    except ArtifactError:
        if not graph.values:
            raise
    return read_graph(arena, sure())


def _translated(
    sides: Sides, live: Computation, arena: Arena, raw: Mapping[str, Node]
) -> dict[str, Node]:
    live.read()
    shape_of = shapes_in(sides.frozen.graph, sides.frozen_rows)
    builder = Builder(arena, RULES, sides.frozen_rows)
    translate = Translator(builder, live.inputs, shape_of)
    return {name: translate(node) for name, node in raw.items()}


def _converted(sides: Sides, live: Computation, arena: Arena) -> dict[str, Node]:
    """Return what a file computes that is no GraphDef."""
    live.read()
    builder = Builder(arena, RULES, sides.frozen_rows)
    leaves = {sides.inputs[n]: builder.input(n, *live.inputs[n]) for n in sides.inputs}
    try:
        return dict(sides.frozen.expressions(builder, leaves, sides.outputs))
    except (KeyError, ValueError, IndexError, TypeError, AttributeError) as error:
        # A file that its executor runs may still be written in a way that the reader has not met.
        raise ArtifactError(f"it is written in a way that is not known: {reason(error)}") from None


def shapes_in(graph: Any, rows: int | None) -> Callable[[Node], Shape | None]:
    """Return what tells the static shape of an operation of a `tf.Graph`.

    Args:
        graph: the graph, or None where there is none.
        rows: how many rows it takes at a time, or None for any.
    """

    def shape_of(raw: Node) -> Shape | None:
        if graph is None or not raw.origin:
            return None
        try:
            tensor = graph.get_tensor_by_name(f"{raw.origin}:{raw.get('port', 0)}")
        except (KeyError, ValueError):
            return None  # it stands in a function
        shape = static_shape(tensor)
        return (None, *shape[1:]) if shape and shape[0] == rows else shape

    return shape_of


def _shape(tensor: Any) -> Shape | None:
    """Return the shape of an input, of any number of rows."""
    shape = static_shape(tensor)
    return (None, *shape[1:]) if shape else shape


def unignored(
    proof: proofs.Proof, weights: frozenset[str], patterns: Sequence[str]
) -> proofs.Proof:
    """Return a proof without what is known to differ.

    Args:
        proof: what was found.
        weights: names of the live model's.
        patterns: of names of live weights that may differ.
    """
    if not patterns or not proof.constants:
        return proof

    def known(constants: Constants) -> bool:
        names = names_of(constants.live, weights)
        return bool(names) and all(
            any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) for name in names
        )

    return proof.without(known)
