"""What may be another in an artifact's graph, told by walking both graphs at once.

An artifact that TensorFlow runs is a graph of the same operations as the live one, or nearly. So
its constants and attributes are held against those in the same place, whatever they are called.
These are hints and no more: that the live model computes what the artifact does with them is found
out on the normal form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.checking.causes.places import reaches
from pytest_freezecheck.checking.causes.rewriting import BATCH_NORM, Change
from pytest_freezecheck.checking.proving import Compared
from pytest_freezecheck.computation.matching import Pair
from pytest_freezecheck.computation.node import Node, walk
from pytest_freezecheck.diagnosis.rounded import rounded_to
from pytest_freezecheck.models.graph_definitions import defaults
from pytest_freezecheck.models.graph_reader import PREFIX
from pytest_freezecheck.models.operations.attributes import decoded
from pytest_freezecheck.result.findings import Blamed

#: Operations that one side alone has and that are walked past, at most; numbers shown.
_PAST, _NUMBERS = 48, 3
#: What preprocessing is made of; another operation before the first weight is just another one.
_PREPARES = frozenset({"Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "Maximum", "Minimum"})
_PREPARES |= {"Cast", "Reshape", "Transpose", "ReverseV2", "StridedSlice", "GatherV2", "ConcatV2"}
#: {attribute of BatchNorm: the cause of another one}
_OF_ATTRIBUTE = {"is_training": "training-batch-norm", "epsilon": "batch-norm-epsilon"}


def pairs(live: Mapping[str, Node], frozen: Mapping[str, Node]) -> Iterator[Pair]:
    """Yield what stands in the same place of both graphs and is not the same.

    Each live operation comes once, and a constant as often as it is read. Where one side has a
    constant and the other computes something, that is a pair, too.

    Args:
        live: {output: its expression, of TensorFlow's operations}.
        frozen: the same of the artifact.
    """
    seen: set[int] = set()
    waiting = [(live[name], frozen[name]) for name in frozen if name in live]
    while waiting:
        mine, theirs = waiting.pop()
        if mine is theirs or id(mine) in seen:
            continue
        found = (mine, theirs) if _alike(mine, theirs) else _past(mine, theirs)
        if found is None:
            if mine.is_constant != theirs.is_constant:
                yield mine, theirs
            continue
        one, other = found
        if not one.is_constant:
            seen.update((id(mine), id(one)))
        yield one, other
        waiting.extend(zip(one.inputs, other.inputs, strict=True))


def _alike(mine: Node, theirs: Node) -> bool:
    """Return whether two nodes can be the same operation, or one in the place of the other."""
    if mine.is_constant or theirs.is_constant:
        return mine.is_constant and theirs.is_constant and mine.shape == theirs.shape
    if mine.op != theirs.op and "input" in (mine.op, theirs.op):
        return False
    return len(mine.inputs) == len(theirs.inputs) and (
        mine.op == theirs.op or _same_below(mine, theirs)
    )


def _same_below(mine: Node, theirs: Node) -> bool:
    """Return whether two operations of other kinds read the same, as one in place of another."""
    return [read.op for read in mine.inputs] == [read.op for read in theirs.inputs]


def _past(mine: Node, theirs: Node) -> Pair | None:
    """Return where both go on as one, past what one side alone has; None if they do not."""
    for here in (0, 1):
        ends = [mine, theirs]
        waiting = [*ends[here].inputs]
        for read in waiting:  # the nearest first
            ends[here] = read
            if ends[0] is ends[1] or (_alike(*ends) and ends[0].op == ends[1].op):
                return (ends[0], ends[1]) if not read.is_constant else None
            if len(waiting) < _PAST:
                waiting.extend(read.inputs)
    return None


class Hints:
    """What an artifact's graph has in the places of the live one's constants and attributes.

    Args:
        compared: both computations; nothing is told where the artifact's is no graph of
            TensorFlow's operations.
        held: {weight: value} of the live model.
        named: {name: value} of what the artifact holds.

    Attributes:
        values: {weight, or another constant: value} that are others there.
        changes: {name of an operation: what it is there} of those that are others.
    """

    def __init__(
        self, compared: Compared, held: Mapping[str, Any], named: Mapping[str, Any]
    ) -> None:
        self.live, self.there, self.held = compared.live.raw, compared.raw or {}, held
        found = list(pairs(self.live, compared.raw)) if compared.raw else []
        self._nodes = {one.origin: (one, other) for one, other in found}
        self.values = _values(found, _uses(self.live.values()), held, named) if found else {}
        told = {one.origin: _change(one, other) for one, other in found if not one.is_constant}
        order = dict.fromkeys(node.origin for node in walk(self.live.values()))
        self.changes = {n: change for n in order if (change := told.get(n)) is not None and n}

    def live_names(self, names: Iterable[str]) -> set[str]:
        """Return what the live graph calls these, which may be names of the artifact's graph."""
        mine = {other.origin: one.origin for one, other in self._nodes.values()}
        given = set(names)
        return given | {mine[name] for name in given & mine.keys()}

    def of_constant(self, name: str) -> Blamed:
        """Return the cause of a constant of another value that is no weight."""
        one, other = self._nodes[name]
        readers = [node for node in walk(self.live.values()) if any(r is one for r in node.inputs)]
        prepares = self._prepares(self._first_of_inputs(one), self.live)
        cause = "input-transform" if prepares else "changed-operation"
        if name.endswith("batchnorm/add/y") and not _leaves(readers):
            cause = "batch-norm-epsilon"
        there, here = _beside(other, one)
        return Blamed(cause, (name,), f"{name} is {there}, in the live graph {here}", proven=True)

    def _first_of_inputs(self, constant: Node) -> list[Node]:
        """Return what is first computed from a constant and from an input, too."""
        constants, found = {id(constant)}, []
        for node in walk(self.live.values()):
            if any(id(read) in constants for read in node.inputs):
                if _leaves([node]):
                    found.append(node)
                else:
                    constants.add(id(node))
        return found

    def comes_first(self, names: Collection[str]) -> bool:
        """Return whether operations stand first in the artifact, between an input and its readers.

        In normal form, what an input is multiplied by may be in the weights of what reads it.

        Args:
            names: what the artifact's graph calls them.
        """
        there = [n for n in walk(self.there.values()) if n.origin in names and not n.is_constant]
        return bool(there) and self._prepares(there, self.there)

    def _prepares(self, nodes: list[Node], outputs: Mapping[str, Node]) -> bool:
        """Return whether operations stand between an input and all that reads it."""
        below = [part for node in nodes for part in walk([node])]
        if not all(
            part.op == "input" or part.op.removeprefix(PREFIX) in _PREPARES or not _leaves([part])
            for part in below
        ):
            return False
        weights = any(p.value is not None and set(p.value.origin) & self.held.keys() for p in below)
        leaves, tops = _leaves(nodes), {id(node) for node in nodes}
        return bool(leaves) and not weights and not reaches(outputs.values(), leaves, tops)

    def is_rounded(self, name: str) -> bool:
        """Return whether a constant is the live one, rounded to a dtype of fewer bits."""
        one, other = (node.value for node in self._nodes[name])
        if one is None or other is None:
            return False
        return rounded_to(one.array, other.array) is not None

    def of_changes(self, names: Iterable[str]) -> Iterator[Blamed]:
        """Yield the causes of operations that are others, those of one kind as one."""
        found: dict[tuple[str, str], list[str]] = {}
        for name in names:
            one, _ = self._nodes[name]
            change = self.changes[name]
            for attribute in change.attributes if change.op == one.op else ("",):
                found.setdefault((f"{one.op} {change.op}", attribute), []).append(name)
        for (_, attribute), nodes in found.items():
            one, other = self._nodes[nodes[0]]
            said = f"{nodes[0]} is {other.op.removeprefix(PREFIX)}, in the live graph "
            said += one.op.removeprefix(PREFIX)
            cause = None
            if attribute:
                there, here = (_in_words(node, attribute) for node in (other, one))
                said = f"{nodes[0]} has {attribute} = {there}, in the live graph {here}"
                norm = one.op.startswith(BATCH_NORM)
                cause = _OF_ATTRIBUTE.get(attribute) if norm else None
            if cause is None:
                prepares = self._prepares([self._nodes[name][0] for name in nodes], self.live)
                cause = "input-transform" if prepares else "changed-operation"
            more = f" (so in {len(nodes)} places)" if len(nodes) > 1 else ""
            yield Blamed(cause, tuple(nodes), said + more, proven=True)


def _leaves(nodes: list[Node]) -> set[str]:
    """Return the names of the inputs that operations are computed from."""
    return {part["name"] for part in walk(nodes) if part.op == "input"}


def _beside(one: Node, other: Node) -> tuple[str, str]:
    """Return two constants in words: the first numbers of long ones, or the first that differ."""
    arrays = [np.zeros(0) if node.value is None else node.value.array for node in (one, other)]
    first = [_numbers(np.ravel(array)[:_NUMBERS], array.size) for array in arrays]
    if first[0] != first[1] or arrays[0].shape != arrays[1].shape:
        return first[0], first[1]
    apart = np.flatnonzero(np.ravel(arrays[0] != arrays[1]))
    if not len(apart):  # but for the sign of a zero
        return first[0], first[1]
    there, here = (np.ravel(array)[apart[0]].item() for array in arrays)
    where = [int(n) for n in np.unravel_index(apart[0], arrays[0].shape)]
    at = f" at {where}" if arrays[0].size > 1 else ""
    return f"{_number(there, 9)}{at}", _number(here, 9)


def _numbers(values: Any, size: int) -> str:
    shown = [_number(value) for value in values.tolist()]
    if size == 1:
        return shown[0]
    return f"[{', '.join(shown)}{', ...' if size > len(shown) else ''}]"


def _number(value: Any, digits: int = 6) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _in_words(node: Node, attribute: str) -> str:
    content = node.get(attribute)
    if content is None:
        content = defaults(node.op.removeprefix(PREFIX)).get(attribute)
    if content is None:
        return "its default"
    value = decoded(content)
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _uses(nodes: Iterable[Node]) -> Counter[int]:
    """Return how often each node is read; equal constants are one."""
    return Counter(id(read) for node in walk(nodes) for read in node.inputs)


def _values(
    found: list[Pair], uses: Counter[int], held: Mapping[str, Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    """Return {constant: value} of what is another in its place, or, of weights, under its name.

    What is another in some of its places alone is left out: two constants had one value.
    """
    told: dict[str, Any] = {}
    known: dict[str, Any] = dict(held)
    met = Counter((id(one), id(other)) for one, other in found)
    for one, other in found:
        mine, theirs = one.value, other.value
        if mine is None or theirs is None or len(mine.origin) != 1 or mine.dtype != theirs.dtype:
            continue
        if met[id(one), id(other)] == uses[id(one)]:
            known.setdefault(mine.origin[0], mine.array)
            told[mine.origin[0]] = theirs.array
    for name in held.keys() & named.keys():
        value = named[name]
        if value.shape == held[name].shape and value.dtype == held[name].dtype:
            told[name] = value
    return {n: v for n, v in told.items() if v.tobytes() != known[n].tobytes()}


def _change(one: Node, other: Node) -> Change | None:
    """Return what an operation is in the artifact, if that is another one."""
    if other.is_constant or not (one.opaque and other.opaque):
        return None
    mine, theirs = dict(one.attributes), dict(other.attributes)
    names = (mine.keys() | theirs.keys()) - {"port"}
    apart = {n: theirs.get(n) for n in sorted(names) if mine.get(n) != theirs.get(n)}
    replaces = one.op != other.op
    return Change(other.op, apart, replaces) if apart or replaces else None
