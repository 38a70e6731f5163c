"""Every wrong freeze fails, whatever the seed, with a first line that stands alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference
from tests.kit.faults import FAULTS, NAMED, Fault, averaged_statistics, freeze, raw_weights


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_wrong_freeze_fails(
    fault: Fault, live: LiveModel, faulty: Callable[[Fault], Path]
) -> None:
    path = faulty(fault)
    with pytest.raises(freezecheck.FrozenMismatch) as failure:
        freezecheck.assert_agreement(live, path)
    first, *rest = str(failure.value).splitlines()
    assert re.search(FAULTS[fault], first), first
    assert any(line.startswith(f"  reference, {path.name}") for line in rest)
    assert len(first) <= 130
    if fault in NAMED:
        assert NAMED[fault] in "\n".join(rest)


def _slow(seeds: Iterable[int]) -> list[Any]:
    return [pytest.param(seed, marks=pytest.mark.slow) for seed in seeds]


@pytest.mark.parametrize("seed", _slow([1, 2, 3]))
def test_a_wrong_freeze_fails_on_other_seeds(
    seed: int, live: LiveModel, faulty: Callable[[Fault], Path]
) -> None:
    passed = [
        fault.__name__ for fault in FAULTS if freezecheck.check(live, faulty(fault), seed=seed)
    ]
    assert passed == []


@pytest.mark.parametrize("seed", [0, 1, *_slow(range(2, 10))])
def test_the_correct_twin_passes_bit_for_bit(
    seed: int, trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    path = tmp_path / "correct.pb"
    freeze(trained, path)
    agreement = freezecheck.assert_agreement(live, path, seed=seed, exact=True)
    assert agreement.exact is True
    assert agreement.max_abs_diff == 0.0
    assert agreement.logit_rel_diff == 0.0
    assert agreement.warnings == []


def test_what_is_right_is_what_the_live_model_reads(
    trained: Path, faulty: Callable[[Fault], Path], tmp_path: Path
) -> None:
    """Shadows of the statistics are wrong for one live model and right for another."""
    path = faulty(averaged_statistics)
    everything = freezecheck.LiveModel.from_checkpoint(
        reference.build, reference.checkpoint(trained), reference.INPUTS, ema="all"
    )
    assert freezecheck.assert_agreement(everything, path).exact
    freeze(trained, tmp_path / "trainable.pb")
    assert not freezecheck.check(everything, tmp_path / "trainable.pb")
    everything.close()


def test_raw_weights_are_right_where_the_evaluation_reads_no_shadow(
    trained: Path, faulty: Callable[[Fault], Path]
) -> None:
    path = faulty(raw_weights)
    raw = freezecheck.LiveModel.from_checkpoint(
        reference.build, trained, reference.INPUTS, ema="none"
    )
    assert freezecheck.assert_agreement(raw, path).exact
    raw.close()
