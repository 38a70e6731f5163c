"""What the tests of computations draw by Hypothesis: numbers, choices, shapes and arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import hypothesis.strategies as st
import numpy as np
from hypothesis import settings

Array = Any
Choice = TypeVar("Choice")


def campaign(examples: int) -> Callable[[Any], Any]:
    """Return settings: so many examples, the same on every machine."""
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)


class Draw:
    """Draws by what Hypothesis gives a test: `@given(st.data())`."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def whole(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return int(self._data.draw(st.integers(low, high)))

    def pick(self, options: Sequence[Choice]) -> Choice:
        """Return one of several."""
        return options[self.whole(0, len(options) - 1)]

    def chance(self) -> bool:
        """Return whether."""
        return self.whole(0, 1) == 1

    def shape(self, low: int, high: int, largest: int = 4) -> tuple[int, ...]:
        """Return a shape of that many axes."""
        return tuple(self.whole(1, largest) for _ in range(self.whole(low, high)))

    def rng(self) -> np.random.Generator:
        """Return what fills arrays."""
        return np.random.default_rng(self.whole(0, 2**31 - 1))

    def reals(self, shape: Sequence[int], low: float = -2.0, high: float = 2.0) -> Array:
        """Return numbers; between a negative and a positive bound, some are 0."""
        rng = self.rng()
        made = rng.uniform(low, high, shape)
        return np.where(rng.random(shape) < 0.1, 0.0, made) if low < 0.0 < high else made

    def wholes(self, shape: Sequence[int], low: int, high: int, dtype: str = "int64") -> Array:
        """Return whole numbers, both ends included."""
        return self.rng().integers(low, high, shape, endpoint=True).astype(dtype)

    def bools(self, shape: Sequence[int]) -> Array:
        """Return truth values."""
        return self.rng().random(shape) < 0.5

    def perm(self, rank: int) -> tuple[int, ...]:
        """Return a permutation of axes."""
        return tuple(self._data.draw(st.permutations(range(rank))))

    def some(self, count: int) -> tuple[int, ...]:
        """Return some of the first numbers, in their order; may be none or all."""
        return tuple(n for n in range(count) if self.chance())

    def narrowed(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return a shape that broadcasts to another: fewer axes, or sizes of 1."""
        kept = list(shape)[self.whole(0, len(shape)) :]
        return tuple(self.pick([size, 1]) for size in kept)


def same_numbers(one: Array, other: Array, tolerance: float) -> str:
    """Return how two results are not the same, in words; empty if they are.

    Args:
        one: an array.
        other: what it is to be; NaN and infinities in the same places.
        tolerance: of the largest finite number.
    """
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return f"shapes {one.shape} and {other.shape}"
    kinds = ["i" if array.dtype.kind in "iu" else array.dtype.kind for array in (one, other)]
    if kinds[0] != kinds[1]:
        return f"dtypes {one.dtype} and {other.dtype}"
    if kinds[0] != "f":
        return "" if np.array_equal(one, other) else f"{one} and {other}"
    one, other = one.astype(np.float64), other.astype(np.float64)
    for test in (np.isnan, np.isposinf, np.isneginf):
        if not np.array_equal(test(one), test(other)):
            return f"{test.__name__}: {one} and {other}"
    finite = np.isfinite(other)
    if not finite.any():
        return ""
    apart = float(np.abs(one[finite] - other[finite]).max())
    largest = max(float(np.abs(other[finite]).max()), 1e-3)
    return "" if apart <= tolerance * largest else f"{apart} apart of {largest}: {one}, {other}"
