"""Values of the JSON document as a page can show them: text that is seen, numbers, ellipses."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

#: Letters that act instead of being seen, but for line feed and tab: controls, what turns the
#: direction of writing around, halves of surrogate pairs, code points that are no characters.
_UNSEEN = frozenset({"Cc", "Cs", "Cn"})
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(value: Any) -> Any:
    r"""Return the document with every letter that would act written as its code, `\x07`."""
    if isinstance(value, str):
        return "".join(map(_seen, value))
    if isinstance(value, dict):
        return {visible(key): visible(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [visible(one) for one in value]
    return value


def _seen(letter: str) -> str:
    if letter in "\n\t":
        return letter
    if letter in _TURNING or unicodedata.category(letter) in _UNSEEN:
        return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
    return letter


def number(value: object) -> float | None:
    """Return a value of an exhibit as a number; None if it is none.

    What is not finite comes as "nan", "inf" or "-inf".
    """
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return float(value) if value in ("nan", "inf", "-inf") else None


#: Begins a text that is a value.
QUOTE = "\u201c"


def written(value: object) -> str:
    """Return a value of an answer or input: up to six digits, `NaN`, text in quotes."""
    if value is None:
        return "-"
    found = number(value)
    if isinstance(value, bool) or found is None:
        return f"{QUOTE}{value}\u201d" if isinstance(value, str) else str(value)
    if math.isfinite(found):
        return str(value) if isinstance(value, int) else f"{found:.6g}"
    return "NaN" if math.isnan(found) else "infinity" if found > 0 else "-infinity"


def middle(text: str, most: int) -> str:
    """Return a text of at most so many letters; of a longer one, its beginning and its end."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def spaced(count: int) -> str:
    """Return a count with its thousands apart: `12 345`."""
    return f"{count:,}".replace(",", "\u202f")
