"""What a check found besides its verdict: the smallest failing input, and its own strength.

Plain Python data, so that reports need neither NumPy nor TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Counterexample:
    """The smallest input found that shows the difference.

    Attributes:
        feeds: {input name: array (batch, *shape)}.
        away: number of cells away from an even background.
        background: {input name: value of the background}; empty if it has none.
        size: number of cells.
        max_abs_diff: largest difference that it shows in any output; NaN or infinite if a value
            is on one side only.
        seconds: how long it took to find.
        path: file that it was saved in, from the folder that pytest was called in, or None.
    """

    feeds: Mapping[str, Any] = dataclasses.field(repr=False)
    away: int
    background: Mapping[str, float]
    size: int
    max_abs_diff: float
    seconds: float
    path: str | None = None

    @property
    def batch(self) -> int:
        """Number of rows: 1, unless it takes several together to show the difference."""
        return len(next(iter(self.feeds.values())))

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {"path": self.path, "batch": self.batch, "nonzero": self.away, "size": self.size}


@dataclasses.dataclass(frozen=True)
class Power:
    """How many of the mistakes planted in the live model the inputs would have caught.

    Attributes:
        caught: how many were.
        planted: how many there were.
        survivors: (mistake, why it was not caught) of the others.
    """

    caught: int
    planted: int
    survivors: tuple[tuple[str, str], ...]

    @property
    def score(self) -> float:
        """Share that was caught, 0 to 1."""
        return self.caught / self.planted

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "caught": self.caught,
            "planted": self.planted,
            "score": round(self.score, 4),
            "survivors": [{"mistake": name, "reason": why} for name, why in self.survivors],
        }
