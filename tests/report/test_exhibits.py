"""What shows a failure: each part of an exhibit, and what is left out where there is nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_freezecheck.report import kinds
from tests.report.documents import (
    EXHIBITS,
    SEEN,
    answer,
    everything,
    exhibit,
    failure,
    gallery,
    power,
    run,
)
from tests.report.documents import given as an_input
from tests.report.reading import Page, html

SCHEMA = json.loads((Path(kinds.__file__).parent / "report.schema.json").read_text("utf-8"))
#: Of an exhibit alone.
EXHIBIT = {"$ref": "#/$defs/exhibit", "$defs": SCHEMA["$defs"]}
NOTHING: dict[str, Any] = {"answers": [], "inputs": [], "layers": [], "histogram": None}


def page(found: Any, **fields: Any) -> Page:
    return Page(html(run(failure(exhibit=found, **{"power": power(), **fields}))))


def parts(of: Page) -> list[str]:
    """Return the titles of what is shown of a failure."""
    return [e.text for e in of.all("h4") if e.parents[-1] == "figcaption"]


def words(of: Page, title: str) -> str:
    """Return what is told of the drawing that has a title."""
    drawings = [e for e in of.all("title") if e.text == title]
    (drawing,) = drawings
    number = of.all("title").index(drawing) - 1  # the page has a title of its own
    return of.words()[number]


@pytest.mark.parametrize("name", ["none", "empty", "nulls", "nothing-in-it"])
def test_of_nothing_there_is_nothing_to_show(name: str) -> None:
    assert parts(page(EXHIBITS[name])) == []


def test_a_document_without_the_key_is_read_too() -> None:
    check = failure()
    del check["exhibit"]
    assert "Cause: raw-weights" in Page(html(run(check))).text


def test_everything_is_shown_in_its_order() -> None:
    assert parts(page(exhibit(), power=power(9))) == [
        "Live and frozen: probabilities",
        "Failing input: images",
        "Along the layers",
        "How far apart the values are",
        "Would it have been noticed?",
    ]


@pytest.mark.parametrize("part", ["answers", "inputs", "layers", "histogram"])
def test_any_part_may_be_absent(part: str) -> None:
    found = exhibit()
    del found[part]
    assert len(parts(page(found))) == 3


def test_answers_are_told_with_the_worst_first() -> None:
    said = words(page(exhibit()), "Answer probabilities: live against frozen")
    assert said == (
        "4 of 4 values of a row; 4 of them further apart than the 1e-05 allowed. "
        "at 2 live 0.9567, frozen 0.9472, 9.5e-03 apart; "
        "at 3 live 0.0116, frozen 0.0187, 7.1e-03 apart; "
        "at 0 live 0.019, frozen 0.021, 2.0e-03 apart; "
        "at 1 live 0.0127, frozen 0.0131, 4.0e-04 apart."
    )


def test_answers_that_are_no_numbers_are_told_as_such() -> None:
    found = page(EXHIBITS["not-finite"])
    said = words(found, "Answer probabilities: live against frozen")
    assert "3 of them further apart than the 1e-05 allowed" in said
    assert "at 0 live 0.25, frozen NaN, no number apart" in said
    assert "at 1 live NaN, frozen NaN, 0 apart" in said
    assert "∞" in found.text


def test_a_part_of_a_row_says_which() -> None:
    found = page(EXHIBITS["many-values"])
    assert "64 of its 1000 values, from place 936." in found.text
    (marked,) = [e for e in found.all("tr") if e.attributes.get("class") == "marked"][:1]
    assert marked.text.startswith("971")


def test_text_is_compared_as_text() -> None:
    found = page(EXHIBITS["text"])
    assert "1 “rose” “daisy” differs" in " ".join(
        " ".join(e.text for e in found.all("th", "td")).split()
    )
    assert "“a <b>rose</b>”" in found.text
    assert f"“{SEEN}”" in found.text
    assert found.all("b") == []


def test_an_image_shows_its_channels_and_what_is_away_from_its_background() -> None:
    found = page(exhibit())
    said = words(found, "The failing input images")
    assert said == (
        "shape 16 x 16 x 3, float32; values from -0.5 to 1; "
        "2 cells away from an even background of 0, marked."
    )
    pictures = [e for e in found.all("image") if e.attributes["href"].startswith("data:image/png")]
    assert len(pictures) == 3
    assert [e.text for e in found.all("text") if e.text.startswith("channel")] == [
        "channel 0",
        "channel 1",
        "channel 2",
    ]
    assert "0, 5, 8 1 2, 8, 4 -0.5" in " ".join(
        " ".join(e.text for e in found.all("th", "td")).split()
    )


def test_a_picture_of_which_a_part_is_shown_says_so() -> None:
    said = words(page(EXHIBITS["many-values"]), "The failing input images")
    assert "shape 100 x 221 x 6" in said
    assert "of each block of 2 x 2 x 1 cells the one that stands out most" in said


def test_channels_may_stand_first_or_nowhere() -> None:
    values = [[[0.0] * 50 for _ in range(10)] for _ in range(3)]
    values[2][4][7] = 1.0
    more = {"background": 0.0, "away": 1}
    first = an_input("image", values, shape=[3, 20, 150], step=[1, 2, 3], **more)
    none = an_input("image", values[2:], shape=[20, 150], step=[2, 3], **more)
    found = page({**NOTHING, "inputs": [first, none]})
    cells = " ".join(" ".join(e.text for e in found.all("th", "td")).split())
    assert "2, 8, 21 1" in cells
    assert "0, 8, 21 1" in cells
    assert found.text.count("Places are those where a block of cells begins.") == 2


def test_a_cell_is_on_the_background_as_far_as_its_digits_tell() -> None:
    level = 0.12345678806304932  # of a float32; the report has six digits of each cell
    near = an_input("values", [0.123457, 0.5], background=level, away=1, shape=[2])
    found = page({**NOTHING, "inputs": [near]})
    marked = [e.text.split()[0] for e in found.all("tr") if e.attributes.get("class") == "marked"]
    assert marked == ["1"]


@pytest.mark.parametrize("level", ["nan", "inf"])
def test_a_background_may_be_no_number(level: str) -> None:
    cells = an_input("values", [level, 0.5], background=level, away=1, shape=[2])
    found = page({**NOTHING, "inputs": [cells]})
    marked = [e.text.split()[0] for e in found.all("tr") if e.attributes.get("class") == "marked"]
    assert marked == ["1"]


def test_of_many_channels_the_first_are_shown() -> None:
    deep = an_input("image", [[[0.0, 1.0]]] * 8, shape=[1, 2, 12], step=[1, 1, 1])
    found = page({**NOTHING, "inputs": [deep]})
    assert len(found.all("image")) == 8
    assert "the first 8 of 12 channels" in words(found, "The failing input input")


def test_a_series_counts_in_its_own_steps() -> None:
    found = page({**NOTHING, "inputs": EXHIBITS["series"]["inputs"][1:]})  # type: ignore[index]
    assert "3 cells away from an even background of 0, marked" in found.text
    cells = " ".join(" ".join(e.text for e in found.all("th", "td")).split())
    assert "0, 36 1 1, 36 1 2, 36 1" in cells


def test_a_few_values_are_a_table_and_many_are_drawn() -> None:
    few = an_input("values", [1, 0, 3], dtype="int32", background=0, away=2)
    many = an_input("values", list(range(20)), dtype="int32")
    assert page({**NOTHING, "inputs": [few]}).words() == page(None).words()
    assert len(page({**NOTHING, "inputs": [many]}).words()) == len(page(None).words()) + 1


def test_the_layers_say_where_it_begins() -> None:
    found = page(exhibit())
    said = words(found, "Difference along the layers")
    assert "11 tensors from input to output" in said
    assert (
        "The first to differ is number 2, conv1/BatchNorm, 3.1e-02 apart, its values up to 2"
        in said
    )
    assert "Furthest apart: conv3/Conv2D, 2.2e-01 apart" in said
    assert "first to differ: conv1/BatchNorm" in [e.text for e in found.all("text")]


def test_layers_may_begin_nowhere() -> None:
    found = page(exhibit(), first_difference=None)
    said = words(found, "Difference along the layers")
    assert "None of them is the first" in said


def test_the_histogram_tells_what_is_allowed_and_the_noise_floor() -> None:
    found = page(exhibit())
    said = words(found, "How many values are how far apart")
    assert "112 of them equal" in said
    assert said.endswith("allowed 1e-05; noise floor 4.8e-07.")
    assert {"allowed 1e-05", "noise floor 4.8e-07"} <= {e.text for e in found.all("text")}


def test_mistakes_that_were_missed_are_told_by_layer() -> None:
    found = page(None, power=power(9))
    said = words(found, "Planted mistakes that were noticed")
    assert said == (
        "Of 278 planted mistakes, 269 noticed by answers, 5 by the comparison of computations "
        "alone, 4 not noticed. Not shown by answers, by layer: 3 in conv1; 2 in conv1/BatchNorm; "
        "2 in conv2; 2 in logits."
    )
    assert "conv1/weights[0, 0] shifted by 0.01" in found.text
    assert "below the tolerance on 160 of 429 inputs" in found.text


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        ("conv1/weights[0, 1] negated", "conv1"),
        ("conv1/BatchNorm/gamma: rounded to float16", "conv1/BatchNorm"),
        ("scale[] shifted by 0.01", "scale"),
        ("all 18 weights: rounded to float16", "several at once"),
        ("classes shifted by one", "several at once"),
        ("odd: name/weights[3] negated", "odd: name"),
    ],
)
def test_the_layer_of_a_planted_mistake(mistake: str, expected: str) -> None:
    from pytest_freezecheck.report.page.charts.power import layer

    assert layer(mistake) == expected


def test_the_documents_are_such_as_the_schema_has() -> None:
    validate = jsonschema.Draft202012Validator(SCHEMA).validate
    validate(everything())
    odd = ("nulls", "nothing-in-it")  # which the page can read, and no check writes
    checks = [check for check in gallery()["checks"] if check["artifact"] not in odd]
    validate(run(*checks))
    assert len(checks) == len(EXHIBITS) - 2


# Whatever the numbers are.

NUMBERS = st.one_of(
    st.floats(width=32).map(lambda v: v if v - v == 0 else str(v).replace("+", "")),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 1, -1, 2**63, 10**400, 5e-324, 1.7e308, -1.7e308, True, False]),
)
DIFFERENCES = st.one_of(
    st.none(), st.just(0.0), st.floats(0.0, 1.7e308), st.floats(1e-9, 1.0), st.just(5e-324)
)


def rows(of: Any, least: int = 1, most: int = 5) -> Any:
    return st.integers(least, most).flatmap(lambda n: st.lists(of, min_size=n, max_size=n))


@st.composite
def exhibits(draw: st.DrawFn) -> dict[str, Any]:
    values = draw(st.lists(NUMBERS, min_size=1, max_size=64))
    changes = st.one_of(NUMBERS, st.sampled_from(values))
    frozen = draw(st.lists(changes, min_size=len(values), max_size=len(values)))
    first = draw(st.integers(0, 10**6))
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    line = st.lists(NUMBERS, min_size=width, max_size=width)
    channel = st.lists(line, min_size=height, max_size=height)
    background = draw(st.none() | st.floats(-10, 10))
    images = draw(st.lists(channel, min_size=1, max_size=3))
    series = draw(st.lists(line, min_size=1, max_size=3))
    count = draw(st.integers(0, 20))
    low = draw(st.floats(-320.0, 300.0))
    step = draw(st.floats(1e-3, 20.0))
    counts = draw(st.lists(st.integers(0, 10**12), min_size=count, max_size=count))
    return {
        "answers": [answer(values, frozen, first=first, of=first + len(values), worst=first)],
        "inputs": [
            an_input("image", images, background=background, step=[1, 1, 1],
                     shape=[height, width, len(images)]),
            an_input("series", series, background=background, step=[1, 1],
                     shape=[width, len(series)]),
            an_input("values", values, background=background),
            an_input("text", draw(st.lists(st.text(max_size=20), max_size=3)), dtype="string"),
        ],
        "layers": [
            {"tensor": draw(st.text(max_size=8)), "difference": d, "size": draw(st.floats(0, 1e38))}
            for d in draw(st.lists(DIFFERENCES, max_size=8))
        ],
        "histogram": {
            "edges": [low + step * n for n in range(count + 1)],
            "counts": counts,
            "zeros": draw(st.integers(0, 10**12)),
            "non_finite": draw(st.integers(0, 5)),
            "allowed": draw(st.none() | st.floats(0.0, 1e30)),
            "floor": draw(st.none() | st.floats(0.0, 1e30)),
        },
        "edit": None,
    }  # fmt: skip


@settings(
    max_examples=8, deadline=None, database=None, derandomize=True,
    phases=[Phase.generate],  # to make a failing one smaller would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(exhibits(), DIFFERENCES, DIFFERENCES, st.floats(0.0, 1e30))
def test_no_numbers_are_too_odd_to_be_drawn(
    found: dict[str, Any], difference: float | None, floor: float | None, atol: float
) -> None:
    jsonschema.Draft202012Validator(EXHIBIT).validate(found)
    check = failure(exhibit=found, max_abs_diff=difference, noise_floor=floor, atol=atol)
    check["compared"][0]["allowed"] = atol
    kept = copy.deepcopy(found)
    whole = Page(html(run(check)))
    assert found == kept
    assert "NaN" not in "".join(whole.values("d", "x", "y", "transform", "points"))
    assert "Live and frozen: probabilities" in parts(whole)
