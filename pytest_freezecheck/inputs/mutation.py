"""Inputs made from others that were good at something: closer ones, bolder ones, mixed ones.

NumPy only. Mutates arrays and not descriptions: what makes an input good at showing a difference
is often a few cells, and a description has no way to keep just those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.descriptions import legal
from pytest_freezecheck.inputs.sizes import fitted
from pytest_freezecheck.inputs.whole import needs_care
from pytest_freezecheck.inputs.words import coded_all, worded
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.spec.inputs import InputSpec

Field = npt.NDArray[np.float64]


def _mix(rng: np.random.Generator, row: Field, mate: Field, width: float) -> Field:
    """Go some way towards another good input, or beyond it."""
    del width
    return row + rng.uniform(-0.5, 1.0) * (mate - row)


def _contrast(rng: np.random.Generator, row: Field, mate: Field, width: float) -> Field:
    """Stretch or flatten it about its mean, and shift it."""
    del mate
    stretched = row.mean() + 2.0 ** rng.uniform(-1.0, 2.0) * (row - row.mean())
    return np.asarray(stretched + rng.normal(0.0, 0.05) * width)


def _disturb(rng: np.random.Generator, row: Field, mate: Field, width: float) -> Field:
    """Add noise, of any size."""
    del mate
    return row + rng.normal(0.0, 10.0 ** rng.uniform(-3.0, -0.5), row.shape) * width


def _tint(rng: np.random.Generator, row: Field, mate: Field, width: float) -> Field:
    """Shift every channel by an amount of its own."""
    del mate
    return row + rng.normal(0.0, 0.1, row.shape[-1:]) * width


def _patch(rng: np.random.Generator, row: Field, mate: Field, width: float) -> Field:
    """Take over a part of another good input: a window, channels included."""
    del width
    mixed = row.copy()
    window = []
    for length in row.shape[:-1] or row.shape:
        start, stop = sorted(rng.integers(0, length + 1, size=2).tolist())
        window.append(slice(start, max(stop, start + 1)))
    mixed[tuple(window)] = mate[tuple(window)]
    return mixed


def _poke(rng: np.random.Generator, row: Field, mate: Field, width: float) -> Field:
    """Set a few cells anew."""
    del mate
    poked = row.copy().reshape(-1)
    cells = rng.integers(0, poked.size, size=1 + int(rng.integers(8)))
    poked[cells] += rng.normal(0.0, 0.5, size=len(cells)) * width
    return poked.reshape(row.shape)


_MOVES = (_mix, _contrast, _disturb, _tint, _patch, _poke)


def mutate(
    parents: Mapping[str, npt.NDArray[Any]],
    specs: Mapping[str, InputSpec],
    rng: np.random.Generator,
    count: int,
) -> dict[str, npt.NDArray[Any]]:
    """Return children of these inputs, parents with low numbers having more of them.

    Args:
        parents: {input name: array (rows, *shape)}, of one size, the best first.
        specs: the inputs' specs.
        rng: draws everything.
        count: how many children.

    Returns:
        {input name: array (count, *shape)}, inside each input's legal range.
    """
    declared = fitted(specs, parents)
    parents, specs = coded_all(dict(parents), declared)
    rows = rows_of(parents)
    # Squared, so that a quarter of the parents has half of the children.
    chosen = (rng.random(count) ** 2 * rows).astype(int)
    mates = rng.integers(0, rows, size=count)
    moves = rng.integers(0, len(_MOVES), size=count)
    children: dict[str, npt.NDArray[Any]] = {}
    for name, spec in specs.items():
        low, high = spec.bounds
        shape = spec.shape or (1,)
        wide = parents[name].astype(np.float64).reshape(rows, *shape)
        made = np.stack(
            [
                _MOVES[move](rng, wide[row], wide[mate], high - low)
                for row, mate, move in zip(chosen, mates, moves, strict=True)
            ]
        )
        child = legal(made, spec)
        if needs_care(spec):  # what was taken over is taken over to the last bit
            exact = parents[name].reshape(rows, *shape)
            for whose in (mates, chosen):
                child = np.where(made == wide[whose], exact[whose], child)
        children[name] = child.reshape(count, *spec.shape)
    return worded(children, declared)
