"""Reports as files that are never half: written beside and renamed, or line by line."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Render = Callable[[Mapping[str, Any]], str]


def why(error: OSError) -> str:
    """Return what an error of the file system says, without the path, which is told beside."""
    return error.strerror or str(error) or type(error).__name__


def replace(path: Path, text: str) -> None:
    """Write a file whole, making the folder it is to lie in; or leave what was there as it is.

    Raises:
        OSError: it cannot be written.
    """
    path = path.resolve()  # of a link, the file that it leads to
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not os.access(path, os.W_OK):
        # A rename asks the folder alone, and would replace a file that is write-protected.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    beside = path.parent / f".freezecheck-{os.getpid()}.tmp"
    try:
        with beside.open("wb") as stream:
            stream.write(_encoded(text))
            stream.flush()
            os.fsync(stream.fileno())  # some file systems find out here that they are full
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # what is told is why it could not be written
            beside.unlink(missing_ok=True)
        raise


class Whole:
    """A report of one document, written when the run ends.

    Args:
        path: where it is to lie.
        render: makes its text of the document (`report.json.document`).
    """

    def __init__(self, path: Path, render: Render) -> None:
        self._path, self._render = path, render

    def add(self, check: Mapping[str, Any]) -> None:
        """Take note of a check that ended: the document has it."""

    def end(self, document: Mapping[str, Any]) -> None:
        """Write the document; once more, if something changed.

        Raises:
            OSError: it cannot be written.
            ValueError: it holds a NaN or an infinity, which JSON has not.
        """
        replace(self._path, self._render(document))


class Lines:
    """A report that grows by a line for each check, each written whole or not at all.

    What was there before stays until there is a first line to take its place.

    Args:
        path: where it is to lie.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = False
        #: Where the last line begins, once it is written.
        self._end: int | None = None

    def add(self, check: Mapping[str, Any]) -> None:
        """Write a line, and have it with the system, so that whoever follows the file sees it.

        Raises:
            OSError: it cannot be written; the lines before it stay.
            ValueError: it holds a NaN or an infinity, which JSON has not.
        """
        self._write(check)

    def end(self, document: Mapping[str, Any]) -> None:
        """Write what the document has besides the checks as the last line; or that line anew.

        Raises:
            OSError: it cannot be written; the lines before it stay.
        """
        self._end = self._write({k: v for k, v in document.items() if k != "checks"}, self._end)

    def _write(self, content: Mapping[str, Any], start: int | None = None) -> int:
        """Write a line at a place, or at the end; return where it begins."""
        line = f"{json.dumps(content, allow_nan=False, ensure_ascii=False)}\n"
        if not self._begun:
            replace(self._path, line)
            self._begun = True
            return 0
        with self._path.open("r+b", buffering=0) as stream:
            place = stream.seek(0, os.SEEK_END) if start is None else stream.seek(start)
            stream.truncate()
            try:
                rest = _encoded(line)
                while rest:  # of a disk that is nearly full, a part is written
                    rest = rest[stream.write(rest) :]
            except BaseException:
                stream.truncate(place)
                raise
        return place


def _encoded(text: str) -> bytes:
    r"""Return the bytes of a text; what is no text in a path of bytes stays as JSON's `\udc80`."""
    return text.encode("utf-8", "backslashreplace")
