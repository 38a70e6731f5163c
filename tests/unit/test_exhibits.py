"""What a page shows of a failure: the values that matter, and few of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.checking import exhibits
from pytest_freezecheck.diagnosis.first_difference import first_difference, thinned
from pytest_freezecheck.numeric.classes import Classes
from pytest_freezecheck.result.exhibit import Exhibit, Layer
from pytest_freezecheck.result.findings import Compared, Counterexample


def compared(*names: str) -> list[Compared]:
    return [Compared(name, name, "scores") for name in names]


def counterexample(feeds: dict[str, Any], **background: float) -> Counterexample:
    return Counterexample(feeds, 1, background, 10, 1.0, 0.1)


def test_the_row_and_the_values_that_are_furthest_apart_are_shown() -> None:
    live = np.zeros((3, 1000))
    frozen = live.copy()
    frozen[1, 700] = 0.5
    frozen[2, 10] = 0.25
    (one,) = exhibits.answers(compared("y"), {"y": live}, {"y": frozen})
    assert (one.worst, one.of, len(one.live)) == (700, 1000, 64)
    assert one.frozen[one.worst - one.first] == 0.5
    assert one.live[one.worst - one.first] == 0.0


@pytest.mark.parametrize("worst", [0, 5, 31, 99])
def test_the_worst_value_is_among_those_shown_at_the_ends_too(worst: int) -> None:
    live = np.arange(100, dtype=np.float32)[None]
    frozen = live.copy()
    frozen[0, worst] += 1
    (one,) = exhibits.answers(compared("y"), {"y": live}, {"y": frozen})
    assert one.frozen[worst - one.first] == live[0, worst] + 1
    assert one.first >= 0
    assert one.first + len(one.live) <= 100


def test_a_value_that_is_no_number_on_one_side_is_the_worst_and_is_json() -> None:
    live, frozen = np.zeros((1, 3)), np.array([[1e30, np.nan, 0.0]])
    (one,) = exhibits.answers(compared("y"), {"y": live}, {"y": frozen})
    assert one.worst == 1
    assert one.as_json()["frozen"] == [1e30, "nan", 0.0]
    both = np.array([[np.nan, 1.0]])
    (one,) = exhibits.answers(compared("y"), {"y": both}, {"y": both + np.array([0, 1])})
    assert one.worst == 1


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_answers_have_all_their_digits(kind: Any) -> None:
    live = np.full((1, 3), 0.9432, kind)
    frozen = np.nextafter(live, kind(1))
    (one,) = exhibits.answers(compared("y"), {"y": live}, {"y": frozen})
    assert [b - a for a, b in zip(one.live, one.frozen, strict=True)] == [
        np.spacing(live[0, 0])
    ] * 3


def test_text_and_answers_of_other_shapes() -> None:
    live = np.array([[b"cat", b"dog"]], object)
    frozen = np.array([[b"cat", b"\xff"]], object)
    answers = {"label": live, "x": np.zeros((1, 2))}, {"label": frozen, "x": np.zeros((1, 3))}
    (one,) = exhibits.answers(compared("label", "x"), *answers)
    assert (one.live, one.frozen, one.worst) == (("cat", "dog"), ("cat", "\\xff"), 1)


def test_of_an_image_each_changed_cell_is_seen_however_large_it_is() -> None:
    image = np.full((1, 200, 96, 3), 0.5, np.float32)
    image[0, 151, 95, 2] = 0.75
    (one,) = exhibits.inputs(counterexample({"images": image}, images=0.5))
    assert (one.form, one.step, one.away, one.background) == ("image", (5, 2, 1), 1, 0.5)
    shown = np.array(one.values)
    assert shown.shape == (3, 40, 48)
    assert np.argwhere(shown != 0.5).tolist() == [[2, 151 // 5, 95 // 2]]


def test_channels_may_come_first() -> None:
    image = np.zeros((1, 3, 50, 20), np.float32)
    (one,) = exhibits.inputs(counterexample({"images": image}))
    assert (one.form, one.step, np.shape(one.values)) == ("image", (1, 2, 1), (3, 25, 20))


@pytest.mark.parametrize(
    ("row", "form", "shape", "step"),
    [
        (np.zeros((300, 4), np.float32), "series", (4, 150), (2, 1)),
        (np.zeros(40, np.float32), "series", (1, 40), (1,)),
        (np.zeros((40, 30), np.float32), "image", (1, 40, 30), (1, 1)),
        (np.arange(300), "values", (128,), (1,)),
        (np.zeros(3, np.float32), "values", (3,), (1,)),
        (np.float32(2.0), "values", (1,), (1,)),
        (np.array([True, False]), "values", (2,), (1,)),
        (np.array(["a", "b"]), "text", (2,), (1,)),
        (np.zeros((2, 3, 4, 5), np.float32), "values", (120,), (1,)),
        (np.zeros((0,), np.float32), "values", (0,), (1,)),
    ],
)
def test_each_kind_of_input_has_a_form(
    row: Any, form: str, shape: tuple[int, ...], step: tuple[int, ...]
) -> None:
    (one,) = exhibits.inputs(counterexample({"x": np.asarray(row)[None]}))
    assert (one.form, np.shape(one.values), one.step) == (form, shape, step)
    assert one.away == np.size(row)  # there is no background
    json.dumps(Exhibit(inputs=(one,)).as_json(), allow_nan=False)


def test_differences_are_counted_by_size() -> None:
    counted = Classes()
    counted.add(np.zeros(4, np.float32), np.array([0.0, 2e-3, 3e-3, 1.1], np.float32))
    counted.add(np.array([np.nan, np.inf, 1.0]), np.array([np.nan, 1.0, np.nan]))
    counted.add(np.ones(5), np.ones(5), same=True)
    counted.add(np.array([b"a"], object), np.array([b"b"], object))
    edges, counts = counted.found()
    assert (counted.zeros, counted.non_finite, sum(counts)) == (7, 2, 3)
    assert edges[0] <= np.log10(2e-3) <= edges[1]
    assert edges[-2] <= np.log10(1.1) <= edges[-1]
    assert len(edges) == len(counts) + 1
    assert min(counts[0], counts[-1]) > 0


def test_what_is_beyond_the_classes_is_counted_too() -> None:
    counted = Classes()
    counted.add(np.zeros(2), np.array([1e-30, 1e300]))
    assert sum(counted.found()[1]) == 2
    assert Classes().found() == ((), ())
    assert exhibits.histogram(Classes()) is None


def test_the_first_layer_that_differs_is_never_left_out() -> None:
    every = [Layer(f"layer{n}", 0.0 if n < 77 else 0.1 * n, 1.0) for n in range(500)]
    few = thinned(every, 48)
    assert first_difference(few) == first_difference(every) == ("layer77", 0.1 * 77)
    assert len(few) <= 48
    assert (few[0].tensor, few[-1].tensor) == ("layer0", "layer499")
    assert thinned(every[:48], 48) == tuple(every[:48])
    assert thinned((), 48) == ()
