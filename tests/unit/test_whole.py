"""Whole numbers are fed exactly: with all their bits, and each value of a small range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.inputs.descriptions import Row, legal, render
from pytest_freezecheck.inputs.mutation import mutate
from pytest_freezecheck.inputs.search import drawn_once
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.inputs.sweep import MOST, Sweep, sweeps, swept
from pytest_freezecheck.inputs.whole import needs_care
from pytest_freezecheck.spec.inputs import InputSpec

WIDE = [
    InputSpec((4,), "int64", 0, 2**62),
    InputSpec((4,), "int64", 0, 2**63 - 1),
    InputSpec((4,), "int64", -(2**63), 2**63 - 1),
    InputSpec((4,), "uint64", 0, 2**64 - 1),
    InputSpec((4,), "int64", 2**62, 2**62 + 50),
]


def drawn(spec: InputSpec) -> Any:
    batches = [build(batch, {"x": spec})["x"] for batch in drawn_once(100, 0)]
    return np.concatenate(batches)


@pytest.mark.parametrize("spec", WIDE, ids=str)
def test_wide_ids_have_all_their_bits_and_stay_inside(spec: InputSpec) -> None:
    low, high = spec.whole
    values = drawn(spec)
    assert values.dtype == spec.dtype
    whole = [int(value) for value in values.ravel()]
    assert all(low <= value <= high for value in whole)
    assert {low, high} <= set(whole)  # the ends, where mistakes are
    modulus = min(64, high - low + 1)
    assert len({value % modulus for value in whole}) == modulus


@pytest.mark.parametrize(("kind", "values"), [("constant", 1), ("noise", 6)])
def test_an_even_row_of_ids_stays_even(kind: str, values: int) -> None:
    spec = InputSpec((6,), "int64", 0, 2**62)
    row: Any = render([Row(kind, 0.4375, 0.1, 5)], spec)[0]
    assert len(set(row.tolist())) == values


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64"])
def test_floats_become_whole_numbers_inside_of_their_type(dtype: str) -> None:
    ends = np.iinfo(dtype)
    spec = InputSpec((3,), dtype, int(ends.min), int(ends.max))
    made: Any = legal(np.array([[-1e30, 0.4, 1e30]]), spec)
    assert made.dtype == dtype
    assert (int(made[0, 0]), int(made[0, 1])) == (int(ends.min), 0)
    short = int(ends.max) - int(made[0, 2])
    assert short == 0 if ends.bits < 64 else 0 <= short < 2**11  # the float64 before the end


def test_what_a_child_takes_over_it_takes_over_to_the_last_bit() -> None:
    spec = InputSpec((8,), "int64", 0, 2**62)
    rng = np.random.default_rng(1)
    parents = {"x": rng.integers(0, 2**62, (16, 8))}
    known = set(parents["x"].ravel().tolist())
    children = mutate(parents, {"x": spec}, rng, 200)["x"]
    assert ((children >= 0) & (children <= 2**62)).all()
    kept = sum(int(value) in known for value in children.ravel())
    assert kept > 300  # windows of a mate, and cells that were not poked
    assert needs_care(spec)


def test_an_ordinary_input_needs_no_care() -> None:
    assert not needs_care(InputSpec((3,)))
    assert not needs_care(InputSpec((3,), "uint8"))
    assert not needs_care(InputSpec((3,), "int32", 0, 30_000))


def fed(specs: dict[str, InputSpec], seed: int = 0) -> dict[str, Any]:
    batches = [swept(sweep, specs) for sweep in sweeps(specs, seed)]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in specs}


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (InputSpec((1,), "int32", 0, 249), 250),
        (InputSpec((3,), "int64", -7, 100), 108),
        (InputSpec((), "uint8"), 256),
        (InputSpec((5, 4), "int16", 0, MOST - 1), MOST),
    ],
    ids=str,
)
def test_each_value_of_a_small_range_is_fed(spec: InputSpec, values: int) -> None:
    found: Any = fed({"x": spec})["x"]
    low, high = spec.whole
    assert set(found.ravel().tolist()) == set(range(low, high + 1))
    assert len(set(found.ravel().tolist())) == values
    assert found.shape[1:] == spec.shape
    assert found.dtype == spec.dtype


def test_each_stratum_of_a_large_range_is_fed() -> None:
    spec = InputSpec((), "int64", -(2**63), 2**63 - 1)
    found = sorted(int(value) for value in fed({"x": spec})["x"])
    assert len(found) == MOST
    width = 2**64 // MOST
    assert [(value + 2**63) // width for value in found] == list(range(MOST))


def test_values_of_two_inputs_come_together_by_chance() -> None:
    specs = {name: InputSpec((1,), "int32", 0, 99) for name in ("country", "device")}
    found = fed(specs)
    pairs = np.concatenate([found["country"], found["device"]], axis=1)
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.35
    assert (pairs[:, 0] != pairs[:, 1]).mean() > 0.9


def test_batches_are_large_where_rows_are_small() -> None:
    assert [s.size for s in sweeps({"x": InputSpec((), "int32", 0, 4999)}, 0)] == [256] * 16
    picture = {"x": InputSpec((500, 500, 3), "uint8")}
    assert sweeps(picture, 0) == [Sweep(0, 1, 0)]


def test_what_takes_no_whole_numbers_is_not_swept() -> None:
    assert sweeps({"x": InputSpec((4,))}, 0) == []
    both = fed({"x": InputSpec((4,)), "id": InputSpec((), "int32", 0, 9)})
    assert len(np.unique(both["x"], axis=0)) > 5


def test_inputs_have_draws_of_their_own() -> None:
    """Of two scalars, no tenth by tenth of the legal square is missed."""
    specs = {name: InputSpec((1,), low=0.0, high=1.0) for name in ("a", "b")}
    batches = [build(batch, specs) for batch in drawn_once(100, 0)]
    a, b = (np.concatenate([batch[name] for batch in batches]).ravel() for name in specs)
    tenths = set(zip((a * 9.999).astype(int), (b * 9.999).astype(int), strict=True))
    assert len(tenths) >= 85
