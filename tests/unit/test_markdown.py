"""The report in Markdown: read by a parser of Markdown, it shows what happened and nothing else."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from pytest_freezecheck.report import markdown
from tests.kit.reports import BITING, document, error, failed, passed, skipped

#: What a report is made of; anything else would come from a name or a message.
TAGS = {
    *("h2", "h3", "p", "ul", "li", "strong", "code", "pre", "details", "summary", "sub"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


class _Reader(HTMLParser):
    """Keeps tags and, of each cell, item and heading, the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self._texts: list[str] = []

    @property
    def texts(self) -> list[str]:
        return [text.strip() for text in self._texts]

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag in ("td", "th", "li", "h2", "h3", "p", "pre"):
            self._texts.append("")

    def handle_data(self, data: str) -> None:
        if self._texts:
            self._texts[-1] += data


def read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(MarkdownIt("gfm-like", {"linkify": False}).render(text))
    return reader


def in_a_line(name: str) -> str:
    return " ".join(markdown._clean(name).split())


@pytest.mark.parametrize("name", BITING)
def test_names_are_shown_as_they_are(name: str) -> None:
    report = markdown.render(document(failed(name), passed(f"{name}2"), error(f"{name}3")))
    shown = read(report)
    assert shown.tags <= TAGS
    for each in (name, f"{name}2", f"{name}3"):
        assert in_a_line(each) in shown.texts  # the cell of the table
    assert f"❌ flowers, {in_a_line(name)}" in shown.texts
    rows = [line for line in report.splitlines() if line.startswith("| flowers ")]
    assert len(rows) == 3
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 8 for row in rows)


@pytest.mark.parametrize("name", BITING)
def test_messages_are_shown_as_they_are(name: str) -> None:
    message = f"differs: {name}\n\n  more of {name}\n"
    shown = read(markdown.render(document(failed(text=message))))
    assert shown.tags <= TAGS
    (whole,) = (text for text in shown.texts if text.startswith("differs: ") and "\n" in text)
    assert whole == markdown._clean(message).strip()


def test_hosts_find_nobody_and_nothing_to_link_to() -> None:
    report = markdown.render(document(failed("@someone #1 :tada:", text="see #2, @other")))
    assert not re.search(r"@\w|(?<!&)#\d|:tada:", report)


def test_a_failure_has_all_that_is_known() -> None:
    report = markdown.render(document(passed(), failed(), error(), skipped()))
    texts = read(report).texts
    assert texts[0] == (
        "❌ freezecheck: a frozen model does not compute what the live model computes"
    )
    assert texts[1] == (
        "4 checks: 1 passed, 1 failed, 1 could not be made, 1 skipped. The run ended with exit "
        "status 1 after 2.5 s."
    )
    at = texts.index("frozen.pb")
    assert texts[at : at + 6] == ["frozen.pb", "❌ DIFFERS", "5.0e-01", "1e-05", "-", "-"]
    at = texts.index("good.pb")
    assert texts[at : at + 6] == ["good.pb", "✅ agrees", "0", "1e-05", "identical", "11/12"]
    at = texts.index("❌ flowers, frozen.pb")
    first, *facts = texts[at + 1 : at + 12]
    assert first == "averaged-statistics: 6 of 18 weights; answers 5.0e-01 apart"
    starts = [fact.partition(":")[0].partition(" at ")[0] for fact in facts]
    assert starts[:9] == [
        "proven cause",
        "it concerns conv1/moving_mean",
        "to fix it",
        "first tensor that differs",
        "3 of 10 inputs show it",
        "smallest input that shows it",
        "that input alone",
        "declared",
        "node id",
    ]
    assert "pytest --freezecheck --freezecheck-replay=.freezecheck/f.npz" in facts[6]
    assert "pyproject.toml:7" in facts[7]
    assert "⚠️ flowers, nowhere.pb" in texts
    assert "nowhere.pb: no such file" in texts
    assert "flowers: onnx needs tf2onnx" in texts
    assert texts[-1] == "seed 0; pytest-freezecheck 0.1.0, tensorflow 2.21.0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            markdown.render(document(passed(), status=0)),
            "✅ freezecheck: the frozen models compute what the live models compute",
        ),
        (markdown.render(document(error())), "❌ freezecheck: a check could not be made"),
        (markdown.render(document()), "❌ freezecheck: nothing was compared"),
        (markdown.render(document(skipped())), "❌ freezecheck: nothing was compared"),
        (
            markdown.render(document(passed(), status=1), ["a model was not compared\n  more"]),
            "❌ freezecheck: the run failed",
        ),
        (
            markdown.render(document(passed(), status=2, interrupted=True)),
            "❌ freezecheck: the run failed",
        ),
    ],
)
def test_the_verdict_is_in_the_heading(text: str, said: str) -> None:
    assert read(text).texts[0] == said


def test_what_failed_the_run_besides_is_said() -> None:
    report = markdown.render(document(passed(), status=1), ["a model was not compared\n  more"])
    assert "a model was not compared" in read(report).texts
    assert "more" not in report


def test_what_failed_stands_first_in_the_table() -> None:
    texts = read(markdown.render(document(passed("a.pb"), failed("b.pb"), error("c.pb")))).texts
    assert [text for text in texts if text in ("a.pb", "b.pb", "c.pb")] == ["b.pb", "c.pb", "a.pb"]


@pytest.mark.parametrize("most", [markdown.MOST, 50_000, 9_000, 100])
def test_a_report_is_bounded_and_says_that_it_was_cut(most: int) -> None:
    long = "differs: much\n" + "ü<|" * 20_000
    results = [failed(f"{number:0250}.pb", text=long) for number in range(1_200)]
    report = markdown.render(document(*results, *map(passed, "abc")), most=most)
    assert len(report.encode()) <= max(most, 2_000)
    shown = read(report)
    assert shown.tags <= TAGS
    assert re.search(r"\*\*Cut here: \d+ more parts would", report)
    assert "seed 0; pytest" in shown.texts[-1]
    if most == markdown.MOST:
        (cut,) = re.findall(r"The table is cut: (\d+) more checks\.", report)
        assert int(cut) + len(re.findall(r"^\| flowers ", report, re.M)) == 1_203
        assert html.escape("(cut: it is longer)") in report


def test_a_small_report_is_not_cut() -> None:
    assert "ut here" not in markdown.render(document(failed(), passed()))
