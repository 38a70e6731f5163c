"""Values of settings: what is accepted, and that a refusal names key, value, source and range."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.settings import LARGEST_SEED, Run, Settings, current, using

OF_A_RUN = ("reports", "isolation", "timeout", "memory", "cache")


@pytest.mark.parametrize(
    ("key", "given", "expected"),
    [
        ("atol", "1e-4", 1e-4),
        ("atol", 0, 0.0),
        ("examples", "25", 25),
        ("seed", "7", 7),
        ("seed", LARGEST_SEED, LARGEST_SEED),
        ("exact", True, True),
        ("logit_rtol", False, None),
        ("logit_rtol", 1e-3, 1e-3),
        ("reports", ["a.json"], ("a.json",)),
        ("reports", "b.json", ("b.json",)),
        ("isolation", "none", "none"),
        ("timeout", "2.5", 2.5),
        ("memory", "8 GB", 8 * 10**9),
        ("memory", "1.5mb", 1_500_000),
        ("cache", "a/folder", "a/folder"),
    ],
)
def test_accepted(key: str, given: object, expected: object) -> None:
    settings = Settings().override({key: given}, "test", of_a_run=key in OF_A_RUN)
    assert getattr(settings, key) == expected


@pytest.mark.parametrize(
    ("key", "given", "accepted"),
    [
        ("atol", "tight", "a finite number >= 0"),
        ("atol", -1e-5, "a finite number >= 0"),
        ("atol", math.nan, "a finite number >= 0"),
        ("atol", math.inf, "a finite number >= 0"),
        ("atol", True, "a finite number >= 0"),
        ("atol", [1e-5], "a finite number >= 0"),
        ("examples", 0, "a whole number from 1 to 1000000"),
        ("examples", 10**7, "a whole number from 1 to 1000000"),
        ("examples", 2.5, "a whole number from 1 to 1000000"),
        ("examples", "2.5", "a whole number from 1 to 1000000"),
        ("seed", -1, f"a whole number from 0 to {LARGEST_SEED}, or 'random'"),
        ("seed", LARGEST_SEED + 1, f"a whole number from 0 to {LARGEST_SEED}, or 'random'"),
        ("seed", "today", "or 'random'"),
        ("exact", "yes", "true or false"),
        ("logit_rtol", True, "a finite number >= 0"),
        ("reports", ["a.pdf"], "a path that ends in .gitlab.json, .json, "),
        ("reports", 3, "a path, or a list of paths"),
        ("isolation", "container", "'process' or 'none'"),
        ("timeout", 0, "a number of seconds > 0"),
        ("timeout", math.inf, "a number of seconds > 0"),
        ("memory", "8", "a size with its unit"),
        ("memory", "0 GB", "a size with its unit"),
        ("cache", " ", "the path of a folder"),
        ("cache", 3, "the path of a folder"),
        ("cache", __file__, "the path of a folder; this is a file"),
    ],
)
def test_refused(key: str, given: Any, accepted: str) -> None:
    with pytest.raises(SettingError) as refusal:
        Settings().override({key: given}, "setup.cfg", of_a_run=key in OF_A_RUN)
    text = str(refusal.value)
    value = given[0] if isinstance(given, list) and key == "reports" else given
    assert text.startswith(f"setup.cfg: {key} = {value!r} is not accepted; expected ")
    assert accepted in text


def test_an_unknown_setting_names_the_closest_one() -> None:
    with pytest.raises(SettingError, match=r"unknown setting 'exmaples' \(nearest: 'examples'\)"):
        Settings().override({"exmaples": 3}, "marker")


def test_none_keeps_what_was_there() -> None:
    assert Settings(atol=1e-3).override({"atol": None, "seed": None}, "") == Settings(atol=1e-3)


def test_a_random_seed_is_a_seed() -> None:
    drawn = {Settings().override({"seed": "random"}, "").seed for _ in range(20)}
    assert len(drawn) > 1
    assert all(0 <= seed <= LARGEST_SEED for seed in drawn)


def test_settings_of_a_test_end_with_it() -> None:
    with using(Run(Settings(atol=1.0), "outer")), using(Run(Settings(atol=2.0), "inner")):
        assert current() == Run(Settings(atol=2.0), "inner")
    assert current() == Run()
