"""How far two constants are apart, and what rounding explains. NumPy only."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from pytest_freezecheck.computation.values import (
    ADDING,
    FOLDING,
    Array,
    Value,
    equal_arrays,
    tiles,
    unit_of,
)

_LEAST_OF_FLOAT16 = 2.0**-25
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
    up, or half a step of the grid that the file declares.

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
    exact = not (live.folded or frozen.folded) and not np.any(live.half) and not np.any(frozen.half)
    added = live.terms is not None or frozen.terms is not None
    rounding = (ADDING if added else FOLDING) * max(live.unit, frozen.unit)
    coarse = frozen.unit > live.unit and not (live.folded or frozen.folded)
    units = 0.0 if exact and live.dtype == frozen.dtype else rounding
    if coarse:  # read as it is: one rounding
        units = 0.5 * frozen.unit
    half = live.half if _needs_no_grid(live, frozen) else np.maximum(live.half, frozen.half)
    bound = units * size + half * (1.0 + 2.0**-10)
    grid = frozen.grid or live.grid or _precision(live, frozen)
    if grid == "float16":  # what is smaller than its least number is 0 there
        bound = bound + _LEAST_OF_FLOAT16
    found = Apart(size=live.array.size, grid=grid)
    relative, excess, count = 0.0, 0.0, 0
    index: tuple[int, ...] = ()
    sizes, bounds = (np.broadcast_to(each, live.shape) for each in (size, bound))
    for place in tiles(live.shape):
        one, other = live.tile(place), frozen.tile(place)
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        if same.all():
            continue
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            between = np.where(same, 0.0, np.abs(one - other))
            shares = np.where(same, 0.0, between / sizes[place])
            multiple = np.where(same, 0.0, between / bounds[place])
        multiple = np.nan_to_num(multiple, nan=np.inf, posinf=np.inf)
        relative = max(relative, float(np.nan_to_num(shares, nan=np.inf).max(initial=0.0)))
        count += int((multiple > 1.0).sum())
        worst = float(multiple.max(initial=0.0))
        if worst > excess:
            here = np.unravel_index(int(multiple.argmax()), multiple.shape)
            excess = worst
            pair = float(one[here]), float(other[here])
            index = tuple(int(n) + part.start for n, part in zip(here, place, strict=True))
            found = dataclasses.replace(found, live=pair[0], frozen=pair[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(size > 0.0, bound / np.where(size > 0.0, size, 1.0), 0.0)
    return dataclasses.replace(
        found,
        relative=relative,
        bound=float(np.max(share, initial=0.0)),
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
