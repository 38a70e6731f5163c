"""How far each row is apart, in multiples of what is allowed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.numeric.rows import differences
from pytest_freezecheck.numeric.tolerance import CLASSES, SCORES, Tolerance, Tolerances


@dataclasses.dataclass
class Answered:
    outputs: dict[str, Any]
    logits: dict[str, Any] = dataclasses.field(default_factory=dict)


def _of(name: str = "y", **values: Any) -> Tolerances:
    return Tolerances({name: Tolerance(**values)})


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def test_each_row_counts_for_itself() -> None:
    one = np.zeros((4, 3), np.float32)
    other = one.copy()
    other[1, 2], other[3, 0] = 2e-5, -4e-5
    ratios = _of().rows(Answered({"y": one}), Answered({"z": other}), {"y": "z"}, 4)
    assert ratios == pytest.approx([0.0, 2.0, 0.0, 4.0], rel=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_finite_on_one_side_only_is_infinitely_far(bad: float) -> None:
    one, other = np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
    other[1, 0] = bad
    assert differences(one, other, 3).tolist() == [0.0, np.inf, 0.0]
    assert differences(other, one, 3).tolist() == [0.0, np.inf, 0.0]
    assert differences(other, other.copy(), 3).tolist() == [0.0, 0.0, 0.0]


def test_other_shapes_and_dtypes_are_infinitely_far() -> None:
    one = np.zeros((2, 3), np.float32)
    assert differences(one, one[:, :2], 2).tolist() == [np.inf, np.inf]
    assert differences(one, one.astype(np.float64), 2).tolist() == [np.inf, np.inf]


def test_an_answer_to_the_batch_as_a_whole_counts_for_every_row() -> None:
    assert differences(np.array(1.0), np.array(1.5), 3).tolist() == [0.5, 0.5, 0.5]
    assert differences(np.zeros(2), np.ones(2), 3).tolist() == [1.0, 1.0, 1.0]


def test_whole_numbers_have_differences_too() -> None:
    one, other = np.array([[1], [250]], np.uint8), np.array([[2], [3]], np.uint8)
    assert differences(one, other, 2).tolist() == [1.0, 247.0]


@pytest.mark.parametrize("shown", [True, False], ids=["in the graph", "from probabilities"])
def test_logits_count_where_probabilities_hide(shown: bool) -> None:
    rng = np.random.default_rng(0)
    live = rng.normal(size=(3, 4)) * 8.0
    frozen = live.copy()
    frozen[2, 0] += 0.1
    one, other = (
        Answered({"y": _softmax(x)}, {"y": x.astype(np.float32)} if shown else {})
        for x in (live, frozen)
    )
    size = float(np.abs(live - live.mean(axis=1, keepdims=True)).max())
    ratios = _of(atol=1.0, logit_rtol=1e-4, logit_size=size).rows(one, other, {"y": "y"}, 3)
    assert ratios[2] == pytest.approx(0.075 / (1e-4 * size), rel=1e-2)
    assert (ratios[:2] < 0.1).all()
    assert (_of(atol=1.0, logit_size=size).rows(one, other, {"y": "y"}, 3) < 0.1).all()


def test_with_no_tolerance_any_difference_is_too_much() -> None:
    one = np.array([[0.5], [0.5]], np.float32)
    other = np.array([[0.5], [np.nextafter(np.float32(0.5), np.float32(1.0))]], np.float32)
    ratios = _of(atol=0.0).rows(Answered({"y": one}), Answered({"y": other}), {"y": "y"}, 2)
    assert ratios.tolist() == [0.0, np.inf]


def test_scores_are_measured_by_their_own_size() -> None:
    prices = np.array([[1e6], [10.0], [4e6]], np.float32)
    tolerances = _of(kind=SCORES, atol=0.0, rtol=1e-5, size=1e6)
    off = prices + np.array([[20.0], [20.0], [20.0]], np.float32)
    ratios = tolerances.rows(Answered({"y": prices}), Answered({"y": off}), {"y": "y"}, 3)
    # A usual answer and a small one by the usual size, a large one by its own.
    assert ratios == pytest.approx([2.0, 2.0, 0.5])


def test_several_answers_for_an_input_belong_to_it() -> None:
    frames = np.zeros((6, 3), np.float32)
    other = frames.copy()
    other[3, 0] = 1.0
    assert differences(frames, other, 3).tolist() == [0.0, 1.0, 0.0]


def test_classes_are_equal_or_too_far_apart() -> None:
    one, other = np.array([3, 7], np.int64), np.array([3, 8], np.int64)
    tolerances = _of(kind=CLASSES)
    ratios = tolerances.rows(Answered({"y": one}), Answered({"y": other}), {"y": "y"}, 2)
    assert ratios[0] == 0.0
    assert ratios[1] > 1.0


def test_a_tolerance_is_the_same_after_a_file() -> None:
    tolerance = Tolerance(kind=SCORES, rtol=1e-5, size=3.0, unraised=(1e-6, None), chosen=True)
    assert Tolerance.of_json(json.loads(json.dumps(tolerance.as_json()))) == tolerance
