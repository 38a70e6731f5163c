"""Values of variables that are read when they are asked for, a few at a time, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

#: Bytes that are read together: each reading costs, and all at once would be all weights again.
_TOGETHER = 1 << 23


class Held(Mapping[str, Any]):
    """{name: value}, best asked for in its own order.

    Args:
        sizes: {name: how many bytes it takes}.
        read: returns the values of some.
    """

    def __init__(
        self, sizes: Mapping[str, int], read: Callable[[Sequence[str]], Sequence[Any]]
    ) -> None:
        self._read = read
        self._now: dict[str, Any] = {}
        self._groups: dict[str, list[str]] = {}
        group: list[str] = []
        for name, size in sizes.items():
            if sum(sizes[other] for other in group) + size > _TOGETHER:
                group = []
            group.append(name)
            self._groups[name] = group

    def __getitem__(self, name: str) -> Any:
        """Return a value, for which those next to it are read too."""
        group = self._groups[name]
        if name not in self._now:
            self._now = {}  # before others are read
            self._now = dict(zip(group, self._read(group), strict=True))
        return self._now[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._groups)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._groups)


def held_by(session: Any) -> Held:
    """Return {variable name: value} of the global variables that a session holds.

    Args:
        session: a `tf.compat.v1.Session`.
    """
    import tensorflow as tf

    with session.graph.as_default():
        variables = {v.op.name: v for v in tf.compat.v1.global_variables()}
    sizes = {name: bytes_of(variable) for name, variable in variables.items()}
    return Held(sizes, lambda names: session.run([variables[name] for name in names]))


def bytes_of(held: Any) -> int:
    """Return how many bytes the value of a variable or tensor takes, as far as its shape tells."""
    shape = held.shape
    known = shape.num_elements() if shape.is_fully_defined() else None
    return int((known or 0) * held.dtype.base_dtype.size)
