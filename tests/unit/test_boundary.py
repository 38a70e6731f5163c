"""Inputs between two classes, and down to the boundary of a model that knows one class only."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pytest_freezecheck.inputs.boundary import LEVEL, between, cross, steepest
from pytest_freezecheck.inputs.descent import descend, wander
from pytest_freezecheck.inputs.mutation import mutate
from pytest_freezecheck.spec.inputs import InputSpec

IMAGE = InputSpec((6, 5, 2), low=-1.0, high=1.0)
PIXELS = InputSpec((6, 5, 2), "uint8")
TOKENS = InputSpec((12,), "int32", low=0, high=99)


def _inside(array: Any, spec: InputSpec) -> bool:
    low, high = spec.bounds
    return bool(array.dtype == spec.dtype and (array >= low).all() and (array <= high).all())


@given(st.integers(0, 10_000), st.sampled_from([IMAGE, PIXELS, TOKENS]))
@settings(max_examples=60, deadline=None)
def test_what_lies_between_is_legal_and_starts_and_ends_where_it_should(
    seed: int, spec: InputSpec
) -> None:
    rng = np.random.default_rng(seed)
    low, high = spec.bounds
    one, other = (
        {"x": rng.uniform(low, high, (3, *spec.shape)).astype(spec.dtype)} for _ in range(2)
    )
    share = np.array([0.0, rng.uniform(), 1.0])
    there = between(one, other, share, {"x": spec})["x"]
    assert _inside(there, spec)
    assert (there[0] == one["x"][0]).all()
    assert (there[2] == other["x"][2]).all()


def test_names_of_things_are_exchanged_and_not_blended() -> None:
    one, other = {"x": np.full((1, 12), 3, np.int32)}, {"x": np.full((1, 12), 90, np.int32)}
    half = between(one, other, np.array([0.5]), {"x": TOKENS})["x"]
    assert sorted(half[0].tolist()) == [3] * 6 + [90] * 6


def _margin(weights: Any, bias: float) -> Any:
    def margin(feeds: Any, rows: Any) -> Any:
        flat = feeds["x"].reshape(len(feeds["x"]), -1).astype(np.float64)
        assert len(flat) == len(rows)
        return np.tanh(flat @ weights - bias) * 20.0

    return margin


def test_the_way_between_two_classes_ends_where_they_are_level() -> None:
    rng = np.random.default_rng(3)
    weights = rng.normal(size=60)
    margin = _margin(weights, 0.3)
    signs = np.sign(weights).reshape(IMAGE.shape)
    one = {"x": (0.9 * signs * rng.uniform(size=(16, *IMAGE.shape))).astype(np.float32)}
    other = {"x": -one["x"]}
    asked = 0

    def counted(feeds: Any, rows: Any) -> Any:
        nonlocal asked
        asked += len(rows)
        return margin(feeds, rows)

    level = cross(one, other, counted, {"x": IMAGE})
    assert (np.abs(margin(level, np.arange(16))) <= LEVEL).all()
    assert _inside(level["x"], IMAGE)
    assert asked < 16 * 12  # level rows are asked no more


def test_an_answer_that_is_not_a_number_is_no_reason_to_stop() -> None:
    def margin(feeds: Any, rows: Any) -> Any:
        return np.full(len(rows), np.nan)

    one, other = {"x": np.zeros((2, 6, 5, 2), np.float32)}, {"x": np.ones((2, 6, 5, 2), np.float32)}
    assert _inside(cross(one, other, margin, {"x": IMAGE})["x"], IMAGE)


def test_the_steepest_place_of_a_sigmoid_is_found() -> None:
    def answer(feeds: Any) -> Any:
        mean = feeds["x"].reshape(len(feeds["x"]), -1).mean(axis=1, dtype=np.float64)
        return (1.0 / (1.0 + np.exp(-60.0 * (mean - 0.37))))[:, None]

    one = {"x": np.full((4, *IMAGE.shape), -1.0, np.float32)}
    other = {"x": np.full((4, *IMAGE.shape), 1.0, np.float32)}
    found = steepest(one, other, answer, {"x": IMAGE})["x"].mean(axis=(1, 2, 3))
    assert np.allclose(found, 0.37, atol=0.03)


class _Saturated:
    """Two linear classes of which random input only ever reaches one."""

    def __init__(self, bias: float) -> None:
        rng = np.random.default_rng(5)
        self.weights = rng.normal(size=60)
        self.bias = bias

    def lead(self, feeds: Any) -> Any:
        flat = feeds["x"].reshape(len(feeds["x"]), -1).astype(np.float64)
        margin = flat @ self.weights + self.bias
        return np.abs(margin), (margin < 0).astype(np.intp)

    def slope(self, feeds: Any) -> Any:
        values, classes = self.lead(feeds)
        sign = np.where(classes == 0, 1.0, -1.0)[:, None]
        gradient = (sign * self.weights[None, :]).reshape(-1, *IMAGE.shape)
        return values, classes, {"x": gradient.astype(np.float32)}


def _start(rows: int) -> Any:
    noise = np.random.default_rng(1).uniform(-1, 1, (rows, *IMAGE.shape))
    return {"x": noise.astype(np.float32)}


@pytest.mark.parametrize("bias", [20.0, 30.0])
def test_the_gradient_leads_to_the_boundary_that_noise_never_reaches(bias: float) -> None:
    model = _Saturated(bias)
    many = {"x": np.random.default_rng(2).uniform(-1, 1, (5000, *IMAGE.shape)).astype(np.float32)}
    assert set(model.lead(many)[1].tolist()) == {0}
    level = descend(_start(8), model.slope, model.lead, {"x": IMAGE}, steps=30)
    assert (model.lead(level)[0] <= LEVEL).all()
    assert _inside(level["x"], IMAGE)


def test_a_boundary_outside_of_the_legal_range_is_approached_and_not_reached() -> None:
    model = _Saturated(1000.0)
    start = _start(4)
    before = model.lead(start)[0]
    after = descend(start, model.slope, model.lead, {"x": IMAGE}, steps=30)
    assert _inside(after["x"], IMAGE)
    assert (model.lead(after)[0] < before).all()


def test_without_a_gradient_trial_leads_to_the_boundary_too() -> None:
    model = _Saturated(20.0)
    level = wander(_start(8), model.lead, {"x": IMAGE}, rounds=60, seed=0)
    assert (model.lead(level)[0] <= LEVEL).all()
    assert _inside(level["x"], IMAGE)


@given(st.integers(0, 10_000), st.sampled_from([IMAGE, PIXELS, TOKENS, InputSpec(())]))
@settings(max_examples=60, deadline=None)
def test_mutated_inputs_are_legal_and_not_their_parents(seed: int, spec: InputSpec) -> None:
    rng = np.random.default_rng(seed)
    low, high = spec.bounds
    parents = {"x": rng.uniform(low, high, (3, *spec.shape)).astype(spec.dtype)}
    children = mutate(parents, {"x": spec}, rng, 16)["x"]
    assert children.shape == (16, *spec.shape)
    assert _inside(children, spec)
    known = {row.tobytes() for row in parents["x"]}
    assert any(row.tobytes() not in known for row in children)


def test_the_same_seed_mutates_the_same() -> None:
    one, other = (
        mutate(_start(3), {"x": IMAGE}, np.random.default_rng(4), 8)["x"] for _ in range(2)
    )
    assert one.tobytes() == other.tobytes()
