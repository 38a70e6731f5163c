"""Whole numbers, exactly: ids of 64 bits do not fit into a float64, which has 53.

Through float64 the lowest bits of a wide id are all 0, so that 48 of 64 buckets of `id % 64` were
never fed, and 2**63 - 1 becomes 2**63, which is -2**63 in an int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.spec.inputs import InputSpec

Wholes = npt.NDArray[np.integer[Any]]
#: Whole numbers up to this are float64s of their own.
_EXACT = 2**53
_STEPS = 2**52


def is_whole(spec: InputSpec) -> bool:
    """Return whether an input takes whole numbers."""
    return spec.dtype.startswith(("int", "uint"))


def needs_care(spec: InputSpec) -> bool:
    """Return whether an input takes whole numbers that are no float64s of their own."""
    if not is_whole(spec):
        return False
    low, high = spec.whole
    return max(abs(low), abs(high), high - low) > _EXACT


def placed(
    rng: np.random.Generator, spec: InputSpec, where: npt.NDArray[np.float64], *, even: bool
) -> Wholes:
    """Return the whole numbers at these places of the legal range.

    Args:
        rng: draws what lies between two neighbouring places: the lowest bits.
        spec: of the input.
        where: 0 (the least legal value) to 1 (the largest), any shape; clipped.
        even: whether all cells get the same lowest bits, as those of an even input must.

    Returns:
        An array of the shape of `where` and the input's dtype.
    """
    low, high = spec.whole
    width = high - low
    between = max(1, width // _STEPS)
    steps = np.rint(np.clip(where, 0.0, 1.0) * _STEPS).astype(np.int64).astype(object)
    bits = rng.integers(0, between, size=None if even else where.shape)
    # Python's own integers, which have as many bits as it takes. The ends stay where they are.
    inner = (steps > 0) & (steps < _STEPS)
    values = low + steps * width // _STEPS + np.where(inner, bits, 0)
    return np.asarray(np.clip(values, low, high).astype(spec.dtype))


def legal_wholes(batch: npt.NDArray[Any], spec: InputSpec) -> Wholes:
    """Return whole numbers of an input's dtype, clipped to its legal range.

    Args:
        batch: whole numbers, which stay as they are, or floats, which are rounded.
        spec: of the input.
    """
    low, high = spec.whole
    if batch.dtype.kind == "f":
        # The float64s next to the ends, inside: the nearest ones may lie outside of the dtype.
        least, largest = float(low), float(high)
        if int(least) < low:
            least = float(np.nextafter(least, np.inf))
        if int(largest) > high:
            largest = float(np.nextafter(largest, -np.inf))
        batch = np.clip(np.rint(batch), least, largest)
        return np.asarray(batch.astype(spec.dtype))
    kind = np.dtype(spec.dtype).type
    ends = np.iinfo(batch.dtype)
    if low > ends.min or high < ends.max:
        batch = np.clip(batch, max(low, int(ends.min)), min(high, int(ends.max)))
    return np.asarray(batch.astype(kind))
