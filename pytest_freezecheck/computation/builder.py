"""Writes computations in normal form: each operation goes through the rules as it is made."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.computation.folding import folded
from pytest_freezecheck.computation.node import Arena, Node, Shape
from pytest_freezecheck.computation.values import Value, unit_of
from pytest_freezecheck.computation.vocabulary import VOCABULARY, dtype_of
from pytest_freezecheck.computation.words import Words

#: Dtypes of floating-point numbers, from the least precise on.
FLOATS = {"float16": 0, "bfloat16": 0, "float32": 1, "float64": 2}
#: Dtypes of whole numbers that NumPy has.
WHOLE = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))


def real(*nodes: Node) -> bool:
    """Return whether nodes hold floating-point numbers."""
    return all(node.dtype in FLOATS for node in nodes)


@dataclasses.dataclass(frozen=True)
class Draft:
    """An operation that is about to be made.

    Attributes:
        op: entry of the vocabulary.
        inputs: what it is applied to.
        given: its attributes.
        origin: what its file calls it.
    """

    op: str
    inputs: tuple[Node, ...]
    given: Mapping[str, Any]
    origin: str = ""

    @property
    def x(self) -> Node:
        """Its first input."""
        return self.inputs[0]


Apply = Callable[["Builder", Draft], "Node | None"]


@dataclasses.dataclass(frozen=True)
class Rule:
    """An identity over the reals, and in which direction it is used.

    Attributes:
        name: what it does, in a few words.
        ops: operations that it is tried on.
        apply: returns what is to be made instead, or None where it does not apply.
        source: why it holds.
    """

    name: str
    ops: tuple[str, ...]
    apply: Apply
    source: str


class Builder(Words):
    """Makes nodes in normal form.

    Args:
        arena: where they are kept.
        rules: which rules are used.
        rows: how many rows the side takes at a time, or None for any: a size of that many at the
            first axis is the batch.

    Attributes:
        used: {name of a rule: how often it was used}.
    """

    def __init__(self, arena: Arena, rules: Iterable[Rule], rows: int | None = None) -> None:
        self.arena, self.rows = arena, rows
        self.used: collections.Counter[str] = collections.Counter()
        self._rules: dict[str, list[Rule]] = {}
        for rule in rules:
            for op in rule.ops:
                self._rules.setdefault(op, []).append(rule)
        self._made: dict[Hashable, Node] = {}

    def input(self, name: str, shape: Shape | None, dtype: str) -> Node:
        """Return the node of an input of the live model's."""
        return self.arena.make("input", (), {"name": name}, shape=shape, dtype=dtype, origin=name)

    def constant(self, value: Any, *origin: str) -> Node:
        """Return the node of a constant: an array as it was read, or a `Value`."""
        if not isinstance(value, Value):
            array = np.asarray(value)
            value = Value(array, origin=origin, unit=unit_of(array.dtype.name))
        return self.arena.constant(value)

    def number(self, value: float, like: Node) -> Node:
        """Return the node of one number, in the dtype of another node."""
        dtype = np.dtype(np.float64 if like.dtype in ("float64", "") else np.float32)
        if like.dtype and like.dtype not in FLOATS:
            dtype = np.dtype(like.dtype)
        return self.constant(np.asarray(value, dtype))

    def op(self, name: str, *inputs: Node, origin: str = "", **given: Hashable) -> Node:
        """Return the normal form of an operation.

        Args:
            name: entry of the vocabulary.
            *inputs: what it is applied to.
            origin: what its file calls it.
            **given: its attributes.

        Raises:
            ValueError: the vocabulary does not have it.
        """
        key = (name, tuple(map(id, inputs)), tuple(sorted(given.items())))
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._normal(Draft(name, inputs, given, origin))
        return made

    def _normal(self, draft: Draft) -> Node:
        value = folded(draft.op, [node.value for node in draft.inputs], draft.given)
        if value is not None:
            return self.arena.constant(value)
        for rule in self._rules.get(draft.op, ()):
            made = rule.apply(self, draft)
            if made is not None:
                self.used[rule.name] += 1
                return made
        entry = VOCABULARY.get(draft.op)
        if entry is None:
            raise ValueError(f"{draft.op!r} is no operation of proofs (see Rules of a proof)")
        return self.arena.make(
            draft.op,
            draft.inputs,
            draft.given,
            shape=entry.shape(draft.inputs, draft.given),
            dtype=dtype_of(entry, draft.inputs, draft.given),
            origin=draft.origin,
        )

    def opaque(
        self,
        name: str,
        inputs: Iterable[Node],
        given: Mapping[str, Hashable],
        *,
        shape: Shape | None,
        dtype: str,
        origin: str,
    ) -> Node:
        """Return the node of an operation that is in no vocabulary; it matches only its like.

        Args:
            name: with a prefix for its format, such as `tf:`.
            inputs: what it is applied to.
            given: its attributes.
            shape: its static shape, as far as it is known.
            dtype: of what it computes.
            origin: what its file calls it.
        """
        return self.arena.make(name, inputs, given, shape=shape, dtype=dtype, origin=origin)
