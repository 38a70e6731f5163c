"""The page of a run: what it says, that it is one whole file, and that nothing in it acts."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.report import kinds
from pytest_freezecheck.result.reasons import REASONS
from tests.report.documents import (
    EXHIBITS,
    HOSTILE,
    LONG,
    SEEN,
    check,
    everything,
    failure,
    gallery,
    run,
)
from tests.report.reading import Page, html

STYLE = Path(kinds.__file__).parent / "page" / "page.css"


@pytest.fixture(scope="module")
def text() -> str:
    return html(everything())


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


# What it says.


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_told_by_its_word_its_sign_and_what_it_means(reason: str) -> None:
    outcome, _, meaning = REASONS[reason]
    page = Page(html(run(check("frozen.pb", reason, message=f"{reason}: because"))))
    badges = [e for e in page.all("span") if e.attributes.get("class") == f"badge {outcome}"]
    signs = {"passed": "✓", "failed": "✕", "error": "!", "skipped": "\u2013"}
    assert f"{signs[outcome]} {outcome}" in {badge.text for badge in badges}
    assert "frozen.pb" in page.text
    assert f"{reason}: because" in page.text
    if outcome in ("failed", "error"):
        assert f"{meaning[0].upper()}{meaning[1:]}." in page.text


def test_the_line_of_the_teams_own_is_shown_as_it_is_and_with_the_fix() -> None:
    page = Page(html(run(failure())))
    old, new = ("".join(e.text for e in page.all(tag)) for tag in ("del", "ins"))
    assert old == "-         v1.train.Saver().restore(session, CHECKPOINT)"
    assert "average.variables_to_restore()" in new
    assert "classifier/export.py, line 24; with the fix:" in page.text
    without = Page(html(run(failure(exhibit={**failure()["exhibit"], "edit": None}))))
    assert list(without.all("del")) == []
    hostile = {"file": "<b>.py", "line": 1, "old": "<script>", "new": "</pre><script>"}
    found = html(run(failure(exhibit={**failure()["exhibit"], "edit": hostile})))
    assert "<script" not in found


MISSING = check("b.pb", "no-result", message="no result: the run was interrupted")


@pytest.mark.parametrize(
    ("document", "word", "sentence"),
    [
        (run(check("a.pb", "identical")), "✓ Passed", "The frozen model agrees with its live"),
        (
            run(check("a.pb", "identical"), check("b.pb", "agrees")),
            "✓ Passed",
            "All 2 frozen models agree with their live models.",
        ),
        (run(failure("a.pb"), check("b.pb", "agrees")), "✕ Failed", "Of 2 checks, 1 failed: a.pb"),
        (
            run(failure("a.pb"), check("b.pb", "artifact")),
            "✕ Failed",
            "Of 2 checks, 1 failed and 1 came to no comparison.",
        ),
        (run(check("b.pb", "artifact")), "! Error", "Of 1 check, 1 came to no comparison: b.pb of"),
        (
            run(check("keras", "unavailable"), exit_status=1),
            "! Nothing compared",
            "No frozen model was compared with its live model.",
        ),
        (run(exit_status=1), "! Nothing compared", "No frozen model was compared"),
        (
            run(check("a.pb", "agrees"), exit_status=1),
            "✕ Failed",
            "The check passed, and the run failed all the same: another test failed",
        ),
        (
            run(check("a.pb", "agrees"), MISSING, exit_status=2, interrupted=True),
            "! Interrupted",
            "The run was interrupted before its end: of 2 checks, 1 came to no comparison: b.pb",
        ),
        (
            run(exit_status=2, interrupted=True),
            "! Interrupted",
            "The run was interrupted before its end after 0 checks.",
        ),
    ],
)  # fmt: skip
def test_the_verdict_of_the_run_stands_first(document: Any, word: str, sentence: str) -> None:
    page = Page(html(document))
    (heading,) = page.all("h1")
    assert heading.text.startswith(f"{word} {sentence}")
    (title,) = [e for e in page.all("title") if e.parents == ("html", "head")]
    assert title.text.startswith(f"{word[2:]}: {sentence}")


def test_the_head_has_totals_seed_seconds_and_versions(page: Page) -> None:
    for said in ("4 ✓ passed", "3 ✕ failed", "1 ! error", "2 \u2013 skipped", "seed 0"):
        assert said in page.text, said
    for said in ("duration 4.20 s", "collected 10", "exit code 1", "interrupted no"):
        assert said in page.text, said
    assert "tensorflow 2.21.0" in page.text
    assert "2 ways to freeze could not be tried here" in page.text


def test_a_failure_is_told_from_its_reason_to_its_replay(page: Page) -> None:
    for said in (
        "raw-weights: 12 of 18 weights are raw, not averaged; answers 9.5e-03 apart",
        "Cause: raw-weights proven",
        "the frozen model holds the raw weights where the live model reads their EMA shadows",
        "Fix restore with ema.variables_to_restore() before freezing",
        "Shown by 825 of 830 inputs",
        "First to differ conv1/BatchNorm, 3.1e-02 apart",
        "2 of 768 cells away from an even background of 0, 9.5e-03 apart, saved as .freezecheck/",
        "Replay it pytest --freezecheck --freezecheck-replay=.freezecheck/flowers-frozen.pb.npz",
        "the tolerance is below the noise floor",
        "flowers, export/frozen.pb: output probabilities (8, 4) float32",
        "conv8/weights 8.0e-02",
        "declared at pyproject.toml:12",
        "Not in the artifact under that name: conv9/weights.",
    ):
        assert said in page.text, said


def test_a_suspicion_is_none_that_is_proven() -> None:
    cause = {**failure()["cause"], "proven": False}
    other = {**cause, "id": "class-order", "proven": True}
    found = Page(html(run(failure(cause={**cause, "others": [other]})))).text
    assert "Cause: raw-weights suspected, not proven" in found
    assert "What to try restore with" in found
    assert "Cause: class-order proven" in found


def test_a_pass_has_its_proof_its_outputs_and_what_it_missed(page: Page) -> None:
    assert "Proved for every input: the same operations on the same constants." in page.text
    assert (
        "constants at most 4.4e-04 of their channel's largest apart, rounded to float16"
        in page.text
    )
    assert "40 of 278 planted mistakes are not noticed" in page.text
    assert "conv2/pointwise_weights" in page.text


def test_passes_and_long_texts_are_folded_and_failures_are_not(page: Page) -> None:
    folded = [e for e in page.all("details") if e.attributes.get("class") == "check passed"]
    assert len(folded) == 4
    assert all("open" not in e.attributes for e in page.all("details"))
    (full,) = {e.parents[-1] for e in page.all("pre") if e.attributes.get("class") != "edit"}
    assert full == "details"
    assert len([e for e in page.all("article") if "check failed" in e.attributes["class"]]) == 3


def test_the_overview_links_every_check_to_its_details(page: Page) -> None:
    links = [e.attributes["href"] for e in page.all("a") if e.parents[-1] == "th"]
    assert sorted(links) == sorted(f"#check-{n}" for n in range(1, 11))


def test_the_overview_has_the_differences_in_words(page: Page) -> None:
    assert any(
        "export/frozen.pb: failed, difference 9.5e-03, allowed 1e-05, noise floor 4.8e-07" in words
        for words in page.words()
    )


def test_of_many_failures_the_first_are_drawn_and_all_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pytest_freezecheck.report.page import contents

    assert contents.DRAWN < 50  # of more, drawing alone would take minutes
    monkeypatch.setattr(contents, "DRAWN", 2)
    page = Page(html(run(*(failure(f"{n:03}.pb") for n in range(5)))))
    assert len([e for e in page.all("article") if "failed" in e.attributes["class"]]) == 5
    assert "The first 2 failures have charts; of the other 3" in page.text
    assert sum(e.text == "Along the layers" for e in page.all("h4")) == 2


def test_an_overview_of_many_checks_draws_those_that_are_furthest_apart() -> None:
    many = [check(f"{n:03}.pb", "agrees", max_abs_diff=n * 1e-8) for n in range(200)]
    page = Page(html(run(*many)))
    (words, _) = [w for w in page.words() if "furthest apart" in w]
    assert words.startswith("Of 200 checks the 60 furthest apart. 140.pb: passed")


# That it is one file, and whole.


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(text: str, page: Page) -> None:
    assert page.all("script", "link", "iframe", "object", "embed", "img", "base", "form") == []
    leaving = [
        value
        for value in page.values("src", "href", "xlink:href", "srcset", "action", "poster")
        if not value.startswith(("#", "data:image/png;base64,"))
    ]
    assert leaving == []
    assert [name for e in page.elements for name in e.attributes if name.startswith("on")] == []
    (style,) = page.all("style")
    urls = re.findall(r"url\(([^)]*)\)", style.text) + re.findall(r"@import", style.text)
    assert urls == []
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert "http://" not in text
    assert "https://" not in text
    (policy,) = (e for e in page.all("meta") if "http-equiv" in e.attributes)
    assert policy.attributes["content"].startswith("default-src 'none';")


def test_two_pages_of_a_run_are_the_same_also_in_another_process(text: str, tmp_path: Path) -> None:
    assert html(everything()) == text
    code = (
        "from tests.report.reading import html; from tests.report.documents import everything; "
        "import sys; "
        "sys.stdout.buffer.write(html(everything()).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        check=True,
        capture_output=True,
    )
    assert done.stdout.decode() == text


def test_settings_of_matplotlib_change_nothing_and_stay_as_they_are(text: str) -> None:
    import matplotlib

    own: Any = {
        "font.size": 40,
        "svg.fonttype": "path",
        "savefig.bbox": "tight",
        "text.usetex": True,
    }
    with matplotlib.rc_context(own):
        before = dict(matplotlib.rcParams)
        assert html(everything()) == text
        assert dict(matplotlib.rcParams) == before


def test_a_hostile_name_is_text_and_nothing_else(text: str, page: Page) -> None:
    headings = [e.text for e in page.all("span") if e.attributes.get("class") == "name"]
    assert SEEN in headings
    assert LONG in headings
    assert text.count("</style>") == text.count("<style>") == 1
    assert "<script" not in text
    assert not set("\u202e\x07\udc80") & set(text)


def test_every_text_of_the_document_may_be_hostile() -> None:
    def hostile(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: hostile(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [hostile(v, key) for v in value]
        fixed = ("outcome", "reason", "form", "result", "id", "nodeid")
        return HOSTILE if isinstance(value, str) and key not in fixed else value

    document = hostile(run(failure(power=check("a", "agrees")["power"]), *gallery()["checks"]))
    page = Page(html(document))
    assert page.all("script") == []
    assert SEEN in page.text
    (style,) = page.all("style")
    assert style.text.strip() == STYLE.read_text("utf-8").strip()


# That everybody can read it.


def test_headings_are_in_order(page: Page) -> None:
    levels = [int(e.tag[1]) for e in page.all("h1", "h2", "h3", "h4", "h5")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_every_header_of_a_table_says_what_it_is_the_header_of(page: Page) -> None:
    assert {e.attributes["scope"] for e in page.all("th")} == {"col", "row"}
    tables = page.all("table")
    assert len(page.all("caption")) == len(tables) > 5


def test_every_drawing_has_a_title_and_its_numbers_in_words() -> None:
    page = Page(html(gallery()))
    drawings = page.all("svg")
    titles = {e.attributes["id"]: e.text for e in page.all("title") if e.parents[-1] == "svg"}
    words = {e.attributes["id"]: e.text for e in page.all("desc")}
    assert len(drawings) > 20
    for drawing in drawings:
        assert drawing.attributes["role"] == "img"
        assert titles[drawing.attributes["aria-labelledby"]]
        assert re.search(r"\d", words[drawing.attributes["aria-describedby"]])


def test_ids_are_there_once_and_what_refers_to_them_finds_them(page: Page) -> None:
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    referred = [v[1:] for v in page.values("href") if v.startswith("#")]
    referred += page.values("aria-labelledby", "aria-describedby")
    referred += [
        name
        for value in page.values("clip-path", "style", "fill")
        for name in re.findall(r"url\(#([^)]+)\)", value)
    ]
    assert set(referred) <= set(ids)


def test_drawings_have_the_colours_of_the_page_alone() -> None:
    text = html(gallery())
    defined = set(re.findall(r"(--[a-z-]+):", STYLE.read_text("utf-8")))
    used = set(re.findall(r"var\((--[a-z-]+)\)", text))
    assert used <= defined
    assert {"--live", "--frozen", "--passed", "--failed", "--ink"} <= used
    inside = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    without_pictures = re.sub(r'href="data:[^"]*"', "", inside)
    assert re.findall(r"#[0-9a-f]{6}", without_pictures) == []
    assert "DejaVu" not in inside


def test_the_exhibits_are_all_there(page: Page) -> None:
    assert set(EXHIBITS) >= {"none", "empty", "not-finite", "text", "series"}
    assert [e.text for e in page.all("h4")].count("How far apart the values are") == 1
