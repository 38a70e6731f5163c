"""The comparison: what must fail does, whatever NumPy's own comparisons would say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_freezecheck.diagnosis.transforms import output_function
from pytest_freezecheck.numeric.difference import (
    centred_log_probabilities,
    centred_logits,
    compare,
    is_distribution,
)

NAN, INF = math.nan, math.inf


def f32(*values: float) -> Any:
    return np.array(values, np.float32)


def test_equal_arrays_are_within_a_tolerance_of_zero() -> None:
    difference = compare("p", f32(0.1, 0.9), f32(0.1, 0.9), allowed=0.0)
    assert difference.close
    assert difference.max_abs == 0.0
    assert difference.size == 2


def test_the_largest_difference_is_reported_with_its_place_and_values() -> None:
    live = np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)
    frozen = np.array([[0.1, 0.25], [0.3, 0.2]], np.float32)
    difference = compare("p", live, frozen, allowed=1e-5)
    assert not difference.close
    assert difference.index == (1, 1)
    assert difference.live == pytest.approx(0.4)
    assert difference.frozen == pytest.approx(0.2)
    assert difference.max_abs == pytest.approx(0.2)
    assert difference.too_far == 2


def test_no_relative_tolerance_hides_in_it() -> None:
    live, frozen = np.array([1.0]), np.array([1.000015])
    assert np.isclose(frozen, live, atol=1e-5).all()  # what NumPy would have said
    assert not compare("p", live, frozen, 1e-5).close


@pytest.mark.parametrize(
    ("live", "frozen"),
    [(0.5, NAN), (NAN, 0.5), (0.5, INF), (INF, 0.5), (INF, -INF), (NAN, INF), (-INF, NAN)],
)
def test_non_finite_on_one_side_fails_at_any_tolerance(live: float, frozen: float) -> None:
    difference = compare("p", f32(0.5, live), f32(0.5, frozen), allowed=1e9)
    assert difference.non_finite
    assert not difference.close
    assert math.isnan(difference.max_abs)
    assert difference.index == (1,)
    assert difference.too_far == 1


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_non_finite_in_the_same_places_is_equal(value: float) -> None:
    difference = compare("p", f32(value, 0.5), f32(value, 0.5), allowed=0.0)
    assert difference.close
    assert not difference.non_finite


@pytest.mark.parametrize(
    ("live", "frozen", "problem"),
    [
        (np.zeros((3, 1)), np.zeros(3), "has shape (3,), the live model's has (3, 1)"),
        (np.zeros(3), np.zeros((3, 1)), "has shape (3, 1), the live model's has (3,)"),
        (np.zeros(3), np.zeros(1), "has shape (1,)"),
        (np.zeros(3, np.float32), np.zeros(3, np.float64), "has dtype float64"),
        (np.zeros(3, np.float32), np.zeros(3, np.int32), "has dtype int32"),
    ],
)
def test_what_cannot_be_compared_fails(live: Any, frozen: Any, problem: str) -> None:
    difference = compare("p", live, frozen, allowed=1e9)
    assert problem in str(difference.problem)
    assert not difference.close


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_integers_and_booleans_are_compared_by_value(dtype: Any) -> None:
    live, frozen = np.array([1, 0], dtype), np.array([1, 1], dtype)
    assert compare("label", live, live, 1e-5).close
    assert compare("label", live, frozen, 1e-5).max_abs == 1.0


def test_whole_numbers_that_float64_cannot_tell_apart_are_apart() -> None:
    live = np.array([2**53], np.int64)
    assert compare("id", live, live + 1, 1e-5).max_abs == 1.0
    assert not compare("id", live, live + 1, 1e-5).close


@pytest.mark.parametrize("dtype", [object, "S3"])
def test_text_is_equal_or_not(dtype: Any) -> None:
    live, frozen = np.array([b"cat", b"dog"], dtype), np.array([b"cat", b"owl"], dtype)
    assert compare("name", live, live.copy(), 1e-5).close
    difference = compare("name", live, frozen, 1e-5)
    assert not difference.close
    assert (difference.index, difference.live, difference.frozen) == ((1,), "dog", "owl")


def test_complex_numbers_are_apart_by_the_size_of_their_difference() -> None:
    live, frozen = np.array([1 + 1j], np.complex64), np.array([1 + 2j], np.complex64)
    assert compare("fft", live, frozen, 1e-5).max_abs == 1.0
    assert compare("fft", live, np.array([complex(NAN, 0)], np.complex64), 1e-5).non_finite


def test_bfloat16_has_a_difference() -> None:
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    live, frozen = np.array([1.0, 2.0], bfloat16), np.array([1.0, 2.5], bfloat16)
    assert compare("p", live, live.copy(), 0.0).close
    assert compare("p", live, frozen, 1e-5).max_abs == 0.5
    assert compare("p", live, np.array([1.0, NAN], bfloat16), 1e9).non_finite


def test_two_empty_answers_are_equal_and_compare_nothing() -> None:
    difference = compare("boxes", np.zeros((0, 4)), np.zeros((0, 4)), 1e-5)
    assert difference.close
    assert difference.size == 0


def test_what_is_allowed_can_be_another_number_for_each_value() -> None:
    difference = compare("y", f32(0.0, 0.0), f32(1.0, 0.5), np.array([2.0, 0.1]))
    assert difference.index == (1,)
    assert difference.ratio == pytest.approx(5.0)
    assert difference.max_abs == 1.0
    assert difference.too_far == 1


def test_unsigned_integers_do_not_wrap_around() -> None:
    difference = compare("n", np.array([3], np.uint8), np.array([5], np.uint8), 1e-5)
    assert difference.max_abs == 2.0


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, 6, elements=st.floats(-1, 1, width=32)),
    hnp.arrays(np.float32, 6, elements=st.floats(-1, 1, width=32)),
    st.sampled_from([0.0, 1e-5, 1e-2, 1.0]),
)
def test_within_means_every_value_is_as_close(live: Any, frozen: Any, atol: float) -> None:
    apart = [abs(float(a) - float(b)) for a, b in zip(live, frozen, strict=True)]
    difference = compare("p", live, frozen, atol)
    assert difference.close == all(d <= atol for d in apart)
    assert difference.max_abs == max(apart)
    assert difference.too_far == sum(d > atol for d in apart)


def test_a_problem_is_worse_than_non_finite_is_worse_than_far() -> None:
    far = compare("p", f32(0.0), f32(9.0), 1e-5)
    non_finite = compare("p", f32(0.0), f32(NAN), 1e-5)
    problem = compare("p", f32(0.0), f32(0.0, 0.0), 1e-5)
    assert sorted([problem, far, non_finite], key=lambda d: d.rank) == [far, non_finite, problem]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (f32(0.25, 0.75), True),
        (f32(1.0, 0.0), True),
        (f32(0.5, 0.6), False),
        (f32(-0.5, 1.5), False),
        (f32(NAN, 1.0), False),
        (f32(1.0), False),
        (np.array([0, 1]), False),
    ],
)
def test_is_distribution(values: Any, expected: bool) -> None:
    assert is_distribution(values) is expected


def test_logits_are_centred_over_the_classes() -> None:
    shifted = centred_logits(f32(1.0, 2.0, 3.0) + 100)
    np.testing.assert_array_equal(shifted, [[-1.0, 0.0, 1.0]])


def test_log_probabilities_recover_the_centred_logits() -> None:
    logits = np.array([[1.0, -2.0, 0.5], [3.0, 3.0, -1.0]])
    powers = np.exp(logits)
    probabilities = powers / powers.sum(axis=-1, keepdims=True)
    recovered = centred_log_probabilities(probabilities, probabilities)
    assert recovered is not None
    np.testing.assert_allclose(recovered[0], centred_logits(logits), atol=1e-12)


def test_rows_that_underflowed_say_nothing_about_logits() -> None:
    saturated = f32(1.0, 0.0).reshape(1, 2)
    assert centred_log_probabilities(saturated, saturated) is None
    assert centred_log_probabilities(f32(3.0, -2.0), f32(3.0, -2.0)) is None


def test_classes_of_next_to_no_probability_say_nothing_about_logits() -> None:
    """There the exponentials of two executors differ, by 0.3 in the logarithm at e^-87."""
    live = np.array([[0.75, 0.25, 1e-37], [0.5, 0.5, 1e-37]], np.float32)
    frozen = live * np.array([1.0, 1.0, 0.7], np.float32)
    recovered = centred_log_probabilities(live, frozen)
    assert recovered is not None
    np.testing.assert_array_equal(recovered[0], recovered[1])
    assert recovered[0][:, 2].tolist() == [0.0, 0.0]
    assert recovered[0][0, 0] == pytest.approx(math.log(3.0) / 2)


def test_a_class_that_underflowed_on_one_side_alone_is_far_off() -> None:
    live, frozen = f32(1.0, 1e-20).reshape(1, 2), f32(1.0, 0.0).reshape(1, 2)
    recovered = centred_log_probabilities(live, frozen)
    assert recovered is not None
    assert np.abs(recovered[0] - recovered[1]).max() > 20.0


def test_an_answer_of_one_number_is_its_logit() -> None:
    logits = np.array([[-2.0], [0.5], [3.0]], np.float32)
    live = 1.0 / (1.0 + np.exp(-logits))
    assert output_function(live, logits) == "logits"
    assert output_function(live, live) is None
    ones = np.ones((3, 1), np.float32)
    assert output_function(ones, logits) is None  # a softmax of one class is 1 whatever it is of
