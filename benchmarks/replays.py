"""Is every failing input replayed bit for bit by its command, in a process of its own?

Ships every wrong freeze of the three networks in a repository, runs the gate on it once, and then
every command that the gate printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import bench, possible
from benchmarks.tables import table
from tests.kit.wrong_freezes import WRONG

#: Declares a model for each network and for each way in which it reads shadows.
CONFTEST = """
import json
from pathlib import Path

import pytest_freezecheck as freezecheck
from tests.kit.subjects import SUBJECTS


def pytest_freezecheck_models():
    shipped = json.loads(Path("shipped.json").read_text())
    models = []
    for name, modes in shipped.items():
        subject = SUBJECTS[name](Path(name).resolve())
        for ema, artifacts in modes.items():
            models.append(
                freezecheck.Model(
                    name=f"{name}_{ema}",
                    build=subject.build,
                    checkpoint=subject.checkpoint,
                    ema=ema,
                    inputs={subject.input: subject.spec},
                    artifacts=artifacts,
                )
            )
    return models
"""


def _pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest, and return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def _ship(folder: Path, only: str | None) -> int:
    """Write a repository with every wrong freeze, and return how many there are."""
    shipped: dict[str, dict[str, list[str]]] = {}
    with bench() as made:
        for subject in made.subjects:
            if only not in (None, subject):
                continue
            (folder / subject).mkdir()
            for path in made.subjects[subject].folder.iterdir():
                if path.suffix != ".pb":
                    (folder / subject / path.name).write_bytes(path.read_bytes())
            for freeze in possible(WRONG, subject):
                name = f"{subject}/{freeze.name}.pb"
                (folder / name).write_bytes(made.shipped(subject, freeze).read_bytes())
                ema = getattr(freeze, "live_ema", "trainable")
                shipped.setdefault(subject, {}).setdefault(ema, []).append(name)
    (folder / "shipped.json").write_text(json.dumps(shipped))
    root = Path(__file__).parents[1]
    (folder / "conftest.py").write_text(
        f"import sys\n\nsys.path.insert(0, {str(root)!r})\n{CONFTEST}"
    )
    (folder / "pytest.ini").write_text("[pytest]\n")
    return sum(len(names) for modes in shipped.values() for names in modes.values())


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", help="only this one")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = _ship(folder, parser.parse_args().network)
        _, printed = _pytest(folder, "--freezecheck", "--freezecheck-report=report.json")
        checks = json.loads((folder / "report.json").read_text())["checks"]
        if len(checks) != count or any(check["outcome"] != "failed" for check in checks):
            print(printed)
            return 1
        rows, wrong = [], 0
        for check in checks:
            command = check["replay"].split()
            code, again = _pytest(folder, *command[1:])
            same = code == 1 and "both sides answer bit for bit as when it was saved" in again
            wrong += not same
            found = check["counterexample"]
            rows.append(
                {
                    "freeze": check["artifact"],
                    "batch": found["batch"],
                    "cells away": f"{found['nonzero']} of {found['size']}",
                    "replayed": "bit for bit" if same else f"NOT, exit {code}",
                }
            )
            print(check["artifact"], "done", file=sys.stderr)
    print(table(rows))
    print(f"\n{len(rows)} failing inputs, {wrong} not replayed bit for bit")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
