"""Inputs between two classes, where a softmax is most sensitive. NumPy only.

A wrong weight moves the logits; how far that moves a probability p is p * (1 - p) times as much,
which is a quarter where two classes are level and next to nothing where the model is sure. On
random input most models are sure. So take two inputs that the live model puts into different
classes, and go from one to the other until the class changes. On a small slim model this raised
the median difference that a wrong freeze shows from 1e-4 to 8e-2.

What answers no distribution has no classes; there, the matching place is where the answer changes
fastest on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.descriptions import legal
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.spec.inputs import InputSpec

Floats = npt.NDArray[np.float64]
Feeds = Mapping[str, npt.NDArray[Any]]
Specs = Mapping[str, InputSpec]
#: Level enough: 0.05 apart in the logits moves p * (1 - p) from 0.25 to 0.2498.
LEVEL = 0.05
#: A step of false position keeps this share of the interval on either side.
_GUARD = 0.05


def between(one: Feeds, other: Feeds, share: Floats, specs: Specs) -> dict[str, npt.NDArray[Any]]:
    """Return inputs on the way from one batch to another, row by row.

    Values that can be blended are. Whole numbers of 32 and 64 bits are names of things more often
    than amounts, as are strings and truth values, so there a growing part of the cells takes the
    other row's value.

    Args:
        one: {input name: array (rows, *shape)}.
        other: likewise, of the same shapes.
        share: how far to go, shape (rows,), 0 to 1.
        specs: the inputs' specs.

    Returns:
        {input name: array (rows, *shape)}, inside each input's legal range.
    """
    found = {}
    for name, spec in specs.items():
        start, end = one[name], other[name]
        part = share.reshape([-1] + [1] * (start.ndim - 1))
        names = spec.dtype.startswith("int") and spec.dtype.endswith(("32", "64"))
        if names or spec.dtype in ("bool", "string"):
            cells = max(1, start[0].size)
            order = np.random.default_rng(cells).permutation(cells).reshape(start.shape[1:])
            found[name] = np.where(order < part * cells, end, start)
        else:
            wide = start.astype(np.float64)
            found[name] = legal(wide + part * (end.astype(np.float64) - wide), spec)
    return found


def cross(
    one: Feeds,
    other: Feeds,
    margin: Callable[[Feeds, npt.NDArray[np.intp]], Floats],
    specs: Specs,
    *,
    passes: int = 12,
) -> dict[str, npt.NDArray[Any]]:
    """Go from inputs of one class to inputs of another until the two are level.

    Bisection, with every other step taken by false position, which on the nearly straight margins
    of a network lands close at once. A row that is level is asked no more.

    Args:
        one: {input name: array (rows, *shape)}, where the margin is positive.
        other: likewise, where it is negative.
        margin: tells, for the rows with these numbers, how far the class of `one` is ahead of
            all others, in logits, shape (rows,).
        specs: the inputs' specs.
        passes: largest number of forward passes.

    Returns:
        For each row the input, on the way, with the smallest margin seen.
    """
    rows = rows_of(one)
    low, high = np.zeros(rows), np.ones(rows)
    at_low, at_high = np.full(rows, np.inf), np.full(rows, -np.inf)
    best, smallest = np.full(rows, 0.5), np.full(rows, np.inf)
    for number in range(passes):
        open_rows = np.flatnonzero(smallest > LEVEL)
        if not len(open_rows):
            break
        a, b = low[open_rows], high[open_rows]
        share = (a + b) / 2.0
        fa, fb = at_low[open_rows], at_high[open_rows]
        if number % 2:
            known = np.isfinite(fa) & np.isfinite(fb) & (fa > fb)
            weight = np.divide(fa, fa - fb, out=np.full(len(a), 0.5), where=known)
            share = a + np.clip(weight, _GUARD, 1.0 - _GUARD) * (b - a)
        values = margin(
            between(_take(one, open_rows), _take(other, open_rows), share, specs), open_rows
        )
        values = np.nan_to_num(values, nan=0.0)
        ahead = values > 0
        low[open_rows], at_low[open_rows] = np.where(ahead, (share, values), (a, fa))
        high[open_rows], at_high[open_rows] = np.where(ahead, (b, fb), (share, values))
        closer = np.abs(values) < smallest[open_rows]
        best[open_rows[closer]] = share[closer]
        smallest[open_rows[closer]] = np.abs(values)[closer]
    return between(one, other, best, specs)


def steepest(
    one: Feeds,
    other: Feeds,
    answer: Callable[[Feeds], Floats],
    specs: Specs,
    *,
    passes: int = 6,
) -> dict[str, npt.NDArray[Any]]:
    """Go from some inputs to others, to where the answer changes fastest.

    Halves the way again and again, and keeps the half over which the answer changes more.

    Args:
        one: {input name: array (rows, *shape)}.
        other: likewise.
        answer: what the model answers, shape (rows, values).
        specs: the inputs' specs.
        passes: number of forward passes, but for the two for the ends.
    """
    rows = rows_of(one)
    low, high = np.zeros(rows), np.ones(rows)
    at_low, at_high = answer(one), answer(other)
    for _ in range(passes):
        middle = (low + high) / 2.0
        values = answer(between(one, other, middle, specs))
        first = _distance(values, at_low) >= _distance(at_high, values)
        high, at_high = np.where(first, middle, high), np.where(first[:, None], values, at_high)
        low, at_low = np.where(first, low, middle), np.where(first[:, None], at_low, values)
    return between(one, other, (low + high) / 2.0, specs)


def _distance(one: Floats, other: Floats) -> Floats:
    apart = np.abs(np.nan_to_num(one - other, nan=0.0))
    return np.asarray(apart.max(axis=1, initial=0.0))


def _take(feeds: Feeds, rows: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[Any]]:
    return {name: array[rows] for name, array in feeds.items()}
