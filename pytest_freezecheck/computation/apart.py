"""How far two constants are apart, and what rounding explains. NumPy only."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from pytest_freezecheck.computation.values import (
    ADDING,
    BITS,
    FOLDING,
    Array,
    Value,
    equal_arrays,
    tiles,
    unit_of,
)

_COARSE = {unit_of(name): name for name in ("float16", "bfloat16")}


@dataclasses.dataclass(frozen=True)
class Apart:
    """How far two constants are apart.

    Attributes:
        relative: the largest difference, of the largest in its channel, or of the terms summed up.
        bound: what may be there.
        index: where it is the largest multiple of its bound.
        live, frozen: both values there.
        excess: that multiple; above 1, they differ.
        count: how many elements differ by more than their bound.
        size: how many elements there are.
        grid: what the file rounds to, in words; empty for what it keeps exactly.
    """

    relative: float = 0.0
    bound: float = 0.0
    index: tuple[int, ...] = ()
    live: Any = None
    frozen: Any = None
    excess: float = 0.0
    count: int = 0
    size: int = 0
    grid: str = ""


def apart(live: Value, frozen: Value) -> Apart:
    """Return how far two constants of one shape are apart.

    What nothing was folded into has to be equal, bit for bit; the rest up to rounding: `FOLDING`
    units in the last place of the largest in its channel, `ADDING` of the terms of what was summed
    up, or half a step of the grid that the file declares; of floats, each has its own.

    Args:
        live: the live model's.
        frozen: the artifact's, of the same shape.
    """
    if live is frozen or (live.array is frozen.array and _same_scale(live, frozen)):
        return Apart(size=live.array.size)
    if not (live.is_real and frozen.is_real):
        return _exactly(live, frozen)
    if live.scale is None and frozen.scale is None and _equal(live.array, frozen.array):
        return Apart(size=live.array.size, grid=frozen.grid)
    return _rounded(live, frozen)


def _same_scale(live: Value, frozen: Value) -> bool:
    if live.scale is None or frozen.scale is None:
        return live.scale is frozen.scale
    return np.array_equal(live.scale, frozen.scale)


def _equal(one: Array, other: Array) -> bool:
    return one.dtype == other.dtype and equal_arrays(one, other)


def _exactly(live: Value, frozen: Value) -> Apart:
    one, other = live.array, frozen.array
    equal = np.asarray(one == other)
    if equal.all():
        return Apart(size=one.size)
    index = tuple(int(i) for i in np.argwhere(~equal)[0]) if equal.ndim else ()
    return Apart(
        relative=math.inf,
        index=index,
        live=_plain(one[index]),
        frozen=_plain(other[index]),
        excess=math.inf,
        count=int((~equal).sum()),
        size=one.size,
    )


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _rounded(live: Value, frozen: Value) -> Apart:
    size = np.maximum(live.largest(), frozen.largest())
    if live.terms is not None or frozen.terms is not None:
        terms = [v.terms for v in (live, frozen) if v.terms is not None]
        size = np.maximum(np.maximum.reduce(terms), size if size.shape == terms[0].shape else 0.0)
    read = not (live.folded or frozen.folded)
    added = live.terms is not None or frozen.terms is not None
    rounding = (ADDING if added else FOLDING) * max(live.unit, frozen.unit)
    grid = frozen.grid or live.grid or _precision(live, frozen)
    if read and frozen.unit > live.unit:  # it was rounded once
        frozen = dataclasses.replace(frozen, bits=frozen.bits or BITS.get(grid, 0))
    units = 0.0 if read and (frozen.bits or live.dtype == frozen.dtype) else rounding
    gridded = frozen.rounded and not _needs_no_grid(live, frozen)
    found = Apart(size=live.array.size, grid=grid)
    relative, excess, count, share = 0.0, 0.0, 0, units
    index: tuple[int, ...] = ()
    sizes = np.broadcast_to(size, live.shape)
    for place in tiles(live.shape):
        one, other, here = live.tile(place), frozen.tile(place), sizes[place]
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        if same.all():
            continue
        bound = units * here
        if gridded:
            bound = bound + frozen.halves(place) * (1.0 + 2.0**-10)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            between = np.where(same, 0.0, np.abs(one - other))
            shares = np.where(same, 0.0, between / here)
            multiple = np.where(same, 0.0, between / bound)
            allowed = np.where(here > 0.0, bound / here, 0.0)
        share = max(share, float(allowed.max(initial=0.0)))
        multiple = np.nan_to_num(multiple, nan=np.inf, posinf=np.inf)
        relative = max(relative, float(np.nan_to_num(shares, nan=np.inf).max(initial=0.0)))
        count += int((multiple > 1.0).sum())
        worst = float(multiple.max(initial=0.0))
        if worst > excess:
            at = np.unravel_index(int(multiple.argmax()), multiple.shape)
            excess = worst
            pair = float(one[at]), float(other[at])
            index = tuple(int(n) + part.start for n, part in zip(at, place, strict=True))
            found = dataclasses.replace(found, live=pair[0], frozen=pair[1])
    return dataclasses.replace(
        found,
        relative=relative,
        bound=share,
        index=index,
        excess=excess,
        count=count,
    )


def _needs_no_grid(live: Value, frozen: Value) -> bool:
    """Return whether the file's few bits were enough to keep the live values as they are."""
    if frozen.grid != "float16" or live.scale is not None or frozen.scale is not None:
        return False
    with np.errstate(over="ignore"):
        parts = (live.array[place] for place in tiles(live.shape))
        return all(np.array_equal(part.astype(np.float16), part) for part in parts)


def _precision(live: Value, frozen: Value) -> str:
    """Return the dtype of less precision that a file holds its weights in, or nothing."""
    return _COARSE.get(frozen.unit, "") if frozen.unit > live.unit else ""
