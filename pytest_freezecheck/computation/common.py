"""What two computations have in common below a pair of operations, as free values of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_freezecheck.computation.matching import Matcher, Pair
from pytest_freezecheck.computation.node import Node

#: Operations that are looked at on each side.
DEEP = 256


def below(matcher: Matcher, pairs: Sequence[Pair]) -> tuple[dict[int, Node], dict[int, Node]]:
    """Return {id: what stands for it} of nodes that both sides have below, for each side."""
    shared: list[Pair] = []
    here: dict[int, Node] = {}
    there: dict[int, Node] = {}
    for live, frozen in pairs:
        by_form: dict[int, list[Node]] = {}
        for node in _near(frozen):
            by_form.setdefault(node.form, []).append(node)
        for node in _near(live):
            for other in by_form.get(node.form, []):
                if id(node) not in here and id(other) not in there and matcher.equal(node, other):
                    here[id(node)] = there[id(other)] = node
                    shared.append((node, other))
                    break
    _level(pairs, here, there)
    shared = _independent(pairs, [pair for pair in shared if id(pair[0]) in here])
    return {id(one): one for one, _ in shared}, {id(other): one for one, other in shared}


def _independent(pairs: Sequence[Pair], shared: list[Pair]) -> list[Pair]:
    """Leave out what is computed from others of these: it cannot have values of its own then."""
    while True:
        sides = [{id(pair[side]): n for n, pair in enumerate(shared)} for side in (0, 1)]
        used: set[int] = set()
        for side, known in enumerate(sides):
            used |= _met_first([pair[side] for pair in pairs], known)
        left = [{key: n for key, n in known.items() if n in used} for known in sides]
        bound = {
            n
            for n in used
            if any(_met_first(shared[n][side].inputs, known) for side, known in enumerate(left))
        }
        if not bound:
            return [shared[n] for n in sorted(used)]
        shared = [pair for n, pair in enumerate(shared) if n not in bound]


def _met_first(nodes: Sequence[Node], known: Mapping[int, int]) -> set[int]:
    """Return which of these nodes are met first on the ways down."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if id(node) in known:
            found.add(known[id(node)])
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.extend(node.inputs)
    return found


def _level(pairs: Sequence[Pair], here: dict[int, Node], there: dict[int, Node]) -> None:
    """Take out what one side alone reads, until both are functions of the same.

    Where one side reads a convolution, and the other has that in another way, from what it is
    computed from, the two are no values of their own.
    """
    for _ in range(DEEP):
        mine, theirs = (
            {id(known[key]): known[key] for key in _reached([pair[side] for pair in pairs], known)}
            for side, known in enumerate((here, there))
        )
        odd = [node for key, node in {**mine, **theirs}.items() if (key in mine) != (key in theirs)]
        if not odd:
            return
        # Of an input that one side alone reads, the rest may be computed: down to all inputs then.
        gone = [node for node in odd if node.inputs]
        gone = gone or [node for node in {**mine, **theirs}.values() if node.inputs]
        if not gone:
            return
        ids = {id(node) for node in gone}
        both = {**mine, **theirs}.values()
        ids |= {id(node) for node in both if _depends(node, ids)}
        for known in (here, there):
            for key in [key for key, node in known.items() if id(node) in ids]:
                del known[key]


def _depends(node: Node, ids: set[int]) -> bool:
    """Return whether a node is computed from one of these, as far as that is looked for."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        read = waiting.pop()
        if id(read) in ids or len(seen) > 4 * DEEP:
            return True
        if id(read) not in seen:
            seen.add(id(read))
            waiting.extend(read.inputs)
    return False


def _reached(nodes: Sequence[Node], shared: Mapping[int, Node]) -> set[int]:
    """Return the ids of what is shared that nodes read, straight or through what is not."""
    seen: set[int] = set()
    waiting = list(nodes)
    found: set[int] = set()
    while waiting and len(seen) < 2 * DEEP:
        node = waiting.pop()
        if id(node) in shared:
            found.add(id(node))
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.extend(node.inputs)
    return found


def _near(node: Node) -> list[Node]:
    """Return a node and what it is computed from, the nearest first; no constants."""
    found: dict[int, Node] = {}
    waiting = [node]
    while waiting and len(found) < DEEP:
        read = waiting.pop(0)
        if id(read) not in found and not read.is_constant:
            found[id(read)] = read
            waiting.extend(read.inputs)
    return list(found.values())
