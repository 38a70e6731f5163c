"""Which formats there are: ours, and those that a conftest.py or a plugin adds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pytest_freezecheck.errors import ArtifactError, FreezeError, SettingError
from pytest_freezecheck.formats.graph_def import format as graph_def
from pytest_freezecheck.formats.keras import format as keras_archive
from pytest_freezecheck.formats.kinds import Format, Way
from pytest_freezecheck.formats.onnx import format as onnx
from pytest_freezecheck.formats.openvino import format as openvino
from pytest_freezecheck.formats.saved_model import format as saved_model
from pytest_freezecheck.formats.tflite import format as tflite
from pytest_freezecheck.messages.wording import listed, nearest

#: A file is asked of each in turn. GraphDef is the last: nothing marks the beginning of one.
_OURS: tuple[Format, ...] = (
    saved_model.FORMAT,
    tflite.FORMAT,
    onnx.FORMAT,
    openvino.FORMAT,
    keras_archive.FORMAT,
    graph_def.FORMAT,
)
_added: list[Format] = []
#: The order in which ways are listed and checked: what needs TensorFlow alone first.
_LISTED = ("graph_def", "saved_model", "tflite", "onnx", "openvino", "keras")


def formats() -> tuple[Format, ...]:
    """Return all formats, in the order in which a file is asked of them; added ones first."""
    return (*_added, *_OURS)


def _ways() -> dict[str, Way]:
    ours = sorted(_OURS, key=lambda format_: _LISTED.index(format_.name))
    return {way.name: way for format_ in (*ours, *_added) for way in format_.ways}


def ways() -> tuple[str, ...]:
    """Return the names of all ways to freeze; the bare name of a format is its ordinary way."""
    return tuple(_ways())


def find_way(name: str) -> Way:
    """Return a way by its name.

    Raises:
        FreezeError: there is none of that name.
    """
    known = _ways()
    if name not in known:
        every = ", ".join(known)
        raise FreezeError(f"no way to freeze is called {name!r}{nearest(name, known)}: {every}")
    return known[name]


def format_of(way: str) -> str:
    """Return the name of the format that a way freezes into."""
    return _owner(way).name


def unavailable(name: str) -> str | None:
    """Return why a way cannot run in this environment, and what installs it; None if it can."""
    way = find_way(name)
    for extra in (way.extra, _owner(name).extra):
        reason = None if extra is None else extra.missing()
        if reason is not None:
            return f"{name} {reason}"
    return None


def _owner(way: str) -> Format:
    return next(f for f in formats() if any(w.name == way for w in f.ways))


@contextlib.contextmanager
def added(more: Iterable[Format], source: str = "register") -> Iterator[None]:
    """Know these formats as well, for a while.

    Args:
        more: formats, asked before ours whether a file is theirs.
        source: where they come from, for messages.

    Raises:
        SettingError: one is no `Format`, or has the name of another or of another's way.
    """
    before = list(_added)
    try:
        for format_ in more:
            _check(format_, source)
            _added.append(format_)
        yield
    finally:
        _added[:] = before


def _check(format_: object, source: str) -> None:
    if not isinstance(format_, Format):
        raise SettingError(
            f"{source} returned a list with {type(format_).__name__}; expected freezecheck.Format"
        )
    for name in (format_.name, *(way.name for way in format_.ways)):
        if set(name) & set("[]: ") or not name:
            raise SettingError(
                f"{source}: {name!r} is no name for a format or way: node ids have it"
            )
    taken = {f.name for f in formats()}
    if format_.name in taken:
        raise SettingError(f"{source}: there is a format called {format_.name!r} already")
    for way in format_.ways:
        if way.name in _ways():
            raise SettingError(f"{source}: there is a way called {way.name!r} already")


def recognised(path: Path) -> bool:
    """Return whether a file or folder is of a known format, by its content."""
    return any(format_.recognises(path) for format_ in formats())


def companions(artifacts: Sequence[Path]) -> set[Path]:
    """Return the files that belong to artifacts beside them, such as one with the weights."""
    return {
        path.with_suffix(ending)
        for path in artifacts
        for format_ in formats()
        if format_.companions and format_.recognises(path)
        for ending in format_.companions
    }


def by_content(where: Path) -> Format:
    """Return the format of a file or folder.

    Raises:
        ArtifactError: it is of none that is known, or cannot be read.
    """
    for format_ in formats():
        try:
            is_its = format_.recognises(where)
        except OSError as error:
            raise ArtifactError(f"{where}: cannot be read: {error.strerror}") from None
        if is_its:
            return format_
    kind = "folder" if where.is_dir() else "file"
    known = listed((f.name for f in formats()), 12)
    raise ArtifactError(f"{where}: this {kind} is of no known format ({known})")
