"""What other repositories take from this one for their CI: it parses, and its commands do it.

`.ci/run` holds the files to the schemas of their hosts besides.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from pytest_freezecheck import plugin
from pytest_freezecheck.settings import REPORT_ENDINGS

#: Whether what the extra `report` brings is here.
HAS_PAGE = all(importlib.util.find_spec(name) is not None for name in ("jinja2", "matplotlib"))
ROOT = Path(__file__).parents[2]
ACTION: Any = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
GITLAB: Any = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))
HOOKS: Any = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
PAGE = (ROOT / "docs" / "how-to" / "ci.md").read_text("utf-8")
TEST = """
import pytest
from pytest_freezecheck.result import recording
from pytest_freezecheck.result.agreement import Agreement

@pytest.mark.freezecheck
@pytest.mark.parametrize(("outcome", "reason"), [("passed", "agrees"), ("failed", "differs")])
def test_it(outcome, reason):
    recording.record(Agreement("flowers", "frozen.pb", "graph_def", None, outcome, reason))
    assert outcome == "passed"
"""


def steps() -> dict[str, str]:
    """Return the scripts of the action's steps, by name."""
    return {step["name"]: step["run"] for step in ACTION["runs"]["steps"] if "run" in step}


def scripts() -> list[str]:
    """Return every script for a shell in these files, and in the page on CI."""
    of_page = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    found = [*steps().values(), "\n".join(GITLAB["freezecheck"]["script"]), *of_page]
    return [*found, *(hook["entry"] for hook in HOOKS)]


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a host does; its `python` is this one, and pip notes what it is asked for."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    python = programs / "python"
    python.write_text(
        '#!/bin/sh\nif [ "$2" = pip ]; then printf "%s\\n" "$@" >pip.txt; '
        f'else exec "{sys.executable}" "$@"; fi\n'
    )
    python.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    inherited = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={**inherited, "PATH": path, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").touch()
    return tmp_path


@pytest.mark.parametrize("script", scripts())
def test_every_script_is_one(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_option_that_is_named_exists() -> None:
    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    group = parser.getgroup("freezecheck")
    known = {name for option in group.options for name in option.names()}
    texts = [*scripts(), PAGE, json.dumps(ACTION)]
    named = {name for text in texts for name in re.findall(r"--freezecheck[\w-]*", text)}
    assert {"--freezecheck", "--freezecheck-report"} <= named <= known
    reports = {path for text in texts for path in re.findall(r"-report=\S*?(\w+\.[\w.]*\w)", text)}
    assert reports
    assert all(any(path.endswith(ending) for ending in REPORT_ENDINGS) for path in reports)


# The page that tells how they are used.

BLOCKS = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)]


def test_the_page_names_inputs_variables_and_hooks_that_there_are() -> None:
    workflow, upload, job, hook = BLOCKS
    used = workflow["jobs"]["freezecheck"]["steps"][1]
    assert used["uses"] == "OWNER/pytest-freezecheck@VERSION"
    assert set(used["with"]) <= set(ACTION["inputs"])
    assert workflow["permissions"]["security-events"] == "write"
    *_, shown = ACTION["runs"]["steps"]
    assert upload[1]["uses"] == shown["uses"]
    assert upload[1]["with"]["sarif_file"] in upload[0]["run"]
    assert (ROOT / job["include"][0]["file"]).is_file()
    assert set(job["freezecheck"]["variables"]) <= set(GITLAB["freezecheck"]["variables"])
    (used,) = hook["repos"][0]["hooks"]
    assert used["id"] in [each["id"] for each in HOOKS]
    assert f"pre-commit run {used['id']} --hook-stage {HOOKS[0]['stages'][1]}" in PAGE


# The action of GitHub.


def test_the_action_names_no_input_that_it_has_not_and_uses_all() -> None:
    assert ACTION["runs"]["using"] == "composite"
    text = json.dumps(ACTION["runs"])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    for given in ACTION["inputs"].values():
        assert set(given) == {"description", "default"}
        assert isinstance(given["default"], str)
    for step in ACTION["runs"]["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert "uses" in step or step["shell"] == "bash"
        assert re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", step.get("uses", "a/b@v1"))
        # What others write comes by the environment: in a script it would be part of the script.
        assert "${{" not in step.get("run", "")


def test_the_action_names_no_variable_that_it_does_not_set() -> None:
    for step in ACTION["runs"]["steps"]:
        named = set(re.findall(r"\$\{?([A-Z_]+)", step.get("run", "")))
        assert named <= {*step.get("env", ()), "GITHUB_ACTION_PATH", "PYTEST_ADDOPTS"}
        assert set(step.get("env", ())) <= named


@pytest.mark.parametrize(
    ("extras", "install", "asked"),
    [
        ("all", "", ["/an action[all]"]),
        ("", "-e .", ["/an action", "-e", "."]),
        ("onnx,tflite", "-r *.txt", ["/an action[onnx,tflite]", "-r", "*.txt"]),
    ],
)
def test_the_action_installs_itself_and_what_it_is_asked_for(
    repository: Path, extras: str, install: str, asked: list[str]
) -> None:
    environment = {"GITHUB_ACTION_PATH": "/an action", "EXTRAS": extras, "INSTALL": install}
    done = run(steps()["Install"], repository, **environment)
    assert done.returncode == 0, done.stderr
    assert (repository / "pip.txt").read_text().splitlines() == ["-m", "pip", "install", *asked]


def test_the_action_checks_and_writes_its_reports(repository: Path) -> None:
    summary = repository / "summary.md"
    environment = {
        "REPORTS": "build/all of it",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    done = run(steps()["Check"], repository, ARGUMENTS="", **environment)
    assert done.returncode == 1, done.stdout
    assert "::error file=test_it.py,line=6," in done.stdout
    assert summary.read_text("utf-8").startswith("## ❌ freezecheck")
    reports = {path.name for path in (repository / "build" / "all of it").iterdir()}
    page = {"freezecheck.html"} if HAS_PAGE else set()
    plain = {"freezecheck.json", "freezecheck.md", "freezecheck.sarif", "junit.xml"}
    assert reports == plain | page
    passing = "'test_it.py::test_it[passed-agrees]' -k \"test_it and passed\""
    done = run(steps()["Check"], repository, ARGUMENTS=passing, **environment)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_action_keeps_what_it_writes() -> None:
    kept, shown = ACTION["runs"]["steps"][-2:]
    folder = "${{ inputs.working-directory }}"
    reports = f"{folder}/${{{{ inputs.reports }}}}"
    assert kept["with"]["path"].split("\n")[:2] == [reports, f"{folder}/.freezecheck"]
    assert kept["with"]["include-hidden-files"] is True
    assert shown["with"]["sarif_file"] == f"{reports}/freezecheck.sarif"
    assert "freezecheck.sarif" in steps()["Check"]
    assert all(step["if"].startswith("${{ !cancelled() && ") for step in (kept, shown))


# The job of GitLab.


def test_the_job_of_gitlab_checks_and_writes_its_reports(repository: Path) -> None:
    job = GITLAB["freezecheck"]
    assert set(GITLAB) == {"freezecheck"}
    script = "\n".join(job["script"])
    variables = {**job["variables"], "FREEZECHECK_ARGUMENTS": "-k 'test_it'"}
    done = run(script, repository, **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    asked = (repository / "pip.txt").read_text().splitlines()
    assert asked == ["-m", "pip", "install", "pytest-freezecheck[all]"]
    assert (repository / "build" / "freezecheck" / "freezecheck.html").is_file() is HAS_PAGE
    for path in job["artifacts"]["reports"].values():
        assert (repository / path).is_file()
        assert any(path.startswith(folder) for folder in job["artifacts"]["paths"])
    (entry,) = json.loads((repository / job["artifacts"]["reports"]["codequality"]).read_text())
    assert entry["location"] == {"path": "test_it.py", "lines": {"begin": 6}}
    assert job["artifacts"]["when"] == "always"


# The hook of pre-commit.


def test_the_hook_of_pre_commit_is_one() -> None:
    (hook,) = HOOKS
    assert {"id", "name", "entry", "language"} <= set(hook)
    assert hook["pass_filenames"] is False
    assert hook["entry"].split()[:2] == ["pytest", "--freezecheck"]
    # Without it, a hook is passed over where no file has changed, and that looks like a pass.
    assert hook["always_run"] is True
