"""What the live model answers when it makes a mistake, and what that proves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.diagnosis.simulation import read_differently, simulate
from pytest_freezecheck.diagnosis.transforms import class_order, feeds_to_try
from pytest_freezecheck.diagnosis.weights import Origins

NOWHERE = Origins(None, {})


@dataclasses.dataclass
class Answer:
    outputs: dict[str, Any]
    logits: dict[str, Any] = dataclasses.field(default_factory=dict)


class Difference:
    """A live model of two inputs, (rows, 2, 2, 3) each, and three classes."""

    weights: dict[str, Any] = {}  # noqa: RUF012

    def answer(self, feeds: Any, _: Any = None) -> Answer:
        apart = feeds["after"] - 0.7 * feeds["before"]
        cells = apart.reshape(len(apart), 12)
        table = np.random.default_rng(7).normal(size=(12, 3)).astype(np.float32)
        logits = cells @ table
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return Answer({"kinds": (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)})


def pictures(rows: int = 8) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {n: rng.uniform(-1, 1, (rows, 2, 2, 3)).astype(np.float32) for n in ("before", "after")}


def found(wrong: Any, feeds: Any) -> Any:
    live: Any = Difference()
    return simulate(live, wrong, feeds, origins=NOWHERE, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("takes each of the two for the other", ("before", "after")),
        ("reverses the channels", ("before", "after")),
        ("divides by 127.5", ("before", "after")),
        ("reverses the channels", ("after",)),
        ("maps [0, 1] to [-1, 1]", ("before",)),
    ],
)
def test_what_is_done_to_one_input_or_to_both_is_proven(words: str, names: tuple[str, ...]) -> None:
    feeds = pictures()
    (moved,) = [m for said, m in feeds_to_try(feeds) if (said, tuple(m)) == (words, names)]
    wrong = Difference().answer({**feeds, **moved})
    cause = found(wrong, feeds)
    assert (cause.id, cause.tensors, cause.proven) == ("input-transform", names, True)
    assert cause.evidence == f"it {words}"
    live: Any = Difference()
    assert read_differently(live, wrong, feeds, 1e-5) == words  # type: ignore[arg-type]


def test_inputs_of_another_shape_are_not_taken_for_each_other() -> None:
    feeds = {**pictures(), "place": np.zeros((8, 2), np.float32)}
    exchanged = [moved for words, moved in feeds_to_try(feeds) if "for the other" in words]
    assert [tuple(moved) for moved in exchanged] == [("before", "after")]


class Threshold(Difference):
    """A live model of one number, and two classes."""

    def answer(self, feeds: Any, _: Any = None) -> Answer:
        with np.errstate(over="ignore"):
            high = 1.0 / (1.0 + np.exp(60.0 * (140.0 - feeds["number"].astype(np.float64))))
        return Answer({"kinds": np.concatenate([1.0 - high, high], axis=1).astype(np.float32)})


def test_one_answer_to_everything_proves_no_scaling() -> None:
    feeds = {"number": np.linspace(0.2, 0.5, 8, dtype=np.float32)[:, None]}
    fitting = [
        words
        for words, moved in feeds_to_try(feeds)
        if Threshold().answer(moved).outputs["kinds"][:, 1].min() == 1.0
    ]
    assert fitting == ["maps [-1, 1] to [0, 255]"]
    # A constant answers the same.
    always: Any = Answer({"kinds": np.tile(np.array([0.0, 1.0], np.float32), (8, 1))})
    live: Any = Threshold()
    assert simulate(live, always, feeds, origins=NOWHERE, atol=1e-5) is None


def test_two_constants_are_no_order_of_classes() -> None:
    one, other = (np.tile(np.array(row, np.float32), (8, 1)) for row in ([0.9, 0.1], [0.1, 0.9]))
    assert class_order(one, other, 1e-5) is None
    one[0], other[0] = [0.3, 0.7], [0.7, 0.3]
    assert class_order(one, other, 1e-5) == [1, 0]
    # Of a thousand classes that are all unlikely, small differences tell.
    rng = np.random.default_rng(2)
    many = (0.001 + rng.uniform(-2e-4, 2e-4, (8, 1000))).astype(np.float32)
    assert class_order(many, np.roll(many, 3, axis=1)) == [*range(997, 1000), *range(997)]


def test_two_scalings_that_saturate_the_same_classes_prove_neither() -> None:
    feeds = {n: (a * np.float32(4)).astype(np.float32) for n, a in pictures(24).items()}
    wide = [{n: feeds[n] * np.float32(f) for n in ("before", "after")} for f in (255.0, 2.0, 127.5)]
    answers = [Difference().answer(w).outputs["kinds"] for w in wide]
    kept = [row for row in range(24) if all(a[row].max() > 0.999999 for a in answers)]
    feeds = {name: array[kept] for name, array in feeds.items()}
    wrong = Answer({"kinds": answers[0][kept]})
    assert len({int(c) for c in wrong.outputs["kinds"].argmax(axis=-1)}) > 1
    assert found(wrong, feeds) is None
    live: Any = Difference()
    assert read_differently(live, wrong, feeds, 1e-5) is None  # type: ignore[arg-type]
