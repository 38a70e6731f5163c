"""Feeding a batch in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.models.answer import Answer
from pytest_freezecheck.models.batching import in_pieces, pieces


def doubled(seen: list[int], batchless: Any = None) -> Any:
    def ask(feeds: Mapping[str, Any]) -> Answer:
        seen.append(len(feeds["x"]))
        outputs = {"y": feeds["x"] * 2}
        if batchless is not None:
            outputs["other"] = batchless(feeds["x"])
        return Answer(outputs, {"y": feeds["x"] + 1})

    return ask


@pytest.mark.parametrize(
    ("rows", "size", "asked"),
    [(7, None, [7]), (3, 3, [3]), (7, 3, [3, 3, 3]), (2, 5, [5]), (6, 1, [1] * 6)],
)
def test_every_row_is_answered_once(rows: int, size: int | None, asked: list[int]) -> None:
    seen: list[int] = []
    feeds = {"x": np.arange(rows * 2.0).reshape(rows, 2)}
    answer = in_pieces(feeds, size, doubled(seen))
    assert seen == asked
    np.testing.assert_array_equal(answer.outputs["y"], feeds["x"] * 2)
    np.testing.assert_array_equal(answer.logits["y"], feeds["x"] + 1)


def test_the_last_piece_is_filled_up_with_the_last_row() -> None:
    found = list(pieces({"x": np.arange(4)}, 3))
    assert [piece["x"].tolist() for piece in found] == [[0, 1, 2], [3, 3, 3]]


def test_what_has_no_row_for_each_input_is_stacked() -> None:
    feeds = {"x": np.arange(4.0)}
    constant = in_pieces(feeds, 2, doubled([], lambda x: np.float64(np.nan)))
    assert np.shape(constant.outputs["other"]) == (2,)
    table = in_pieces(feeds, 2, doubled([], lambda x: np.ones((5, 3))))
    assert table.outputs["other"].shape == (2, 5, 3)
    sums = in_pieces(feeds, 2, doubled([], lambda x: x.sum()))
    assert sums.outputs["other"].tolist() == [1.0, 5.0]


def test_several_answers_for_each_row_follow_one_another() -> None:
    feeds = {"x": np.arange(3.0)}
    frames = in_pieces(feeds, 2, doubled([], lambda x: np.repeat(x, 2)))
    assert frames.outputs["other"].tolist() == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, np.bool_, object])
def test_lengths_that_vary_from_piece_to_piece_stay_to_be_seen(dtype: Any) -> None:
    feeds = {"x": np.array([1.0, 2.0, 2.0])}

    def found(lengths: list[int]) -> Any:
        rest = iter(lengths)
        answered = in_pieces(feeds, 1, doubled([], lambda x: np.ones(next(rest), dtype)))
        return answered.outputs["other"]

    assert found([1, 2, 1]).shape == (3, 2)
    assert np.array_equal(found([1, 2, 1]), found([1, 2, 1]), equal_nan=dtype is np.float32)
    assert found([1, 2, 1]).tobytes() != found([2, 1, 1]).tobytes()
