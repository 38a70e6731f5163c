"""Where a check comes from: the line that declares it, or that its test begins in."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.declared import places
from pytest_freezecheck.declared.model import EXPORT
from pytest_freezecheck.gate.items import OVERRIDDEN, FreezeItem


class Places:
    """Where the checks of a run are declared.

    Attributes:
        root: pytest's rootdir.
        file: the pyproject.toml that was read, if there is one.
        functions: {model: the hook's function that answered it, or None where that is not told}.
        fixture: the repository's own fixture of a live model, if it has one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file: Path | None = None
        self.functions: dict[str, Callable[..., Any] | None] = {}
        self.fixture: Callable[..., Any] | None = None

    def of(self, item: FreezeItem) -> dict[str, Any] | None:
        """Return the place of a check, as a result has it; None of what nothing declares."""
        model = item.model
        if model is None:
            overridden = item.parent is not None and item.parent.name == OVERRIDDEN
            return self._of_function(self.fixture) if overridden else None
        if model.name in self.functions:
            return self._of_function(self.functions[model.name])
        keys: places.Keys = ()
        if item.artifact is not None:
            keys = ("artifacts", list(model.artifacts).index(item.artifact))
        elif item.way is not None:
            keys = ("freeze", list(model.freeze).index(item.way))
        elif item.name == EXPORT:
            keys = (EXPORT,)
        line = self._lines.of(model.name, keys)
        return None if self.file is None or line is None else _place(self.root, self.file, line)

    @functools.cached_property
    def _lines(self) -> places.Places:
        try:
            return places.Places("" if self.file is None else self.file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError):  # it was read before, and has changed since
            return places.Places("")

    def _of_function(self, function: Callable[..., Any] | None) -> dict[str, Any] | None:
        code = getattr(function, "__code__", None)
        if code is None:
            return None
        return _place(self.root, Path(code.co_filename), code.co_firstlineno)


def declared_at(item: pytest.Item) -> dict[str, Any] | None:
    """Return where a check of ours is declared, or where a test begins; None if that is unknown."""
    if isinstance(item, FreezeItem):
        return item.declared_at
    file, line, _ = item.location  # of its function, which may stand in another file than its class
    root = item.config.rootpath
    return None if line is None else _place(root, root / file, line + 1)


def _place(root: Path, file: Path, line: int) -> dict[str, Any]:
    try:
        path = Path(os.path.relpath(file, root))
    except ValueError:  # on another drive
        path = file
    return {"file": path.as_posix(), "line": line}
