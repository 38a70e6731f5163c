"""What a `.keras` archive would unpack to, and whose code it asks for, before Keras sees it."""

from __future__ import annotations

import fnmatch
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import ArtifactError

CONFIG = "config.json"
MEMBERS = frozenset({"metadata.json", CONFIG})
#: Keras stores weights as they are. So what unpacks to many times the file's size holds no weights.
_MOST_TIMES, _MUCH = 20, 64 * 2**20
_KERAS = frozenset({"keras", "keras_hub", "keras_cv", "keras_nlp"})
_DAMAGE = (
    *(zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, RuntimeError),
    *(struct.error, zlib.error, KeyError),
)


def members(path: Path) -> set[str]:
    """Return the names of what is in a zip archive; nothing if it is none, or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except _DAMAGE:
        return set()


def refuse_large(path: Path) -> None:
    """Make sure that an archive unpacks to no more than what its size lets expect.

    Raises:
        ArtifactError: it declares more.
    """
    with zipfile.ZipFile(path) as archive:
        declared = sum(member.file_size for member in archive.infolist())
    size = path.stat().st_size
    if declared > max(_MUCH, _MOST_TIMES * size):
        raise ArtifactError(
            f"{path}: refused: it would unpack to {declared / 2**20:,.0f} MB, {declared // size} "
            "times its own size, which no weights do; save the model again"
        )


def refuse_code(path: Path, allowed: Sequence[str] = ()) -> None:
    """Make sure that an archive asks for no code but Keras' own, and what is registered with it.

    An archive that cannot be read is left to Keras, which says so. What the repository has
    registered with Keras is its own code, which its `live` or `build` has imported.

    Args:
        path: the archive.
        allowed: patterns of names of classes and functions that are not refused.

    Raises:
        ArtifactError: it does; the message names it.
    """
    for name in foreign(_config(path)):
        if name == "__lambda__":
            raise ArtifactError(
                f"{path}: refused: a Lambda layer is Python code that stands in the archive; build "
                "the model of Keras' own layers and operations"
            )
        if not any(fnmatch.fnmatchcase(name, p) for p in allowed) and not _is_registered(name):
            raise ArtifactError(
                f"{path}: refused: {name!r} is code that the archive does not hold, and not "
                "registered with Keras; build the model of Keras' own layers, or import the module "
                "that registers yours where the live model is made; else, if it is meant: "
                f'allow_ops = ["{name}"]'
            )


def _is_registered(name: str) -> bool:
    import keras

    return keras.saving.get_registered_object(name) is not None


def refuse_borrowed(path: Path) -> None:
    """Make sure that an archive's weights are its own: HDF5 can name other files to read them from.

    One that cannot be read is left to Keras, which says so.

    Raises:
        ArtifactError: it names another file.
    """
    import h5py  # type: ignore[import-untyped]

    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".h5"):
                    with archive.open(name) as stream, h5py.File(stream, "r") as file:
                        borrowed = next(_borrowed(file), None)
                    if borrowed is not None:
                        raise ArtifactError(
                            f"{path}: refused: {name} takes {borrowed} from another file, which "
                            "the archive does not hold; save the model again"
                        )
    except (*_DAMAGE, OSError, TypeError):
        return


def _borrowed(file: Any) -> Iterator[str]:
    """Yield the names of what an HDF5 file takes from others."""
    import h5py

    waiting, met = [file], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield f"{group.name.rstrip('/')}/{name}"
            elif isinstance(link, h5py.HardLink):
                found = group[name]
                if isinstance(found, h5py.Group) and found.id not in met:
                    met.add(found.id)  # a group may hold itself
                    waiting.append(found)
                elif isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
                    yield str(found.name)


def compiled_with_code(path: Path) -> bool:
    """Return whether an archive was compiled with a loss, metric or optimizer of somebody's own."""
    config = _config(path)
    return isinstance(config, dict) and any(_foreign_in(config.get("compile_config")))


def foreign(config: Any) -> Iterator[str]:
    """Yield the names of what is not Keras' own, but for what only training needs."""
    if isinstance(config, dict):
        config = {name: value for name, value in config.items() if name != "compile_config"}
    yield from _foreign_in(config)


def _foreign_in(config: Any) -> Iterator[str]:
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            name = value.get("class_name")
            if name == "__lambda__":
                yield name
            elif isinstance(name, str) and "config" in value and "module" in value:
                yield from _own(value, name)


def _own(value: dict[str, Any], name: str) -> Iterator[str]:
    module = value["module"]
    if name == "function" and module == "builtins":
        yield str(value["config"])
    elif module is None or str(module).split(".")[0] not in {*_KERAS, "builtins"}:
        registered = value.get("registered_name")
        yield str(registered or f"{module}.{name}")


def _config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(CONFIG))
    except (*_DAMAGE, RecursionError):
        return None
