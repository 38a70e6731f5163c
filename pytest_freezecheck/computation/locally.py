"""Where two computations part: is it the same there, written otherwise, or another function?

What both sides have below is taken as given: any values may stand there. Each side is a function of
them then, of a few operations. If the two differ for some values, the operations differ; if they do
not for any that are tried, nobody knows, and nothing is claimed.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.computation.common import DEEP, below
from pytest_freezecheck.computation.matching import Matcher, Pair
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rules.bounds import span
from pytest_freezecheck.computation.vocabulary import VOCABULARY, evaluate

Array = npt.NDArray[Any]
#: Sets of values that are tried.
_TRIES = 12
#: Operations that a difference is followed through.
_UP = 4
#: How far apart two results are that no rounding explains, of the largest of them.
_APART, _SMALL = 1e-5, 1e-3
#: The same where weights are rounded to a grid, which may add up.
_COARSE = 0.25
#: Sizes that stand for those that are not known.
_ROWS = 3
_DTYPES = ("Index", "dtype", "out_type", "output_type", "index_type", "out_idx")
_LARGEST, _EDGES = 1 << 22, 48
#: Products that one try may take: about a second.
_MOST_WORK = 2e8


@dataclasses.dataclass(frozen=True)
class Parting:
    """Where two computations part.

    Attributes:
        live, frozen: the operations, on each side.
        proven: whether there are values for which they give different results.
        live_own, frozen_own: the operations that only this side has there.
    """

    live: Node
    frozen: Node
    proven: bool
    live_own: tuple[Node, ...] = ()
    frozen_own: tuple[Node, ...] = ()


def part(matcher: Matcher, pair: Pair) -> Parting:
    """Return what is known of two operations that are not of one form.

    Args:
        matcher: knows what is equal below them.
        pair: the operations.
    """
    live, frozen = pair
    if live.opaque and frozen.opaque and live.op == frozen.op:
        # Of one kind and with the same operands, but for an attribute, which says what it does.
        equal = len(live.inputs) == len(frozen.inputs) and all(
            matcher.equal(*both) for both in zip(live.inputs, frozen.inputs, strict=True)
        )
        named = equal and any(map(_counts, _apart_in(live, frozen)))
        return Parting(live, frozen, named, (live,), (frozen,))
    shared = below(matcher, [pair])
    mine, theirs = (_own(node, shared[side]) for side, node in enumerate(pair))
    if mine is None or theirs is None:
        return Parting(live, frozen, proven=False)
    proven = bool(differ(matcher, [pair]))
    return Parting(live, frozen, proven, tuple(mine), tuple(theirs))


def _apart_in(live: Node, frozen: Node) -> set[str]:
    """Return in which attributes two nodes are apart; one that is left out has its default."""
    return {name for name, _ in set(live.attributes) ^ set(frozen.attributes)}


def _counts(attribute: str) -> bool:
    """Return whether an attribute alone makes another function: no dtype, no mask of axes."""
    return not (attribute.startswith("T") or attribute in _DTYPES or attribute.endswith("_mask"))


def shows(
    matcher: Matcher, pair: Pair, readers: Mapping[tuple[int, int], Sequence[Pair]], up: int = _UP
) -> bool:
    """Return whether it still shows that two operations differ, in what reads them.

    The square of a difference, or a reshape, may make up for it.

    Args:
        matcher: knows what is equal.
        pair: the operations.
        readers: {ids of a pair: the pairs that read it}.
        up: how many operations on it is looked for.
    """
    above = readers.get((id(pair[0]), id(pair[1])), ())
    if not up or not above:
        return True
    for reader in above[:_UP]:
        found = differ(matcher, [reader])
        if found is None or (found and shows(matcher, reader, readers, up - 1)):
            return True
    return False


def differ(
    matcher: Matcher, pairs: Sequence[Pair], other: Mapping[int, Node] | None = None
) -> bool | None:
    """Return whether values can be found for which two sides give different results.

    Args:
        matcher: knows what is equal below them.
        pairs: what is to be equal on both sides.
        other: {id of a constant of the live side: what stands in its place}; the live side is
            compared with itself then, once so and once as it is.

    Returns:
        None where that cannot be worked out.
    """
    shared = below(matcher, pairs)
    work = sum(_work(pair[side], shared[side]) for pair in pairs for side in (0, 1))
    if work > _MOST_WORK:
        return None
    edges = _edges(pairs, shared)
    for seed in range(-math.ceil(len(edges) / _ROWS), _TRIES):
        found = [_apart(pair, shared, seed, other, edges) for pair in pairs]
        if None in found:
            return None
        if any(found):
            return True
    return False


def _edges(pairs: Sequence[Pair], shared: tuple[Mapping[int, Node], Mapping[int, Node]]) -> Array:
    """Return numbers at which the two sides may part: their own few constants, and between them.

    A threshold that was moved by little shows between its two places, and hardly by chance.
    """
    met: tuple[set[float], set[float]] = (set(), set())
    for pair in pairs:
        for node, known, found in zip(pair, shared, met, strict=True):
            for read in _down_to(node, known):
                found.update(_numbers_in(read))
    ordered = sorted(met[0] | met[1])
    own = met[0] ^ met[1]
    between = [(a + b) / 2.0 for a, b in itertools.pairwise(ordered) if a in own or b in own]
    both = sorted(met[0] & met[1])  # "above" and "at or above" part at the threshold itself
    return np.asarray([*between, *sorted(own), *both][:_EDGES])


def _numbers_in(node: Node) -> list[float]:
    held: list[Any] = []
    if node.value is not None and node.value.is_real and node.value.array.size <= _EDGES:
        held = node.value.wide().ravel().tolist()
    for _, given in node.attributes:
        held += given if isinstance(given, tuple) else [given]
    return [n for n in held if isinstance(n, float) and np.isfinite(n)]


def _down_to(node: Node, known: Mapping[int, Node]) -> Iterator[Node]:
    """Yield a node and what it is computed from, each once, down to what is known."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        read = waiting.pop()
        if id(read) not in known and id(read) not in seen:
            seen.add(id(read))
            yield read
            waiting.extend(read.inputs)


def _work(node: Node, known: Mapping[int, Node]) -> float:
    """Return how many products it takes to work out a node, from what is known."""
    total = 0.0
    for read in _down_to(node, known):
        cells = np.prod([_ROWS if n is None else n for n in read.shape or ()], dtype=float)
        layer = read.op in ("conv", "matmul", "dot") and read.inputs[1].shape
        total += cells * np.prod([n or 1 for n in layer[:-1]], dtype=float) if layer else cells
    return float(total)


def _own(node: Node, shared: Mapping[int, Node]) -> list[Node] | None:
    """Return the operations between a node and what is shared; None if they cannot be worked."""
    found: list[Node] = []
    for read in _down_to(node, shared):
        if read.is_constant:
            continue
        if read.op not in VOCABULARY or len(found) > DEEP:
            return None
        found.append(read)
    return found


def _apart(
    pair: Pair,
    shared: tuple[dict[int, Node], dict[int, Node]],
    seed: int,
    other: Mapping[int, Node] | None,
    edges: Array,
) -> bool | None:
    """Return whether two nodes give different results for one set of values, None if unknown.

    Args:
        pair: the nodes.
        shared: what stands for what both have below, for each side.
        seed: chooses the values; of one below 0, floating-point numbers are the edges, in turn.
        other: {id of a constant of the live side: what stands in its place}.
        edges: numbers at which the two may part.
    """
    (live, frozen), (here, there) = pair, shared
    changed = {key: node.value.wide() for key, node in (other or {}).items() if node.value}
    sides: Any = ((live, here, {}), (frozen, there, {}))
    if other:
        sides = ((live, here, {}), (live, here, changed))
    results = []
    for node, known, given in sides:
        values = {
            key: _at_edges(stands, np.roll(edges, seed * _ROWS))
            if seed < 0
            else _drawn(stands, [seed, n])
            for n, (key, stands) in enumerate(known.items())
        }
        if any(value is None for value in values.values()):
            return None
        found = _worked(node, {**values, **given})
        if found is None:
            return None
        results.append(found)
    one, two = results
    if one.shape != two.shape:
        return True
    if one.dtype.kind not in "fiub" or two.dtype.kind not in "fiub":
        return not np.array_equal(one, two)
    one, two = one.astype(np.float64), two.astype(np.float64)
    finite = np.isfinite(one) & np.isfinite(two)
    if not finite.any():
        return False
    size = float(np.abs(one[finite]).max())
    least = _COARSE if any(_rounded(node, known) for node, known, _ in sides) else _APART
    return float(np.abs(one[finite] - two[finite]).max()) > least * max(size, _SMALL)


def _rounded(node: Node, known: Mapping[int, Node]) -> bool:
    """Return whether constants between a node and what is known are rounded to a grid."""
    values = (read.value for read in _down_to(node, known))
    return any(value is not None and value.rounded for value in values)


def _at_edges(node: Node, edges: Array) -> Array | None:
    """Return the edges in turn, for a tensor of floating-point numbers; others are drawn."""
    drawn = _drawn(node, [0, 0])
    if drawn is None or drawn.dtype.kind != "f":
        return drawn
    return np.asarray(np.clip(np.resize(edges, drawn.shape), *span(node)))


def _drawn(node: Node, seed: list[int]) -> Array | None:
    """Return values for a tensor of a known rank: small, of the usual size, or large."""
    if node.shape is None:
        return None
    shape = [_ROWS if size is None else size for size in node.shape]
    if np.prod(shape, dtype=float) > _LARGEST:
        return None
    rng = np.random.default_rng(seed)
    if node.dtype == "bool":
        return rng.random(shape) < 0.5
    if node.dtype.startswith(("int", "uint")):
        return rng.integers(0, 3, shape)
    if not node.dtype.startswith(("float", "bfloat")):
        return None
    low, high = span(node)
    return np.clip(rng.normal(0.0, (0.3, 1.0, 10.0)[seed[0] % 3], shape), low, high)


def _worked(node: Node, values: Mapping[int, Array | None]) -> Array | None:
    """Return what a node computes where some of what it is computed from is given."""
    try:
        return evaluate([node], {}, given=values)[0]
    except (ValueError, IndexError, KeyError, ZeroDivisionError, TypeError):
        return None
