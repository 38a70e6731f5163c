"""The verdict: each reason from evidence, in their order, and errors."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_freezecheck import errors
from pytest_freezecheck.checking.judgement import Evidence, judge
from pytest_freezecheck.result.reasons import OUTCOMES, REASONS, Judgement, of_error

#: Evidence of a pass; and what turns it into each failure, the strongest last.
GOOD = Evidence(compared=100, exact=True, power=0.9)
FAILURES: list[tuple[str, dict[str, Any]]] = [
    ("too-weak", {"power": 0.0}),
    ("unsteady", {"steady": False}),
    ("output-not-compared", {"not_compared": ("classes",)}),
    ("not-bit-identical", {"exact": False, "exact_demanded": True}),
    ("logits-differ", {"logit_ratio": 1.5}),
    ("differs", {"ratio": 1.0001}),
    ("non-finite", {"non_finite": True}),
    ("shape", {"problem": "shape"}),
    ("self-comparison", {"suspicion": "it runs in the live session"}),
]


@pytest.mark.parametrize(("reason", "changes"), FAILURES)
def test_each_failure_has_its_reason(reason: str, changes: dict[str, Any]) -> None:
    assert judge(dataclasses.replace(GOOD, **changes)) == Judgement("failed", reason)


def test_the_strongest_reason_is_given() -> None:
    found = GOOD
    for reason, changes in FAILURES:
        found = dataclasses.replace(found, **changes)
        assert judge(found).reason == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"problem": "dtype"}, "dtype"),
        ({"problem": "shape", "lone": True}, "output-not-compared"),
        ({"compared": 0}, "output-not-compared"),
        ({"ratio": 2.0, "batch_dependent": True}, "batch-dependent"),
        ({"ratio": float("nan")}, "differs"),
        ({"logit_ratio": float("nan")}, "logits-differ"),
        ({"power": None, "min_power": 0.5}, "too-weak"),
        ({"power": 0.4, "min_power": 0.5}, "too-weak"),
    ],
)
def test_other_failures(changes: dict[str, Any], reason: str) -> None:
    assert judge(dataclasses.replace(GOOD, **changes)) == Judgement("failed", reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "identical"),
        ({"lossy": True}, "identical"),
        ({"exact": False}, "agrees"),
        ({"exact": False, "lossy": True, "noise": True}, "agrees-lossy"),
        ({"exact": False, "noise": True}, "agrees-within-noise"),
        ({"exact": False, "power": None}, "agrees"),
        ({"exact": False, "ratio": 1.0, "logit_ratio": 1.0}, "agrees"),
        ({"power": 0.5, "min_power": 0.5}, "identical"),
    ],
)
def test_each_pass_has_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert judge(dataclasses.replace(GOOD, **changes)) == Judgement("passed", reason)


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (errors.ModelError("x"), "error", "live-model"),
        (errors.ArtifactError("x"), "error", "artifact"),
        (errors.MatchError("x"), "error", "names"),
        (errors.FreezeError("x"), "error", "freezing"),
        (errors.InapplicableError("x"), "error", "freezing"),
        (errors.SettingError("x"), "error", "setting"),
        (errors.CrashedError("x"), "error", "crashed"),
        (errors.TimedOutError("x"), "error", "timed-out"),
        (errors.OutOfMemoryError("x"), "error", "out-of-memory"),
        (ZeroDivisionError("x"), "error", "exception"),
        (errors.UnavailableError("x"), "skipped", "unavailable"),
    ],
)
def test_each_error_has_its_reason(error: Exception, outcome: str, reason: str) -> None:
    assert of_error(error) == Judgement(outcome, reason)


def test_a_way_for_models_of_another_kind_is_inapplicable() -> None:
    error = errors.UnavailableError("skipped")
    error.__cause__ = errors.InapplicableError("for Keras models")
    assert of_error(error) == Judgement("skipped", "inapplicable")


def test_every_reason_has_an_outcome_and_words() -> None:
    for outcome, word, meaning in REASONS.values():
        assert outcome in OUTCOMES
        assert word
        assert meaning
