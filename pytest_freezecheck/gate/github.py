"""In GitHub Actions: the run in the summary of the step, and problems beside their lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.report import files, github, markdown
from pytest_freezecheck.report.problems import located
from pytest_freezecheck.report.repository import folder_in_repository


class GitHub:
    """Registered with pytest where an armed run is controlled, in GitHub Actions alone.

    Args:
        config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._lines: list[str] = []
        self._failure: str | None = None

    @staticmethod
    def is_here() -> bool:
        """Return whether this runs in GitHub Actions."""
        return os.environ.get("GITHUB_ACTIONS") == "true"

    def take(self, document: Mapping[str, Any], failures: Sequence[str]) -> None:
        """Add to the summary of the step, and keep what is to be printed when the run ends.

        Args:
            document: what the reports have.
            failures: what else failed the run.
        """
        folder = folder_in_repository(self.config.rootpath)
        self._lines = github.commands(located(document, folder)["checks"], failures)
        if name := os.environ.get("GITHUB_STEP_SUMMARY"):
            try:
                _append(Path(name), document, failures)
            except OSError as error:
                self._failure = (
                    "freezecheck: the summary of the step cannot be written: "
                    f"{name}: {files.why(error)}"
                )

    def pytest_unconfigure(self) -> None:
        """Print, once pytest has printed all of its own: a command has to begin its line."""
        lines = [*([self._failure] if self._failure else []), *self._lines]
        self._failure, self._lines = None, []
        if not lines:
            return
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = "".join(f"{line}\n" for line in lines)
        print(text.encode(encoding, "backslashreplace").decode(encoding), end="", flush=True)


def _append(path: Path, document: Mapping[str, Any], failures: Sequence[str]) -> None:
    """Add the run to a summary, as far as there is room: GitHub takes all of it or nothing.

    Raises:
        OSError: it cannot be written.
    """
    before = path.stat().st_size if path.exists() else 0
    with path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
        # What others wrote may end in the middle of a line.
        text = f"\n\n{markdown.render(document, failures, markdown.MOST - before - 2)}"
        stream.write(text if before else text.lstrip("\n"))
