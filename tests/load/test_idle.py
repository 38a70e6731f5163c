"""What the plugin costs where it is not used: two modules, and nothing of ours imports more.

Modules are looked at in `pytest_unconfigure`, at the very end of a subprocess: a careful entry
module does not help if a header or a summary then imports NumPy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "hypothesis", "tensorflow", "tf_slim", "tf_keras", "keras", "absl", "google")
PROBE = """
import json, sys

def pytest_unconfigure():
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""
SESSIONS = {
    "run": [],
    "collect-only": ["--collect-only"],
    "help": ["--help"],
    "markers": ["--markers"],
    "fixtures": ["--fixtures"],
}


def modules_after(folder: Path, *arguments: str, bytecode: bool = True) -> set[str]:
    """Run pytest in a subprocess and return the modules that it ended with."""
    (folder / "probe_plugin.py").write_text(PROBE)
    (folder / "test_it.py").write_text("def test_it(): pass")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(folder)
    if not bytecode:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    # Hypothesis' own plugin imports Hypothesis at the end of every session, with us or without.
    base = [sys.executable, "-m", "pytest", "-p", "probe_plugin", "-p", "no:hypothesispytest"]
    subprocess.run(
        [*base, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        timeout=600,
    )
    return set(json.loads((folder / "modules.json").read_text()))


def test_loading_the_plugin_adds_exactly_two_modules(tmp_path: Path) -> None:
    code = (
        "import pytest, sys; before = set(sys.modules); import pytest_freezecheck.plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert printed.strip() == "['pytest_freezecheck', 'pytest_freezecheck.plugin']"


@pytest.mark.parametrize("bytecode", [True, False], ids=["bytecode", "no-bytecode"])
@pytest.mark.parametrize("session", SESSIONS)
def test_an_unarmed_session_ends_with_two_modules_of_ours(
    tmp_path: Path, session: str, bytecode: bool
) -> None:
    arguments = SESSIONS[session]
    with_us = modules_after(tmp_path, *arguments, bytecode=bytecode)
    without = modules_after(tmp_path, "-p", "no:freezecheck", *arguments, bytecode=bytecode)
    assert with_us - without == {"pytest_freezecheck", "pytest_freezecheck.plugin"}
    assert not {name for name in with_us if name.split(".")[0] in HEAVY}


@pytest.mark.parametrize("bytecode", [True, False], ids=["bytecode", "no-bytecode"])
@pytest.mark.parametrize("arguments", [["--collect-only"], ["--help"], ["-k", "test_it"]])
def test_an_armed_session_that_runs_no_check_imports_nothing_heavy(
    tmp_path: Path, arguments: list[str], bytecode: bool
) -> None:
    ended_with = modules_after(tmp_path, "--freezecheck", *arguments, bytecode=bytecode)
    assert "pytest_freezecheck.gate.hooks" in ended_with
    assert not {name for name in ended_with if name.split(".")[0] in HEAVY}
