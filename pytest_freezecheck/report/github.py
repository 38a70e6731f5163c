"""Annotations of GitHub Actions: a command for each problem, which GitHub shows in its place."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_freezecheck.messages.wording import counted, listed
from pytest_freezecheck.report.problems import Check, first_line, named, problems

#: GitHub shows no more errors of one step.
MOST = 10
_TITLE = "freezecheck"


def commands(checks: Sequence[Check], failures: Sequence[str] = ()) -> list[str]:
    """Return the lines to print, at most `MOST`, the last of which says how many more there are.

    Args:
        checks: with places that are seen from the root of the repository.
        failures: what else failed the run, each with a first line that stands alone; told if no
            check did.
    """
    wrong = problems(checks)
    if not wrong:
        return [_command(_TITLE, failure.partition("\n")[0]) for failure in failures[:MOST]]
    shown = wrong if len(wrong) <= MOST else wrong[: MOST - 1]
    lines = [_of(check) for check in shown]
    if rest := wrong[len(shown) :]:
        more = f"{counted(len(rest), 'more check')} failed or could not be made"
        lines.append(_command(_TITLE, f"{more}: {listed(map(named, rest))}"))
    return lines


def _of(check: Check) -> str:
    at = check["declared_at"]
    where = {} if at is None else {"file": at["file"], "line": str(at["line"])}
    return _command(f"{_TITLE}: {named(check)}", first_line(check), **where)


def _command(title: str, message: str, **properties: str) -> str:
    given = {**properties, "title": title}
    named = ",".join(f"{key}={_property(value)}" for key, value in given.items())
    return f"::error {named}::{_data(message)}"


def _data(text: str) -> str:
    """Return a message as the runner takes it: `%` begins what stands for a line's end."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Return a property's value: a colon ends them all, a comma one."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
