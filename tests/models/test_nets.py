"""Networks of `tf_slim.nets`, at their real width, in ways that need nothing but TensorFlow.

VGG and OverFeat have more than 100 million parameters: `benchmarks/nets.py` measures those.
"""

from __future__ import annotations

import contextlib
import functools
import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Agreement, FrozenModel, LiveModel
from tests.kit import nets
from tests.kit.made_once import made_once

pytestmark = pytest.mark.nets

EXAMPLES = 10
EXACT = ("graph_def", "graph_def_v2", "freeze_graph_meta", "remove_training_nodes")
SAVED = ("saved_model", "saved_model_session", "saved_model_module")
FEW = ("inception_v1", "resnet_v2_50")
MORE = ("alexnet_v2", "inception_v2", "inception_v3", "resnet_v1_50")


def _slow(names: Sequence[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.fixture(scope="module", params=[*FEW, *_slow(MORE)])
def lives(request: pytest.FixtureRequest) -> Iterator[tuple[LiveModel, LiveModel]]:
    """A network as its evaluation restores it, and with its raw weights."""
    make = functools.partial(nets.subject, nets.NETS[request.param])
    subject = make(made_once(request.param, make, [Path(nets.__file__)]))
    pair = subject.live(), subject.live("none")
    yield pair
    for live in pair:
        live.close()
    gc.collect()  # a graph holds itself in a circle


@contextlib.contextmanager
def shipped(frozen: LiveModel, way: str, folder: Path) -> Iterator[FrozenModel]:
    artifact = freezecheck.load(freezecheck.freeze(frozen, way, folder), way=way)
    with contextlib.closing(artifact):
        yield artifact


def checked(live: LiveModel, frozen: LiveModel, way: str, folder: Path) -> Agreement:
    with shipped(frozen, way, folder) as artifact:
        return freezecheck.check(live, artifact, examples=EXAMPLES)


@pytest.mark.parametrize("way", EXACT)
def test_a_correct_graph_def_is_bit_identical(
    way: str, lives: tuple[LiveModel, LiveModel], tmp_path: Path
) -> None:
    agreement = checked(lives[0], lives[0], way, tmp_path)
    assert agreement, agreement.text
    assert agreement.exact
    assert (agreement.max_abs_diff, agreement.logit_rel_diff) == (0.0, 0.0)
    assert agreement.power is not None
    assert agreement.power.caught > 0


@pytest.mark.parametrize("way", SAVED)
def test_a_correct_saved_model_agrees(
    way: str, lives: tuple[LiveModel, LiveModel], tmp_path: Path
) -> None:
    agreement = checked(lives[0], lives[0], way, tmp_path)
    assert agreement, agreement.text
    assert agreement.max_abs_diff is not None
    assert agreement.max_abs_diff < 1e-6


def assert_within_noise(live: LiveModel, way: str, folder: Path) -> None:
    agreement = checked(live, live, way, folder)
    assert agreement, agreement.text
    assert agreement.max_abs_diff is not None
    assert agreement.noise_floor is not None
    if agreement.max_abs_diff > 1e-5:
        assert agreement.atol == pytest.approx(8.0 * agreement.noise_floor, rel=0.05)
        if agreement.proof is not None and agreement.proof.holds:
            return  # the better reason
        assert agreement.within_noise
        assert any(
            "more than 1e-05 apart; allowed are" in warning for warning in agreement.warnings
        )


def test_a_graph_that_grappler_rewrote_agrees_within_its_noise(
    lives: tuple[LiveModel, LiveModel], tmp_path: Path
) -> None:
    assert_within_noise(lives[0], "grappler", tmp_path)


@pytest.mark.parametrize("lives", [FEW[0], *_slow([*FEW[1:], *MORE])], indirect=True)
def test_a_correctly_folded_graph_agrees_within_its_noise(
    lives: tuple[LiveModel, LiveModel], tmp_path: Path
) -> None:
    """TensorFlow's tool takes half a minute: it multiplies weight after weight in Python."""
    assert_within_noise(lives[0], "fold_batch_norms", tmp_path)


@pytest.mark.parametrize("way", ["graph_def", "saved_model", *_slow(["fold_batch_norms"])])
def test_raw_weights_fail(way: str, lives: tuple[LiveModel, LiveModel], tmp_path: Path) -> None:
    live, raw = lives
    agreement = checked(live, raw, way, tmp_path)
    assert not agreement
    assert agreement.cause is not None
    assert agreement.cause["id"] == "raw-weights"
    assert agreement.cause["proven"]
