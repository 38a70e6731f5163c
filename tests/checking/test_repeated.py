"""Answers that are bit-identical only when asked again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Agreement, FrozenModel, LiveModel

AGAIN = "answered as the live model does only when both were asked again, "


@contextlib.contextmanager
def moved(
    path: Path, monkeypatch: pytest.MonkeyPatch, when: Callable[[int], bool], by: float
) -> Iterator[FrozenModel]:
    """Load an artifact some of whose answers are moved; they are counted from 0."""
    frozen = freezecheck.load(path)
    ask, calls = frozen.answer, iter(range(10**6))

    def answer(feeds: Mapping[str, Any], outputs: Sequence[str]) -> Any:
        found = ask(feeds, outputs)
        if when(next(calls)):
            for part in (found.outputs, found.logits):
                for name, value in part.items():
                    part[name] = (value + np.float32(by)).astype(np.float32)
        return found

    monkeypatch.setattr(frozen, "answer", answer)
    with contextlib.closing(frozen):
        yield frozen


@pytest.fixture
def check(
    live: LiveModel, correct: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Agreement]:
    def checked(when: Callable[[int], bool], by: float = 1e-7, **options: Any) -> Agreement:
        with moved(correct("graph_def"), monkeypatch, when, by) as frozen:
            return freezecheck.check(live, frozen, examples=20, **options)

    return checked


def test_one_answer_of_another_rounding_is_asked_for_again(
    check: Callable[..., Agreement],
) -> None:
    agreement = check(lambda call: call in (7, 11), exact=True)
    assert agreement, agreement.text
    assert agreement.exact
    assert agreement.max_abs_diff == 0.0
    (warning,) = (w for w in agreement.warnings if AGAIN in w)
    assert "2 times: within 1e-05 at first and bit-identical then" in warning


def test_a_difference_that_is_there_again_is_one(check: Callable[..., Agreement]) -> None:
    agreement = check(lambda _: True)
    assert agreement
    assert not agreement.exact
    assert not any(AGAIN in warning for warning in agreement.warnings)
    assert any("but not bit-identical" in warning for warning in agreement.warnings)
    assert not check(lambda _: True, exact=True)


def test_another_rounding_from_some_call_on_is_state(check: Callable[..., Agreement]) -> None:
    agreement = check(lambda call: call >= 7)
    assert (agreement.outcome, agreement.reason) == ("failed", "unsteady")


def test_one_answer_that_is_far_off_fails(check: Callable[..., Agreement]) -> None:
    agreement = check(lambda call: call == 7, by=1e-3)
    assert not agreement
    assert not any(AGAIN in warning for warning in agreement.warnings)
