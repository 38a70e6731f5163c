"""Does a value look as an initialiser leaves it? NumPy only.

Asked of values that are of no key of a checkpoint. A weight that was trained, copied from elsewhere
or altered is not called initialised: constants, and draws of the usual distributions whose bounds
and spread are those of the weight's own shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
#: With fewer values than this, a distribution cannot be told; and with fewer than the second, not
#: by a spread that has nothing to do with the weight's own shape.
_FEWEST, _MANY = 16, 256
#: Standard errors by which mean and spread may be off.
_ERRORS = 4.0
#: Spreads that people write into initialisers: TensorFlow's and slim's defaults among them.
_WRITTEN = (0.001, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.09, 0.1, 1.0)
#: What is left of a normal distribution's spread within two of its standard deviations.
_TRUNCATED = 0.87962566103423978


def looks_initialised(value: Array) -> bool:
    """Return whether a value looks as an initialiser leaves it.

    Args:
        value: of a variable, any shape.
    """
    exact = np.asarray(value, np.float64).ravel()
    if not exact.size or not np.isfinite(exact).all():
        return False
    if (exact == exact[0]).all():
        # One number says little: only a round one is what somebody writes.
        return exact.size > 1 or float(exact[0]) == round(float(exact[0]), 2)
    if exact.size < _FEWEST:
        return False
    spread = float(exact.std())
    if abs(float(exact.mean())) > _ERRORS * spread / np.sqrt(exact.size):
        return False
    most = float(np.abs(exact).max())
    off = _ERRORS / np.sqrt(
        4.0 * exact.size
    )  # of a bounded distribution, whose kurtosis is below 2
    bounded = [(limit / np.sqrt(3.0), limit) for limit in _limits(value.shape)]
    bounded += [(_TRUNCATED * s, 2.0 * s) for s in _deviations(value.shape)]
    within = (
        most <= bound * (1 + 1e-6) and abs(spread / expected - 1.0) <= off
        for expected, bound in bounded
    )
    return any(within) or _normal(exact, value.shape)


def _normal(exact: npt.NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Return whether these are draws of a normal distribution with a spread of an initialiser."""
    spread, number = float(exact.std()), exact.size
    fourth = float(((exact - exact.mean()) ** 4).mean()) / spread**4
    if abs(fourth - 3.0) > _ERRORS * np.sqrt(24.0 / number):
        return False
    off = _ERRORS / np.sqrt(2.0 * number)
    return any(abs(spread / s - 1.0) <= off for s in _deviations(shape))


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    if len(shape) < 2:
        return float(shape[0]), float(shape[0])
    field = float(np.prod(shape[:-2]))
    return shape[-2] * field, shape[-1] * field


def _limits(shape: tuple[int, ...]) -> Iterator[float]:
    """Yield the limits of the usual uniform initialisers (Glorot, He, LeCun) of this shape."""
    into, out = _fans(shape)
    yield from (np.sqrt(6.0 / (into + out)), np.sqrt(6.0 / into), np.sqrt(3.0 / into), 0.05, 1.0)


def _deviations(shape: tuple[int, ...]) -> Iterator[float]:
    """Yield the deviations of the usual normal ones, as drawn and as corrected for truncation."""
    into, out = _fans(shape)
    for variance in (2.0 / (into + out), 2.0 / into, 1.0 / into):
        yield from (np.sqrt(variance), np.sqrt(variance) / _TRUNCATED)
    if np.prod(shape) >= _MANY:
        yield from _WRITTEN
