"""What a file rounds a constant by: each float of few bits has a half step of its own."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pytest_freezecheck.computation.apart import apart
from pytest_freezecheck.computation.folding import folded, widened
from pytest_freezecheck.computation.rules.layers import scaled_weight
from pytest_freezecheck.computation.values import Value

DTYPES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
SHAPES = [(), (7,), (40, 6), (3, 3, 5, 8)]


def _weights(*shape: int) -> Any:
    """Return numbers over many orders of magnitude, a few of them 0."""
    rng = np.random.default_rng(5)
    made = rng.normal(0.0, 1.0, shape) * 10.0 ** rng.uniform(-6, 1, shape)
    return np.where(rng.random(shape) < 0.05, 0.0, made).astype(np.float32)


def _stored(array: Any) -> Value:
    return widened(Value(array))


def _steps(array: Any, count: int) -> Any:
    """Return what is so many steps above, of the dtype of an array."""
    above = np.asarray(array, array.dtype).copy()
    for _ in range(count):
        above = np.nextafter(above, np.asarray(np.inf, array.dtype))
    return above


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", DTYPES)
def test_a_step_of_its_own_is_all_that_an_element_may_be_off(kind: str, shape: Any) -> None:
    live = _weights(*shape)
    stored = live.astype(DTYPES[kind])
    mine = Value(live)
    assert apart(mine, _stored(stored)).excess <= 1.0
    for place in np.ndindex(*shape):
        other = stored.copy()
        other[place] = _steps(stored[place], 2)
        found = apart(mine, _stored(other))
        assert (found.excess > 1.0, found.count, found.index) == (True, 1, place)


@pytest.mark.parametrize("kind", DTYPES)
def test_factors_and_moves_leave_each_element_its_step(kind: str) -> None:
    live, factors = _weights(3, 3, 5, 8), np.linspace(-2.0, 3.0, 8)
    stored = live.astype(DTYPES[kind])
    altered = stored.copy()
    place = np.unravel_index(np.abs(np.abs(live[..., :5]) - 0.05).argmin(), (3, 3, 5, 5))
    assert np.abs(live[..., place[-1]]).max() > 40 * abs(live[place])
    altered[place] = _steps(stored[place], 2)
    perm = {"perm": (3, 2, 0, 1)}
    for array, differs in ((stored, False), (altered, True)):
        theirs = _stored(array)
        scaled = apart(Value(live).scaled(factors), theirs.scaled(factors))
        moved = [folded("transpose", [value], perm) for value in (Value(live), theirs)]
        assert moved[0] is not None
        assert moved[1] is not None
        later = [value.scaled(np.ones(3)) for value in moved if value is not None]
        assert (scaled.excess > 1.0) == differs
        assert (apart(*later).excess > 1.0) == differs
        assert (apart(moved[0], moved[1]).excess > 1.0) == differs


def test_factors_that_are_rounded_move_an_element_by_their_share() -> None:
    live, factors = np.abs(_weights(20, 6)) + 1e-3, np.array([0.1, 0.3, 0.7, 1.1, 1.3, 0.0])
    stored = _stored(factors.astype(np.float16))
    mine = Value(live).scaled(factors)
    theirs = scaled_weight(Value(live), stored.wide(), stored)
    assert apart(mine, theirs).excess <= 1.0
    other = live.copy()
    other[np.unravel_index(live[:, :5].argmin(), (20, 5))] *= np.float32(1.002)
    theirs = scaled_weight(Value(other), stored.wide(), stored)
    assert apart(mine, theirs).count == 1


@pytest.mark.parametrize("op", ["add", "mul", "sub", "div", "maximum"])
def test_what_is_computed_from_few_bits_is_off_by_what_they_are(op: str) -> None:
    one, other = np.abs(_weights(30)) + 1e-3, np.abs(_weights(30))[::-1] + 1e-3
    exact = folded(op, [Value(one), Value(other)], {})
    halves = [_stored(part.astype(np.float16)) for part in (one, other)]
    rounded = folded(op, list(halves), {})
    assert exact is not None
    assert rounded is not None
    assert apart(exact, rounded).excess <= 1.0
    array = halves[0].array.copy()
    array[3] = _steps(array[3], 8)
    altered = folded(op, [_stored(array), halves[1]], {})
    assert altered is not None
    assert altered.array[3] == rounded.array[3] or apart(exact, altered).excess > 1.0
