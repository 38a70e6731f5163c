"""The frozen side: which formats and ways there are. Imports no TensorFlow until one is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError, FreezeError, listed, nearest
from pytest_freezecheck.formats import graph_def, saved_model
from pytest_freezecheck.formats.base import Format, FrozenModel, Way

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel

__all__ = ["FORMATS", "WAYS", "FrozenModel", "available_ways", "find_way", "freeze", "load"]

#: A folder is a SavedModel or nothing, so that test comes before those that read a file.
FORMATS: tuple[Format, ...] = (saved_model.FORMAT, graph_def.FORMAT)

_WAYS: dict[str, Way] = {
    way.name: way for format_ in (graph_def.FORMAT, saved_model.FORMAT) for way in format_.ways
}
#: Names of the ways to freeze; the bare name of a format is its ordinary way.
WAYS: tuple[str, ...] = tuple(_WAYS)


def available_ways() -> tuple[str, ...]:
    """Return the ways that can run in this environment.

    All of today's need TensorFlow alone.
    """
    return WAYS


def find_way(name: str) -> Way:
    """Return a way by its name.

    Raises:
        FreezeError: there is none of that name.
    """
    if name not in _WAYS:
        raise FreezeError(f"no way to freeze is called {name!r}{nearest(name, WAYS)}: {WAYS}")
    return _WAYS[name]


def format_of(way: str) -> str:
    """Return the name of the format that a way freezes into."""
    return next(f.name for f in FORMATS if any(w.name == way for w in f.ways))


def freeze(live: LiveModel, way: str, directory: str | os.PathLike[str]) -> Path:
    """Freeze a live model.

    Args:
        live: the model.
        way: one of `WAYS`.
        directory: where to write; made if it is missing.

    Returns:
        Path of the file or folder that was written.

    Raises:
        FreezeError: there is no such way, or it cannot freeze this model.
    """
    chosen = find_way(way)
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    return chosen.freeze(live, target)


def load(
    path: str | os.PathLike[str],
    *,
    way: str | None = None,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    constants: Mapping[str, Any] | None = None,
) -> FrozenModel:
    """Load a shipped model into a graph and session of its own.

    Args:
        path: the file or folder; its format is told by its content.
        way: the way it was frozen, whose own loader is then used.
        inputs: {live input name: name in the artifact} where they differ.
        outputs: {live output name: name in the artifact} where they differ.
        constants: {name in the artifact: value to feed} of inputs that the live model has not,
            such as `is_training`.

    Raises:
        ArtifactError: it is missing, unreadable, truncated, not frozen or of an unknown format.
    """
    where = Path(path)
    if not where.exists():
        raise ArtifactError(f"{where}: no such file or folder")
    frozen = find_way(way).load(where) if way is not None else _load_by_content(where)
    frozen.way = frozen.label = way
    frozen.inputs = dict(inputs or {})
    frozen.outputs = dict(outputs or {})
    frozen.constants = dict(constants or {})
    return frozen


def recognised(path: Path) -> bool:
    """Return whether a file or folder is of a known format, by its content."""
    return any(format_.recognises(path) for format_ in FORMATS)


def _load_by_content(where: Path) -> FrozenModel:
    for format_ in FORMATS:
        try:
            recognised = format_.recognises(where)
        except OSError as error:
            raise ArtifactError(f"{where}: cannot be read: {error.strerror}") from None
        if recognised:
            return format_.load(where)
    kind = "folder" if where.is_dir() else "file"
    known = listed((f.name for f in FORMATS), 8)
    raise ArtifactError(f"{where}: this {kind} is of no known format ({known})")
