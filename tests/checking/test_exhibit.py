"""What a page shows of a real failure: it is that failure's, whole, and fits the schema."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck.report import json as json_report
from tests.kit import mistakes
from tests.kit.freezing import differently, freeze
from tests.kit.subjects import Subject

SCHEMA: dict[str, Any] = json.loads(
    (Path(json_report.__file__).parent / "report.schema.json").read_text("utf-8")
)


def of_schema(exhibit: Any) -> None:
    jsonschema.validate(exhibit, {**SCHEMA["$defs"]["exhibit"], "$defs": SCHEMA["$defs"]})


def test_a_failure_has_what_a_page_shows(flowers: Subject, tmp_path: Path) -> None:
    differently(keys=mistakes.collected_keys)(flowers, tmp_path / "wrong.pb")
    with contextlib.closing(flowers.live()) as live:
        agreement = freezecheck.check(live, tmp_path / "wrong.pb")
    assert not agreement
    document = agreement.as_json()
    exhibit = document["exhibit"]
    of_schema(exhibit)
    (answers,) = exhibit["answers"]
    live_row, frozen_row = np.array(answers["live"]), np.array(answers["frozen"])
    apart = np.abs(live_row - frozen_row)
    assert int(apart.argmax()) == answers["worst"] - answers["first"]
    assert apart.max() == pytest.approx(document["counterexample"]["max_abs_diff"], rel=1e-3)
    (image,) = exhibit["inputs"]
    assert image["away"] == document["counterexample"]["nonzero"]
    assert np.shape(image["values"]) == (image["shape"][2], *image["shape"][:2])
    differing = [layer for layer in exhibit["layers"] if layer["difference"]]
    assert differing[0]["tensor"] == document["first_difference"]["tensor"]
    histogram = exhibit["histogram"]
    values = sum(histogram["counts"]) + histogram["zeros"] + histogram["non_finite"]
    assert values == document["compared"][0]["compared"]
    assert histogram["allowed"] == 1e-5


def test_its_correct_twin_has_none(flowers: Subject, tmp_path: Path) -> None:
    freeze(flowers, tmp_path / "right.pb")
    with contextlib.closing(flowers.live()) as live:
        assert freezecheck.check(live, tmp_path / "right.pb").as_json()["exhibit"] is None
