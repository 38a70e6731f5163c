"""Feeding a batch in pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.models.pieces import in_pieces, pieces
from pytest_freezecheck.models.session import Answer


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


def test_what_has_no_row_for_each_input_is_given_once() -> None:
    feeds = {"x": np.arange(4.0)}
    constant = in_pieces(feeds, 2, doubled([], lambda x: np.float64(np.nan)))
    assert np.shape(constant.outputs["other"]) == ()
    table = in_pieces(feeds, 2, doubled([], lambda x: np.ones((5, 3))))
    assert table.outputs["other"].shape == (5, 3)
    sums = in_pieces(feeds, 2, doubled([], lambda x: x.sum()))
    assert sums.outputs["other"].tolist() == [1.0, 5.0]
