"""How far a check has come: in a terminal while it runs, in a log if it is long."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import pytest

from pytest_freezecheck.messages.wording import cut
from pytest_freezecheck.result.progress import Progress

#: Seconds after which a check is told of in a log, and between two looks of it in a terminal.
_LONG, _PAUSE = 30.0, 0.2
#: Columns that are worth writing into.
_LEAST = 24


class Line:
    """What is shown of the check that runs; nothing where there is no terminal reporter.

    In a terminal it stands behind what pytest has written of that line, and is gone when the check
    ends. A log gets a line of its own, once, of a check that takes long.

    Args:
        config: pytest's.
        clock: seconds.
    """

    def __init__(self, config: pytest.Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._config, self._clock = config, clock
        self._what, self._began, self._last = "", 0.0, 0.0
        self._written, self._told = 0, False

    def begin(self, what: str) -> None:
        """Begin with a check.

        Args:
            what: model and artifact.
        """
        self._what, self._began, self._last, self._told = what, self._clock(), 0.0, False

    def show(self, progress: Progress) -> None:
        """Show how far it has come, unless that was done just now."""
        reporter, now = self._reporter(), self._clock()
        if reporter is None:
            return
        if not self._live(reporter):
            if now - self._began >= _LONG and not self._told and reporter.verbosity >= 0:
                self._told = True
                said = f"freezecheck: {self._what}: {now - self._began:.0f} s so far: {progress}"
                self._do(lambda: _write_line(reporter, said))
            return
        if now - self._last < _PAUSE:
            return
        self._last = now
        writer = self._config.get_terminal_writer()
        left = writer.fullwidth - writer.width_of_current_line - 2
        if left < _LEAST:
            return
        text = cut(f" {self._what}: {progress}", left)
        self._do(lambda: self._write(text))

    def end(self) -> None:
        """Take away what was shown."""
        if self._written:
            self._do(lambda: self._write(""))

    def _write(self, text: str) -> None:
        """Write a text over the one before, and leave the cursor where pytest had it."""
        blank = " " * max(0, self._written - len(text))
        back = len(text) + len(blank)
        # Not by pytest's own writer, which would count it as part of its line.
        sys.stdout.write(f"{text}{blank}\x1b[{back}D")
        sys.stdout.flush()
        self._written = len(text)

    def _do(self, write: Callable[[], object]) -> None:
        """Write although a test's output is captured now."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            write()
        else:
            with capture.global_and_fixture_disabled():
                write()

    def _reporter(self) -> pytest.TerminalReporter | None:
        found: pytest.TerminalReporter | None = self._config.pluginmanager.getplugin(
            "terminalreporter"
        )
        return found

    def _live(self, reporter: pytest.TerminalReporter) -> bool:
        """Return whether a line can be written and taken back.

        With `-s` the cursor is wherever the test has left it.
        """
        captured = self._config.getoption("capture", "fd") != "no"
        return bool(reporter.isatty and captured and os.environ.get("TERM") != "dumb")


def _write_line(reporter: pytest.TerminalReporter, text: str) -> None:
    """Write a line of its own; what pytest has written of one stays as it is."""
    reporter.ensure_newline()
    reporter.write_line(text)
