"""How far a check has come: in a terminal while it runs, in a log once, else never."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.gate.progress import Line
from pytest_freezecheck.result.progress import Progress, tell, watching
from tests.kit import subprocesses

TEST = """
import time
from pytest_freezecheck.result import progress

def test_it(freezecheck):
    from pytest_freezecheck.result.agreement import Agreement
    from pytest_freezecheck.result.recording import record
    print("of the test")
    for done in (0.2, 0.6):
        progress.tell("asking both sides", done, 2.5e-7)
        time.sleep(0.3)
    record(Agreement("m", "a.pb", "graph_def", None, "passed", "identical", 0.0))
"""
SHOWN = " test_it: asking both sides, 60%, largest difference 2.5e-07"


def in_terminal(folder: Path, *arguments: str, columns: int = 120, terminal: str = "xterm") -> str:
    """Run pytest in a terminal, and return all that it writes."""
    (folder / "test_one.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--freezecheck"]
    given = [*command, "test_one.py", *arguments]
    return subprocesses.in_terminal(folder, *given, columns=columns, terminal=terminal)


@pytest.mark.parametrize("arguments", [(), ("-v",)])
def test_in_a_terminal_it_comes_and_goes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    written = in_terminal(tmp_path, *arguments)
    assert SHOWN in written
    back = re.search(re.escape(SHOWN) + r"( *)\x1b\[(\d+)D( *)\x1b\[(\d+)D", written)
    assert back is not None  # blanks over all of it, and the cursor back to where it was
    assert int(back[2]) == len(SHOWN) + len(back[1])
    assert len(back[3]) == int(back[4]) == len(SHOWN)
    assert "1 passed" in written
    assert "of the test" not in written


@pytest.mark.parametrize(
    ("arguments", "terminal"),
    [(("-s",), "xterm"), (("-p", "no:terminal"), "xterm"), (("-n", "1"), "xterm"), ((), "dumb")],
)
def test_where_it_would_be_in_the_way_there_is_none(
    tmp_path: Path, arguments: tuple[str, ...], terminal: str
) -> None:
    written = in_terminal(tmp_path, *arguments, terminal=terminal)
    assert "asking both sides" not in written
    assert "Traceback" not in written


def test_a_narrow_terminal_gets_what_fits(tmp_path: Path) -> None:
    written = in_terminal(tmp_path, columns=60)
    (shown, *_) = re.findall(r"( test_it: [^\x1b]*?) *\x1b\[", written)
    assert shown.endswith("...")
    assert len("test_one.py ") + len(shown) < 60


class Reporter:
    """What is asked of pytest's terminal reporter, of a log."""

    isatty = False

    def __init__(self, verbosity: int) -> None:
        self.verbosity, self.lines = verbosity, [""]

    def ensure_newline(self) -> None:
        if self.lines[-1]:
            self.lines.append("")

    def write_line(self, text: str) -> None:
        self.lines[-1:] = [self.lines[-1] + text, ""]


class Config:
    """What is asked of pytest's configuration."""

    def __init__(self, reporter: Reporter) -> None:
        self.pluginmanager = self
        self._reporter = reporter

    def getplugin(self, name: str) -> Any:
        return self._reporter if name == "terminalreporter" else None

    def getoption(self, name: str, default: str) -> str:
        return default


@pytest.mark.parametrize(("verbosity", "lines"), [(0, 1), (1, 1), (-1, 0)])
def test_a_log_gets_one_line_of_a_check_that_takes_long(verbosity: int, lines: int) -> None:
    now = 0.0
    reporter = Reporter(verbosity)
    reporter.lines = ["..."]
    line = Line(Config(reporter), clock=lambda: now)  # type: ignore[arg-type]
    line.begin("flowers, frozen.pb")
    for seconds in (1.0, 29.0, 31.0, 40.0, 90.0):
        now = seconds
        line.show(Progress("asking both sides", 0.43, 1.2e-7))
    line.end()
    said = (
        "freezecheck: flowers, frozen.pb: 31 s so far: asking both sides, 43%, largest difference"
    )
    assert reporter.lines == (["...", f"{said} 1.2e-07", ""] if lines else ["..."])
    line.begin("flowers, other.pb")
    now = 100.0
    line.show(Progress("asking both sides", 0.1))
    assert "other.pb" not in "".join(reporter.lines)


def test_nobody_is_told_who_does_not_watch() -> None:
    seen: list[Progress] = []
    with watching(seen.append):
        tell("asking both sides", 0.5, float("nan"))
    tell("asking both sides", 0.6)
    assert list(map(str, seen)) == ["asking both sides, 50%, largest difference NaN or infinity"]
