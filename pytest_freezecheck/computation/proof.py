"""What a comparison of two computations came to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from pytest_freezecheck.computation.locally import Parting, differ, part, shows
from pytest_freezecheck.computation.matching import Constants, Matcher, Pair, variables
from pytest_freezecheck.computation.node import Node, walk
from pytest_freezecheck.computation.values import FOLDING, UNIT

#: Of constants that differ, so many are tried alone.
_ALONE = 8
#: Operations with a weight and a bias, or a factor and a term.
_LAYERS = ("conv", "matmul", "affine")
#: How far factors may be apart that are one.
_SAME_FACTOR = 1e-4
IDENTICAL, EQUAL, DIFFERS, NOT_MATCHED = RESULTS = ("identical", "equal", "differs", "not-matched")


@dataclasses.dataclass(frozen=True)
class Proof:
    """What the comparison of two computations came to.

    Attributes:
        result: `identical`: the same operations on the same constants, bit for bit; `equal`: the
            same function of its inputs but for the rounding of constants; `differs`: the same but
            for constants or operations that are named here; `not-matched`: nobody knows.
        furthest: the largest difference of two constants, of the largest in its channel.
        bound: what may be there.
        at: what the live model calls the constant that is furthest apart.
        grid: what the file rounds its weights to, in words; empty if it keeps them.
        accounted: share of the live model's weights that were compared.
        constants: those that are further apart than rounding explains.
        partings: where operations differ.
        why: why no more is known, in words; may be empty.
        measured: the pairs of constants that were compared and are not one and the same.
    """

    result: str
    furthest: float = 0.0
    bound: float = 0.0
    at: str = ""
    grid: str = ""
    accounted: float = 0.0
    constants: tuple[Constants, ...] = ()
    partings: tuple[Parting, ...] = ()
    why: str = ""
    measured: tuple[Constants, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether both sides compute the same."""
        return self.result in (IDENTICAL, EQUAL)

    def without(self, known: Callable[[Constants], bool]) -> Proof:
        """Return it without the constants that are known to differ, and that are meant to.

        Args:
            known: tells of a pair of constants whether it is.
        """
        left = tuple(found for found in self.constants if not known(found))
        if len(left) == len(self.constants):
            return self
        if left or self.partings or self.result != DIFFERS:
            return dataclasses.replace(self, constants=left)
        why = "weights that differ are ignored, as was asked for"
        return dataclasses.replace(self, result=NOT_MATCHED, constants=(), why=why)


#: What is known of two sides that are one and the same expression.
IDENTITY = Proof(IDENTICAL, accounted=1.0)


def unread(why: str) -> Proof:
    """Return what is known where a side cannot be read."""
    return Proof(NOT_MATCHED, why=why)


def same(live: Mapping[str, Node], frozen: Mapping[str, Node]) -> bool:
    """Return whether each output is one and the same expression on both sides."""
    return all(live[name] is frozen[name] for name in frozen)


def compare(
    live: Mapping[str, Node],
    frozen: Mapping[str, Node],
    names: frozenset[str],
    known: Iterable[Constants] = (),
) -> Proof:
    """Return what the comparison of two computations in normal form comes to.

    Args:
        live: {output: its expression}.
        frozen: the same of the artifact, made in the same arena.
        names: of the live model's weights, as constants have them in their origin.
        known: constants that were compared before.
    """
    outputs = {name: (live[name], frozen[name]) for name in frozen}
    matcher = Matcher(known)
    for pair in outputs.values():
        matcher.alike(*pair)
    constants = matcher.constants(outputs)
    stops = matcher.stops(outputs)
    partings = tuple(part(matcher, stop) for stop in stops)
    apart = tuple(found for found in constants if found.differ)
    furthest = max(constants, key=lambda c: c.apart.relative, default=None)
    closest = [c for c in constants if not c.differ]
    shown = furthest if apart else max(closest, key=lambda c: c.apart.relative, default=None)
    needed = variables(live, names)
    met = _met(matcher, outputs, names)
    grids = sorted({c.apart.grid for c in constants if c.apart.grid})
    result, why = _result(matcher, outputs, apart, partings)
    return Proof(
        result,
        furthest=0.0 if shown is None else shown.apart.relative,
        bound=FOLDING * UNIT if shown is None else shown.apart.bound,
        at="" if shown is None else named(shown.live),
        grid=", ".join(grids),
        accounted=len(met & needed) / len(needed) if needed else 1.0,
        constants=apart,
        partings=partings,
        measured=tuple(constants),
        why=why,
    )


def _result(
    matcher: Matcher,
    outputs: Mapping[str, Pair],
    apart: Sequence[Constants],
    partings: Sequence[Parting],
) -> tuple[str, str]:
    """Return what constants and operations that are not the same amount to, and why not more.

    One of them alone makes another function. Several may cancel: a factor that stands in one weight
    on this side and in another on that. So both sides are worked out, as functions of what they
    have in common; where they agree, each constant is tried alone: if that shows, they cancel.
    Weight and bias of one layer cannot, as any values may come in: they count as one.
    """
    if not apart and not partings:
        return EQUAL, ""
    if not all(parting.proven for parting in partings):
        return NOT_MATCHED, ""
    readers = matcher.readers(outputs) if partings else {}
    if not all(shows(matcher, (p.live, p.frozen), readers) for p in partings):
        return NOT_MATCHED, "where operations differ, what reads them makes up for it"
    alone = len(apart) + len(partings) == 1
    if alone or (not partings and _of_one_layer(matcher, outputs, apart)):
        return DIFFERS, ""
    pairs = list(outputs.values())
    whole = differ(matcher, pairs)
    if whole:
        return DIFFERS, ""
    if whole is None:
        own = all(parting.live.opaque and parting.frozen.opaque for parting in partings)
        if own and not (partings and apart) and not _may_cancel(apart):
            return DIFFERS, ""
        return NOT_MATCHED, "what differs cannot be worked out"
    each = (differ(matcher, pairs, {id(c.live): c.frozen}) for c in apart[:_ALONE])
    if partings or any(each):
        return NOT_MATCHED, "what differs in one place is made up for in another"
    return DIFFERS, ""


def _of_one_layer(
    matcher: Matcher, outputs: Mapping[str, Pair], apart: Sequence[Constants]
) -> bool:
    """Return whether constants are weight and bias of one layer.

    So it is where one number of a BatchNorm is altered that was folded into the layer before it.
    """
    readers = matcher.readers(outputs)
    reading = [readers.get((id(found.live), id(found.frozen)), []) for found in apart]
    pairs = {(id(one), id(other)): (one, other) for found in reading for one, other in found}
    if len(pairs) != 1 or any(len(found) != 1 for found in reading):
        return False
    (pair,) = pairs.values()
    return pair[0].op in _LAYERS


def _may_cancel(apart: Sequence[Constants]) -> bool:
    """Return whether constants may make up for each other: by factors, or by sums moved on.

    A weight that is no multiple of the other, in each channel of its inputs or outputs, was altered
    for its own sake; so was a vector of which some elements are the same.
    """
    weights = [found for found in apart if len(found.live.shape or ()) > 1]
    if weights:
        return all(map(_is_multiple, weights))
    return all(found.apart.count == found.apart.size for found in apart)


def _is_multiple(found: Constants) -> bool:
    one, other = found.live.value, found.frozen.value
    if one is None or other is None or not (one.is_real and other.is_real):
        return False
    mine, theirs = one.wide(), other.wide()
    with np.errstate(all="ignore"):
        ratio = np.where(mine == theirs, 1.0, theirs / mine)
    for axis in (-1, -2):  # outputs, inputs
        rest = tuple(n for n in range(ratio.ndim) if n != ratio.ndim + axis)
        low, high = ratio.min(axis=rest), ratio.max(axis=rest)
        if np.all(np.abs(high - low) <= _SAME_FACTOR * np.abs(high)):
            return True
    return False


def named(constant: Node) -> str:
    """Return what a constant is made of, in a few names."""
    origin = constant.value.origin if constant.value is not None else ()
    return ", ".join(origin[:3]) + (", ..." if len(origin) > 3 else "")


def _met(
    matcher: Matcher, outputs: Mapping[str, tuple[Node, Node]], names: frozenset[str]
) -> set[str]:
    """Return which weights stand in parts that were paired, or are the same object."""
    found: set[str] = set()
    same_parts: list[Node] = []
    for pair in outputs.values():
        for one, other in matcher.pairs(*pair):
            if one is other:
                same_parts.append(one)
            elif one.value is not None and matcher.alike(one, other):
                found.update(name for name in one.value.origin if name in names)
    for node in walk(same_parts):
        if node.value is not None:
            found.update(name for name in node.value.origin if name in names)
    return found
