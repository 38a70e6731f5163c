"""How much of a failure's text is shown: as much as pytest's verbosity asks for."""

from __future__ import annotations

import pytest

from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.report.text import BRIEF, brief

LONG = "\n".join(f"line {number}" for number in range(20))


def test_what_is_short_is_shown_whole() -> None:
    text = "\n".join(LONG.splitlines()[:BRIEF])
    assert brief(text, 0) == text


def test_of_what_is_long_the_first_lines_are_shown_and_how_many_are_left() -> None:
    *first, last = brief(LONG, 0).splitlines()
    assert first == LONG.splitlines()[: BRIEF - 1]
    assert last == "  (13 lines more: -v)"


@pytest.mark.parametrize(("verbosity", "shown"), [(-1, "line 0"), (-2, "line 0"), (1, LONG)])
def test_quiet_is_one_line_and_verbose_is_all(verbosity: int, shown: str) -> None:
    assert brief(LONG, verbosity) == shown


def test_every_cause_is_short_in_words() -> None:
    for cause in CAUSES.values():
        said = cause.short.format(weights="8 of 12 weights are")
        assert 10 < len(said) < 70
