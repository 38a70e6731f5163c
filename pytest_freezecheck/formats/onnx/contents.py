"""What an ONNX file names, read without onnx: files of weights, and operations of what domains.

It is looked at before onnxruntime opens any of it, and onnx need not be installed.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.refusal.contents import refuse_outside

#: Of ONNX, and of what onnxruntime itself brings; its optimiser writes the last three.
_DOMAINS = frozenset(
    {
        *("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training"),
        *("com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"),
    }
)
#: {message: {number of a field: message in it}} on the way to nodes and tensors (onnx.proto).
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
_NUMBER, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def refuse_onnx(path: Path, allowed: Sequence[str] = ()) -> None:
    """Make sure that a file's weights lie with it, and that its operations are known ones.

    Args:
        path: the file.
        allowed: patterns of operations, `domain::Type`, that are not refused.

    Raises:
        ArtifactError: one is not; or the file cannot be read.
    """
    try:
        every = list(messages(memoryview(path.read_bytes()), "model"))
    except ValueError as error:
        raise ArtifactError(f"{path}: onnxruntime cannot load it: no ONNX model: {error}") from None
    files = [
        ("its weight file", where) for kind, m in every if kind == "entry" for where in _location(m)
    ]
    refuse_outside(path, path.parent, files)
    own = {text(m, 10) for kind, m in every if kind == "function"}
    for kind, message in every:
        if kind == "node" and text(message, 7) not in _DOMAINS | own:
            name = f"{text(message, 7)}::{text(message, 4)}"
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed):
                raise ArtifactError(
                    f"{path}: refused: operation {name!r} is none of ONNX's or onnxruntime's, and "
                    "the file does not hold what computes it; export the model without it"
                )


def messages(message: memoryview, kind: str) -> Iterator[tuple[str, memoryview]]:
    """Yield (kind, content) of every message that names something, at any depth, itself first."""
    waiting = [(kind, message)]
    while waiting:
        kind, content = waiting.pop()
        yield kind, content
        inner = _FIELDS.get(kind, {})
        for number, value in fields(content):
            if number in inner and value is not None:
                waiting.append((inner[number], value))


def _location(entry: memoryview) -> list[str]:
    """Return the path in a pair of key and value, if it is one."""
    return [text(entry, 2)] if text(entry, 1) == "location" else []


def text(message: memoryview, wanted: int) -> str:
    """Return a field as text; of several the last, as protocol buffers have it."""
    found = [value for number, value in fields(message) if number == wanted and value is not None]
    return bytes(found[-1]).decode("utf-8", "surrogateescape") if found else ""


def fields(message: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Yield (number, content) of the fields of a message; None stands for a number.

    Raises:
        ValueError: it is no message.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _NUMBER:
            _, place = _varint(message, place)
            yield key >> 3, None
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + size > len(message):
            raise ValueError("it ends early")
        yield key >> 3, message[place : place + size] if kind == _BYTES else None
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value & (2**64 - 1), place
        if shift > 63:
            raise ValueError("a number that is too long")
    raise ValueError("it ends early")
