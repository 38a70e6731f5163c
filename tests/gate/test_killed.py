"""The benchmark of killed runs tells a report that is half or untrue from one that is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import killed


def written(folder: Path, outcomes: dict[str, str]) -> str:
    checks = [{"artifact": name, "outcome": outcome} for name, outcome in outcomes.items()]
    (folder / "report.json").write_text(json.dumps({"checks": checks}))
    return killed.judged(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "whole"),
        ({"right.pb": "error", "wrong.pb": "error"}, "whole"),
        ({"wrong.pb": "passed"}, "untrue of ['wrong.pb']"),
        ({"right.pb": "failed"}, "untrue of ['right.pb']"),
    ],
)
def test_what_is_better_than_its_file_is_untrue(
    change: dict[str, str], said: str, tmp_path: Path
) -> None:
    assert written(tmp_path, {**killed.TRUE, **change}) == said


def test_what_is_not_there_half_or_of_some_files(tmp_path: Path) -> None:
    assert killed.judged(tmp_path) == "none"
    (tmp_path / "report.json").write_text(killed.OLD)
    assert killed.judged(tmp_path) == "old"
    (tmp_path / "report.json").write_text('{"checks": [')
    assert killed.judged(tmp_path) == "half"
    assert written(tmp_path, {"right.pb": "passed"}) == "of ['right.pb']"


def test_what_a_process_has_started_is_found() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1); input()'])"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (found,) = killed.descendants(process.pid).items()
        assert killed.running(found[0])
        assert found[0] != process.pid
        assert "print(1); input()" in found[1]
        assert process.pid in killed.descendants(os.getpid())
        process.communicate(b"\n")
    assert not killed.running(found[0])
