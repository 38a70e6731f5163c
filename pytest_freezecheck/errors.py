"""What can go wrong, as exceptions whose first line stands alone. Imports nothing of ours."""

from __future__ import annotations


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


class RepairError(FreezecheckError):
    """A file cannot be mended: its mistake is not proven, or not one that can be written out."""


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
):
    # Where users import them from, and what pytest shows before the message: short is readable.
    _error.__module__ = "pytest_freezecheck"
