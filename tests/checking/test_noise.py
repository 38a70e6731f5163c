"""The noise floor: 0 for what TensorFlow runs, measured for other executors, never a free pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.formats.graph_def.loader import FrozenGraphDef
from pytest_freezecheck.models.answer import Answer
from pytest_freezecheck.power import noise
from pytest_freezecheck.report.details import passing
from pytest_freezecheck.settings import Run, using
from tests.kit import mistakes
from tests.kit.freezing import freeze
from tests.kit.subjects import Subject
from tests.kit.ways import CLASSIC


class Converted(FrozenGraphDef):
    """Stands for an executor of its own, whose sums depend on the size of the batch."""

    bit_exact = False
    noise = 0.0

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        answer = super().answer(feeds, outputs)
        rows = len(next(iter(feeds.values())))
        moved = {
            name: (array * np.float32(1.0 + self.noise * (rows % 2))).astype(array.dtype)
            for name, array in answer.outputs.items()
        }
        return Answer(moved, {})


@pytest.fixture(scope="module")
def live(flowers: Subject) -> Iterator[LiveModel]:
    model = flowers.live()
    yield model
    model.close()


@pytest.fixture
def converted(flowers: Subject, tmp_path: Path) -> Converted:
    freeze(flowers, tmp_path / "model.pb")
    return Converted(tmp_path / "model.pb")


@pytest.mark.parametrize("way", CLASSIC)
def test_what_tensorflow_runs_has_no_noise(way: str, live: LiveModel, tmp_path: Path) -> None:
    frozen = freezecheck.load(freezecheck.freeze(live, way, tmp_path), way=way)
    agreement = freezecheck.assert_agreement(live, frozen)
    assert agreement.noise_floor == 0.0
    frozen.close()


def test_another_executor_passes_with_its_floor_shown(
    live: LiveModel, converted: Converted
) -> None:
    converted.noise = 2e-6
    agreement = freezecheck.assert_agreement(live, converted)
    assert agreement.noise_floor is not None
    assert 1e-6 < agreement.noise_floor < 4e-6
    assert agreement.max_abs_diff is not None
    assert agreement.max_abs_diff > 0.0
    assert agreement.warnings == []


def test_noise_above_the_tolerance_fails_and_says_what_would_pass(
    live: LiveModel, converted: Converted
) -> None:
    converted.noise = 3.1e-5
    agreement = freezecheck.check(live, converted, logit_rtol=False)
    assert not agreement
    assert agreement.noise_floor is not None
    assert agreement.max_abs_diff is not None
    assert agreement.max_abs_diff <= agreement.noise_floor * 1.01
    (line,) = (x for x in agreement.text.splitlines() if "noise floor" in x)
    assert "atol = 5e-05 would pass" in line
    assert any("is below the noise floor of this format" in w for w in agreement.warnings)
    assert freezecheck.check(live, converted, logit_rtol=False, atol=5e-5)


def floor_is(monkeypatch: pytest.MonkeyPatch, apart: float) -> None:
    """Stand for a live model that is so far from itself in one thread.

    It is measured once for a model and a seed, so these tests have seeds of their own.
    """
    level = np.full((1, 4), 0.25)
    tilted = level + np.array([apart, -apart, 0.0, 0.0])
    pair = tuple(Answer({"probabilities": answer}, {}) for answer in (level, tilted))
    monkeypatch.setattr(noise, "executed_otherwise", lambda twin, batches, plain: [pair])
    monkeypatch.setattr(noise, "row_by_row", lambda ask, feeds: [])


@pytest.mark.usefixtures("answers_alone")
def test_noise_of_the_live_model_itself_is_allowed_for_and_said(
    live: LiveModel, converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor_is(monkeypatch, 5e-6)
    converted.noise = 3.1e-5
    agreement = freezecheck.check(live, converted, logit_rtol=False, seed=901)
    assert agreement
    assert (agreement.within_noise, agreement.atol, agreement.unraised) == (True, 4e-5, 1e-5)
    assert "(allowed 4e-05 for the float noise of this model, instead of 1e-05)" in agreement.text
    (warning,) = agreement.warnings
    assert warning.startswith("more than 1e-05 apart; allowed are 4e-05, 8 times what the live")
    assert agreement.as_json()["within_noise"]


def test_it_is_not_where_somebody_chose_a_tolerance(
    live: LiveModel, converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor_is(monkeypatch, 5e-6)
    converted.noise = 3.1e-5
    agreement = freezecheck.check(live, converted, logit_rtol=False, seed=901, atol=1e-5)
    assert not agreement
    assert "(allowed 1e-05)" in agreement.text
    assert not agreement.within_noise


def test_it_is_never_allowed_to_hide_a_fault(
    live: LiveModel, converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor_is(monkeypatch, 0.1)
    converted.noise = 8e-3
    agreement = freezecheck.check(live, converted, logit_rtol=False, seed=902)
    assert not agreement
    assert agreement.atol == 3e-3


@pytest.mark.usefixtures("answers_alone")
def test_noise_of_the_logits_is_not_said_where_it_was_not_needed(
    live: LiveModel, converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor_is(monkeypatch, 3e-4)
    converted.noise = 2e-3  # of all classes alike, so the logits do not move
    agreement = freezecheck.check(live, converted, seed=904)
    assert agreement, agreement.text
    assert (agreement.atol, agreement.unraised) == (2.4e-3, 1e-5)
    # A floor of level probabilities is one of the logits, too, but that has a limit.
    assert (agreement.logit_rtol, agreement.unraised_rtol) == (3e-4, 1e-4)
    (warning,) = (w for w in agreement.warnings if w.startswith("more than 1e-05 apart"))
    assert "logits" not in warning
    assert warning.endswith("since nobody chose an atol")


def tilting(frozen: Converted, monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Let it answer as if the logits of the first class were so much larger."""
    straight = frozen.answer

    def answer(feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        found = straight(feeds, outputs).outputs
        tilted = {n: p * np.exp(by * (np.arange(p.shape[-1]) == 0)) for n, p in found.items()}
        return Answer(
            {n: (p / p.sum(-1, keepdims=True)).astype("f4") for n, p in tilted.items()}, {}
        )

    monkeypatch.setattr(frozen, "answer", answer)


@pytest.mark.usefixtures("answers_alone")
def test_noise_of_the_logits_is_allowed_for_and_said(
    live: LiveModel, converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor_is(monkeypatch, 3e-4)
    tilting(converted, monkeypatch, 4e-3)
    agreement = freezecheck.check(live, converted, seed=904)
    assert agreement, agreement.text
    assert agreement.logit_rel_diff is not None
    assert 1e-4 < agreement.logit_rel_diff < 3e-4
    assert agreement.within_noise
    (warning,) = (w for w in agreement.warnings if w.startswith("more than 1e-05 apart"))
    assert "; logits more than 0.0001 of their size apart; allowed are 0.0003, 8 times" in warning
    assert warning.endswith("since nobody chose an atol and a logit_rtol")
    strict = freezecheck.check(live, converted, seed=904, logit_rtol=1e-4)
    assert not strict
    assert (strict.logit_rtol, strict.unraised_rtol) == (1e-4, None)


def test_noise_of_the_logits_does_not_hide_a_fault(
    live: LiveModel, converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor_is(monkeypatch, 3e-4)
    tilting(converted, monkeypatch, 8e-3)
    agreement = freezecheck.check(live, converted, seed=904)
    assert not agreement
    assert agreement.max_abs_diff is not None
    assert agreement.max_abs_diff < agreement.atol
    assert "(allowed 0.0003 for the float noise of this model, instead of 0.0001)" in agreement.text


def test_what_tensorflow_runs_is_allowed_none(
    flowers: Subject, live: LiveModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor_is(monkeypatch, 0.1)
    freeze(flowers, tmp_path / "frozen.pb", afterwards=mistakes.one_weight_times(1.01))
    agreement = freezecheck.check(live, tmp_path / "frozen.pb", seed=902)
    assert not agreement
    assert agreement.atol == 1e-5


def test_a_failing_input_is_replayed_with_what_was_allowed_then(
    live: LiveModel, converted: Converted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    floor_is(monkeypatch, 5e-6)
    converted.noise = 9e-5
    run = Run(folder=tmp_path / "failing")
    with using(run):
        first = freezecheck.check(live, converted, logit_rtol=False, seed=903)
    assert not first
    assert first.counterexample is not None
    assert first.counterexample.max_abs_diff > 4e-5
    (saved,) = (tmp_path / "failing").glob("*.npz")
    converted.noise = 3e-5  # repaired, but for float noise
    with using(dataclasses.replace(run, replay=saved)):
        assert freezecheck.check(live, converted, logit_rtol=False, seed=903)


def test_a_real_difference_is_not_explained_by_noise(
    flowers: Subject, live: LiveModel, converted: Converted
) -> None:
    freeze(flowers, converted.path, checkpoint=flowers.older)
    older = Converted(converted.path)
    older.noise = 2e-6
    agreement = freezecheck.check(live, older)
    assert not agreement
    assert "which does not explain the difference" in agreement.text
    assert "would pass" not in agreement.text
    older.close()


def test_a_random_artifact_is_called_that(
    flowers: Subject, live: LiveModel, tmp_path: Path
) -> None:
    def build(subject: Subject, images: Any) -> Any:
        return tf.nn.softmax(tf.nn.dropout(subject.build(images).op.inputs[0], 0.3), name="answer")

    freeze(flowers, tmp_path / "dropout.pb", build=build)
    agreement = freezecheck.check(live, tmp_path / "dropout.pb")
    assert not agreement
    assert agreement.noise_floor is not None
    assert agreement.noise_floor > 1e-3
    assert "the artifact answers differently when asked the same twice" in agreement.text


@pytest.mark.parametrize(
    ("apart", "tolerance"),
    [(3.1e-5, 5e-5), (1e-4, 1e-4), (1.01e-4, 2e-4), (9e-3, 1e-2), (0.2, 0.2), (6.0, 10.0)],
)
def test_a_tolerance_that_passes_is_round(apart: float, tolerance: float) -> None:
    assert passing(apart) == f"{tolerance:g}"
