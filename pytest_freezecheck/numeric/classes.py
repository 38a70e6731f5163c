"""How many values differ by how much, counted as they come. NumPy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.numeric.difference import Array, distance, is_number

#: Decimal logarithms of the smallest and the largest bound, and classes to a decade. What lies
#: outside counts in the first or the last class.
_LOWEST, _HIGHEST, _TO_A_DECADE = -16, 8, 4
_EDGES = np.linspace(_LOWEST, _HIGHEST, (_HIGHEST - _LOWEST) * _TO_A_DECADE + 1)


class Classes:
    """Absolute differences of numbers by their size.

    Attributes:
        counts: how many lie in each class.
        zeros: how many values do not differ.
        non_finite: how many are NaN or infinite on one side only.
    """

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.zeros(len(_EDGES) - 1, np.int64)
        self.zeros = self.non_finite = 0

    def add(self, live: Array, frozen: Array, *, same: bool = False) -> None:
        """Count the values of two arrays of one shape; what is no number is left out.

        Args:
            live: one side.
            frozen: the other.
            same: whether they are known to be the same, which saves looking.
        """
        if not (is_number(live) and is_number(frozen)):
            return
        if same:
            self.zeros += live.size
            return
        apart = distance(live, frozen)
        apart = apart[apart > 0.0]
        found = apart[np.isfinite(apart)]
        places = np.clip(np.log10(found), _LOWEST, _HIGHEST)
        self.zeros += live.size - apart.size
        self.non_finite += apart.size - found.size
        self.counts += np.histogram(places, len(_EDGES) - 1, (_LOWEST, _HIGHEST))[0]

    def found(self) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Return bounds and counts of the classes from the first to the last that holds a value."""
        held = np.flatnonzero(self.counts)
        if not held.size:
            return (), ()
        part = slice(int(held[0]), int(held[-1]) + 1)
        edges = _EDGES[part.start : part.stop + 1]
        return tuple(edges.tolist()), tuple(self.counts[part].tolist())
