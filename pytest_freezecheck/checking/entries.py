"""Files of a folder that is kept from run to run: what each holds is proved by a digest.

An entry is plain values (JSON) and arrays, behind a digest of both. No part of it is code: nothing
is unpickled. A file is written beside and renamed, so that nobody ever reads half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.numeric.raw import aligned, bytes_of

Array = npt.NDArray[Any]
#: What the files of a folder are called, and what they begin with; another format, another mark.
ENDING, _MARK = ".freezecheck", b"freezecheck entry 1\n"
#: Bytes that a folder may take; what was used least recently goes first.
MOST = 2 * 10**9
_LENGTH = struct.Struct("<Q")
_DIGEST = 32
#: Seconds after which nobody is still writing a file.
_ABANDONED = 3600.0


class DamagedError(Exception):
    """A file that is none of ours, or not as it was written."""


class Folder:
    """A folder with entries.

    Args:
        path: of the folder; it is made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def place(self, key: str) -> Path:
        """Return where the entry of this key lies, or would."""
        return self.path / f"{key}{ENDING}"

    def read(self, key: str) -> tuple[dict[str, Any], list[Array]] | None:
        """Return the values and arrays of an entry, or None if there is none.

        Raises:
            DamagedError: there is a file, and it is no entry, or not of this key.
            OSError: it cannot be read.
        """
        path = self.place(key)
        try:
            with path.open("rb") as stream:
                content = bytearray(os.fstat(stream.fileno()).st_size)
                read = stream.readinto(content)
        except FileNotFoundError:
            return None
        start = len(_MARK) + _DIGEST
        view = memoryview(content)
        if read != len(content) or view[: len(_MARK)] != _MARK:
            raise DamagedError("it is no such file")
        if _digest(view[start:]) != view[len(_MARK) : start]:
            raise DamagedError("it is not as it was written")
        try:
            values, arrays = _parsed(view[start:])
        except (ValueError, KeyError, TypeError, struct.error) as error:
            raise DamagedError(f"it cannot be understood: {type(error).__name__}") from None
        if values.get("key") != key:
            raise DamagedError("it is of another model, or of other settings")
        with contextlib.suppress(OSError):  # of a folder that can only be read
            os.utime(path)
        return values, arrays

    def write(self, key: str, values: dict[str, Any], arrays: Sequence[Array]) -> None:
        """Write an entry, in the place of what lies there, and remove what is too much.

        Args:
            key: of the entry.
            values: what JSON can hold.
            arrays: numbers and truth values, no objects.

        Raises:
            OSError: it cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        beside = self.path / f".{key[:16]}-{os.getpid()}-{secrets.token_hex(4)}.tmp"
        try:
            with beside.open("xb") as stream:
                stream.write(_MARK + bytes(_DIGEST))
                digest = hashlib.blake2b(digest_size=_DIGEST)
                for part in _parts({**values, "key": key}, arrays):
                    digest.update(part)
                    stream.write(part)
                stream.seek(len(_MARK))
                stream.write(digest.digest())
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self.place(key))
        except BaseException:
            with contextlib.suppress(OSError):  # what is told is why it could not be written
                beside.unlink(missing_ok=True)
            raise
        self._tidy(self.place(key))

    def _tidy(self, newest: Path) -> None:
        """Remove what was used least recently, and what a process left that was ended."""
        found = []
        for path in self.path.iterdir():
            with contextlib.suppress(OSError):  # another run may have removed it
                status = path.stat()
                if path.suffix == ENDING and path != newest:
                    found.append((status.st_mtime, status.st_size, path))
                elif path.suffix == ".tmp" and time.time() - status.st_mtime > _ABANDONED:
                    path.unlink()
        taken = newest.stat().st_size if newest.exists() else 0
        for _, size, path in sorted(found, reverse=True):
            taken += size
            if taken > MOST:
                with contextlib.suppress(OSError):
                    path.unlink()


def _digest(content: memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()


def _parts(values: dict[str, Any], arrays: Sequence[Array]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a file behind its digest: the values, then each array, aligned."""
    described = [{"dtype": array.dtype.name, "shape": array.shape} for array in arrays]
    head = json.dumps({"values": values, "arrays": described}).encode("ascii")
    yield _LENGTH.pack(len(head))
    yield head
    end = _LENGTH.size + len(head)
    for array in arrays:
        start = aligned(end)
        yield bytes(start - end)
        yield bytes_of(array)
        end = start + array.nbytes


def _parsed(content: memoryview) -> tuple[dict[str, Any], list[Array]]:
    (length,) = _LENGTH.unpack_from(content)
    end = _LENGTH.size + length
    head = json.loads(bytes(content[_LENGTH.size : end]))
    arrays = []
    for described in head["arrays"]:
        dtype, shape = np.dtype(described["dtype"]), tuple(described["shape"])
        start = aligned(end)
        count = int(np.prod(shape, dtype=np.int64))
        end = start + count * dtype.itemsize
        arrays.append(np.frombuffer(content[start:end], dtype).reshape(shape))
    return head["values"], arrays
