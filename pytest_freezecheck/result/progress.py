"""How far a check has come, for whoever watches."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

from pytest_freezecheck.messages.wording import shown


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a check does now.

    Attributes:
        stage: in words, as in "asking both sides".
        share: how much of that is done, 0 to 1, or None if that is not known.
        apart: the largest difference so far, or None if nothing was compared; infinite if a value
            is NaN or infinite on one side only.
    """

    stage: str
    share: float | None = None
    apart: float | None = None

    def __str__(self) -> str:
        done = "" if self.share is None else f", {min(self.share, 1.0):.0%}"
        so_far = "" if self.apart is None else f", largest difference {shown(self.apart)}"
        return f"{self.stage}{done}{so_far}"


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


@contextlib.contextmanager
def watching(listener: Listener) -> Iterator[None]:
    """Hand to a function how far each check has come that is made meanwhile."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(stage: str, share: float | None = None, apart: float | None = None) -> None:
    """Tell whoever watches what is done now; `Progress` says what the arguments are."""
    if _listeners:
        progress = Progress(stage, share, apart)
        for listener in _listeners:
            listener(progress)
