"""Inputs: legal, varied, the same for the same seed, and deaf to the user's Hypothesis profile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings

from pytest_freezecheck.inputs import batches, build, feeds, images, probabilities
from pytest_freezecheck.inputs.descriptions import CENTRES, KINDS, SCALES, Batch, Row, render
from pytest_freezecheck.inputs.search import draw, in_words
from pytest_freezecheck.spec.inputs import InputSpec

IMAGE = InputSpec((24, 24, 3))
SPECS = [
    IMAGE,
    InputSpec((5,), "float32", 0.1, 0.3),
    InputSpec((), "float64", -3.0, 2.0),
    InputSpec((7, 2), "float16", 0.0, 100.0),
    InputSpec((8, 8, 1), "uint8"),
    InputSpec((12,), "int64", 0, 29),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@settings(deadline=None)  # no test says how long it takes on a machine that is busy
@given(described=batches())
def test_every_row_is_legal(spec: InputSpec, described: Batch) -> None:
    batch: Any = render(described.rows(), spec)
    low, high = spec.bounds
    assert batch.shape == (described.size, *spec.shape)
    assert batch.dtype == spec.dtype
    assert (batch.astype(np.float64) >= low).all()
    assert (batch.astype(np.float64) <= high).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_depends_on_its_seed_alone(kind: str) -> None:
    one, same, other = (render([Row(kind, 0.5, 0.3, seed)], IMAGE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.array_equal(one, other) == (kind == "constant")


def test_spikes_are_sparse_and_extremes_are_not() -> None:
    spikes: Any = render([Row("spikes", 0.5, 0.5, 3)], IMAGE)
    extremes: Any = render([Row("extremes", 0.5, 0.5, 3)], IMAGE)
    assert 1 <= np.count_nonzero(spikes) <= 12
    assert set(np.unique(extremes)) == {-1.0, 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_a_check_sees_every_kind_scale_and_batch_size(seed: int) -> None:
    drawn = draw(examples=100, seed=seed)
    described = [row for batch in drawn for row in batch.rows()]
    assert len(drawn) == 100
    assert {row.kind for row in described} == set(KINDS)
    assert {row.scale for row in described} == set(SCALES)
    assert {row.centre for row in described} == set(CENTRES)
    assert {batch.size for batch in drawn} == set(range(1, 9))
    assert len({row.seed for row in described}) >= 0.9 * len(described)


def test_the_seed_decides() -> None:
    first, again, other = (draw(examples=20, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_a_profile_changes_nothing() -> None:
    before = draw(examples=20, seed=5)
    default = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.register_profile(
        "meddling", max_examples=1, derandomize=True, database=None, deadline=1
    )
    hypothesis.settings.load_profile("meddling")
    try:
        assert draw(examples=20, seed=5) == before
    finally:
        hypothesis.settings.load_profile(default)


CONSTANTS = "NUMBERS = [" + ", ".join(str(n) for n in range(1, 4000, 7)) + "]"
DRAW = """
import sys
if sys.argv[1:]:
    import constants
from pytest_freezecheck.inputs.search import draw
print(draw(examples=100, seed=0))
"""


def test_constants_of_the_repository_change_nothing(tmp_path: Path) -> None:
    """Hypothesis draws integers from the constants of local modules, and keeps a list of them."""
    (tmp_path / "constants.py").write_text(CONSTANTS)
    (tmp_path / "run.py").write_text(DRAW)
    printed = [
        subprocess.run(
            [sys.executable, "run.py", *argument],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for argument in ([], ["with constants"])
    ]
    assert printed[0] == printed[1] == f"{draw(examples=100, seed=0)}\n"
    assert not (tmp_path / ".hypothesis").exists()


def test_drawing_leaves_random_states_alone() -> None:
    import random

    state: Any = random.getstate(), np.random.get_state()
    draw(examples=20, seed=5)
    after: Any = random.getstate(), np.random.get_state()
    assert state[0] == after[0]
    assert str(state[1]) == str(after[1])


def test_all_inputs_of_a_batch_have_the_same_rows() -> None:
    specs = {"image": IMAGE, "features": InputSpec((5,))}
    for described in draw(examples=10, seed=0):
        arrays = build(described, specs)
        assert len(arrays["image"]) == len(arrays["features"]) == described.size


def test_each_input_gets_rows_of_its_own() -> None:
    arrays = build(Batch(4, 0, 8, 12, 3), {"left": IMAGE, "right": IMAGE})
    assert not np.array_equal(arrays["left"], arrays["right"])


def test_a_batch_in_words() -> None:
    assert in_words(Batch(3, 0, 8, 8, 1)) == "3 rows: constant, ramp, smooth"
    assert in_words(Batch(1, 6, 8, 8, 1)) == "1 row: spikes"


@settings(deadline=None)
@given(images((4, 4, 3), dtype="uint8", max_batch=2))
def test_images_under_a_plain_given(batch: Any) -> None:
    assert batch.dtype == np.uint8
    assert 1 <= len(batch) <= 2


@settings(deadline=None)
@given(feeds({"a": {"shape": [3]}, "b": InputSpec((2, 2))}))
def test_feeds_under_a_plain_given(fed: Any) -> None:
    assert set(fed) == {"a", "b"}
    assert len(fed["a"]) == len(fed["b"])


@settings(deadline=None)
@given(probabilities((2, 5)))
def test_probabilities_under_a_plain_given(batch: Any) -> None:
    assert batch.shape[1:] == (2, 5)
    np.testing.assert_allclose(batch.sum(axis=-1), 1.0, atol=1e-5)
