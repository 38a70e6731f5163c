"""What the team's own code raises, as an error of ours of one line; and what is behind it."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import FreezecheckError, ModelError
from pytest_freezecheck.messages.raised import frame, in_short
from pytest_freezecheck.result.agreement import FrozenMismatch


@contextlib.contextmanager
def told(
    what: str,
    root: Path | None,
    kind: type[FreezecheckError] = ModelError,
    *,
    verb: str = "raised",
) -> Iterator[None]:
    """Turn what the team's own code raises into an error of ours, of one line.

    `sys.exit`, as a script's parser of arguments calls it, is an error too. Our own errors, and
    what skips or fails a test, pass through.

    Args:
        what: whose code it is, such as `flowers: build = 'nets:inference'`.
        root: folder of the team's code.
        kind: type of the error that is raised instead; the first one is its `__cause__`.
        verb: between `what` and the error.
    """
    try:
        yield
    except (FreezecheckError, FrozenMismatch):
        raise
    except (Exception, SystemExit) as error:
        at = frame(error, root)
        place = "" if at is None else f"{at}; "
        raise kind(f"{what} {verb} {in_short(error)} ({place}-vv shows the rest)") from error


def rest(error: BaseException, config: Any) -> str:
    """Return the traceback behind an error of one line, if the run is to show it, else nothing.

    Args:
        error: what `told` raised.
        config: pytest's; `-vv`, `--tb=long` and `--full-trace` ask for it.
    """
    options = config.option
    asked = options.verbose >= 2 or options.fulltrace or options.tbstyle == "long"
    behind = behind_of(error)
    return f"\n\n{behind.rstrip()}" if asked and behind else ""


def behind_of(error: BaseException) -> str | None:
    """Return the traceback of what is behind an error, here or in another process, or None."""
    if error.__cause__ is not None:
        return "".join(traceback.format_exception(error.__cause__))
    return error.behind if isinstance(error, FreezecheckError) else None
