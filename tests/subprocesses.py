"""Run pytest in a process of its own, where start-up, workers or another folder matter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_pytest(folder: Path, *arguments: str, timeout: int = 1200) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    environment = {**os.environ, "COLUMNS": "300"}
    environment.pop("PYTEST_ADDOPTS", None)
    environment.pop("CI", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    return done.returncode, done.stdout
