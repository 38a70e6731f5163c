"""Constants are worked part by part: what comes out is what all at once would give."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pytest_freezecheck.computation.apart import apart
from pytest_freezecheck.computation.values import Value, equal_arrays, tiles

#: More than one part, of which the last is smaller, for each number of axes.
SHAPES = [(), (0,), (5,), (300_001,), (0, 3), (40_000, 7), (3, 70_001), (3, 3, 130, 129)]
SHAPES += [(2, 3, 5), (5, 1, 0, 2), (2, 2, 3, 50, 70)]


@pytest.mark.parametrize("shape", SHAPES)
def test_parts_cover_an_array_once(shape: tuple[int, ...]) -> None:
    """No element is left out, and none is in two parts."""
    met = np.zeros(shape, np.int8)
    for place in tiles(shape):
        assert met[place].size <= 1 << 17
        met[place] += 1
    assert (met == 1).all()


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if np.prod(shape)])
def test_one_element_that_differs_is_met_wherever_it_is(shape: tuple[int, ...]) -> None:
    """At both ends, in the middle, and in arrays that lie in memory in another order."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=shape).astype(np.float32)
    for place in {0, one.size // 2, one.size - 1}:
        other = one.copy(order="F")
        where = np.unravel_index(place, shape)
        other[where] *= np.float32(1.0001)
        found = apart(Value(one), Value(other))
        assert found.index == tuple(int(n) for n in where)
        assert (found.live, found.frozen) == (float(one[where]), float(other[where]))
        assert found.count == 1
        assert found.excess > 1.0
        assert not equal_arrays(one, other)
    assert apart(Value(one), Value(one.copy(order="F"))).excess == 0.0
    assert equal_arrays(one, one.copy(order="F"))


@pytest.mark.parametrize("scaled", [False, True])
def test_what_is_told_is_what_all_at_once_gives(scaled: bool) -> None:
    """The largest share of its channel's largest, and how many are above the bound."""
    rng = np.random.default_rng(1)
    one = rng.normal(size=(3, 3, 130, 129)).astype(np.float32)
    other = (one * (1.0 + rng.normal(size=one.shape) * 1e-6)).astype(np.float32)
    scale = rng.uniform(0.1, 10.0, 129) if scaled else None
    live, frozen = (Value(x, scale=scale, folded=True) for x in (one, other))
    found = apart(live, frozen)
    wide = [x.astype(np.float64) * (1.0 if scale is None else scale) for x in (one, other)]
    largest = np.maximum(*(np.abs(x).max(axis=(0, 1, 2)) for x in wide))
    shares = np.abs(wide[0] - wide[1]) / largest
    assert found.relative == shares.max()
    assert found.count == (shares > found.bound).sum() > 0
    assert found.index == np.unravel_index(shares.argmax(), shares.shape)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ml_dtypes.bfloat16])
def test_the_largest_of_each_channel(dtype: Any) -> None:
    """Of either sign, in each dtype; what is no number counts for nothing."""
    array = np.array([[[1.0, -5.0, 0.0, 2.0]], [[-3.0, 4.0, 0.0, np.nan]]]).astype(dtype)
    assert Value(array).largest().tolist() == [3.0, 5.0, 0.0, 0.0]


def test_what_is_no_number_differs_from_what_is_one() -> None:
    """In the last part of a large array, too; on both sides it is the same."""
    one = np.ones((40_000, 7), np.float32)
    other = one.copy()
    other[-1, -1] = np.nan
    assert apart(Value(one), Value(other, folded=True)).excess > 1.0
    assert apart(Value(other), Value(other.copy(), folded=True)).excess == 0.0
