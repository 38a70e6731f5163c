"""Inputs of several sizes: which one a batch has, and which batches have the same. NumPy only.

Each batch has one size. All that works row by row, or across batches, works on arrays of one size,
and takes its specs from the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.spec.extents import Extent
from pytest_freezecheck.spec.inputs import InputSpec

Specs = Mapping[str, InputSpec]
#: The number of a batch that has sizes in the middle of their ranges.
MIDDLE = -1


def sized(
    specs: Specs, number: int, seed: int, known: Mapping[str, int] | None = None
) -> dict[str, InputSpec]:
    """Return the specs with the sizes of one batch.

    Of four batches one has the least sizes, one the largest, one any, and one both ends mixed.

    Args:
        specs: the inputs' names and specs.
        number: of the batch, or `MIDDLE`.
        seed: of the batch.
        known: {name of a dimension: its size}, where it is given by something else.
    """
    if not any(spec.sized for spec in specs.values()):
        return dict(specs)
    rng = np.random.default_rng([seed, number + 1])
    named = dict(known or {})

    def size(extent: Extent) -> int:
        if extent.name in named:
            return named[extent.name]
        drawn = _size(rng, number, extent)
        if extent.name:
            named[extent.name] = drawn
        return drawn

    return {name: spec.at([size(e) for e in spec.extents]) for name, spec in specs.items()}


def _size(rng: np.random.Generator, number: int, extent: Extent) -> int:
    if number == MIDDLE:
        return (extent.low + extent.high) // 2
    kind = number % 4
    if kind == 3:
        kind = int(rng.integers(2))
    return (extent.low, extent.high, int(rng.integers(extent.low, extent.high + 1)))[kind]


def fitted(specs: Specs, feeds: Mapping[str, npt.NDArray[Any]]) -> dict[str, InputSpec]:
    """Return the specs with the sizes that these arrays, (rows, *shape), have."""
    return {
        name: spec.at(feeds[name].shape[1:]) if spec.sized else spec for name, spec in specs.items()
    }


def names_of(specs: Specs, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return {name of a dimension: its size} where inputs have these shapes."""
    return {
        extent.name: int(size)
        for name, shape in shapes.items()
        for extent, size in zip(specs[name].extents, shape, strict=True)
        if extent.name
    }


def alike(sizes: Sequence[object]) -> list[int]:
    """Return the places of the most frequent size, the first one of several.

    Args:
        sizes: of the batches.
    """
    counts: dict[object, int] = {}
    for size in sizes:
        counts[size] = counts.get(size, 0) + 1
    most = max(counts, key=lambda size: counts[size]) if counts else None
    return [place for place, size in enumerate(sizes) if size == most]
