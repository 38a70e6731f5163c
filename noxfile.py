"""The test matrix: `nox` runs it, `nox -l` lists its cells, CONTRIBUTING.md says how to select.

A cell is an environment of `matrix/cells.py`: a TensorFlow, a Python, a pytest, with or
without extras. What it did is kept in `matrix/records/`, of which `table` writes
docs/compatibility.md.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from matrix import table as compatibility  # noqa: E402 - nox loads this file from no folder at all
from matrix.cells import CELLS, Cell  # noqa: E402
from matrix.table import PAGE, RECORDS, RESULTS  # noqa: E402

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True  # a cell that is not run must not look like one

#: Prints {name: version} of everything in an environment; pip is in none that uv made.
VERSIONS = """
import importlib.metadata, json, platform
found = {d.name.lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}
print(json.dumps({"python": platform.python_version(), **dict(sorted(found.items()))}))
"""


def offer_every_python() -> None:
    """Let pyenv answer for every Python that it has, not just for the one that is chosen."""
    pyenv = shutil.which("pyenv")
    if pyenv is None or "PYENV_VERSION" in os.environ:
        return

    def ask(*arguments: str) -> list[str]:
        done = subprocess.run([pyenv, *arguments], check=False, capture_output=True, text=True)  # noqa: S603
        return done.stdout.replace(":", "\n").split()

    names = (*ask("version-name"), *reversed(ask("versions", "--bare")))
    os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys(names))


offer_every_python()


@nox.session
@nox.parametrize("python,cell", [nox.param(c.python, c, id=c.name, tags=c.all_tags) for c in CELLS])
def tests(session: nox.Session, cell: Cell) -> None:
    """Run the tests, and the gate in an empty folder. Arguments after `--` are those of pytest."""
    record: dict[str, Any] = {
        "cell": cell.name,
        "tensorflow": cell.tensorflow,
        "python": cell.python,
        "extras": list(cell.installed),
        "floors": list(cell.floors),
        "refused": {},
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "versions": {},
        "tests": None,
        "gate": None,
        "failure": None,
    }
    folder = RESULTS / cell.name
    folder.mkdir(parents=True, exist_ok=True)
    record["failure"] = install(session, cell, record)
    if record["failure"] is None:
        found = session.run("python", "-c", VERSIONS, silent=True, log=False)
        if found is None:  # --install-only
            return
        record["versions"] = json.loads(str(found).strip().splitlines()[-1])
        if session.posargs:
            session.run("pytest", *session.posargs)  # a part, which makes no record
            return
        compatibility.record_of(cell.name).unlink(missing_ok=True)  # until this run has its own
        failures = [run_tests(session, cell, record), run_gate(session, folder, record)]
        record["failure"] = "; ".join(filter(None, failures)) or None
    compatibility.save(record)
    if record["failure"] is not None:
        session.error(f"{cell.name}: {record['failure']}")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into build/site; fails at a link or name that leads nowhere."""
    pyproject = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install(*nox.project.dependency_groups(pyproject, "docs"))
    session.run("mkdocs", "build", *session.posargs)


@nox.session(python=False)
def table(session: nox.Session) -> None:
    """Write the table of docs/compatibility.md, of what the cells did when they last ran."""
    compatibility.write_page()
    session.log(f"{compatibility.PAGE.relative_to(ROOT)} is written")


def install(session: nox.Session, cell: Cell, record: dict[str, Any]) -> str | None:
    """Install the package as a cell needs it, and make sure that what it leaves out cannot be.

    What the installer said is kept in the environment, so that a run that reuses it has that too.

    Returns:
        Why it could not be installed, or None.
    """
    note = Path(str(session.virtualenv.location)) / "compatibility.json"
    fresh = not note.exists()
    started = time.perf_counter()
    failure = installer(session, cell, cell.installed)
    if failure is not None:
        return f"cannot be installed: {failure}"
    if fresh:
        told: dict[str, Any] = {"install_seconds": time.perf_counter() - started, "refused": {}}
        for extra in cell.refused:
            refusal = installer(session, cell, (extra,), "--dry-run")
            if refusal is None:
                return f"{extra} can be installed: take it out of REFUSED"
            told["refused"][extra] = refusal
        note.write_text(json.dumps(told), encoding="utf-8")
    record.update(json.loads(note.read_text("utf-8")))
    return None


def installer(
    session: nox.Session, cell: Cell, extras: tuple[str, ...], *options: str
) -> str | None:
    """Install the package with extras; return what the installer said if it could not."""
    group = nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), "test")
    constraints = RESULTS / cell.name / "constraints.txt"
    constraints.write_text("\n".join(cell.constraints), encoding="utf-8")
    package = f".[{','.join(extras)}]" if extras else "."
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        try:
            session.install(
                *("-e", package, *group, "-c", str(constraints), *options),
                silent=False,
                stdout=output,
            )
        except nox.command.CommandFailed:
            output.seek(0)
            said = output.read()
            session.log(said)
            return compatibility.reason(said)
    return None


def run_tests(session: nox.Session, cell: Cell, record: dict[str, Any]) -> str | None:
    """Run the tests that a cell runs; return what is wrong, or None."""
    junit = RESULTS / cell.name / "tests.xml"
    junit.unlink(missing_ok=True)
    failure = attempt(session, "pytest", "-n", "2", "--dist=worksteal", f"--junitxml={junit}")
    if junit.exists():
        record["tests"] = compatibility.tests_of(junit)
    return failure and f"the tests: {failure}"


def run_gate(session: nox.Session, folder: Path, record: dict[str, Any]) -> str | None:
    """Run the gate where nothing is declared; return what is wrong, or None."""
    report = folder / "freezecheck.json"
    report.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as empty, session.chdir(empty):
        failure = attempt(session, "pytest", "--freezecheck", f"--freezecheck-report={report}")
    if report.exists():
        record["gate"] = compatibility.gate_of(report)
    return failure and f"pytest --freezecheck: {failure}"


def attempt(session: nox.Session, *command: str) -> str | None:
    """Run a command; return how it failed, or None."""
    try:
        session.run(*command)
    except nox.command.CommandFailed as failed:
        return failed.reason or "failed"
    return None


def commit() -> str:
    """Return what is tested: the commit, and whether more than records of cells was changed."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    written = (f":!{path.relative_to(ROOT)}" for path in (RECORDS, PAGE))

    def ask(*arguments: str) -> str:
        command = [git, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)  # noqa: S603
        return done.stdout.strip()

    name = ask("describe", "--always", "--exclude=*") or "unknown"
    return f"{name}-dirty" if ask("status", "--porcelain", "--", ".", *written) else name
