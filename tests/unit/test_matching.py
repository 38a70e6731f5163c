"""Shapes of inputs that an artifact and the live model may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_freezecheck import MatchError
from pytest_freezecheck.formats.matching import Shape, same_shapes

FILE = Path("model.onnx")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ((None, 24, 24, 3), (None, 24, 24, 3)),
        ((None, 24, 24, 3), (1, 24, 24, 3)),  # a batch of its own: it is fed in pieces
        ((None, None, None, 3), (None, 24, 32, 3)),
        ((None, 24, 24, 3), (None, None, None, None)),
        ((None, 24, 24, 3), None),
        (None, (None, 24, 24, 3)),
    ],
)
def test_what_may_be_the_same_passes(ours: Shape | None, theirs: Shape | None) -> None:
    same_shapes({"images": "x"}, {"images": ours}, {"x": theirs}, FILE)


def test_what_a_format_does_not_tell_passes() -> None:
    same_shapes({"images": "x"}, {"images": (None, 3)}, {}, FILE)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ((None, 8), (None, 9), "'x' takes (batch, 9), the live model's 'images' takes (batch, 8)"),
        ((None, 8), (4, 8, 1), "'x' takes (4, 8, 1), "),
        ((None, 8), (), "'x' takes (), "),
        ((None, None, 3), (None, 7, 4), "takes (batch, 7, 4), the live model's 'images' takes (b"),
        ((None, 24, 32, 3), (None, 3, 24, 32), "\n  its channels come first: convert it without"),
        ((None, 3, 24, 32), (None, 24, 32, 3), "\n  its channels come last: convert it without"),
    ],
)
def test_another_shape_is_an_error(ours: Shape, theirs: Shape, said: str) -> None:
    with pytest.raises(MatchError) as error:
        same_shapes({"images": "x"}, {"images": ours}, {"x": theirs}, FILE)
    assert str(error.value).startswith("model.onnx: input 'x' takes (")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [((None, 8), (None, 9)), ((None, 24, 32, 3), (None, 3, 32, 24)), ((None, 5, 5), (None, 5, 6))],
)
def test_channels_are_not_blamed_for_other_shapes(ours: Shape, theirs: Shape) -> None:
    with pytest.raises(MatchError) as error:
        same_shapes({"images": "x"}, {"images": ours}, {"x": theirs}, FILE)
    assert "\n" not in str(error.value)
