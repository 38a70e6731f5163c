"""What a check finds around it in its process, as it is in pytest's."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

#: What TensorFlow, onnxruntime and C++ say.
_NO_MEMORY = re.compile(
    "OOM when allocating|[Ff]ailed to allocate memory|[Oo]ut of memory|bad_alloc|bad allocation"
)
_LOG = logging.Formatter("%(levelname)-8s %(name)s:%(filename)s:%(lineno)d %(message)s")


@contextlib.contextmanager
def as_there(request: dict[str, Any]) -> Iterator[None]:
    """Work in pytest's folder, with its environment, and import from where it imports."""
    os.chdir(request["cwd"])
    os.environ.update(request["environment"])
    there: list[str] = request["path"]
    # What was appended here stays: the team's functions import when they run.
    sys.path[:] = [*there, *(path for path in sys.path if path not in there)]
    yield


def filter_as(filters: list[Any] | None) -> None:
    """Treat warnings as pytest does in this test."""
    if filters is not None:
        warnings.filters[:] = filters  # type: ignore[index]
        warnings.simplefilter("default", append=True)  # which has Python look at them anew


def in_plain_words(warning: warnings.WarningMessage) -> dict[str, Any]:
    """Return a warning as plain data."""
    kind = warning.category
    return {
        "text": str(warning.message),
        "category": [kind.__module__, kind.__qualname__],
        "file": warning.filename,
        "line": warning.lineno,
    }


def outcome_of(error: BaseException) -> str | None:
    """Return the name of what skips or fails a test, if that is what the team's code did."""
    for name in ("skip", "xfail", "fail"):
        kind = getattr(getattr(sys.modules.get("pytest"), name, None), "Exception", ())
        if isinstance(error, kind):
            return name
    return None


def wants_memory(error: BaseException) -> bool:
    """Return whether an error says, or was raised where one said, that there is no more memory."""
    met: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in met:
        if isinstance(at, MemoryError) or _NO_MEMORY.search(str(at)):
            return True
        met.append(at)
        at = at.__cause__ or at.__context__
    return False


class Log(logging.Handler):
    """What Python's logging was told, as pytest shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_LOG)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._lines.append(self.format(record))

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Collect for a while."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)
