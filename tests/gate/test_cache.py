"""A folder that is kept from run to run, as runs use it: in the runner, on workers, at one time."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gate.test_gate import averaged_statistics, make_repository
from tests.kit.subjects import Subject
from tests.kit.subprocesses import at_once, run_pytest

TABLE = """
[tool.freezecheck.models.flowers]
build = "net:build"
checkpoint = {checkpoint!r}
freeze = ["graph_def", "saved_model"]
artifacts = ["frozen.pb"]

[tool.freezecheck.models.flowers.inputs.images]
shape = [4, 4, 3]
"""
KEPT = "--freezecheck-cache=kept"
LINE = "3 checks used what the live model answered before (freezecheck_cache)"


@pytest.fixture
def repository(pytester: pytest.Pytester, flowers: Subject) -> pytest.Pytester:
    """A repository with a declared model: two ways that agree, and a file that does not."""
    make_repository(pytester.path, flowers)
    for name in ("conftest.py", "test_export.py"):
        (pytester.path / name).unlink()
    (pytester.path / "pyproject.toml").write_text(TABLE.format(checkpoint=flowers.checkpoint))
    averaged_statistics(flowers, pytester.path / "frozen.pb")
    pytester.syspathinsert()
    return pytester


def results(folder: Path) -> list[dict[str, Any]]:
    found = json.loads((folder / "report.json").read_text())["checks"]
    return sorted(
        ({k: v for k, v in check.items() if k != "seconds"} for check in found),
        key=lambda check: str(check["nodeid"]),
    )


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    return [{**check, "remembered": None} for check in one] == [
        {**check, "remembered": None} for check in other
    ]


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    given = ("--freezecheck-examples=20", "--freezecheck-report=report.json", *arguments)
    return repository.runpytest("--freezecheck", *given, "pyproject.toml")


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_the_second_run_uses_what_the_first_left_and_says_so(
    isolation: str, repository: pytest.Pytester
) -> None:
    apart = ("-o", f"freezecheck_isolation={isolation}")
    first = run(repository, KEPT, *apart)
    assert first.ret == 1
    first.stdout.no_fnmatch_line("*freezecheck_cache*")
    cold = results(repository.path)
    second = run(repository, KEPT, *apart)
    assert second.ret == 1
    second.stdout.fnmatch_lines([LINE])
    warm = results(repository.path)
    assert same(cold, warm)
    assert [check["outcome"] for check in warm].count("failed") == 1
    assert all(check["remembered"] for check in warm)
    if isolation == "none":  # the same run without the folder
        run(repository, *apart)
        assert same(results(repository.path), warm)
        assert not any(check["remembered"] for check in results(repository.path))


def test_the_setting_does_what_the_option_does(repository: pytest.Pytester) -> None:
    below = repository.mkdir("below")
    setting = ("-o", "freezecheck_cache=kept", "-p", "no:xdist")
    run(repository, *setting)
    assert list((repository.path / "kept").glob("*.freezecheck"))
    run(repository, *setting).stdout.fnmatch_lines([LINE])
    assert not list(below.iterdir())


@pytest.mark.slow
def test_workers_share_the_folder(repository: pytest.Pytester) -> None:
    given = ("--freezecheck", "--freezecheck-examples=20", "--freezecheck-report=report.json")
    code, printed = run_pytest(repository.path, *given, KEPT, "-n", "2", "pyproject.toml")
    assert code == 1, printed
    cold = results(repository.path)
    code, printed = run_pytest(repository.path, *given, KEPT, "-n", "2", "pyproject.toml")
    assert code == 1, printed
    assert LINE in printed
    assert same(cold, results(repository.path))


@pytest.mark.slow
def test_two_runs_at_once_come_to_the_same(repository: pytest.Pytester) -> None:
    here = repository.path
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--freezecheck", KEPT]
    command += ["--freezecheck-examples=20", "pyproject.toml", "-k", "graph_def or saved_model"]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTEST_ADDOPTS", "CI")}
    commands = [[*command, f"--freezecheck-report={name}.json"] for name in ("one", "two")]
    codes, printed = at_once(here, *commands, env=environment)
    assert codes == [0, 0], printed
    assert "warning: " not in "".join(printed)
    names = [path.name for path in (here / "kept").iterdir()]
    assert all(name.endswith(".freezecheck") for name in names)
    run(repository, KEPT, "-k", "graph_def or saved_model").stdout.fnmatch_lines(
        ["2 checks used what the live model answered before (freezecheck_cache)"]
    )


def test_what_is_written_there_goes_nowhere_else(repository: pytest.Pytester) -> None:
    before = set(repository.path.rglob("*"))
    run(repository, KEPT, "-k", "graph_def")
    new = {path.relative_to(repository.path).parts[0] for path in repository.path.rglob("*")}
    new -= {path.relative_to(repository.path).parts[0] for path in before}
    assert new <= {"kept", "report.json", ".pytest_cache", "__pycache__", ".hypothesis"}
