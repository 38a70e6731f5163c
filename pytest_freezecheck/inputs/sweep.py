"""Whole numbers that mean something each: every value of a small range, strata of a large one.

An id, a country or a token is looked up, so its neighbours tell nothing about it: a table that is
wrong in one row of 250 is found only by feeding that row.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.descriptions import Batch, legal
from pytest_freezecheck.inputs.sizes import MIDDLE, sized
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.inputs.whole import is_whole, needs_care
from pytest_freezecheck.inputs.words import coded, to_words
from pytest_freezecheck.spec.inputs import InputSpec

#: The largest number of values that are all fed; of more, so many strata have one each.
MOST = 4096
#: Rows of a batch, and cells that it has at the most: a batch of images is cut smaller.
_ROWS, _CELLS = 256, 2**20


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A batch of swept values, described.

    Attributes:
        first: how many rows of the sweep come before it.
        size: how many rows it has.
        seed: of the order of the values, and of what other inputs are fed.
    """

    first: int
    size: int
    seed: int


def sweeps(specs: Mapping[str, InputSpec], seed: int) -> list[Sweep]:
    """Return the batches that it takes to feed each value of each input of whole numbers.

    Args:
        specs: the inputs' names and specs.
        seed: of everything drawn.

    Returns:
        An empty list where no input takes whole numbers.
    """
    specs = sized(specs, MIDDLE, seed)
    rows = max((math.ceil(_count(s) / _cells(s)) for s in specs.values() if _swept(s)), default=0)
    widest = sum(_cells(spec) for spec in specs.values())
    size = max(1, min(_ROWS, _CELLS // widest))
    return [Sweep(start, min(size, rows - start), seed) for start in range(0, rows, size)]


def swept(sweep: Sweep, specs: Mapping[str, InputSpec]) -> dict[str, npt.NDArray[np.generic]]:
    """Build the arrays of a batch; inputs of other dtypes are drawn as always.

    Args:
        sweep: the description.
        specs: the inputs' names and specs.

    Returns:
        {input name: array (sweep.size, *shape)}, inside each input's legal range.
    """
    described = Batch(size=sweep.size, kind=3, centre=8, scale=14, seed=sweep.seed + sweep.first)
    feeds = build(described, specs)
    specs = sized(specs, MIDDLE, described.seed)
    for place, (name, spec) in enumerate(specs.items()):
        if _swept(spec):
            feeds[name] = _values(sweep, spec, np.random.default_rng([sweep.seed, place]))
    return feeds


def size_of(
    batch: Batch | Sweep | Mapping[str, npt.NDArray[Any]], specs: Mapping[str, InputSpec]
) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of the inputs of a batch, which is not built for it.

    Args:
        batch: the description, or {input name: array (rows, *shape)}.
        specs: the inputs' names and specs.
    """
    if isinstance(batch, Mapping):
        return tuple(batch[name].shape[1:] for name in specs)
    number = batch.number if isinstance(batch, Batch) else MIDDLE
    return tuple(spec.shape for spec in sized(specs, number, batch.seed).values())


def _values(sweep: Sweep, spec: InputSpec, rng: np.random.Generator) -> npt.NDArray[np.generic]:
    if spec.dtype == "string":
        return to_words(_values(sweep, coded(spec), rng), spec)
    low, high = spec.whole
    count, cells = _count(spec), _cells(spec)
    # In an order of its own for each input: pairs of values come together by chance.
    order = rng.permutation(count)
    places = order[np.arange(sweep.first * cells, (sweep.first + sweep.size) * cells) % count]
    values: Any
    if count > high - low:
        # A picture has a hundred thousand cells: Python's own integers are for wide ids alone.
        values = low + (places.astype(object) if needs_care(spec) else places)
    else:
        width = high - low + 1
        inside = rng.integers(0, width // count, size=len(places))
        values = [
            low + int(place) * width // count + int(offset)
            for place, offset in zip(places, inside, strict=True)
        ]
    return legal(np.array(values, spec.dtype).reshape(sweep.size, *spec.shape), spec)


def _swept(spec: InputSpec) -> bool:
    return spec.dtype in ("bool", "string") or is_whole(spec)


def _count(spec: InputSpec) -> int:
    if spec.dtype == "string":
        return _count(coded(spec))
    low, high = spec.whole
    return min(MOST, high - low + 1)


def _cells(spec: InputSpec) -> int:
    return math.prod(spec.shape)
