"""What the command prints, and in which colours: none but in a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.report import terminal
from pytest_freezecheck.report.text import brief
from pytest_freezecheck.result.reasons import ERROR, FAILED, PASSED, SKIPPED

_RED, _GREEN, _YELLOW, _BOLD = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m"
_END = "\x1b[0m"
_OF_OUTCOMES = {PASSED: _GREEN, SKIPPED: _YELLOW, FAILED: _RED, ERROR: _RED}


class Printer:
    """Prints results as the gate does.

    Args:
        verbosity: below 0 for the first line of a failure alone, above 0 for all.
    """

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity

    def line(self, text: str = "", colour: str = "") -> None:
        """Print a line."""
        print(_coloured(text, colour, sys.stdout))

    def error(self, text: str) -> None:
        """Print what is wrong, to stderr."""
        first, _, rest = text.partition("\n")
        print(_coloured(f"freezecheck: {first}", _RED, sys.stderr), file=sys.stderr)
        if rest:
            print(rest, file=sys.stderr)

    def heading(self, text: str) -> None:
        """Print a heading."""
        self.line(text, _BOLD)

    def result(self, check: Mapping[str, Any]) -> None:
        """Print a failure, as much of it as is asked for; what passes only if it is."""
        passed, said = check["outcome"] == PASSED, check["message"] or ""
        if passed and self.verbosity <= 0 and check["replayed"] is None:
            return
        shown = brief(said, self.verbosity)
        if check["outcome"] == "error":
            model = check["model"]
            said = said.removeprefix(f"{model}: ")
            named = said.startswith(check["artifact"])
            shown = brief(said if named else f"{check['artifact']}: {said}", self.verbosity)
        first, _, rest = shown.partition("\n")
        self.line(first, _GREEN if passed else _RED)
        if rest:
            self.line(rest)

    def table(self, checks: Sequence[Mapping[str, Any]]) -> None:
        """Print the table, and what a reader should know beside it."""
        for row in terminal.table(checks):
            verdict = _coloured(row.verdict, _OF_OUTCOMES.get(row.outcome, ""), sys.stdout)
            self.line(f"{row.text}  {verdict}")
        for note in terminal.notes(checks, verbose=self.verbosity > 0):
            self.line(note)
        for note in terminal.warnings(checks):
            self.line(note, _YELLOW)


def _coloured(text: str, colour: str, stream: Any) -> str:
    if not colour or not text or os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return text if os.environ.get("TERM") == "dumb" else f"{colour}{text}{_END}"
