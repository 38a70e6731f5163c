"""Reports are whole, or what was there before: on a full disk too."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_freezecheck.report import files, kinds
from pytest_freezecheck.settings import REPORT_ENDINGS

DOCUMENT = {"schema": 2, "checks": [{"model": "flowers"}], "exit_status": 0}
SUMMARY = {"schema": 2, "exit_status": 0}


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: writing fails as on a full disk, after a part of it."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def lines(path: Path) -> list[object]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", ["report.json", "report.jsonl"])
def test_an_old_report_survives_a_full_disk(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("old")
    report = kinds.report(path)
    with full_disk(10), pytest.raises(OSError, match="File too large") as error:
        report.end(DOCUMENT)
    assert files.why(error.value) == "File too large"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]  # nothing is left beside it
    report.end(DOCUMENT)
    assert json.loads(path.read_text())["schema"] == 2


def test_a_line_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    report = kinds.report(path)
    report.add({"model": "one"})
    report.add({"model": "two"})
    with full_disk(path.stat().st_size + 5), pytest.raises(OSError, match="File too large"):
        report.add({"model": "three"})
    assert lines(path) == [{"model": "one"}, {"model": "two"}]
    report.end(DOCUMENT)
    assert lines(path) == [{"model": "one"}, {"model": "two"}, SUMMARY]


def test_each_line_is_there_at_once_and_the_last_can_be_repaired(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "report.jsonl"
    report = kinds.report(path)
    report.add({"model": "one"})
    assert lines(path) == [{"model": "one"}]
    report.end({**DOCUMENT, "exit_status": 10})
    report.end({**DOCUMENT, "exit_status": 1})
    assert lines(path) == [{"model": "one"}, {**SUMMARY, "exit_status": 1}]


def test_lines_without_a_check_are_the_summary_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.jsonl"
    path.write_text("old\n")
    report = kinds.report(path)
    assert path.read_text() == "old\n"
    report.end(DOCUMENT)
    report.end(DOCUMENT)
    assert lines(path) == [SUMMARY]


def test_the_mode_of_a_file_and_what_a_link_leads_to_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "report.json", tmp_path / "link.json"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    kinds.report(link).end(DOCUMENT)
    assert link.is_symlink()
    assert json.loads(path.read_text()) == DOCUMENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_is_readable_as_any(tmp_path: Path) -> None:
    kinds.report(tmp_path / "report.json").end(DOCUMENT)
    (tmp_path / "other").write_text("")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_file_that_is_write_protected_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything
    with pytest.raises(PermissionError, match="Permission denied"):
        kinds.report(path).end(DOCUMENT)
    assert path.read_text() == "old"


def test_a_path_that_is_no_text_is_json_all_the_same(tmp_path: Path) -> None:
    """As in a locale of C, or of a file whose name is of another encoding."""
    for name in ("report.json", "report.jsonl"):
        path = tmp_path / name
        kinds.report(path).end({"artifact": "bl\udcfcte.pb", "model": "Blüte"})
        assert json.loads(path.read_bytes()) == {"artifact": "bl\udcfcte.pb", "model": "Blüte"}


def test_every_ending_that_settings_take_has_a_kind() -> None:
    assert kinds.ENDINGS == REPORT_ENDINGS
