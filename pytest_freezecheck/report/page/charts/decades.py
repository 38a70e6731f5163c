"""A logarithmic axis for differences: decades, and places of their own for 0 and for no number."""

from __future__ import annotations

import math
from collections.abc import Iterable

_MOST_TICKS = 6
#: What no float is: further is drawn there.
_LEAST, _MOST = -330.0, 320.0


class Decades:
    """Where differences stand on an axis that counts decades.

    Args:
        values: those that are to be on it: 0 has a place below all others, what is not finite, or
            None, one above.
    """

    def __init__(self, values: Iterable[float | None]) -> None:
        every = list(values)
        logs = [
            math.log10(value)
            for value in every
            if value is not None and math.isfinite(value) and value > 0
        ]
        low = math.floor(max(min(logs, default=-8.0), _LEAST))
        high = math.ceil(min(max(logs, default=0.0), _MOST))
        self.low, self.high = low, max(high, low + 1)
        #: What lies between the numbers and the places of 0 and of what is none.
        self.gap = max(0.6, 0.13 * (self.high - self.low))
        self.has_zero = any(value == 0 for value in every)
        self.has_none = any(value is None or not math.isfinite(value) for value in every)

    @property
    def limits(self) -> tuple[float, float]:
        """Where the axis begins and ends."""
        below = self.gap * 1.35 if self.has_zero else 0.25
        above = self.gap * 1.35 if self.has_none else 0.25
        return self.low - below, self.high + above

    def at(self, value: float | None) -> float:
        """Return the place of a difference."""
        if value is None or not math.isfinite(value):
            return self.high + self.gap
        if value <= 0:
            return self.low - self.gap
        return min(max(math.log10(value), self.low), self.high)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Return places and labels: powers of ten, `0`, `∞`."""
        step = max(1, math.ceil((self.high - self.low) / _MOST_TICKS))
        powers = list(range(self.high, self.low - 1, -step))[::-1]
        places, labels = [float(p) for p in powers], [_power(p) for p in powers]
        if self.has_zero:
            places, labels = [self.at(0.0), *places], ["0", *labels]
        if self.has_none:
            places, labels = [*places, self.at(None)], [*labels, "∞"]
        return places, labels


def _power(exponent: int) -> str:
    return {-2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100"}.get(exponent, f"1e{exponent}")
