"""Where a pyproject.toml declares what: the line of each table and each string.

tomllib tells no lines. So strings are found as TOML's grammar has them, each is exchanged for a
number of its own, and the result is parsed by tomllib again: where a number came out, the string
stands. If what was exchanged, changed back, is not the very content of the file, nothing is told.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Keys = tuple[str | int, ...]

_TABLE = ("tool", "freezecheck", "models")
#: Comments, strings over several lines, strings in one, and what gives a document its structure.
_TOKENS = re.compile(
    r"""
    (?P<other> \#[^\n]* | \"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} )
    | (?P<string> "(?:\\.|[^"\\\n])*" | '[^'\n]*' )
    | (?P<mark> [\[\]{}=,\n] )
    """,
    re.VERBOSE | re.DOTALL,
)
_HEADER = re.compile(r"[ \t]*\[(?P<keys>[^\[].*?)\][ \t]*(\#.*)?", re.DOTALL)
#: Stands before the number of a string; no file holds it.
_NUMBER = "freezecheck\ufdd0"


class Places:
    """The lines of one file.

    Args:
        text: its content.
    """

    def __init__(self, text: str) -> None:
        self._lines = _lines(text.replace("\r\n", "\n"))  # as tomllib does

    def of(self, model: str, keys: Keys = ()) -> int | None:
        """Return the line that declares something of a model, or else the model; or None.

        Args:
            model: its name.
            keys: of what is declared, in the model's table: `("artifacts", 0)`.
        """
        whole = (*_TABLE, model)
        for wanted in ((*whole, *keys), (*whole, *keys, "path")) if keys else ():
            if wanted in self._lines:
                return self._lines[wanted]
        if whole in self._lines:
            return self._lines[whole]
        inside = [line for at, line in self._lines.items() if at[: len(whole)] == whole]
        return min(inside, default=None)


def _lines(text: str) -> dict[Keys, int]:
    """Return {keys of a table with a header, or of a string: its line}; nothing if in doubt."""
    strings: list[tuple[int, int]] = []
    headers: list[tuple[int, int]] = []
    for start, end, kind in _found(text):
        (strings if kind == "string" else headers).append((start, end))
    exchanged, last = [], 0
    for number, (start, end) in enumerate(strings):
        exchanged += [text[last:start], f'"{_NUMBER}{number}"']
        last = end
    try:
        content = tomllib.loads(text, parse_float=str)  # a NaN would not equal itself
        numbered = tomllib.loads("".join([*exchanged, text[last:]]), parse_float=str)
        meant = [tomllib.loads(f"x = {text[start:end]}")["x"] for start, end in strings]
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    found: dict[Keys, int] = {}
    if _changed_back(numbered, meant, (), found) != content:
        return {}
    lines = {keys: _line(text, strings[number][0]) for keys, number in found.items()}
    for start, end in headers:
        lines.setdefault(_keys(text[start:end]), _line(text, start))
    return lines


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each `string` that is a value, and each `header` of a table."""
    inside: list[str] = []  # the brackets that are open
    last, skipped = "\n", 0
    for token in _TOKENS.finditer(text):
        if token.start() < skipped or token["other"]:
            continue
        if token["string"]:
            if last == "=" or (inside and inside[-1] == "["):
                yield token.start(), token.end(), "string"
            continue
        mark = token["mark"]
        if mark == "[" and not inside and last != "=":
            skipped = _end_of_line(text, token.start())
            begin = text.rfind("\n", 0, token.start()) + 1
            if _HEADER.fullmatch(text, begin, skipped):
                yield begin, skipped, "header"
            last = "\n"
            continue
        if mark in "[{":
            inside.append(mark)
        elif mark in "]}":
            inside = inside[:-1]
        if not (mark == "\n" and inside):
            last = mark


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _changed_back(value: Any, meant: Sequence[str], at: Keys, found: dict[Keys, int]) -> Any:
    """Return a value with its strings in place of their numbers, and keep where each came out."""
    if isinstance(value, Mapping):
        return {k: _changed_back(v, meant, (*at, k), found) for k, v in value.items()}
    if isinstance(value, list):
        return [_changed_back(v, meant, (*at, place), found) for place, v in enumerate(value)]
    if isinstance(value, str) and value.startswith(_NUMBER):
        found[at] = int(value.removeprefix(_NUMBER))
        return meant[found[at]]
    return value


def _keys(header: str) -> Keys:
    """Return the keys that the header of a table names; an empty tuple if it is none."""
    try:
        table: Any = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return ()
    keys: list[str | int] = []
    while isinstance(table, Mapping) and table:
        ((key, table),) = table.items()
        keys.append(key)
    return tuple(keys)
