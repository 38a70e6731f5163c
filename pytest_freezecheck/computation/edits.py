"""Changes that make one computation another, and the computation with some of them made."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Iterable, Mapping

from pytest_freezecheck.computation.matching import Pair
from pytest_freezecheck.computation.node import Arena, Node

CONSTANT, CHANGED, ORDERED = "constant", "changed", "ordered"
MISSING, EXTRA, WIRED, REPLACED = "missing", "extra", "wired", "replaced"


@dataclasses.dataclass(frozen=True)
class Edit:
    """One change.

    Attributes:
        kind: `constant`: another value; `changed`: another operation or attribute; `ordered`: the
            same operands in another order; `missing`: an operation is left out; `extra`: there is
            one more; `wired`: another tensor is read; `replaced`: something else altogether.
        live, frozen: what stands there on each side; of `missing` and `extra`, the operation, and
            what it is left out or put before.
        place: which input of the operation is read instead of it, of `missing` and `extra`.
        cost: what it counts.
    """

    kind: str
    live: Node
    frozen: Node
    place: int = 0
    cost: float = dataclasses.field(default=1.0, compare=False)

    def __hash__(self) -> int:
        return hash((self.kind, id(self.live), id(self.frozen), self.place))

    @functools.cached_property
    def sort(self) -> Hashable:
        """What changes have in common that are one mistake, made in several places."""
        if self.kind == CONSTANT:
            return self
        one, other = self.live, self.frozen
        if self.kind in (EXTRA, WIRED):
            return self.kind, *_sort(other)
        if self.kind == MISSING:
            return self.kind, *_sort(one)
        return self.kind, *_sort(one), *_sort(other)


def _sort(node: Node) -> tuple[Hashable, ...]:
    """Return what an operation has in common with one that is the same elsewhere."""
    constants = tuple(id(read) for read in node.inputs if read.is_constant)
    return node.op, node.attributes, node.value and id(node), constants


Edits = frozenset[Edit]


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to pair two nodes: a change there, if any, and the pairs below."""

    edit: Edit | None = None
    below: tuple[Pair, ...] = ()


@dataclasses.dataclass(frozen=True)
class Script:
    """The changes that make the live computation the artifact's.

    Attributes:
        edits: the changes, those nearest to the inputs first.
        cost: what they count in all.
        ways: {ids of a pair: how it was paired}, each after those below.
        outputs: {output: pair}.
        common: {id of a node of the artifact's: the live one that computes the same}.
    """

    edits: tuple[Edit, ...]
    cost: float
    ways: Mapping[tuple[int, int], tuple[Pair, Way]]
    outputs: Mapping[str, Pair]
    common: Mapping[int, Node]

    def applied(self, arena: Arena, edits: Iterable[Edit]) -> dict[str, Node]:
        """Return the live computation with these changes made, and no others.

        Args:
            arena: where its nodes are made.
            edits: some of the changes.
        """
        chosen = frozenset(edits)
        made: dict[tuple[int, int], Node] = {}
        instead = dict(self.common)
        for key, ((live, frozen), way) in self.ways.items():
            made[key] = self._made(arena, made, instead, live, frozen, way, chosen)
            instead.setdefault(id(frozen), made[key])
        return {name: made[id(a), id(b)] for name, (a, b) in self.outputs.items()}

    def _made(
        self,
        arena: Arena,
        made: Mapping[tuple[int, int], Node],
        instead: Mapping[int, Node],
        live: Node,
        frozen: Node,
        way: Way,
        chosen: Edits,
    ) -> Node:
        below = {id(a): made[id(a), id(b)] for a, b in way.below}
        edit = way.edit
        if edit is None and not way.below:
            return live
        if edit is None or (edit.kind in (CHANGED, ORDERED) and edit not in chosen):
            return _with(arena, live, [below.get(id(read), read) for read in live.inputs])
        done = edit in chosen
        if edit.kind in (CONSTANT, WIRED, REPLACED):
            return (self.common.get(id(frozen), frozen) if done else live) or live
        there = {id(b): made[id(a), id(b)] for a, b in way.below}
        if edit.kind in (CHANGED, ORDERED):
            return _with(arena, frozen, [there.get(id(read), read) for read in frozen.inputs])
        inner = made[id(way.below[0][0]), id(way.below[0][1])]
        if (edit.kind == MISSING) == done:
            return inner
        node = live if edit.kind == MISSING else frozen
        inputs = list(node.inputs)
        if edit.kind == EXTRA:
            inputs = [_rebuilt(arena, read, instead) for read in inputs]
        inputs[edit.place] = inner
        return _with(arena, node, inputs)


def _rebuilt(arena: Arena, node: Node, instead: Mapping[int, Node]) -> Node:
    """Return an expression with what stands for the nodes below it."""
    done = dict(instead)
    waiting = [node]
    while waiting:
        here = waiting[-1]
        if id(here) in done:
            waiting.pop()
            continue
        left = [read for read in here.inputs if id(read) not in done]
        if left and not here.is_constant:
            waiting.extend(left)
            continue
        done[id(here)] = _with(arena, here, [done[id(read)] for read in here.inputs])
    return done[id(node)]


def _with(arena: Arena, node: Node, inputs: list[Node]) -> Node:
    """Return a node with other inputs."""
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    return arena.make(
        node.op,
        inputs,
        dict(node.attributes),
        shape=node.shape,
        dtype=node.dtype,
        origin=node.origin,
    )
