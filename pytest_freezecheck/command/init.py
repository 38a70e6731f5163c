"""`freezecheck init`: a first table for a repository."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pytest_freezecheck.command.builders import builders
from pytest_freezecheck.command.printing import Printer
from pytest_freezecheck.command.survey import survey
from pytest_freezecheck.command.table import names_of, rendered
from pytest_freezecheck.declared import pyproject
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.report import files

_WRITTEN, _NOTHING = 0, 1


def run(given: argparse.Namespace, printer: Printer) -> int:
    """Print or write the table, and return the exit code.

    Raises:
        SettingError: there is no such folder, or the table cannot be appended to pyproject.toml.
    """
    folder = Path(given.folder)
    if not folder.is_dir():
        raise SettingError(f"{given.folder}: no such folder")
    path = folder / pyproject.NAME
    before = _before(path) if given.write else None
    found = survey(folder)
    names = [names_of(artifact) for artifact in found.artifacts]
    table = rendered(found, builders(found.modules, folder, names), folder)
    nothing = not found.checkpoints and not any(a.problem is None for a in found.artifacts)
    if nothing and given.write:
        raise SettingError(
            f"{given.folder}: no checkpoint and no artifact lies below it: nothing was written"
        )
    if not given.write:
        printer.line(table.rstrip())
    else:
        append(path, before or "", table)
        printer.line(f"freezecheck: wrote a table to {path}; look at what is marked guessed")
    if nothing:
        printer.error(
            f"{given.folder}: no checkpoint and no artifact lies below it: the table is an example"
        )
    return _NOTHING if nothing else _WRITTEN


def _before(path: Path) -> str:
    """Return what stands in pyproject.toml, or nothing if there is none.

    Raises:
        SettingError: it cannot be appended to.
    """
    if not path.exists():
        return ""
    tool = pyproject.content_of(path).get("tool", {})
    if isinstance(tool, dict) and "freezecheck" in tool:
        raise SettingError(
            f"{path} has a [tool.freezecheck] already, which is not written over: without --write "
            "the table is printed"
        )
    return path.read_bytes().decode("utf-8")


def append(path: Path, before: str, table: str) -> None:
    """Append a table to a file, once it is certain that nothing else changes by it.

    Args:
        path: the file, which may be missing.
        before: what stands in it.
        table: what to append.

    Raises:
        SettingError: it would be no TOML any more, or say something else; or it cannot be written.
    """
    line = "\r\n" if "\r\n" in before else "\n"
    gap = "" if not before else line if before.endswith("\n") else line * 2
    after = f"{before}{gap}{table.replace(chr(10), line)}"
    try:
        content = pyproject.parsed(after)
        others = {k: v for k, v in content.get("tool", {}).items() if k != "freezecheck"}
        pyproject.read(path, content["tool"]["freezecheck"])
        same = _rest(content) == _rest(pyproject.parsed(before))
        same = same and others == pyproject.parsed(before).get("tool", {})
    except (pyproject.TOMLDecodeError, SettingError, KeyError) as error:
        raise SettingError(
            f"{path}: the table cannot be appended to it, and nothing was written: {error}; "
            "without --write it is printed"
        ) from None
    if not same:
        raise SettingError(f"{path}: the table would change the rest of it: nothing was written")
    try:
        files.replace(path, after)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {files.why(error)}") from None


def _rest(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "tool"}
