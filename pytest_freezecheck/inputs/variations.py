"""Inputs made of real ones: blends of two, and windows of one. NumPy only.

Real samples show a model what it was trained for, but there are few of them, and none lies near
the places where two answers compete. What lies between two of them, or close up, does more often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float64]
Samples = npt.NDArray[Any]


def _blend(rng: np.random.Generator, samples: Samples) -> Field:
    """Mix two samples, with a contrast between a half and one and a half."""
    one, other = samples[rng.integers(len(samples), size=2)].astype(np.float64)
    share = rng.uniform(0.0, 1.0)
    mixed = share * one + (1.0 - share) * other
    return np.asarray(mixed.mean() + rng.uniform(0.5, 1.5) * (mixed - mixed.mean()))


def _crop(rng: np.random.Generator, samples: Samples) -> Field:
    """Enlarge a window of a sample to the whole, by the nearest cell; channels are kept."""
    sample = samples[rng.integers(len(samples))].astype(np.float64)
    for axis in range(max(1, sample.ndim - 1)):
        length = sample.shape[axis]
        window = int(rng.integers(max(1, length // 4), length + 1))
        start = int(rng.integers(0, length - window + 1))
        places = start + np.arange(length) * window // length
        sample = np.take(sample, places, axis=axis)
    return np.asarray(sample)


VARIATIONS: Mapping[str, Callable[[np.random.Generator, Samples], Field]] = {
    "blend": _blend,
    "crop": _crop,
}
