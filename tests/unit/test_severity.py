"""How far each row is apart, in multiples of what is allowed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.comparing.tally import Tally
from pytest_freezecheck.severity import Yardstick, differences


@dataclasses.dataclass
class Answered:
    outputs: dict[str, Any]
    logits: dict[str, Any] = dataclasses.field(default_factory=dict)


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def test_each_row_counts_for_itself() -> None:
    one = np.zeros((4, 3), np.float32)
    other = one.copy()
    other[1, 2], other[3, 0] = 2e-5, -4e-5
    ratios = Yardstick(1e-5, None, {}).rows(
        Answered({"y": one}), Answered({"z": other}), {"y": "z"}, 4
    )
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
    ratios = Yardstick(1.0, 1e-4, {"y": size}).rows(one, other, {"y": "y"}, 3)
    assert ratios[2] == pytest.approx(0.075 / (1e-4 * size), rel=1e-2)
    assert (ratios[:2] < 0.1).all()
    assert (Yardstick(1.0, None, {"y": size}).rows(one, other, {"y": "y"}, 3) < 0.1).all()


def test_with_no_tolerance_any_difference_is_too_much() -> None:
    one = np.array([[0.5], [0.5]], np.float32)
    other = np.array([[0.5], [np.nextafter(np.float32(0.5), np.float32(1.0))]], np.float32)
    ratios = Yardstick(0.0, None, {}).rows(
        Answered({"y": one}), Answered({"y": other}), {"y": "y"}, 2
    )
    assert ratios.tolist() == [0.0, np.inf]


def test_the_yardstick_of_a_check_has_its_largest_logits() -> None:
    tally = Tally(1e-5)
    for size in (1.0, 7.0, 3.0):
        logits = np.array([[size, -size]], np.float32)
        probabilities = _softmax(logits)
        assert tally.output("y", probabilities, probabilities, "")
        assert tally.logits("y", (probabilities, probabilities), (logits, logits))
    assert tally.yardstick(1e-4) == Yardstick(1e-5, 1e-4, {"y": 7.0})
