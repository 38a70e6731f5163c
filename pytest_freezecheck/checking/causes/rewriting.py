"""The live computation with other values of its weights, or another epsilon in its BatchNorms."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.checking.proving import Compared
from pytest_freezecheck.computation.apart import apart
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.computation.values import Value, unit_of
from pytest_freezecheck.models.graph_loops import Replacer
from pytest_freezecheck.models.operations.attributes import encoded

#: How TensorFlow's own operation of BatchNorm begins; it has several versions.
BATCH_NORM = "tf:FusedBatchNorm"


@dataclasses.dataclass(frozen=True)
class Change:
    """What an operation of TensorFlow's is to be, in place of what it is.

    Attributes:
        op: its type, with the prefix of TensorFlow's.
        attributes: {name: serialised value, or None without it} of those that are others.
        replaces: whether it is of another type.
    """

    op: str
    attributes: Mapping[str, Any]
    replaces: bool = False


@dataclasses.dataclass(frozen=True)
class Rewritten:
    """What the live model would compute.

    Attributes:
        arena: where its nodes were made.
        normal: {output: its expression in normal form}.
    """

    arena: Arena
    normal: Mapping[str, Node]


class Rewriter:
    """Writes the live computation anew.

    Args:
        compared: both computations.
    """

    def __init__(self, compared: Compared) -> None:
        self.compared = compared
        self._nodes = list(walk(compared.live.raw.values()))

    @property
    def size(self) -> int:
        """The number of operations and constants that are written anew."""
        return len(self._nodes)

    def __call__(
        self,
        values: Mapping[str, Any],
        epsilon: float | None = None,
        changes: Mapping[str, Change] | None = None,
    ) -> Rewritten:
        """Return the live computation with these values in its weights' places.

        Args:
            values: {weight, or another constant: value}.
            epsilon: of BatchNorms, or None for their own.
            changes: {operation's name: what it is to be}.
        """
        live = self.compared.live
        names = self.compared.theirs or {}
        if not values and epsilon is None and not changes:
            return Rewritten(self.compared.arena, {name: live.normal[name] for name in names})
        arena = Arena(self.compared.arena)
        others = self._constants(arena, values, epsilon)
        replaced = Replacer(arena, others, _with(epsilon, changes or {}))
        raw = {name: replaced(live.raw[name]) for name in names}
        return Rewritten(arena, live.translated(arena, raw))

    def _constants(
        self, arena: Arena, values: Mapping[str, Any], epsilon: float | None
    ) -> dict[int, Node]:
        """Return {id of a constant: what stands in its place}."""
        found = {}
        for node in self._nodes:
            value = node.value
            if value is None or len(value.origin) != 1:
                continue
            (name,) = value.origin
            other = values.get(name)
            if other is None and epsilon is not None and name.endswith("batchnorm/add/y"):
                other = np.asarray(epsilon)
            if other is not None and tuple(other.shape) == value.shape:
                array = np.asarray(other, value.array.dtype)
                made = Value(array, origin=(name,), unit=unit_of(value.dtype))
                found[id(node)] = arena.constant(made)
        return found


def _with(
    epsilon: float | None, changes: Mapping[str, Change]
) -> Callable[[Node], tuple[str, Mapping[str, Any]] | None]:
    """Return what gives BatchNorms another epsilon, and operations what was changed of them."""
    normed = {} if epsilon is None else {"epsilon": encoded(epsilon)}

    def given(node: Node) -> tuple[str, Mapping[str, Any]] | None:
        change = changes.get(node.origin) if node.opaque else None
        norm = bool(normed) and node.op.startswith(BATCH_NORM)
        if change is None:
            return (node.op, normed) if norm else None
        return change.op, {**(normed if norm else {}), **change.attributes}

    return given


def in_place(one: Mapping[str, Node], other: Mapping[str, Node]) -> dict[int, Node] | None:
    """Return {id of a constant: the constant in its place} of two computations of one structure.

    Args:
        one: {output: its expression}.
        other: the same with other constants.

    Returns:
        None where the structure is another.
    """
    found: dict[int, Node] = {}
    seen: set[tuple[int, int]] = set()
    waiting = [(one[name], other[name]) for name in one]
    while waiting:
        mine, theirs = waiting.pop()
        if (id(mine), id(theirs)) in seen:
            continue
        seen.add((id(mine), id(theirs)))
        if mine.value is not None and theirs.value is not None:
            if mine.value.shape != theirs.value.shape:
                return None
            if found.setdefault(id(mine), theirs) is not theirs:
                return None
            continue
        if (mine.op, mine.attributes) != (theirs.op, theirs.attributes):
            return None
        if mine.is_constant or theirs.is_constant or len(mine.inputs) != len(theirs.inputs):
            return None
        waiting.extend(zip(mine.inputs, theirs.inputs, strict=True))
    return found


def equal_values(one: Node, other: Node) -> bool:
    """Return whether two constants are the same but for rounding."""
    if one is other:
        return True
    mine, theirs = one.value, other.value
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return False
    if mine.is_real != theirs.is_real:
        return False
    return apart(mine, theirs).excess <= 1.0
