"""What has to be changed in one computation to make it the other: the fewest changes that do.

A comparison from the outputs on stops where operations differ. To say what differs, what stands
below has to be brought together again: an operation may be another, be left out, or stand there
besides, and a constant may have another value. It is a distance of edits between two graphs, where
a change of what is read in many places counts once.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping

import numpy as np

from pytest_freezecheck.computation.edits import (
    CHANGED,
    CONSTANT,
    EXTRA,
    MISSING,
    ORDERED,
    REPLACED,
    WIRED,
    Edit,
    Edits,
    Script,
    Way,
)
from pytest_freezecheck.computation.matching import Matcher, Pair
from pytest_freezecheck.computation.node import COMMUTATIVE, Node, walk
from pytest_freezecheck.computation.values import Floats, Value

#: Pairs of operations that are looked at, at most, and how far they may be from each other's place.
_MOST, _SHIFT = 60_000, 12
#: What a change costs: other attributes, another operation, one left out or one more, another
#: tensor that is read, something else altogether and each operation of it.
_ATTRIBUTES, _OPERATION, _ONE, _WIRE, _ELSE, _EACH = 0.9, 1.0, 1.0, 1.2, 1.5, 0.9
#: The same change made again, as in each turn of a loop that was written out.
_AGAIN = 0.15
#: A constant costs half of one, and as much again if it has nothing in common with the other.
_CONSTANT = 0.5
#: Operands whose orders are all tried.
_OPERANDS = 4
#: Operations whose operands play parts of their own.
_WEIGHTED = frozenset({"conv", "matmul", "affine", "select", "gather"})
#: Of so many elements, the likeness of two constants is taken.
_SAMPLE = 4096


@dataclasses.dataclass(frozen=True)
class _Judged:
    cost: float
    edits: Edits
    way: Way


def align(live: Mapping[str, Node], frozen: Mapping[str, Node]) -> Script | None:
    """Return the fewest changes that make the live computation the artifact's.

    Args:
        live: {output: its expression in normal form}.
        frozen: the same of the artifact, made in the same arena.

    Returns:
        None where that is too much to find out.
    """
    return _Aligner({name: (live[name], frozen[name]) for name in frozen}).script()


class _Aligner:
    def __init__(self, outputs: Mapping[str, Pair]) -> None:
        self.outputs, self.matcher = outputs, Matcher()
        mine, theirs = (list(walk(pair[side] for pair in outputs.values())) for side in (0, 1))
        self._height = _heights([*mine, *theirs])
        by_form: dict[int, list[Node]] = {}
        for node in mine:
            by_form.setdefault(node.form, []).append(node)
        self.common: dict[int, Node] = {}
        for node in theirs:
            if node.is_constant:
                continue
            other = next((n for n in by_form.get(node.form, ()) if self._equal(n, node)), None)
            if other is not None:
                self.common[id(node)] = other
        apart = [abs(self._height[id(a)] - self._height[id(b)]) for a, b in outputs.values()]
        self._band = _SHIFT + max(apart, default=0)
        self._own = self._masks(theirs)
        self._done: dict[tuple[int, int], _Judged] = {}

    def script(self) -> Script | None:
        """Return the changes, or None where there are too many pairs."""
        for pair in self.outputs.values():
            if not self._judge(pair):
                return None
        edits: Edits = frozenset()
        for one, other in self.outputs.values():
            edits |= self._done[id(one), id(other)].edits
        ways = dict(self._chosen())
        order = {way.edit: n for n, (_, way) in enumerate(ways.values()) if way.edit is not None}
        ordered = tuple(sorted(edits, key=lambda edit: order.get(edit, 0)))
        return Script(ordered, _total(edits), ways, self.outputs, self.common)

    def _equal(self, live: Node, frozen: Node) -> bool:
        return self.matcher.equal(live, frozen)

    def _masks(self, theirs: Iterable[Node]) -> dict[int, int]:
        """Return {id of a node: a bit for each operation below that only the artifact has}."""
        found: dict[int, int] = {}
        for number, node in enumerate(theirs):
            own = not node.is_constant and id(node) not in self.common
            mask = 1 << number if own else 0
            for read in node.inputs if own else ():
                mask |= found[id(read)]
            found[id(node)] = mask
        return found

    def _chosen(self) -> Iterator[tuple[tuple[int, int], tuple[Pair, Way]]]:
        """Yield the pairs of the best ways, each after those below it."""
        waiting = [(pair, False) for pair in self.outputs.values()]
        seen: set[tuple[int, int]] = set()
        while waiting:
            pair, ready = waiting.pop()
            key = id(pair[0]), id(pair[1])
            way = self._done[key].way
            if ready:
                yield key, (pair, way)
            elif key not in seen:
                seen.add(key)
                waiting.append((pair, True))
                waiting.extend((below, False) for below in way.below)

    def _judge(self, pair: Pair) -> bool:
        waiting = [pair]
        while waiting:
            one, other = waiting[-1]
            key = id(one), id(other)
            if key in self._done:
                waiting.pop()
                continue
            if len(self._done) > _MOST:
                return False
            best: _Judged | None = None
            left: list[Pair] = []
            for ways in self._stages(one, other):
                left = [b for w in ways for b in w.below if (id(b[0]), id(b[1])) not in self._done]
                if left:
                    break
                for way in ways:
                    judged = self._of(way)
                    if best is None or judged.cost < best.cost:
                        best = judged
                if best is not None and best.cost < _ATTRIBUTES:
                    break
            if left:
                waiting.extend(left)
                continue
            waiting.pop()
            self._done[key] = best or self._of(Way(self._replaced(one, other)))
        return True

    def _of(self, way: Way) -> _Judged:
        edits: Edits = frozenset(() if way.edit is None else (way.edit,))
        for one, other in way.below:
            edits |= self._done[id(one), id(other)].edits
        return _Judged(_total(edits), edits, way)

    def _replaced(self, live: Node, frozen: Node) -> Edit:
        return Edit(REPLACED, live, frozen, cost=_ELSE + _EACH * self._own[id(frozen)].bit_count())

    def _stages(self, live: Node, frozen: Node) -> Iterator[list[Way]]:
        """Yield ways to pair two nodes, the likely ones first."""
        if self._equal(live, frozen):
            yield [Way()]
            return
        if live.value is not None and frozen.value is not None:
            if live.value.shape == frozen.value.shape:
                yield [Way(Edit(CONSTANT, live, frozen, cost=unlike(live, frozen)))]
            else:
                yield [Way(self._replaced(live, frozen))]
            return
        if live.is_constant or frozen.is_constant:
            yield [Way(self._replaced(live, frozen))]
            return
        paired = list(self._paired(live, frozen))
        yield paired
        if live.form == frozen.form:
            return
        known = self.common.get(id(frozen))
        more = [Way(self._replaced(live, frozen))]
        if known is not None:
            more.append(Way(Edit(WIRED, live, frozen, cost=_WIRE)))
        yield more
        if abs(self._height[id(live)] - self._height[id(frozen)]) > self._band:
            return
        found: list[Way] = []
        for place, read in enumerate(live.inputs):
            if not read.is_constant and (known is None or known is read):
                found.append(Way(Edit(MISSING, live, frozen, place), ((read, frozen),)))
        for place, read in enumerate(frozen.inputs):
            if not read.is_constant and known is None:
                own = 0
                for n, other in enumerate(frozen.inputs):
                    own |= 0 if n == place else self._own[id(other)]
                count = (own & ~self._own[id(read)]).bit_count()
                edit = Edit(EXTRA, live, frozen, place, _ONE + _EACH * count)
                found.append(Way(edit, ((live, read),)))
        yield found

    def _near(self, pair: Pair) -> bool:
        """Return whether two operands are of one form."""
        return pair[0].form == pair[1].form

    def _paired(self, live: Node, frozen: Node) -> Iterator[Way]:
        """Yield ways in which two operations stand for each other."""
        same = live.op == frozen.op and live.attributes == frozen.attributes
        if len(live.inputs) == len(frozen.inputs) and live.inputs:
            cost = _ATTRIBUTES if live.op == frozen.op else _OPERATION
            edit = None if same else Edit(CHANGED, live, frozen, cost=cost)
            straight = tuple(zip(live.inputs, frozen.inputs, strict=True))
            yield Way(edit, straight)
            if live.form == frozen.form and all(a.form == b.form for a, b in straight):
                return
            if live.op in COMMUTATIVE or frozen.op in COMMUTATIVE:
                yield Way(edit, tuple(zip(live.inputs, frozen.inputs[::-1], strict=True)))
            elif same and 1 < len(live.inputs) <= _OPERANDS and live.op not in _WEIGHTED:
                for order in itertools.permutations(range(len(live.inputs))):
                    crossed = tuple(
                        zip((live.inputs[n] for n in order), frozen.inputs, strict=True)
                    )
                    if all(map(self._near, crossed)) and list(order) != sorted(order):
                        yield Way(Edit(ORDERED, live, frozen, cost=_ATTRIBUTES), crossed)
            return
        computed = [[n for n in node.inputs if not n.is_constant] for node in (live, frozen)]
        if len(computed[0]) == len(computed[1]) == 1:
            edit = Edit(CHANGED, live, frozen, cost=_OPERATION + 0.1)
            yield Way(edit, ((computed[0][0], computed[1][0]),))


def _total(edits: Edits) -> float:
    """Return what changes count; one that is made again and again hardly more than once."""
    if len(edits) < 2:
        return sum(edit.cost for edit in edits)
    total = 0.0
    seen: set[Hashable] = set()
    for edit in edits:
        total += edit.cost * (_AGAIN if edit.sort in seen else 1.0)
        seen.add(edit.sort)
    return total


def _heights(nodes: Iterable[Node]) -> dict[int, int]:
    """Return {id of a node: how many operations stand between it and the inputs}."""
    found: dict[int, int] = {}
    for node in nodes:
        found[id(node)] = max((found[id(read)] + 1 for read in node.inputs), default=0)
    return found


def unlike(live: Node, frozen: Node) -> float:
    """Return what another value of a constant costs."""
    one, other = live.value, frozen.value
    if one is None or other is None or not (one.is_real and other.is_real):
        return 2.0 * _CONSTANT
    mine, theirs = _sample(one), _sample(other)
    with np.errstate(all="ignore"):
        size = np.linalg.norm(mine) + np.linalg.norm(theirs)
        share = np.linalg.norm(mine - theirs) / size if size > 0.0 else 0.0
    return _CONSTANT * (1.0 + float(min(1.0, np.nan_to_num(share, nan=1.0))))


def _sample(value: Value) -> Floats:
    """Return some elements of a constant; a large one is not widened as a whole."""
    places = np.arange(0, value.array.size, max(1, value.array.size // _SAMPLE))
    found = value.array.reshape(-1)[places].astype(np.float64)
    if value.scale is None:
        return found
    scale = np.broadcast_to(value.scale, value.array.shape[-1:])
    return np.asarray(found * scale[places % scale.size])
