"""Which kinds of reports there are, by the ending of their path, and what writes each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.report.files import Lines, Render, Whole

#: A line for each check as it ends.
_LINES = ".jsonl"


def _json(document: Mapping[str, Any]) -> str:
    """Return the document itself.

    Raises:
        ValueError: it holds a NaN or an infinity, which JSON has not.
    """
    return f"{json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)}\n"


#: {ending: what makes the text}; of two that fit a path, the first counts.
_WHOLE: dict[str, Render] = {
    ".json": _json,
}
#: What a path may end in.
ENDINGS = (*_WHOLE, _LINES)


def report(path: Path) -> Whole | Lines:
    """Return the report of the kind that a path asks for by its ending."""
    if path.name.endswith(_LINES):
        return Lines(path)
    render = next(make for ending, make in _WHOLE.items() if path.name.endswith(ending))
    return Whole(path, render)
