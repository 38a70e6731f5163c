"""Networks of `tf_slim.nets`, at their real width, in ways that need nothing but TensorFlow.

VGG and OverFeat have more than 100 million parameters: `benchmarks/nets.py` measures those.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Agreement, FrozenModel, LiveModel
from tests.models import nets

EXAMPLES = 10
EXACT = ("graph_def", "graph_def_v2", "freeze_graph_meta", "remove_training_nodes")
SAVED = ("saved_model", "saved_model_session", "saved_model_module")
ROUNDED = ("fold_batch_norms", "grappler")
SLOW = ("alexnet_v2", "inception_v2", "inception_v3", "resnet_v1_50")


@pytest.fixture(
    scope="module",
    params=[
        *("inception_v1", "resnet_v2_50"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
    ],
)
def lives(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveModel, LiveModel]]:
    """A network as its evaluation restores it, and with its raw weights."""
    subject = nets.subject(nets.NETS[request.param], tmp_path_factory.mktemp(request.param))
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


@pytest.mark.parametrize("way", ROUNDED)
def test_a_correct_rewrite_agrees_within_its_noise(
    way: str, lives: tuple[LiveModel, LiveModel], tmp_path: Path
) -> None:
    live, _ = lives
    with shipped(live, way, tmp_path) as artifact:
        agreement = freezecheck.check(live, artifact, examples=EXAMPLES)
        strict = freezecheck.check(live, artifact, examples=EXAMPLES, atol=1e-5)
    assert agreement, agreement.text
    assert agreement.max_abs_diff is not None
    assert agreement.noise_floor is not None
    assert bool(strict) == (agreement.max_abs_diff <= 1e-5)
    if not strict:
        assert agreement.within_noise
        assert agreement.atol == pytest.approx(8.0 * agreement.noise_floor, rel=0.05)
        assert any(
            "more than 1e-05 apart; allowed are" in warning for warning in agreement.warnings
        )


@pytest.mark.parametrize("way", ["graph_def", "saved_model", "fold_batch_norms"])
def test_raw_weights_fail(way: str, lives: tuple[LiveModel, LiveModel], tmp_path: Path) -> None:
    live, raw = lives
    agreement = checked(live, raw, way, tmp_path)
    assert not agreement
    assert agreement.cause is not None
    assert agreement.cause["id"] == "raw-weights"
    assert agreement.cause["proven"]
