"""Paths in messages: from the current folder where that can be, by the name that was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_freezecheck.messages.paths import from_here


def test_paths_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "link.pb").symlink_to(tmp_path / "elsewhere.pb")
    (folder / "loop.pb").symlink_to("loop.pb")
    (tmp_path / "way").symlink_to(folder)
    monkeypatch.chdir(folder)
    for given, expected in {
        folder / "a" / "b.pb": "a/b.pb",
        Path("a/b.pb"): "a/b.pb",
        Path("a/../b.pb"): "b.pb",
        folder / "link.pb": "link.pb",
        folder / "loop.pb": "loop.pb",
        tmp_path / "way" / "b.pb": "b.pb",  # by a link to this folder
        tmp_path / "b.pb": str(tmp_path / "b.pb"),
    }.items():
        assert str(from_here(given)) == expected
    # Before Python 3.13 a loop cannot be resolved at all.
    assert from_here(tmp_path / "way" / "loop.pb").name == "loop.pb"
