"""Models declared in pyproject.toml, under `[tool.freezecheck.models.*]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.declared.model import Model, check_keys
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOMLDecodeError = tomllib.TOMLDecodeError
NAME = "pyproject.toml"
_TABLE = "tool.freezecheck.models"


def find(start: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the nearest pyproject.toml with a table of ours, and that table.

    Args:
        start: the folder to begin in, pytest's rootdir; then the folders above it.

    Raises:
        SettingError: a file on the way is no TOML.
    """
    for folder in (start, *start.parents):
        path = folder / NAME
        if path.is_file():
            tool = content_of(path).get("tool", {})
            table = tool.get("freezecheck") if isinstance(tool, Mapping) else None
            if table is not None:
                return path, table
    return None


def parsed(text: str) -> dict[str, Any]:
    """Return what a text of TOML says.

    Raises:
        TOMLDecodeError: it is none.
    """
    return tomllib.loads(text)


def content_of(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises:
        SettingError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None


def read(path: Path, table: Mapping[str, Any]) -> list[Model]:
    """Return the models that a table declares.

    Args:
        path: the file, for messages; relative paths start from its folder.
        table: `[tool.freezecheck]`.

    Raises:
        SettingError: an unknown key, or a value that cannot be used; the message has the table,
            the key, the value, and the closest valid key.
    """
    if not isinstance(table, Mapping):
        raise SettingError(
            f"{path.name}: [tool.freezecheck] = {table!r} is not accepted; expected a table"
        )
    for key in table:
        if key != "models":
            raise SettingError(
                f"{path.name}: [tool.freezecheck] unknown key {key!r}{nearest(key, ['models'])}; "
                "accepted: models (settings of a run are pytest's own: freezecheck_atol, ...)"
            )
    models = table.get("models", {})
    if not isinstance(models, Mapping):
        raise SettingError(f"{path.name}: [{_TABLE}] is not accepted; expected a table of models")
    return [_model(path, name, value) for name, value in models.items()]


def _model(path: Path, name: str, table: object) -> Model:
    where = f"{path.name}: [{_TABLE}.{name}]"
    if not isinstance(table, Mapping):
        raise SettingError(f"{where} = {table!r} is not accepted; expected a table")
    check_keys(table, Model, where)
    values = {"inputs": {}, **table}
    return Model(name=name, root=path.parent, source=where, **values)
