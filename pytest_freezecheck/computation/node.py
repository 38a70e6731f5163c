"""One expression graph for both sides: equal parts are the same object. NumPy only."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.computation.pages import give_back
from pytest_freezecheck.computation.values import Value, equal_arrays

Shape = tuple[int | None, ...]
Attributes = tuple[tuple[str, Hashable], ...]
#: Of a constant, so many bytes choose its drawer; what lies in one is compared as a whole.
_SAMPLE = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Node:
    """One operation and what it is applied to; two nodes are equal if they are the same object.

    Attributes:
        op: an entry of the vocabulary, or the operation's own name in its format, with a prefix
            such as `tf:`, for what has no entry: such a node matches only its like.
        inputs: what it is applied to.
        attributes: (name, value) of what else it depends on, sorted.
        shape: its static shape, None for the sizes and the rank that are not known.
        dtype: the name of its dtype; empty where that is not known.
        origin: what its file calls it.
        value: of a constant.
        form: a number that nodes of the same form have, whatever their constants are and in
            whatever order operands stand that may be exchanged.
    """

    op: str
    inputs: tuple[Node, ...] = ()
    attributes: Attributes = ()
    shape: Shape | None = None
    dtype: str = ""
    origin: str = ""
    value: Value | None = None
    form: int = 0

    def __getitem__(self, name: str) -> Any:
        """Return an attribute."""
        for key, value in self.attributes:
            if key == name:
                return value
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or what is given if there is none of that name."""
        return dict(self.attributes).get(name, default)

    @property
    def opaque(self) -> bool:
        """Whether it has no entry in the vocabulary."""
        return ":" in self.op

    @property
    def is_constant(self) -> bool:
        """Whether it is a constant."""
        return self.value is not None

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.attributes)
        return f"{self.op}({given}) {list(self.shape) if self.shape is not None else '?'}"


class Arena:
    """Makes nodes, each once.

    Args:
        base: one whose nodes are used too, and which is left as it is.
    """

    def __init__(self, base: Arena | None = None) -> None:
        self._base = base
        self._nodes: dict[Hashable, Node] = {}
        self._drawers: dict[Hashable, list[Node]] = {}

    def make(
        self,
        op: str,
        inputs: Iterable[Node] = (),
        attributes: Mapping[str, Hashable] | None = None,
        *,
        shape: Shape | None = None,
        dtype: str = "",
        origin: str = "",
    ) -> Node:
        """Return the node of an operation, which may have been there.

        Args:
            op: its name.
            inputs: what it is applied to.
            attributes: {name: value}.
            shape: its static shape, as far as it is known; of a node that was there, that one's.
            dtype: of what it computes.
            origin: what its file calls it.
        """
        inputs = tuple(inputs)
        given = tuple(sorted((attributes or {}).items(), key=lambda pair: pair[0]))
        key = (op, tuple(map(id, inputs)), given, dtype)
        found = self._find(key)
        if found is None:
            form = _form(op, [node.form for node in inputs], given)
            found = Node(op, inputs, given, shape, dtype, origin, None, form)
            self._nodes[key] = found
        return found

    def constant(self, value: Value) -> Node:
        """Return the node of a constant."""
        key = _drawer(value)
        known = next((n for n in self._in(key) if n.value and _same(n.value, value)), None)
        give_back(value.array)
        if known is not None:
            return known
        form = _form("constant", [], (value.shape,))
        node = Node(
            "constant", shape=value.shape, dtype=value.dtype, value=value, form=form,
            origin=value.origin[0] if value.origin else "",
        )  # fmt: skip
        self._drawers.setdefault(key, []).append(node)
        return node

    def _find(self, key: Hashable) -> Node | None:
        found = self._nodes.get(key)
        return self._base._find(key) if found is None and self._base is not None else found

    def _in(self, key: Hashable) -> list[Node]:
        own = self._drawers.get(key, [])
        return own if self._base is None else [*self._base._in(key), *own]


def _drawer(value: Value) -> Hashable:
    """Return what equal constants have in common, in whatever order they lie in memory."""
    array = value.array
    places = np.arange(0, array.size, max(1, array.size // _SAMPLE))[:_SAMPLE]
    sample = array[np.unravel_index(places, array.shape)] if array.ndim else array.reshape(1)
    content = repr(sample.tolist()).encode() if array.dtype == object else sample.tobytes()
    scale = b"" if value.scale is None else value.scale.tobytes()
    return value.dtype, value.shape, hash(content), hash(scale)


def _same(one: Value, other: Value) -> bool:
    """Return whether two constants are the same, bit for bit, and were rounded alike."""
    if one is other:
        return True
    if one.folded != other.folded or one.rounded or other.rounded:
        return False
    if (one.scale is None) != (other.scale is None) or (one.terms is None) != (other.terms is None):
        return False
    pairs = ((one.scale, other.scale), (one.terms, other.terms))
    if any(a is not None and b is not None and not np.array_equal(a, b) for a, b in pairs):
        return False
    return _same_bits(one.array, other.array)


def _same_bits(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if one.dtype == object:
        return bool(one.tolist() == other.tolist())
    if one.dtype.kind in "fc" or one.dtype.kind == "V":
        whole = f"u{one.dtype.itemsize}" if one.dtype.itemsize <= 8 else "u8"
        if one.dtype.itemsize > 8:  # two numbers each, which have to lie together
            one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
        one, other = one.view(whole), other.view(whole)
    return equal_arrays(one, other)


#: Operations whose two operands may be exchanged.
COMMUTATIVE = frozenset(
    {"add", "mul", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or"}
)


def _form(op: str, inputs: list[int], attributes: object) -> int:
    ordered = sorted(inputs) if op in COMMUTATIVE else inputs
    made = hashlib.blake2b(repr((op, ordered, attributes)).encode(), digest_size=8)
    return int.from_bytes(made.digest(), "big")


def walk(outputs: Iterable[Node]) -> Iterator[Node]:
    """Yield every node that outputs are computed from, once, each after what it is applied to."""
    done: set[int] = set()
    for output in outputs:
        waiting = [output]
        while waiting:
            node = waiting[-1]
            if id(node) in done:
                waiting.pop()
                continue
            left = [read for read in node.inputs if id(read) not in done]
            if left:
                waiting.extend(reversed(left))
            else:
                done.add(id(node))
                waiting.pop()
                yield node
