"""What another process came to, in one check, as pytest tells a test's own."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from pytest_freezecheck import errors
from pytest_freezecheck.errors import RaisedError, RunnerError, UnavailableError
from pytest_freezecheck.result.agreement import Agreement, FrozenMismatch
from pytest_freezecheck.runner.output import telling

if TYPE_CHECKING:
    from pytest_freezecheck.runner.keeper import Check


def show(item: pytest.Item, check: Check) -> None:
    """Give a test what was written in the other process, as if it had been in this one."""
    said = check.end or {}
    output = {**check.output, "log": said.get("log", "")}
    streams = {"stdout": sys.stdout, "stderr": sys.stderr}
    for name, content in output.items():
        if not content:
            continue
        if item.config.getoption("capture", "fd") == "no" and name in streams:
            streams[name].write(content)
        else:
            item.add_report_section("call", name, content)
    for warning in said.get("warnings", ()):
        with warnings.catch_warnings():
            # What was to be an error, or not to be shown, was that there.
            warnings.simplefilter("always")
            category = _category(*warning["category"])
            warnings.warn_explicit(warning["text"], category, warning["file"], warning["line"])
    if check.error is not None:
        check.error.output = tuple(telling(check.output.get("stderr", "")))


def _category(module: str, name: str) -> type[Warning]:
    found = getattr(sys.modules.get(module), name, None)
    known = isinstance(found, type) and issubclass(found, Warning)
    return found if known else UserWarning  # type: ignore[return-value]


def conclude(check: Check, *, skips: bool) -> None:
    """Raise what the check raised there, so that it ends here as it did.

    Args:
        check: what was made.
        skips: whether it is skipped if what it needs is not installed.
    """
    __tracebackhide__ = True
    if check.error is not None:
        raise check.error
    end: dict[str, Any] = check.end or {}
    how, text = end["how"], end.get("text", "")
    if how in ("skip", "xfail"):
        getattr(pytest, how)(text)
    if how == "fail":
        pytest.fail(text, pytrace=False)
    if how == "mismatch":
        raise FrozenMismatch(_failed(check.results, text))
    if how == "raised":
        raise RaisedError(text, end["behind"])
    if how != "done":
        kind = getattr(errors, how)
        if skips and issubclass(kind, UnavailableError):
            pytest.skip(text)
        error = kind(text)
        error.behind = end["behind"]
        raise error


def _failed(results: list[dict[str, Any]], text: str) -> Agreement:
    """Return the result that a mismatch is about, as far as it is told by words."""
    found = next((result for result in results if result["message"] == text), results[-1])
    names = ("model", "artifact", "format", "way", "outcome", "reason", "atol")
    return Agreement(**{name: found[name] for name in names}, text=text)


def last_words(error: BaseException) -> str:
    """Return the last lines that a process wrote which ended, to follow the line of its error."""
    if not isinstance(error, RunnerError) or not error.output:
        return ""
    return "\nthe last lines of its stderr:\n" + "\n".join(f"  {line}" for line in error.output)
