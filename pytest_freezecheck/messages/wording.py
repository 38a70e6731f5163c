"""Parts of messages: the telling line of an error, lists, counts, the nearest name."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Iterable


def shown(number: float | None) -> str:
    """Return a difference as people read it: `0`, `3.2e-04`, `NaN or infinity`, `-`."""
    if number is None:
        return "-"
    if not math.isfinite(number):
        return "NaN or infinity"
    return "0" if number == 0 else f"{number:.1e}"


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


def cut(text: str, most: int) -> str:
    """Return a text, or as much of it as fits into so many characters with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def counted(number: int, noun: str) -> str:
    """Return `1 input`, `2 inputs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nearest(name: str, among: Iterable[str]) -> str:
    """Return `" (nearest: 'x')"` for the most similar known name, or an empty string."""
    close = difflib.get_close_matches(name, list(among), n=1, cutoff=0.5)
    return f" (nearest: {close[0]!r})" if close else ""
