"""What code hosts are told of a run, however it ends. No TensorFlow is needed for any of it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.kit.subprocesses import ended_once_begun, run_pytest

#: Tests that come to a result at once: one agrees, one fails, and one does what is asked for.
THREE = """
import os, time
from pathlib import Path
import pytest
from pytest_freezecheck.result import recording
from pytest_freezecheck.result.agreement import Agreement

pytestmark = pytest.mark.freezecheck

def check(name, outcome="passed", reason="agrees", text=""):
    recording.record(Agreement("flowers", name, "graph_def", None, outcome, reason, text=text,
                               nodeid=f"tests/test_it.py::test_{name}"))

def test_one():
    check("one")

def test_two():  # line 17
    check("t w'o <script>", "failed", "differs", "differs: 50% of it, <b>\\n  more: ...")
    pytest.fail("it differs", pytrace=False)

def test_three():  # line 21
    BODY
"""
REPORTS = ("r.md", "r.sarif", "r.gitlab.json")
ARGUMENTS = ("--freezecheck", *(f"--freezecheck-report={name}" for name in REPORTS))
TWO = (
    "::error file=tests/test_it.py,line=17,title=freezecheck%3A flowers%2C t w'o <script>"
    "::differs: 50%25 of it, <b>"
)
MODEL = """\
[tool.freezecheck.models.flowers]
build = "nets:build"
checkpoint = "train_dir"
artifacts = [
  "frozen.pb",
  { path = "export/lite model.tflite" },
]
freeze = ["graph_def"]
export = "nets:export"
inputs.images.shape = [2]
"""


def three(body: str) -> str:
    return f"::error file=tests/test_it.py,line=21,title=freezecheck%3A {body}"


def write(folder: Path, body: str) -> None:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text(THREE.replace("BODY", body))
    (folder / "pytest.ini").touch()


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The summary of a step of GitHub Actions, in which something stands already."""
    path = tmp_path / "summary.md"
    path.write_text("before")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def told(printed: str) -> list[str]:
    """Return the workflow commands, each of which begins its line."""
    found = [line for line in printed.splitlines() if line.startswith("::")]
    assert printed.count("::error ") == len(found)
    return found


def rules(folder: Path) -> list[tuple[str, str, int]]:
    """Return rule, file and line of what is wrong: SARIF and GitLab are told the same."""
    (run,) = json.loads((folder / "r.sarif").read_text("utf-8"))["runs"]

    def of(result: Any) -> tuple[str, str, int]:
        at = result["locations"][0]["physicalLocation"]
        return result["ruleId"], at["artifactLocation"]["uri"], at["region"]["startLine"]

    quality = json.loads((folder / "r.gitlab.json").read_text("utf-8"))
    found = [of(result) for result in run["results"]]
    assert found == [
        (q["check_name"], q["location"]["path"], q["location"]["lines"]["begin"]) for q in quality
    ]
    return found


@pytest.mark.parametrize("how", [(), ("-q",), ("-qq",), ("-p", "no:terminal"), ("-s", "-v")])
def test_a_run_in_github_actions_tells_what_is_wrong(
    pytester: pytest.Pytester, summary: Path, how: tuple[str, ...]
) -> None:
    write(pytester.path, "check('three')")
    result = pytester.runpytest(*ARGUMENTS, *how)
    assert result.ret == 1
    assert told(result.stdout.str()) == [TWO]
    assert "::error" not in result.stderr.str()
    text = summary.read_text("utf-8")
    assert text == f"before\n\n{(pytester.path / 'r.md').read_text('utf-8')}"
    assert text.startswith("before\n\n## ❌ freezecheck: a frozen model does not compute ")
    assert "t w'o &lt;script&gt;" in text
    assert "exit status 1" in text
    assert rules(pytester.path) == [("differs", "tests/test_it.py", 17)]


def test_two_runs_of_a_step_add_to_its_summary(pytester: pytest.Pytester, summary: Path) -> None:
    write(pytester.path, "check('three')")
    for _ in range(2):
        assert pytester.runpytest("--freezecheck").ret == 1
    assert summary.read_text("utf-8").count("## ❌ freezecheck") == 2


@pytest.mark.parametrize("value", [None, "false", ""])
def test_elsewhere_nothing_is_told(
    pytester: pytest.Pytester, summary: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("GITHUB_ACTIONS")
    else:
        monkeypatch.setenv("GITHUB_ACTIONS", value)
    write(pytester.path, "check('three')")
    result = pytester.runpytest(*ARGUMENTS)
    assert result.ret == 1
    assert told(result.stdout.str()) == []
    assert summary.read_text() == "before"
    assert rules(pytester.path) == [("differs", "tests/test_it.py", 17)]


@pytest.mark.parametrize("arguments", [(), ("--freezecheck", "--collect-only")])
def test_what_checks_nothing_tells_nothing(
    pytester: pytest.Pytester, summary: Path, arguments: tuple[str, ...]
) -> None:
    write(pytester.path, "check('three')")
    assert told(pytester.runpytest(*arguments).stdout.str()) == []
    assert summary.read_text() == "before"


def test_without_a_summary_the_lines_are_told_all_the_same(
    pytester: pytest.Pytester, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    write(pytester.path, "check('three')")
    assert told(pytester.runpytest("--freezecheck").stdout.str()) == [TWO]


@pytest.mark.parametrize("how", [(), ("-p", "no:terminal")])
def test_a_summary_that_cannot_be_written_changes_no_verdict(
    pytester: pytest.Pytester, summary: Path, how: tuple[str, ...]
) -> None:
    summary.unlink()
    summary.mkdir()
    write(pytester.path, "check('three')")
    two = ("--deselect", "tests/test_it.py::test_two")
    result = pytester.runpytest("--freezecheck", *how, *two)
    assert result.ret == 0
    said = f"freezecheck: the summary of the step cannot be written: {summary}: Is a directory"
    assert result.outlines.count(said) == 1
    assert told(result.stdout.str()) == []


def test_a_run_that_compared_nothing_is_told(pytester: pytest.Pytester, summary: Path) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("--freezecheck")
    assert result.ret == 1
    (line,) = told(result.stdout.str())
    assert line.startswith(
        "::error title=freezecheck::nothing was compared: no model is declared in this repository"
    )
    assert "freezecheck: nothing was compared" in summary.read_text("utf-8")


def test_a_first_failure_ends_the_run_and_what_is_missing_is_told(
    pytester: pytest.Pytester, summary: Path
) -> None:
    write(pytester.path, "check('three')")
    result = pytester.runpytest(*ARGUMENTS, "-x")
    missing = "no result: the run was stopped before it began"
    name = "tests/test_it.py%3A%3Atest_three"
    assert told(result.stdout.str()) == [TWO, three(f"{name}::{missing}")]
    assert missing in summary.read_text("utf-8")
    assert rules(pytester.path) == [
        ("differs", "tests/test_it.py", 17),
        ("no-result", "tests/test_it.py", 21),
    ]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_workers_tell_nothing_themselves_and_a_dead_one_is_told(
    tmp_path: Path, summary: Path, workers: str
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    write(folder, "os._exit(0)")
    code, printed = run_pytest(folder, *ARGUMENTS, "-n", workers, "--max-worker-restart=0")
    assert code != 0, printed
    first, second = told(printed)
    assert first == TWO
    assert second.startswith(three("tests/test_it.py%3A%3Atest_three::no result: worker 'gw"))
    assert summary.read_text("utf-8").count("## ❌ freezecheck") == 1
    assert [rule for rule, *_ in rules(folder)] == ["differs", "no-result"]


def test_a_run_that_is_ended_tells_what_it_has(tmp_path: Path, summary: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    write(folder, "Path('began').touch(); time.sleep(600)")
    code, printed = ended_once_begun(folder, signal.SIGINT, *ARGUMENTS)
    assert code == pytest.ExitCode.INTERRUPTED, printed
    missing = "no result: the run was interrupted while it ran"
    assert told(printed) == [TWO, three(f"tests/test_it.py%3A%3Atest_three::{missing}")]
    assert "it was interrupted" in summary.read_text("utf-8")
    (log,) = json.loads((folder / "r.sarif").read_text("utf-8"))["runs"]
    assert log["invocations"] == [{"executionSuccessful": False, "exitCode": 2}]


def test_a_declared_check_is_told_at_its_line_of_the_repository(
    pytester: pytest.Pytester, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is declared is there: each check is an error, where it is declared."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    (pytester.path / "pyproject.toml").write_text(MODEL)
    result = pytester.runpytest(*ARGUMENTS, "--freezecheck-report=r.json")
    assert result.ret == 1
    file = f"{pytester.path.name}/pyproject.toml"
    lines = {
        "frozen.pb": 5,
        "export/lite model.tflite": 6,
        "graph_def": 8,
        "export": 9,
    }
    found = told(result.stdout.str())
    assert all(line.startswith(f"::error file={file},line=") for line in found)
    at = {line.split("flowers%2C ")[1].split("::")[0]: line.split(",")[1] for line in found}
    assert at == {name: f"line={line}" for name, line in lines.items()}
    checks = json.loads((pytester.path / "r.json").read_text("utf-8"))["checks"]
    assert {check["artifact"]: check["declared_at"] for check in checks} == {
        name: {"file": "pyproject.toml", "line": line} for name, line in lines.items()
    }
    assert {(file_, line) for _, file_, line in rules(pytester.path)} == {
        (file, line) for line in lines.values()
    }


HOOK = """\
import pytest
import pytest_freezecheck as freezecheck

def model(name):
    return freezecheck.Model(name=name, build="nets:build", checkpoint="train_dir",
                             artifacts=["a.pb"], inputs={"images": {"shape": [2]}})

"""


def places(pytester: pytest.Pytester) -> dict[str, Any]:
    pytester.runpytest("--freezecheck", "--freezecheck-report=r.json")
    checks = json.loads((pytester.path / "r.json").read_text("utf-8"))["checks"]
    return {check["model"]: check["declared_at"] for check in checks}


def test_a_model_of_a_hook_is_where_the_hook_is(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(f"{HOOK}def pytest_freezecheck_models():\n    return [model('one')]")
    line = len(HOOK.splitlines()) + 1
    assert places(pytester) == {"one": {"file": "conftest.py", "line": line}}


@pytest.mark.parametrize("answer", ["[model('two')]", "None"])
def test_of_two_hooks_each_has_its_own_unless_one_has_no_answer(
    pytester: pytest.Pytester, answer: str
) -> None:
    pytester.makeconftest(f"{HOOK}def pytest_freezecheck_models():\n    return [model('one')]")
    pytester.makepyfile(plug=f"{HOOK}\n\ndef pytest_freezecheck_models():\n    return {answer}")
    pytester.syspathinsert()
    pytester.makeini("[pytest]\naddopts = -p plug")
    line = len(HOOK.splitlines()) + 1
    one, two = {"file": "conftest.py", "line": line}, {"file": "plug.py", "line": line + 2}
    told = {"one": one, "two": two} if answer != "None" else {"one": None}
    assert places(pytester) == told


def test_a_model_of_a_fixture_is_where_the_fixture_is(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture(scope='session')\n"
        "def freezecheck_live_model():\n    raise ValueError('none')\n"
    )
    assert places(pytester) == {"live_model": {"file": "conftest.py", "line": 3}}


def test_a_test_is_where_its_function_stands(pytester: pytest.Pytester) -> None:
    (pytester.path / "pytest.ini").touch()
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "base.py").write_text(
        "import pytest\n\nclass Base:\n"
        "    @pytest.mark.freezecheck\n    def test_it(self):\n        assert 1 == 2\n"
    )
    (pytester.path / "tests" / "test_it.py").write_text(
        "\n" * 20 + "from base import Base\nclass TestIt(Base):\n    pass\n"
    )
    assert places(pytester) == {"": {"file": "tests/base.py", "line": 4}}
