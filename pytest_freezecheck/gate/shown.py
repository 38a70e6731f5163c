"""How pytest shows a failure: as much as was asked for, once, and in colour."""

from __future__ import annotations

import re
from typing import Any

from _pytest._code.code import (
    ExceptionChainRepr,
    ReprEntry,
    ReprEntryNative,
    ReprExceptionInfo,
    ReprTracebackNative,
)
from _pytest._io import TerminalWriter

from pytest_freezecheck.report.text import brief
from pytest_freezecheck.result.agreement import FrozenMismatch

_LABEL = re.compile(r"^  (fix|cause|that input alone|repeat): ")


class Coloured(ReprExceptionInfo):
    """What pytest shows of a failure of ours: its reason in red, what to do in bold."""

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write it, in colour where the terminal has any."""
        first, *rest = "".join(_lines(self)).splitlines()
        tw.line(first, red=True, bold=True)
        for line in rest:
            label = _LABEL.match(line)
            if label is not None:
                tw.write(label[0], bold=True)
            tw.line(line[label.end() :] if label else line)


def shorten(shown: Any, error: BaseException | None, verbosity: int) -> None:
    """Cut what pytest shows of a mismatch in a test function, and have its summary say one line.

    With `-vv`, and on CI, the summary has all of a message, which stands above it already.

    Args:
        shown: the `longrepr` of the test's report; changed.
        error: what the test raised.
        verbosity: pytest's.
    """
    if not isinstance(error, FrozenMismatch) or not isinstance(shown, ExceptionChainRepr):
        return
    text = str(error)
    if shown.reprcrash is not None:
        shown.reprcrash.message = text.partition("\n")[0]
    last = shown.reprtraceback.reprentries[-1]
    whole, kept = text.splitlines(), brief(text, verbosity).splitlines()
    if len(kept) == len(whole) or not isinstance(last, ReprEntry):
        return
    *above, first = last.lines[: 1 - len(whole)]
    if not first.endswith(whole[0]):
        return
    # pytest sets the lines of a message apart from those of the code by a mark and blanks.
    mark = "E".ljust(len(first) - len(first[1:].lstrip()))
    last.lines = [*above, first, *(f"{mark}{line}" for line in kept[1:])]


def coloured(shown: Any) -> Any:
    """Return what pytest shows of a failure, in colour if it is a text of ours.

    Args:
        shown: the `longrepr` of a report, which came from a worker, or was made here.
    """
    traceback = getattr(shown, "reprtraceback", None)
    if not isinstance(traceback, ReprTracebackNative) or type(shown) is not ReprExceptionInfo:
        return shown
    return Coloured(reprtraceback=traceback, reprcrash=shown.reprcrash)


def _lines(shown: ReprExceptionInfo) -> list[str]:
    entries = shown.reprtraceback.reprentries
    return [line for entry in entries if isinstance(entry, ReprEntryNative) for line in entry.lines]
