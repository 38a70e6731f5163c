"""Which kinds of reports there are, by the ending of their path, and what writes each."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.report import gitlab, markdown, sarif
from pytest_freezecheck.report.files import Lines, Render, Whole
from pytest_freezecheck.report.problems import located

#: A line for each check as it ends.
_LINES = ".jsonl"


def _json(document: Mapping[str, Any]) -> str:
    """Return the document itself.

    Raises:
        ValueError: it holds a NaN or an infinity, which JSON has not.
    """
    return f"{json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)}\n"


def _html(document: Mapping[str, Any]) -> str:
    """Return the page; what draws and writes it is imported now.

    Raises:
        OSError: jinja2 or matplotlib is there, and cannot be imported.
    """
    with warnings.catch_warnings(), _any_backend():
        warnings.simplefilter("ignore")  # with `-W error`, one of theirs would end the run
        try:
            from pytest_freezecheck.report.page.html import render
        except ImportError as error:
            raise OSError(f"{type(error).__name__}: {reason(error)}") from error
        return render(document)


@contextlib.contextmanager
def _any_backend() -> Iterator[None]:
    """Import matplotlib whatever MPLBACKEND names: in a notebook's shell, what it alone has."""
    name = os.environ.pop("MPLBACKEND", None)
    try:
        yield
    finally:
        if name is not None:
            os.environ["MPLBACKEND"] = name


#: {ending: what makes the text}; of two that fit a path, the first counts.
_WHOLE: dict[str, Render] = {
    ".gitlab.json": gitlab.render,
    ".json": _json,
    ".sarif": sarif.render,
    ".md": markdown.render,
    ".html": _html,
}
#: Of them, those that code hosts read, to whom a place is one in the repository.
_OF_THE_REPOSITORY = (".gitlab.json", ".sarif")
#: What a path may end in.
ENDINGS = (*_WHOLE, _LINES)


def report(path: Path, folder: str = ".") -> Whole | Lines:
    """Return the report of the kind that a path asks for by its ending.

    Args:
        path: where it is to lie.
        folder: pytest's rootdir, seen from the root of the repository.
    """
    if path.name.endswith(_LINES):
        return Lines(path)
    ending, render = next((e, make) for e, make in _WHOLE.items() if path.name.endswith(e))
    if ending in _OF_THE_REPOSITORY:
        return Whole(path, lambda document: render(located(document, folder)))
    return Whole(path, render)
