"""Are two computations the same? Compares expressions in normal form, from the outputs on.

Equal parts are one object, and are not looked into. Operands that may be exchanged are paired by
their form, and where that does not tell, by what fits. Each pair is judged once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_freezecheck.computation.apart import Apart, apart
from pytest_freezecheck.computation.kernels import known_pads
from pytest_freezecheck.computation.node import COMMUTATIVE, Node, walk
from pytest_freezecheck.computation.pages import give_back

Pair = tuple[Node, Node]


@dataclasses.dataclass(frozen=True)
class Constants:
    """Two constants in the same place.

    Attributes:
        live, frozen: the constants.
        reader: what reads the live one.
        apart: how far they are apart.
    """

    live: Node
    frozen: Node
    reader: Node
    apart: Apart

    @property
    def differ(self) -> bool:
        """Whether they are further apart than rounding explains."""
        return not self.apart.excess <= 1.0


@dataclasses.dataclass
class _Judged:
    """What became of a pair: of the same form, equal in all constants, and how it was paired."""

    alike: bool
    equal: bool
    chosen: tuple[Pair, ...] = ()
    apart: Apart | None = None


class Matcher:
    """Pairs the nodes of two computations in one arena.

    Args:
        known: constants that were compared before, of which most are met again.
    """

    def __init__(self, known: Iterable[Constants] = ()) -> None:
        self._judged: dict[tuple[int, int], _Judged] = {}
        self._known = {(id(c.live), id(c.frozen)): c for c in known}

    def alike(self, live: Node, frozen: Node) -> bool:
        """Return whether two nodes have the same form, whatever their constants are."""
        return self._judge(live, frozen).alike

    def equal(self, live: Node, frozen: Node) -> bool:
        """Return whether two nodes compute the same, up to rounding of constants."""
        return self._judge(live, frozen).equal

    def pairs(self, live: Node, frozen: Node) -> Iterator[Pair]:
        """Yield the pairs of nodes that were matched below a pair, each once, itself first."""
        seen: set[tuple[int, int]] = set()
        waiting = [(live, frozen)]
        while waiting:
            one, other = waiting.pop()
            key = id(one), id(other)
            if key in seen:
                continue
            seen.add(key)
            yield one, other
            waiting.extend(reversed(self._judge(one, other).chosen))

    def constants(self, outputs: Mapping[str, Pair]) -> list[Constants]:
        """Return the constants that were paired and are not the same object, each pair once."""
        found: dict[tuple[int, int], Constants] = {}
        for pair in outputs.values():
            for one, other in self.pairs(*pair):
                # An output may be a constant itself.
                own = ((one, other),) if one is pair[0] and other is pair[1] else ()
                for here, there in (*own, *self._judge(one, other).chosen):
                    judged = self._judge(here, there)
                    key = id(here), id(there)
                    if judged.apart is not None and key not in found:
                        found[key] = Constants(here, there, one, judged.apart)
        return list(found.values())

    def readers(self, outputs: Mapping[str, Pair]) -> dict[tuple[int, int], list[Pair]]:
        """Return {ids of a pair: the pairs that read it}."""
        found: dict[tuple[int, int], list[Pair]] = {}
        for pair in outputs.values():
            for one, other in self.pairs(*pair):
                for here, there in self._judge(one, other).chosen:
                    found.setdefault((id(here), id(there)), []).append((one, other))
        return found

    def stops(self, outputs: Mapping[str, Pair]) -> list[Pair]:
        """Return the pairs that are not of one form although all above them is, each once."""
        found: dict[tuple[int, int], Pair] = {}
        for pair in outputs.values():
            for one, other in self.pairs(*pair):
                judged = self._judge(one, other)
                if not judged.alike and not judged.chosen:
                    found[id(one), id(other)] = (one, other)
        return list(found.values())

    def _judge(self, live: Node, frozen: Node) -> _Judged:
        waiting = [(live, frozen)]
        while waiting:
            one, other = waiting[-1]
            key = id(one), id(other)
            if key in self._judged:
                waiting.pop()
                continue
            left = [
                pair
                for pairing in _pairings(one, other)
                for pair in pairing
                if (id(pair[0]), id(pair[1])) not in self._judged
            ]
            if left:
                waiting.extend(reversed(left))
                continue
            self._judged[key] = self._of(one, other)
            waiting.pop()
        return self._judged[id(live), id(frozen)]

    def _of(self, live: Node, frozen: Node) -> _Judged:
        if live is frozen:
            return _Judged(alike=True, equal=True)
        if live.value is not None and frozen.value is not None:
            if not _comparable(live, frozen):
                return _Judged(alike=False, equal=False)
            before = self._known.get((id(live), id(frozen)))
            found = before.apart if before else apart(live.value, frozen.value)
            give_back(frozen.value.array)
            return _Judged(alike=True, equal=found.excess <= 1.0, apart=found)
        if not live.inputs and not frozen.inputs and not (live.is_constant or frozen.is_constant):
            same = (live.op, live.attributes) == (frozen.op, frozen.attributes)
            return _Judged(alike=same, equal=same)
        best = _Judged(alike=False, equal=False)
        most = (-1, -1, -1)
        for pairing in _pairings(live, frozen):
            judged = [self._judged[id(a), id(b)] for a, b in pairing]
            if any(not p.alike and _ends(*pair) for p, pair in zip(judged, pairing, strict=True)):
                continue  # it is what reads them that is not the same
            alike = all(part.alike for part in judged)
            equal = all(part.equal for part in judged)
            fits = (int(equal), int(alike), sum(part.equal + part.alike for part in judged))
            if fits > most:
                best, most = _Judged(alike, equal, pairing), fits
        return best


def _ends(live: Node, frozen: Node) -> bool:
    """Return whether nothing can be said of two nodes without what reads them."""
    return not live.inputs or not frozen.inputs


def _comparable(live: Node, frozen: Node) -> bool:
    """Return whether two constants are of one shape, and of one kind."""
    one, other = live.value, frozen.value
    if one is None or other is None:
        return False
    kinds = [v.is_real or v.array.dtype.kind == "c" for v in (one, other)]
    return one.shape == other.shape and kinds[0] == kinds[1]


def _pairings(live: Node, frozen: Node) -> list[tuple[Pair, ...]]:
    """Return in which ways the operands of two nodes may be paired; none if they are not alike."""
    if live is frozen or live.is_constant or frozen.is_constant:
        return []
    if live.op != frozen.op or len(live.inputs) != len(frozen.inputs):
        return []
    if not live.inputs or not _attributes_fit(live, frozen):
        return []
    straight = tuple(zip(live.inputs, frozen.inputs, strict=True))
    if live.op not in COMMUTATIVE:
        return [straight]
    crossed = tuple(zip(live.inputs, frozen.inputs[::-1], strict=True))
    fits = [sum(a.form == b.form for a, b in pairing) for pairing in (straight, crossed)]
    if fits[0] == fits[1]:
        return [straight, crossed]
    return [straight if fits[0] > fits[1] else crossed]


def _attributes_fit(live: Node, frozen: Node) -> bool:
    """Return whether two nodes have the same attributes, if they are applied to the same.

    One side may know less of sizes than the other, and so have "SAME" where that has cells.
    """
    if live.attributes == frozen.attributes:
        return True
    given: dict[str, Any] = dict(live.attributes)
    told: dict[str, Any] = dict(frozen.attributes)
    if "kernel" not in given or "SAME" not in (given.get("pads"), told.get("pads")):
        return False
    known = [node.inputs[0].shape for node in (live, frozen)]
    for sizes in known:
        for each in (given, told):
            gaps = each.get("dilations", (1,) * len(each["strides"]))
            each["pads"] = known_pads(sizes, each["kernel"], each["strides"], gaps, each["pads"])
    return given == told


def variables(outputs: Mapping[str, Node], names: frozenset[str]) -> set[str]:
    """Return which of these names the constants have that outputs are computed from."""
    found: set[str] = set()
    for node in walk(outputs.values()):
        if node.value is not None:
            found.update(name for name in node.value.origin if name in names)
    return found
