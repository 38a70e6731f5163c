"""Wrong freezes of three networks fail and correct ones pass, whatever the network and the seed.

What the wrong ones do on the usual seed, 0, is in `tests/diagnosis`, with the causes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.inputs.descriptions import Batch
from pytest_freezecheck.inputs.strategies import build
from tests.kit.spread import spread
from tests.kit.subjects import SUBJECTS
from tests.kit.wrong_freezes import CORRECT, WRONG, CorrectFreeze, WrongFreeze, stands_alone

Freeze = WrongFreeze | CorrectFreeze


def _cases(freezes: list[CorrectFreeze], seeds: Sequence[int]) -> list[object]:
    """Return every subject, seed and freeze; the seed changes rarely, as live answers are kept."""
    return [
        pytest.param(
            subject,
            seed,
            freeze,
            id=f"{subject}-{freeze.name}-{seed}",
            marks=[
                *([pytest.mark.skip(freeze.skip[subject])] if subject in freeze.skip else []),
                *([pytest.mark.slow] if seed else []),
            ],
        )
        for subject in SUBJECTS
        for seed in seeds
        for freeze in freezes
    ]


@pytest.mark.parametrize(
    ("subject", "freeze"),
    spread(WRONG, list(SUBJECTS), operator.attrgetter("name"), operator.attrgetter("skip")),
)
def test_a_wrong_freeze_fails(
    subject: str,
    freeze: WrongFreeze,
    live_of: Callable[[str, str], LiveModel],
    shipped: Callable[[str, Freeze], Path],
) -> None:
    live, path = live_of(subject, freeze.live_ema), shipped(subject, freeze)
    agreement = freezecheck.check(live, path, seed=1)
    assert not agreement
    assert stands_alone(agreement.text.splitlines()[0], live, path)


@pytest.mark.parametrize(("subject", "seed", "freeze"), _cases(CORRECT, [0, 1]))
def test_a_correct_freeze_passes(
    subject: str,
    seed: int,
    freeze: CorrectFreeze,
    live_of: Callable[[str, str], LiveModel],
    shipped: Callable[[str, Freeze], Path],
) -> None:
    path = shipped(subject, freeze)
    agreement = freezecheck.assert_agreement(live_of(subject, freeze.live_ema), path, seed=seed)
    assert agreement.exact is freeze.exact
    assert agreement.cause is None
    assert agreement.first_difference is None
    assert f"{subject}, {path.name} agrees with the live model" in agreement.text
    if freeze.exact:
        assert agreement.max_abs_diff == agreement.logit_rel_diff == 0.0
        assert agreement.warnings == []
    else:
        assert agreement.max_abs_diff is not None
        assert 0.0 < agreement.max_abs_diff <= 1e-5
        (warning,) = agreement.warnings
        assert warning.startswith(f"{path.name} is within 1e-05 but not bit-identical")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_phase_that_is_fed_is_right(
    subject: str,
    live_of: Callable[[str, str], LiveModel],
    shipped: Callable[[str, Freeze], Path],
) -> None:
    """The same file passes when its phase is fed: the default is all that is wrong with it."""
    freeze = next(freeze for freeze in WRONG if freeze.name == "phase_defaults_to_training")
    artifact = freezecheck.load(shipped(subject, freeze), constants={"phase": False})
    agreement = freezecheck.assert_agreement(live_of(subject, "trainable"), artifact)
    assert agreement.exact
    artifact.close()


def test_the_three_networks_hide_nothing(live_of: Callable[[str, str], LiveModel]) -> None:
    """A weight that training left alone, or that its shadow equals, would hide its faults."""
    for subject in SUBJECTS:
        averaged, raw = live_of(subject, "all").weights(), live_of(subject, "none").weights()
        assert averaged.keys() == raw.keys()
        for name, value in raw.items():
            initial = 1.0 if name.endswith(("gamma", "moving_variance")) else 0.0
            assert (value != initial).all(), f"{subject}: {name}"
            assert abs(value - averaged[name]).max() > 1e-4, f"{subject}: {name}"


def test_the_three_networks_are_not_saturated(live_of: Callable[[str, str], LiveModel]) -> None:
    """Probabilities at 0 and 1 would hide faults that show before the softmax."""
    for subject in SUBJECTS:
        live = live_of(subject, "trainable")
        feeds = build(Batch(size=64, kind=3, centre=8, scale=14, seed=0), live.specs)
        (logits,) = live.answer(feeds).logits.values()
        assert 0.5 < logits.std() < 6.0, f"{subject}: {logits.std()}"
