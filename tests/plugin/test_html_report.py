"""The HTML report of runs: written however they end, and refused where it cannot be written."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.subprocesses import ended_once_begun, run_pytest
from tests.plugin.test_reports import write

ARGUMENTS = ("--freezecheck", "--freezecheck-report=out/r.html", "--freezecheck-report=r.json")
#: Hides packages, installed or not, and notes which of them are imported at which time.
CONFTEST = """
import importlib.machinery
import json
import sys

HIDDEN, SEEN = {hidden!r}, {{}}


class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            return None
        return super().find_spec(name, path, target)


sys.meta_path[:] = [
    Without if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path
]


def note(when):
    SEEN[when] = sorted({{"jinja2", "matplotlib"}} & set(sys.modules))


def pytest_collection_finish():
    note("collected")


def pytest_runtest_teardown():
    note("run")


def pytest_unconfigure():
    note("end")
    with open("modules.json", "w") as file:
        json.dump(SEEN, file)
"""


needs_the_extra = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("jinja2", "matplotlib")),
    reason="needs the extra report",
)


def read(folder: Path) -> str:
    text = (folder / "out" / "r.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    return text


@needs_the_extra
def test_a_run_writes_its_page(pytester: pytest.Pytester) -> None:
    write(pytester.path, "agrees('two')")
    assert pytester.runpytest(*ARGUMENTS).ret == 0
    assert "All 3 frozen models agree with their live models." in read(pytester.path)


@needs_the_extra
def test_warnings_of_what_draws_it_end_no_run(pytester: pytest.Pytester) -> None:
    write(pytester.path, "agrees('two')")
    code, printed = run_pytest(pytester.path, *ARGUMENTS, "-W", "error")
    assert code == 0, printed
    assert "Warning" not in printed
    read(pytester.path)


@pytest.mark.slow
@needs_the_extra
def test_it_is_written_from_the_shell_of_a_notebook_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://of_a_notebook.that_is_not_here")
    write(pytester.path, "agrees('two')")
    code, printed = run_pytest(pytester.path, *ARGUMENTS)
    assert code == 0, printed
    read(pytester.path)


@needs_the_extra
def test_a_run_that_stops_at_its_first_failure_writes_its_page(pytester: pytest.Pytester) -> None:
    write(pytester.path, "assert 1 == 2")
    assert pytester.runpytest(*ARGUMENTS, "-x").ret == 1
    text = read(pytester.path)
    assert "Of 3 checks, 2 came to no comparison." in text
    assert "no result: assert 1 == 2" in text
    assert "no result: the run was stopped before it began" in text


@needs_the_extra
@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "1"), marks=pytest.mark.slow)])
def test_a_run_that_is_interrupted_writes_its_page(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    write(tmp_path, "Path('began').touch(); time.sleep(600)")
    arguments = (*ARGUMENTS, *workers)
    code, printed = ended_once_begun(tmp_path, signal.SIGINT, *arguments, timeout=60)
    assert code == pytest.ExitCode.INTERRUPTED, printed
    assert "The run was interrupted before its end: of 3 checks, 2 came to no" in read(tmp_path)
    assert not list((tmp_path / "out").glob(".freezecheck-*"))


@needs_the_extra
def test_a_run_without_a_check_writes_its_page(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    assert pytester.runpytest(*ARGUMENTS).ret == 1
    assert "No frozen model was compared with its live model." in read(pytester.path)


@needs_the_extra
def test_what_writes_it_is_imported_when_it_is_written(pytester: pytest.Pytester) -> None:
    write(pytester.path, "agrees('two')")
    pytester.makeconftest(CONFTEST.format(hidden=()))
    code, printed = run_pytest(pytester.path, *ARGUMENTS)
    assert code == 0, printed
    seen = json.loads((pytester.path / "modules.json").read_text())
    assert seen == {"collected": [], "run": [], "end": ["jinja2", "matplotlib"]}


@pytest.mark.parametrize("hidden", [("jinja2",), ("matplotlib",), ("jinja2", "matplotlib")])
@pytest.mark.parametrize("armed", [("--freezecheck",), ()])
def test_without_the_extra_it_is_refused_before_anything_runs(
    pytester: pytest.Pytester, hidden: tuple[str, ...], armed: tuple[str, ...]
) -> None:
    needed = ("jinja2", "matplotlib")
    absent = (name for name in needed if name in hidden or importlib.util.find_spec(name) is None)
    named = " and ".join(absent)
    write(pytester.path, "agrees('two')")
    (pytester.path / "hiding.py").write_text(CONFTEST.format(hidden=hidden))
    environment = {**os.environ, "PYTHONPATH": str(pytester.path)}
    arguments = [*armed, *ARGUMENTS[1:]]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "hiding", "-p", "no:cacheprovider", *arguments],
        cwd=pytester.path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    assert done.stderr.strip() == (
        "ERROR: freezecheck: command line: --freezecheck-report = 'out/r.html' needs "
        f"{named}, not installed here: pip install 'pytest-freezecheck[report]'"
    )
    assert not (pytester.path / "out").exists()
    assert not (pytester.path / "r.json").exists()


def test_the_setting_is_refused_likewise(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nfreezecheck = true\nfreezecheck_report = r.html")
    write(pytester.path, "agrees('two')")
    (pytester.path / "hiding.py").write_text(CONFTEST.format(hidden=("jinja2", "matplotlib")))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "hiding", "-p", "no:cacheprovider"],
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": str(pytester.path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    assert "tox.ini: freezecheck_report = 'r.html' needs jinja2 and matplotlib" in done.stderr


@needs_the_extra
def test_an_installation_that_is_broken_is_told_and_fails_the_run(
    pytester: pytest.Pytester,
) -> None:
    write(pytester.path, "agrees('two')")
    broken = pytester.mkpydir("matplotlib")
    (broken / "__init__.py").write_text("raise ImportError('numpy.core.multiarray failed')")
    code, printed = run_pytest(pytester.path, *ARGUMENTS)
    assert code == 1, printed
    assert (
        "freezecheck: the report out/r.html cannot be written: ImportError: "
        "numpy.core.multiarray failed"
    ) in printed
    assert not (pytester.path / "out" / "r.html").exists()
    assert json.loads((pytester.path / "r.json").read_text())["exit_status"] == 1
