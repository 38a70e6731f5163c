"""How a failure is shown: its reason first, once, as long as was asked for, in pytest's colours."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

TEST = """
from pytest_freezecheck import FrozenMismatch
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.recording import record

def found():
    text = "\\n".join(["raw-weights: 8 of 12 weights are raw", *(f"  line {n}" for n in range(14))])
    agreement = Agreement("m", "a.pb", "graph_def", None, "failed", "differs", text=text)
    record(agreement)
    return agreement

def test_it(freezecheck):
    found().raise_on_mismatch()
"""
FIRST = "raw-weights: 8 of 12 weights are raw"


def shown(pytester: pytest.Pytester, *arguments: str) -> str:
    (pytester.path / "test_one.py").write_text(TEST)
    result = pytester.runpytest("--freezecheck", "--junit-xml=j.xml", *arguments)
    assert result.ret == 1
    return result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [((), 8), (("-vv",), 15), (("-q",), 1), (("--tb=short", "-n", "1"), 8)],
)
def test_a_mismatch_in_a_test_function_is_told_once(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    lines: int,
) -> None:
    monkeypatch.setenv("CI", "true")
    printed = shown(pytester, *arguments)
    marked = [line for line in printed.splitlines() if line.startswith("E  ")]
    assert len(marked) == lines, printed
    assert marked[0].endswith(f"FrozenMismatch: {FIRST}")
    assert ("(8 lines more: -v)" in marked[-1]) is (lines == 8)
    assert printed.count("  line 1\n") == (lines > 1)
    assert f"FAILED test_one.py::test_it - {FIRST}\n" in printed
    (failure,) = ET.parse(pytester.path / "j.xml").getroot().iter("failure")
    assert failure.attrib["message"] == FIRST


@pytest.mark.parametrize(("colour", "coloured"), [("yes", True), ("no", False)])
def test_verdicts_are_in_pytests_colours(
    pytester: pytest.Pytester, colour: str, coloured: bool
) -> None:
    printed = shown(pytester, f"--color={colour}")
    assert ("\x1b[31m\x1b[1mDIFFERS\x1b[0m" in printed) is coloured
    assert ("\x1b[" in printed) is coloured
