"""What code that is not ours raised, in one line: type, message, and the team's own frame."""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_freezecheck.messages.wording import cut, reason

#: Longest text of an error in a line, in characters.
_MOST = 300
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
#: AutoGraph puts the frames of the traced function into the message, and what was raised last.
_TRACED = "in user code:"
_TRACED_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)')
#: Keras says in which layer first, and what is wrong in the next line.
_IN_LAYER = "Exception encountered when calling"
_INSTALLED = ("site-packages", "dist-packages")
#: Packages that are never the team's.
_TOOLS = frozenset({"tensorflow", "keras", "tf_keras", "tf_slim", "numpy", "_pytest", "pluggy"})
_OURS = f"{Path(__file__).parents[1]}{os.sep}"
_STANDARD = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


def in_short(error: BaseException) -> str:
    """Return `type: message` of an error in one line of at most 300 characters."""
    name, said = type(error).__name__, _telling(error)
    whole = f"{name}: {said}" if said else name
    return cut(whole, _MOST)


def _content(error: BaseException) -> str:
    """Return an error's message, also of one whose `__str__` fails."""
    return _ANSI.sub("", str(traceback.TracebackException(type(error), error, None)))


def _telling(error: BaseException) -> str:
    """Return the line of a message that says what is wrong."""
    lines = [line.strip() for line in _content(error).splitlines() if line.strip()]
    if not lines:
        return ""
    if lines[0] == _TRACED:
        name = f"{type(error).__name__}: "
        last = next((line for line in reversed(lines) if line.startswith(name)), lines[-1])
        return last.removeprefix(name)
    if lines[0].startswith(_IN_LAYER) and len(lines) > 1:
        return f"{lines[0]} {lines[1]}"
    return reason(Exception("\n".join(lines)))


def frame(error: BaseException, root: Path | None) -> str | None:
    """Return `file:line in function` of the innermost frame that is the team's own, or None.

    Args:
        error: with its traceback.
        root: folder of the team's code. If no frame is in it, one elsewhere is taken that is
            neither of an installed package, nor of the standard library, nor ours; and if there is
            none either, one of the package that was called first, which the team then installed.
    """
    frames = [
        (frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno or 0, ""))
    if _content(error).startswith(_TRACED):
        found = _TRACED_FRAME.finditer(_content(error))
        frames += [(each["file"], int(each["line"]), each["name"]) for each in found]
    frames = [each for each in frames if _is_file_of_others(each[0])]
    others = [each for each in frames if _package(each[0]) is None]
    below = _resolved(str(root or Path()))
    own = [each for each in others if below in _resolved(each[0]).parents]
    installed = [each for each in frames if _package(each[0]) == _package(frames[0][0])]
    if not frames:
        return None
    file, line, name = (own or others or installed)[-1]
    path = _resolved(file)
    shown = path.relative_to(below) if below in path.parents else path
    return f"{shown}:{line}" + (f" in {name}" if name else "")


def _is_file_of_others(file: str) -> bool:
    if file.startswith(("<", _OURS)) or "__autograph_generated_file" in file:
        return False
    package = _package(file)
    return package not in _TOOLS and (package is not None or not file.startswith(_STANDARD))


def _package(file: str) -> str | None:
    """Return the installed package that a file is of, or None."""
    parts = Path(file).parts
    places = [place for place, part in enumerate(parts[:-1]) if part in _INSTALLED]
    return parts[places[-1] + 1] if places else None


def _resolved(file: str) -> Path:
    try:
        return Path(file).resolve()
    except (OSError, RuntimeError):  # a loop of links, before Python 3.13
        return Path(file)


def described(key: str, function: str | Callable[..., Any]) -> str:
    """Return how a declaration names a function: `build = 'nets:inference'`."""
    if isinstance(function, str):
        return f"{key} = {function!r}"
    return f"{key} = {getattr(function, '__qualname__', type(function).__name__)}"
