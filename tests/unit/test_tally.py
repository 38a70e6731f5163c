"""Adding up batches: the worst counts, and logits see what probabilities hide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.checking.tally import Tally
from pytest_freezecheck.numeric.tolerance import CLASSES, Tolerance, Tolerances


def tally_of(size: float = 0.0, **values: Any) -> Tally:
    """Return a tally of one output, `p`, whose largest centred logit is so large."""
    tolerance = Tolerance(logit_rtol=1e-4, logit_size=size, **values)
    return Tally(Tolerances({"p": tolerance}), {"p": "there"})


def softmax(logits: Any) -> Any:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def test_the_worst_batch_is_kept_with_its_description() -> None:
    tally = tally_of()
    for apart, where in ((0.0, "first"), (0.5, "second"), (0.1, "third")):
        live = np.zeros((2, 3), np.float32)
        tally.count(2)
        tally.output("p", live, live + np.float32(apart), where)
    assert tally.worst is not None
    assert tally.worst.max_abs == 0.5
    (found,) = tally.found()
    assert (found.where, found.artifact_output) == ("second", "there")
    assert found.ratio == pytest.approx(5e4)
    assert found.compared == 18
    assert (tally.examples, tally.inputs, tally.identical) == (3, 6, False)


def test_logits_show_what_a_saturated_softmax_hides() -> None:
    live = np.array([[100.0, 0.0, -50.0]], np.float32)
    frozen = np.array([[110.0, 0.0, -50.0]], np.float32)
    outputs = softmax(live), softmax(frozen)
    tally = tally_of(250.0 / 3.0)
    tally.output("p", *outputs, "saturated")
    tally.logits("p", outputs, (live, frozen))
    assert tally.worst is not None
    assert tally.worst.max_abs < 1e-30
    assert not tally.identical
    assert tally.logit_worst is not None
    assert tally.logit_worst[1] == pytest.approx(6.667 / 83.33, rel=1e-3)


def test_logits_are_recovered_where_one_side_shows_none() -> None:
    logits = np.array([[1.0, 0.0, -1.0]], np.float32)
    outputs = softmax(logits), softmax(logits * np.float32(1.01))
    tally = tally_of(1.0)
    tally.logits("p", outputs, (logits, None))
    assert tally.logit_worst is not None
    assert tally.logit_worst[1] == pytest.approx(0.01, rel=1e-3)


def test_the_ratio_is_taken_over_all_batches() -> None:
    """Level logits in one batch must not make float noise look large."""
    tally = tally_of(10.0)
    for scale in (10.0, 1e-6):
        live = np.array([[scale, -scale]], np.float32)
        tally.logits("p", (softmax(live), softmax(live)), (live, live + np.float32(0)))
    noisy = np.array([[1e-7, -1e-7]], np.float32)
    tally.logits("p", (softmax(noisy), softmax(-noisy)), (noisy, -noisy))
    assert tally.logit_worst is not None
    assert tally.logit_worst[1] < 1e-7


def test_outputs_that_are_no_distribution_have_no_logits() -> None:
    tally = tally_of()
    answer = np.array([[3.0, -1.0]], np.float32)
    tally.logits("p", (answer, answer), (None, None))
    assert tally.logit_worst is None


def test_what_is_subtracted_from_one_tells_no_logits() -> None:
    """1 - p rounds as 1 does: of a p of 6e-8 nothing but its size is left."""
    live = np.array([[1.0 - 6e-8, 6e-8]], np.float32)
    frozen = np.array([[1.0, 0.0]], np.float32)
    told, other = tally_of(8.0), tally_of(8.0, recover=False)
    for tally in (told, other):
        tally.logits("p", (live, frozen), (None, None))
    assert told.logit_worst is not None
    assert told.logit_worst[1] > 1.0
    assert other.logit_worst is None


def test_what_noise_decides_is_counted_and_no_difference() -> None:
    tally = tally_of(kind=CLASSES)
    live, frozen = np.array([3, 7, 1], np.int64), np.array([3, 2, 1], np.int64)
    tally.output("p", live, frozen, "", allowed=np.array([1e-5, np.inf, 1e-5]))
    (found,) = tally.found()
    assert found.undecided == 1
    assert found.ratio == 0.0
    tally.output("p", live, np.array([4, 2, 1]), "", allowed=np.array([1e-5, np.inf, 1e-5]))
    assert tally.found()[0].ratio > 1.0


def test_zeros_of_either_sign_are_close_and_not_identical() -> None:
    tally = tally_of(atol=0.0)
    tally.output("p", np.array([0.0]), np.array([-0.0]), "")
    assert tally.worst is not None
    assert tally.worst.close
    assert not tally.identical
