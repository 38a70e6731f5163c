"""Answers that do not fit into memory lie in a file, and say the same there."""

from __future__ import annotations

import dataclasses
import errno
import shutil
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.checking import corpus, kept, steering
from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.checking.kept import Kept, Sequenced
from pytest_freezecheck.models.answer import Answer
from tests.kit.faults import another_epsilon, freeze

RNG = np.random.default_rng(0)
LARGE = RNG.normal(size=(4, 9000))


def answer(array: Any, logits: Any | None = None) -> Answer:
    return Answer(outputs={"y": array}, logits={} if logits is None else {"y": logits})


def in_memory(kept_answers: Kept[Any], key: Any) -> bool:
    return kept_answers[key].outputs["y"] is kept_answers[key].outputs["y"]


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "int8", "bool", tf.bfloat16.as_numpy_dtype, "S3"]
)
def test_what_does_not_fit_is_read_again_as_it_was(dtype: Any) -> None:
    found: Kept[int] = Kept(room=0)
    for number in range(3):
        found.keep(number, answer((LARGE + number).astype(dtype), LARGE[:1] * number))
    assert not in_memory(found, 1)
    for number in range(3):
        back = found[number]
        assert back.outputs["y"].dtype == np.dtype(dtype)
        assert back.outputs["y"].tobytes() == (LARGE + number).astype(dtype).tobytes()
        assert np.array_equal(back.logits["y"], LARGE[:1] * number)
    assert list(found) == [0, 1, 2]


def test_what_is_written_to_an_array_stays_out_of_the_file() -> None:
    found: Kept[str] = Kept(room=0)
    found.keep("a", answer(LARGE.T))  # and not in the order of C
    found["a"].outputs["y"][:] = 0.0
    assert np.array_equal(found["a"].outputs["y"], LARGE.T)


def test_memory_is_filled_first_and_small_things_and_text_stay_there() -> None:
    found: Kept[str] = Kept(room=LARGE.nbytes)
    found.keep("first", answer(LARGE))
    found.keep("second", answer(LARGE))
    found.keep("small", answer(np.float32(0.5)))
    found.keep("text", answer(np.array([b"word"] * 9000, object)))
    assert [in_memory(found, key) for key in found] == [True, False, True, True]


def test_some_of_them_are_a_sequence() -> None:
    found: Kept[int] = Kept(room=0)
    for number in range(5):
        found.keep(number, answer(LARGE + number))
    some = Sequenced(found, [4, 1, 3])
    assert [each.outputs["y"][0, 0] - LARGE[0, 0] for each in some] == pytest.approx([4, 1, 3])
    assert len(some[1:]) == 2
    assert some[1:][0].outputs["y"][0, 0] == (LARGE + 1)[0, 0]


@pytest.mark.parametrize("full", ["no room is left", "it cannot be written"])
def test_a_full_disk_leaves_them_in_memory(full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if full == "no room is left":
        usage = shutil.disk_usage("/")._replace(free=2**20)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    else:

        def refuse(**_: object) -> NoReturn:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found: Kept[str] = Kept(room=0)
    found.keep("a", answer(LARGE))
    assert in_memory(found, "a")
    assert np.array_equal(found["a"].outputs["y"], LARGE)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_check_finds_the_same_in_the_file_as_in_memory(
    wrong: bool, trained: Path, live: LiveModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (another_epsilon if wrong else freeze)(trained, tmp_path / "model.pb")

    def checked(seed: int) -> dict[str, Any]:
        agreement = freezecheck.check(live, tmp_path / "model.pb", seed=seed, examples=60)
        data = dataclasses.asdict(agreement)
        for timed in filter(None, (data, data["counterexample"])):
            del timed["seconds"]
        return data

    before = checked(0)
    checked(1)  # of one seed at a time are answers kept
    monkeypatch.setattr(kept, "_SMALL", 0)
    monkeypatch.setattr(corpus, "Kept", lambda: Kept(room=0))
    after = checked(0)
    assert after["outcome"] == ("failed" if wrong else "passed")
    assert (after["counterexample"] is not None) == wrong
    assert str(after) == str(before)


def test_steering_in_parts_finds_as_many_on_the_boundary(
    live: LiveModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "_MOST_ANSWERED", 7 * 5 * 8)  # of 5 classes in float64
    found = Corpus(live, 100, seed=0)
    for _ in found.main(live, live.answer):
        pass
    (steered,) = found.steered()
    assert len({row.tobytes() for row in steered["images"]}) == 32
    logits = np.sort(live.answer(steered).logits["probabilities"], axis=1)
    assert (logits[:, -1] - logits[:, -2] <= 0.06).all()
