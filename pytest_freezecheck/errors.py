"""What can go wrong, as exceptions whose first line stands alone. Imports nothing of ours."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_freezecheck.agreement import Agreement


class FreezecheckError(Exception):
    """Base of every error that is about the user's model, artifact or settings.

    Attributes:
        behind: traceback of what is behind it, where it was raised in another process.
    """

    behind: str | None = None


class SettingError(FreezecheckError):
    """A setting has a value that cannot be used; pytest reports it as a usage error (exit 4)."""


class ModelError(FreezecheckError):
    """The live model could not be built, restored or run."""


class ArtifactError(FreezecheckError):
    """An artifact is missing, unreadable, truncated, not frozen or of an unknown format."""


class MatchError(FreezecheckError):
    """Inputs or outputs of the live model have no counterpart of that name in the artifact."""


class InputTypeError(MatchError):
    """The artifact takes an input of another dtype; whoever sends the right one is refused."""


class FreezeError(FreezecheckError):
    """A way of freezing cannot freeze this live model."""


class InapplicableError(FreezeError):
    """A way of freezing is for live models of another kind, or with a checkpoint.

    An error where the way was asked for; where all ways are tried, its check is skipped.
    """


class UnavailableError(FreezecheckError):
    """A way of freezing needs a package that is not installed.

    The gate skips its check and says why; it never passes it.
    """


class RaisedError(Exception):
    """What a check raised in another process, and is none of ours.

    Attributes:
        behind: its traceback there.
    """

    def __init__(self, line: str, behind: str) -> None:
        super().__init__(line)
        self.behind = behind


class RunnerError(FreezecheckError):
    """The process that made a check ended in the middle of it, or had to be ended.

    Attributes:
        output: the last lines that it wrote to its stderr.
    """

    output: tuple[str, ...] = ()


class CrashedError(RunnerError):
    """It ended by itself: by a signal, or with an exit code."""


class TimedOutError(RunnerError):
    """It was ended since a check took too long."""


class OutOfMemoryError(RunnerError):
    """It was ended since it took too much memory."""


class FrozenMismatch(AssertionError):  # noqa: N818 - the name is part of the public contract
    """The frozen model does not compute what the live model computes.

    Attributes:
        agreement: the result in numbers; `str(error)` is its full text.
    """

    def __init__(self, agreement: Agreement) -> None:
        super().__init__(agreement.text)
        self.agreement = agreement


for _error in (
    FreezecheckError,
    SettingError,
    ModelError,
    ArtifactError,
    MatchError,
    InputTypeError,
    FreezeError,
    InapplicableError,
    UnavailableError,
    RaisedError,
    RunnerError,
    CrashedError,
    TimedOutError,
    OutOfMemoryError,
    FrozenMismatch,
):
    # Where users import them from, and what pytest shows before the message: short is readable.
    _error.__module__ = "pytest_freezecheck"


#: Lines of TensorFlow's and OpenVINO's errors that say that there was an error.
_EMPTY_WORDS = (
    "Graph execution error",
    "Detected at node",
    "Node: ",
    "2 root error",
    "Exception from ",
    "Check '",
)


def reason(error: BaseException) -> str:
    """Return the one line of an executor's error that says what is wrong.

    The message of a failed operation of TensorFlow's stands before the `[[{{node ...}}]]` that it
    failed in, after lines that only lead up to it.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line, following in itertools.pairwise(lines):
        if following.startswith("[["):
            return line
    telling = [line for line in lines if not line.startswith(_EMPTY_WORDS)]
    return (telling or lines or [type(error).__name__])[0]


def listed(names: Iterable[str], most: int = 3) -> str:
    """Return up to `most` of the names for a message, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def counted(number: int, noun: str) -> str:
    """Return `1 input`, `2 inputs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, among: Iterable[str]) -> str:
    """Return `" (nearest: 'x')"` for the most similar known name, or an empty string."""
    close = difflib.get_close_matches(name, list(among), n=1, cutoff=0.5)
    return f" (nearest: {close[0]!r})" if close else ""
