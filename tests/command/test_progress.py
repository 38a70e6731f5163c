"""How far the command has come: a line in a terminal, and nothing anywhere else."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from pytest_freezecheck.command.progress import shown
from pytest_freezecheck.result.progress import tell
from tests.kit.subprocesses import in_terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_it_as_wide_as_it_is_and_takes_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    with shown("flowers, frozen.pb"):
        tell("asking both sides", 0.25, 1e-6)
        tell("asking both sides", 0.26, 1e-6)  # a moment later
    tell("asking both sides", 0.5)  # and nobody watches
    clear = "\r\x1b[K"
    assert terminal.getvalue() == f"{clear}flowers, frozen.pb: asking both side...{clear}"


@pytest.mark.parametrize(("stream", "kind"), [(io.StringIO, "xterm"), (Terminal, "dumb")])
def test_where_it_cannot_be_taken_back_there_is_none(
    stream: type[io.StringIO], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = stream()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setenv("TERM", kind)
    with shown("flowers, frozen.pb"):
        tell("asking both sides", 0.25)
    assert written.getvalue() == ""


def test_a_check_in_a_terminal_ends_with_its_table_alone(repository: Path) -> None:
    command = [sys.executable, "-m", "pytest_freezecheck", "check", "flowers"]
    written = in_terminal(repository, *command, "export/frozen.pb", "--examples=20")
    assert re.search(r"\r\x1b\[Kexport/frozen.pb: asking [a-z ]+, \d+%", written)
    last = written.rpartition("\r\x1b[K")[2]
    assert "agrees" in last
    assert "asking" not in last
