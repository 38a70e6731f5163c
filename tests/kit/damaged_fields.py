"""Changes one value within a file that stays readable: what damage of bytes seldom comes to."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import operator
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Rng = np.random.Generator
_SMALL = 2**12


def change(way: str, name: str, content: bytes, rng: Rng) -> bytes:
    """Return the content of a file with one value changed.

    Args:
        way: how the file was made.
        name: of the file in its folder, or "".
        content: of the file.
        rng: which value, and how.
    """
    if way == "onnx":
        import onnx

        return _message(onnx.ModelProto.FromString(content), rng)
    if way == "graph_def":
        from tensorflow.core.framework import graph_pb2

        return _message(graph_pb2.GraphDef.FromString(content), rng)
    if name == "saved_model.pb":
        from tensorflow.core.protobuf import saved_model_pb2

        return _message(saved_model_pb2.SavedModel.FromString(content), rng)
    if way == "keras":
        return _archive(content, rng)
    if content.startswith(b"<?xml"):
        return _text(content, rng)
    return _word(content, rng)


def _message(message: Any, rng: Rng) -> bytes:
    places = list(_places(message))
    strings = [value for _, value in places if isinstance(value, str) and value]
    put, value = places[int(rng.integers(len(places)))]
    if isinstance(value, bool):
        put(not value)
    elif isinstance(value, int):
        with contextlib.suppress(ValueError):  # a number that its enumeration has not
            put(int(rng.choice([value + 1, max(0, value - 1), 0, 2 * value + 1])) & 0x7FFFFFFF)
    elif isinstance(value, float):
        put(float(rng.choice([value * 1.01, -value, 0.0])))
    elif isinstance(value, str):
        put(strings[int(rng.integers(len(strings)))])
    elif value:
        changed = bytearray(value)
        changed[int(rng.integers(len(value)))] ^= 1 << int(rng.integers(8))
        put(bytes(changed))
    return bytes(message.SerializeToString())


def _places(message: Any) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """Yield (what sets it, value) of each scalar that is set, at any depth."""
    for field, value in message.ListFields():
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            held = inner.fields_by_name["value"].message_type
            for key in value:
                if held is not None:
                    yield from _places(value[key])
                else:
                    yield functools.partial(operator.setitem, value, key), value[key]
        elif inner is not None:
            for one in value if _repeated(value) else [value]:
                yield from _places(one)
        elif _repeated(value):
            for number in range(len(value)):
                yield functools.partial(operator.setitem, value, number), value[number]
        else:
            yield functools.partial(setattr, message, field.name), value


def _repeated(value: Any) -> bool:
    return hasattr(value, "add") or hasattr(value, "append")


def _archive(content: bytes, rng: Rng) -> bytes:
    """Change a number of an archive's configuration, and write it with the right checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        held = {name: old.read(name) for name in old.namelist()}
    held["config.json"] = _text(held["config.json"], rng)
    json.loads(held["config.json"])
    with io.BytesIO() as stream:
        with zipfile.ZipFile(stream, "w") as new:
            for name, value in held.items():
                new.writestr(name, value)
        return stream.getvalue()


def _text(content: bytes, rng: Rng) -> bytes:
    """Change a number of a text, but for XML's own version."""
    found = [m for m in re.finditer(rb"(?<![\w.])\d+(?![\w.])", content) if m.start() > 40]
    chosen = found[int(rng.integers(len(found)))]
    value = int(chosen[0])
    other = rng.choice([value + 1, max(0, value - 1), 0, 2 * value + 1])
    return content[: chosen.start()] + str(int(other)).encode() + content[chosen.end() :]


def _word(content: bytes, rng: Rng) -> bytes:
    """Change a small number of four bytes, as indices of flatbuffers are; else any."""
    words = np.frombuffer(content[: len(content) // 4 * 4], "<i4")
    small = np.flatnonzero(np.abs(words.astype(np.int64)) < _SMALL)
    place = int(rng.choice(small if small.size else len(words)))
    value = int(words[place])
    other = int(rng.choice([value ^ 1, value ^ 2, 0, -1]))
    return content[: 4 * place] + struct.pack("<i", other) + content[4 * place + 4 :]
