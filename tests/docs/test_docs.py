"""The documentation does what it says: commands, tables, names, links, the report's schema."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]
import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import plugin
from pytest_freezecheck.declared import pyproject
from pytest_freezecheck.declared.model import Artifact, Model
from pytest_freezecheck.formats import catalogue, find_way, registry, unavailable
from pytest_freezecheck.report import explained
from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Blamed, Compared, Counterexample, Explanation, Power
from pytest_freezecheck.result.reasons import REASONS
from pytest_freezecheck.spec.inputs import InputSpec
from pytest_freezecheck.spec.outputs import OutputSpec
from tests.kit.inprocess import Here
from tests.kit.made_once import copied, made_once
from tests.kit.subprocesses import run_pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
HOW_TO = DOCS / "how-to"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")),
]
SCHEMA: dict[str, Any] = json.loads(
    (Path(json_report.__file__).parent / "report.schema.json").read_text("utf-8")
)
SESSION = json_report.Session(
    seconds=2.5, collected=8, with_result=8, exit_status=1, interrupted=False
)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    path: str | None  # in backticks on a line of its own, before the block
    content: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


_FENCED = re.compile(
    r"(?:^`(?P<path>[^`\n]+)`\n\n?)?^```(?P<language>\w*)\n(?P<content>.*?)^```$", re.M | re.S
)


def blocks(page: Path) -> Iterator[Block]:
    content = page.read_text("utf-8")
    for found in _FENCED.finditer(content):
        line = content.count("\n", 0, found.start("content"))
        yield Block(page, line, found["language"], found["path"], found["content"])


EVERY = [block for page in PAGES for block in blocks(page)]


# Pages to be followed, from the folder that they start in to the end.


class Followed(NamedTuple):
    """What came of doing what a page says."""

    runs: list[tuple[int, str]]  # of pytest: exit code and what was printed
    shown: list[str]  # what the page shows of them and of other commands


def follow(
    runner: Here,
    page: Path,
    folder: Path,
    *,
    since: str | None = None,
    until: str | None = None,
) -> Followed:
    """Write the files of a page and run its commands, in their order, between two headings."""
    done = Followed([], [])
    content = page.read_text("utf-8")
    first = content.index(f"\n## {since}") if since else 0
    last = content.index(f"\n## {until}") if until else len(content)
    lines = range(content.count("\n", 0, first), content.count("\n", 0, last))
    for block in blocks(page):
        if block.line not in lines:
            continue
        if block.path is not None:
            (folder / block.path).write_text(block.content, "utf-8")
        elif block.language in ("sh", "console"):
            for line in block.content.splitlines():
                ran = run_line(runner, folder, line.removeprefix("$ "))
                if ran is not None:
                    done.runs.append(ran)
        elif block.language == "text":
            done.shown.append(block.content)
    return done


def run_line(runner: Here, folder: Path, line: str) -> tuple[int, str] | None:
    """Run one command of a page; None for those that set up an environment."""
    program, *arguments = shlex.split(line)
    if "venv" in line or program == "pip":
        return None
    if program == "pytest":
        return runner.pytest(folder, *arguments)
    assert program == "python", line
    runner.python(folder, *arguments)
    return None


def assert_printed(page: str, printed: str) -> None:
    """Every line that a page shows was printed, but for figures and what a terminal cuts off.

    The noise floor has a line where it is not 0, which depends on the machine.
    """
    assert "freezecheck" in page
    had = {without_figures(line) for line in printed.splitlines()}
    for line in page.splitlines():
        expected = without_figures(line)
        if expected and not expected.endswith("...") and not expected.startswith("noise floor"):
            assert expected in had, line


def test_the_tutorial_does_what_it_says(pytester: pytest.Pytester, tmp_path: Path) -> None:
    here = Here(pytester)
    runs, shown = follow(here, DOCS / "tutorial.md", tmp_path, until="6. Repair")
    _, all_lines = here.pytest(tmp_path, "--freezecheck", "-v")
    rest = follow(here, DOCS / "tutorial.md", tmp_path, since="6. Repair")
    shown += rest.shown
    (first, failing), (last, passing) = *runs, *rest.runs
    assert first == 1, failing
    assert last == 0, passing
    fails, verbose, passes = shown[-3:]
    for page, printed in ((fails, failing), (passes, passing)):
        assert_printed(page, printed)
    (key,) = (line for line in fails.splitlines() if line.startswith("raw-weights: "))
    assert without_figures(key) in without_figures(failing)
    had = {without_figures(line) for line in all_lines.splitlines()}
    assert [line for line in verbose.splitlines() if without_figures(line) not in had] == []
    assert set(map(without_figures, verbose.splitlines())).isdisjoint(
        map(without_figures, failing.splitlines())
    )
    # As the page says: exactly 0.
    assert re.search(r"export/frozen\.pb +0 +1e-05 +0 +\d+ .* agrees", passing)


@pytest.mark.skipif(unavailable("keras") is not None, reason=str(unavailable("keras")))
def test_the_keras_tutorial_does_what_it_says(pytester: pytest.Pytester, tmp_path: Path) -> None:
    runs, shown = follow(Here(pytester), DOCS / "tutorial-keras.md", tmp_path)
    (first, failing), (last, passing) = runs
    _, fails, others, passes = shown  # the first is what the evaluation prints
    assert first == 1, failing
    assert last == 0, passing
    for page, printed in ((fails, failing), (passes, passing)):
        assert_printed(page, printed)
    printed_lines = [without_figures(line) for line in failing.splitlines()]
    assert printed_lines.count(without_figures(others)) == 2  # of the SavedModel, of the TFLite
    assert "finalize_variable_values()" in failing
    # As the page says: the executor of TFLite files rounds, TensorFlow's own files are exact.
    for name in ("petals.keras", "petals"):
        assert re.search(rf"export/{name} +0 +1e-05 +0 +\d+ .* agrees", passing)
    assert re.search(r"export/petals\.tflite +[1-9]\S*e-\d\d +1e-05 .* agrees", passing)


@pytest.fixture
def flowers(pytester: pytest.Pytester, tmp_path: Path) -> Path:
    """The folder of the tutorial, after its wrong file was frozen, for a page that starts there."""
    page = DOCS / "tutorial.md"

    def make(folder: Path) -> None:
        follow(Here(pytester), page, folder, until="4. Declare")

    return copied(made_once("tutorial", make, [page]), tmp_path)


def test_a_format_of_ones_own_does_what_its_page_says(
    pytester: pytest.Pytester, flowers: Path
) -> None:
    runs, shown = follow(Here(pytester), HOW_TO / "add-a-format.md", flowers)
    (first, failing), (last, passing), (proved, equal) = runs
    assert first == 1, failing
    assert last == proved == 0, passing + equal
    for page, printed in zip(shown, (failing, passing, equal), strict=True):
        assert_printed(page, printed)
    assert re.search(r"export/flowers\.npz .* DIFFERS\n.* npz .* agrees", failing)
    assert re.search(r"export/flowers\.npz .* equal .* agrees\n.* npz .* equal .* agrees", equal)


def without_figures(line: str) -> str:
    """Drop what differs between machines: numbers, rulers, the space that fills a line."""
    line = re.sub(r"[-+]?\d+(\.\d+)?(e[-+]\d+)?", "#", line)
    line = re.sub(r"seed #: .*", "seed #: ", line)  # which kind of input was the worst
    return re.sub(r"\s+", " ", re.sub(r"[=_]{3,}", "", line)).strip()


def test_converted_files_fail_and_pass_as_their_page_says(
    pytester: pytest.Pytester, flowers: Path
) -> None:
    page, repaired = HOW_TO / "converted.md", "The same, repaired"
    ((code, failing),), (shown,) = follow(Here(pytester), page, flowers, until=repaired)
    assert code == 1, failing
    assert_printed(shown, failing)
    step = DOCS / "tutorial.md"
    follow(Here(pytester), step, flowers, since="6. Repair", until="7. The gate passes")
    ((code, passing),), (shown,) = follow(
        Here(pytester), page, flowers, since=repaired, until="Names"
    )
    assert code == 0, passing
    assert_printed(shown, passing)


@pytest.mark.skipif(unavailable("keras") is not None, reason=str(unavailable("keras")))
@pytest.mark.slow
def test_a_keras_model_fails_and_passes_as_its_page_says(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    runs, shown = follow(Here(pytester), HOW_TO / "keras.md", tmp_path)
    (first, failing), (last, passing) = runs
    assert first == 1, failing
    assert last == 0, passing
    for page, printed in zip(shown, (failing, passing), strict=True):
        assert_printed(page, printed)


# Blocks of every page.


DECLARATIONS = [b for b in EVERY if b.language == "toml" and "[tool.freezecheck" in b.content]


#: Stands in for the format that is added in `add-a-format.md`.
NPZ = freezecheck.Format(
    name="npz",
    recognises=lambda path: False,
    load=freezecheck.load,
    ways=(freezecheck.Way("npz", lambda live, directory: directory, freezecheck.load),),
)


@pytest.mark.parametrize("block", DECLARATIONS, ids=str)
def test_declarations_are_accepted(block: Block) -> None:
    table = tomllib.loads(block.content)["tool"]["freezecheck"]
    with registry.added([NPZ] if block.page.stem == "add-a-format" else []):
        assert pyproject.read(ROOT / "pyproject.toml", table)


def test_there_are_declarations_in_the_pages() -> None:
    assert len(DECLARATIONS) > 5


@pytest.mark.parametrize("block", [b for b in EVERY if b.language == "toml"], ids=str)
def test_toml_parses(block: Block) -> None:
    tomllib.loads(block.content)


@pytest.mark.parametrize("block", [b for b in EVERY if b.language == "python"], ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.content, str(block), "exec")


@pytest.mark.parametrize("block", [b for b in EVERY if b.language == "json"], ids=str)
def test_reports_that_are_shown_are_valid(block: Block) -> None:
    validate(json.loads(block.content))


def test_blocks_say_what_they_are() -> None:
    ours = [b for b in EVERY if b.page.is_relative_to(DOCS)]
    known = {"sh", "text", "python", "toml", "json", "yaml"}
    assert [str(b) for b in ours if b.language not in known] == []


def test_pages_name_no_machine() -> None:
    for page in DOCS.rglob("*.*"):
        assert not re.search(r"/(work|tmp|root|home)/", page.read_text("utf-8", "replace")), page


# The reference names what there is.


def named(page: str, names: set[str]) -> set[str]:
    """Return the names that a page of the reference does not have as code."""
    content = (REFERENCE / page).read_text("utf-8")
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", content, flags=re.M | re.S))
    return {name for name in names if not any(re.search(rf"(?<![\w-]){name}\b", s) for s in spans)}


def test_every_option_and_setting_is_described(tmp_path: Path) -> None:
    code, printed = run_pytest(tmp_path, "--help")
    assert code == 0
    options = set(re.findall(r"^\s+(--freezecheck[\w-]*)", printed, re.M))
    settings = set(re.findall(r"^\s+(freezecheck\w*) \(", printed, re.M))
    assert len(options) >= 5
    assert len(settings) >= 6
    assert named("options.md", options | settings) == set()


@pytest.mark.parametrize("kind", [Model, Artifact, InputSpec, OutputSpec])
def test_every_field_of_a_declaration_is_described(kind: Any) -> None:
    assert named("models.md", {field.name for field in dataclasses.fields(kind)}) == set()
    row = next(
        line
        for line in (REFERENCE / "models.md").read_text("utf-8").splitlines()
        if line.startswith(f"| `{kind.__name__}` |")
    )
    listed = re.findall(r"`(\w+)`", row)[1:]
    assert listed == [field.name for field in dataclasses.fields(kind)]


def test_every_public_name_is_described() -> None:
    assert named("tests.md", set(freezecheck.__all__)) == set()


def test_every_strategy_is_described() -> None:
    from pytest_freezecheck import inputs

    assert named("tests.md", set(inputs.__all__)) == set()


def test_every_way_is_described() -> None:
    """Made by `python -m pytest_freezecheck.formats.catalogue > docs/reference/ways.md`."""
    assert (REFERENCE / "ways.md").read_text("utf-8") == catalogue.as_markdown()


def test_the_rules_of_a_proof_are_those_of_the_code() -> None:
    from pytest_freezecheck.computation import catalogue as rules

    assert (REFERENCE / "rules.md").read_text("utf-8") == rules.as_markdown()
    assert named("ways.md", set(freezecheck.WAYS)) == set()
    assert named("../../README.md", set(freezecheck.WAYS)) == set()


@pytest.mark.parametrize("page", ["how-to/converted.md", "how-to/tolerances.md", "explanation.md"])
def test_what_noise_may_allow_is_what_the_code_allows(page: str) -> None:
    from pytest_freezecheck.checking.noise_tolerance import FLOORS, MOST

    said = re.sub(r"\s+", " ", (DOCS / page).read_text("utf-8"))
    limits = re.findall(r"(?:at most|never more than) (\de-\d)(?=,| of the outputs|:)", said)
    assert set(map(float, limits)) == {MOST}, limits
    assert FLOORS == 8
    assert "eight" in said.lower()


def test_what_is_said_of_a_way_fits_into_a_table() -> None:
    for line in catalogue.as_markdown().splitlines():
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6, line
    for way in map(find_way, freezecheck.WAYS):
        assert way.summary, way.name
        assert way.pitfall, way.name


@pytest.mark.parametrize("kind", [freezecheck.Format, freezecheck.Way, freezecheck.Extra])
def test_every_field_of_a_format_is_described(kind: Any) -> None:
    listed = [field.name for field in dataclasses.fields(kind)]
    assert named("tests.md", set(listed)) == set()
    (signature,) = re.findall(
        rf"^\*\*`{kind.__name__}\(([^`]*)\)`\*\*", (REFERENCE / "tests.md").read_text("utf-8"), re.M
    )
    assert [re.split(r"=", part)[0].strip() for part in signature.split(",")] == listed


def test_every_hook_is_described() -> None:
    hooks = {name for name in vars(plugin._Hooks) if name.startswith("pytest_")}
    assert len(hooks) >= 2
    assert named("models.md", hooks) == set()


def fields(schema: Any) -> set[str]:
    """Return the names of all properties of a schema, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(fields, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", ()))
    return own.union(*map(fields, schema.values()))


def test_every_field_of_the_report_is_described() -> None:
    check = Agreement("flowers", "frozen.pb", "graph_def", None, "passed").as_json()
    document = json_report.document([check], {}, 0, SESSION)
    assert named("report.md", {*check, *document}) == set()
    assert named("report.md", fields(SCHEMA)) == set()


# Links.


_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    content = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", content, re.M)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    content = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    for link in _LINK.findall(content):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


def test_every_page_is_in_the_index() -> None:
    links = {
        (DOCS / link).resolve() for link in _LINK.findall((DOCS / "index.md").read_text("utf-8"))
    }
    assert {*DOCS.rglob("*.md")} - {DOCS / "index.md"} <= links


# The schema of the report.


def validate(document: object) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def _blamed(name: str, *, proven: bool) -> Blamed:
    return Blamed(name, ("conv/filters",) if proven else (), "it holds ...", proven)


def checks() -> list[Agreement]:
    common: Any = {"model": "flowers", "artifact": "frozen.pb", "format": "graph_def", "way": None}
    cause = _blamed("raw-weights", proven=True)
    both = (cause, _blamed("class-order", proven=True))
    smallest = Counterexample(
        background={"images": 0.0},
        feeds={"images": [[0.0, 1.0]]},
        away=1,
        size=2,
        max_abs_diff=1e-4,
        seconds=0.1,
    )
    saved = dataclasses.replace(smallest, path=".freezecheck/flowers-frozen.pb.npz")
    results = [
        Agreement(
            **common,
            outcome="passed",
            max_abs_diff=0.0,
            exact=True,
            logit_rel_diff=0.0,
            logit_rtol=None,
            inputs=463,
            examples=100,
            seconds=0.4,
            warnings=["it is not bit-identical"],
            text="freezecheck: flowers, frozen.pb agrees",
            noise_floor=0.0,
            power=Power(60, 61, (("logits/biases: rounded to float16", "below the tolerance"),)),
            nodeid="test_export.py::test_export",
        ),
        Agreement(
            **common,
            outcome="failed",
            max_abs_diff=float("nan"),
            exact=False,
            logit_rel_diff=float("inf"),
            logit_rtol=1e-4,
            inputs=463,
            examples=100,
            non_finite=True,
            text="freezecheck: flowers, frozen.pb: output 'p' answers nan",
            noise_floor=float("inf"),
            power=Power(61, 61, ()),
            counterexample=saved,
            explanation=Explanation((cause,), first=("Conv2D", float("nan"))),
            replay="pytest --freezecheck --freezecheck-replay=.freezecheck/flowers-frozen.pb.npz",
        ),
        Agreement(
            **common,
            outcome="failed",
            max_abs_diff=1e-4,
            counterexample=smallest,
            explanation=Explanation(both, first=("Conv2D", 0.4)),
        ),
        Agreement(**common, outcome="failed", max_abs_diff=1e-4, explanation=Explanation(())),
        Agreement("flowers", "graph_def", "graph_def", "graph_def", "passed", max_abs_diff=1e-7),
        Agreement("flowers", "nowhere.pb", "", None, "error", text="nowhere.pb: no such file"),
        Agreement("flowers", "onnx", "onnx", "onnx", "skipped", text="onnx needs onnx, not ..."),
        Agreement("flowers", "half", "npz", "half", "passed", max_abs_diff=1e-3, lossy=True),
        Agreement(**common, outcome="failed", text="freezecheck: ...", suspicion="it runs in ..."),
    ]
    for result in results:
        result.cause = explained.cause(result)
    return results


def report(results: list[Agreement]) -> Any:
    versions = {"pytest-freezecheck": "0.1.0", "tensorflow": "2.21.0"}
    document = json_report.document([result.as_json() for result in results], versions, 0, SESSION)
    return json.loads(json.dumps(document, allow_nan=False))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_accepts_what_is_written() -> None:
    validate(report(checks()))


def test_the_schema_has_the_fields_that_are_written_and_no_others() -> None:
    check = SCHEMA["$defs"]["check"]
    written = set(checks()[0].as_json())
    assert set(check["properties"]) == set(check["required"]) == written


def test_the_schema_has_the_reasons_that_there_are() -> None:
    assert SCHEMA["$defs"]["check"]["properties"]["reason"]["enum"] == list(REASONS)
    page = (REFERENCE / "report.md").read_text("utf-8")
    for reason, (outcome, word, meaning) in REASONS.items():
        assert f"| `{reason}` | {outcome} | {word} | {meaning} |" in page


def test_the_schema_has_what_was_compared() -> None:
    assert set(SCHEMA["$defs"]["compared"]["properties"]) == {
        field.name for field in dataclasses.fields(Compared)
    }


def test_the_schema_has_the_causes_that_there_are() -> None:
    assert SCHEMA["$defs"]["causeId"]["enum"] == list(CAUSES)
    for cause in CAUSES:
        document = report(checks())
        document["checks"][1]["cause"]["id"] = cause
        validate(document)
    document["checks"][1]["cause"]["id"] = "bad-luck"
    with pytest.raises(jsonschema.ValidationError, match="bad-luck"):
        validate(document)


@pytest.mark.parametrize("field", sorted(SCHEMA["$defs"]["check"]["properties"]))
def test_the_schema_refuses_a_report_without_a_field(field: str) -> None:
    document = report(checks())
    del document["checks"][0][field]
    with pytest.raises(jsonschema.ValidationError, match=field):
        validate(document)


def test_the_schema_refuses_a_field_that_it_has_not() -> None:
    document = report(checks())
    document["checks"][0]["max_diff"] = 0.0
    with pytest.raises(jsonschema.ValidationError, match="max_diff"):
        validate(document)
