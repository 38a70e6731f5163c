"""Constants of a computation: as a file stores them, with what was folded into them. NumPy only.

A weight is kept as it was read, and what is multiplied into it as one factor for each index of its
last axis: nothing of a network is held twice, least of all in float64.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
#: Numbers that are worked at a time, so that a large weight is never widened as a whole, and of how
#: many channels: neighbours in memory, or there is more waiting for it than working.
_TILE, _CHANNELS = 1 << 15, 64
#: What has more numbers is not looked through for whether they are one and the same.
_SEARCHED = 1 << 20
#: Units in the last place of float32 that folding may move a weight by, of its channel's largest.
#: A sum is rounded more often: statistics, a factor of their own, the products, the sum itself.
FOLDING, ADDING = 4.0, 8.0
#: Of the value that a factor was multiplied into, this is what is called one unit.
UNIT = 2.0**-23
#: {significant bits: half of the least number of the dtype that has so many}.
LEAST = {11: 2.0**-25}
#: {dtype of few bits: its significant ones}.
BITS = {"float16": 11, "bfloat16": 8}
_UNITS = {"float64": 2.0**-52, "complex128": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}


@dataclasses.dataclass(frozen=True, eq=False)
class Value:
    """One constant.

    Attributes:
        array: as it was read, its axes in the order of the vocabulary; never changed.
        scale: float64 factors of the last axis, or None.
        terms: of a vector that was added up, the sum of the terms' absolute values: what it was
            rounded by; of the same shape, or None.
        folded: whether anything was computed to make it, so that it may be rounded.
        half: half of the step that its file rounds it to, for each index of the last axis, for each
            element or for all; 0 where it is kept exactly.
        bits: of what a file keeps in fewer of them, the significant bits of each element's own
            value in `array`: half a step is half a unit in its last place; else 0.
        share: half of a step of the factors, of their own size, for each index of the last axis or
            for all: an element moves by as much of its size.
        grid: what its file rounds it to, in words, such as "int8"; empty where it is kept exactly.
        origin: names of the tensors that it was made of.
        unit: the unit in the last place of 1 of what worked it.
    """

    array: Array
    scale: Floats | None = None
    terms: Floats | None = None
    folded: bool = False
    half: Any = 0.0
    bits: int = 0
    share: Any = 0.0
    grid: str = ""
    origin: tuple[str, ...] = ()
    unit: float = UNIT

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> str:
        """The name of its dtype."""
        return self.array.dtype.name if self.array.dtype != object else "string"

    @property
    def is_real(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.array.dtype.kind == "f" or self.dtype == "bfloat16"

    @property
    def rounded(self) -> bool:
        """Whether its file keeps it on a grid."""
        return bool(self.bits or np.any(self.half) or np.any(self.share))

    def halves(self, place: tuple[slice, ...] | None = None) -> Floats:
        """Return half of the step that its file rounds each element to.

        Args:
            place: which part, a slice for each axis, or None for all of it.
        """
        place = (slice(None),) * self.array.ndim if place is None else place
        array = self.array[place].astype(np.float64)
        scale = None if self.scale is None else np.abs(self.scale[place[-1:]])
        found = np.array(np.broadcast_to(self.half, self.shape)[place], np.float64)
        if self.bits:
            own = _half_units(array, self.bits)
            found += own if scale is None else own * scale
        if np.any(self.share):
            size = np.abs(array) if scale is None else np.abs(array) * scale
            found += size * np.broadcast_to(self.share, self.shape)[place]
        return found

    def wide(self) -> Array:
        """Return it as float64, or as it is if it holds no floating-point numbers."""
        if not self.is_real:
            return self.array
        wide = self.array.astype(np.float64)
        return wide if self.scale is None else wide * self.scale

    def scaled(self, factors: Floats, origin: tuple[str, ...] = ()) -> Value:
        """Return it times one factor for each index of its last axis."""
        scale = factors if self.scale is None else self.scale * factors
        half = self.half if not np.any(self.half) else self.half * np.abs(factors)
        return dataclasses.replace(
            self, scale=scale, folded=True, half=half, origin=_joined(self.origin, origin)
        )

    def largest(self) -> Floats:
        """Return the largest absolute value in each channel: each index of the last axis."""
        if self.array.ndim < 2:
            return np.asarray(np.abs(self.wide()))
        rest = tuple(range(self.array.ndim - 1))
        with np.errstate(invalid="ignore"):
            # Nothing as large as the array is made: it is read twice instead.
            high = self.array.max(axis=rest, initial=0).astype(np.float64)
            low = self.array.min(axis=rest, initial=0).astype(np.float64)
        found = np.nan_to_num(np.maximum(high, -low))
        return np.asarray(found if self.scale is None else found * np.abs(self.scale))

    def tile(self, place: tuple[slice, ...]) -> Array:
        """Return a part of it in float64.

        Args:
            place: which, for each axis.
        """
        wide = self.array[place].astype(np.float64)
        return wide if self.scale is None else wide * self.scale[place[-1:]]

    def number(self) -> float | None:
        """Return it as a number if it holds one alone, once or many times over."""
        if not self.array.size or self.array.dtype == object or self.array.dtype.kind == "c":
            return None
        if self.array.size > _SEARCHED:
            return None
        wide = self.wide()
        return float(wide.flat[0]) if (wide == wide.flat[0]).all() else None


def tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield the parts in which an array is worked, for each a slice of each axis.

    Args:
        shape: of the array.
    """
    sizes = list(shape)
    if len(sizes) > 1:
        sizes[-1] = min(sizes[-1], _CHANNELS)
    axes = list(range(len(sizes)))
    for axis in (*axes[-2::-1], *axes[-1:]):  # the channels last
        rest = math.prod(sizes) // max(1, sizes[axis])
        sizes[axis] = max(1, min(sizes[axis], _TILE // max(1, rest)))
    starts = (range(0, whole, size) for whole, size in zip(shape, sizes, strict=True))
    for place in itertools.product(*starts):
        yield tuple(slice(n, n + size) for n, size in zip(place, sizes, strict=True))


def equal_arrays(one: Array, other: Array) -> bool:
    """Return whether two arrays of one shape hold the same."""
    return all(np.array_equal(one[place], other[place]) for place in tiles(one.shape))


def _half_units(array: Floats, bits: int) -> Floats:
    """Return half a unit in the last place of each number, of so many significant bits."""
    exponents = np.frexp(array)[1]
    least = LEAST.get(bits, 0.0)
    return np.where(array == 0.0, least, np.maximum(np.ldexp(1.0, exponents - 1 - bits), least))


def computed(array: Array, *sources: Value, terms: Floats | None = None, half: Any = None) -> Value:
    """Return what was computed from other constants.

    Args:
        array: what came out, in float64.
        sources: what it was computed from.
        terms: the sum of the absolute values of what was added up, of the same shape.
        half: half of a step of what came out; if it is not told, the sources' share of it.
    """
    return Value(
        np.asarray(array),
        terms=terms,
        folded=True,
        grid=next((s.grid for s in sources if s.grid), ""),
        half=_widest(np.asarray(array), sources) if half is None else half,
        origin=_joined(*(s.origin for s in sources)),
        unit=max((s.unit for s in sources), default=UNIT),
    )


def _widest(array: Array, sources: tuple[Value, ...]) -> Any:
    """Return a half step for what was computed from values on a grid: in proportion to it."""
    share = 0.0
    for source in sources:
        if source.rounded:
            largest = float(np.abs(source.wide()).max(initial=0.0))
            half = float(source.halves().max(initial=0.0))
            share = max(share, half / largest if largest else 0.0)
    return share * float(np.abs(array).max(initial=0.0)) if share else 0.0


def _joined(*origins: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in origins for name in names if name))


def unit_of(dtype: str) -> float:
    """Return the unit in the last place of 1 of a dtype; of those that are no floats, float32's."""
    return _UNITS.get(dtype, UNIT)
