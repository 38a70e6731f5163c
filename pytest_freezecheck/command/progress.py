"""How far a check has come: a line on stderr, in a terminal, and gone when it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator

from pytest_freezecheck.messages.wording import cut
from pytest_freezecheck.result.progress import Progress, watching

#: Seconds between two looks of it.
_PAUSE = 0.2
_CLEAR = "\r\x1b[K"


@contextlib.contextmanager
def shown(what: str) -> Iterator[None]:
    """Show how far each check has come that is made meanwhile, where that can be taken back.

    Args:
        what: model and artifact.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    last = 0.0

    def show(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last < _PAUSE:
            return
        last = time.monotonic()
        text = cut(f"{what}: {progress}", shutil.get_terminal_size().columns - 1)
        print(f"{_CLEAR}{text}", end="", file=sys.stderr, flush=True)

    try:
        with watching(show):
            yield
    finally:
        print(_CLEAR, end="", file=sys.stderr, flush=True)
