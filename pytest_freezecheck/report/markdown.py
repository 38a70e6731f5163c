"""A run as Markdown, as code hosts show it: the verdict, a table, and each failure in full."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import counted, listed, shown
from pytest_freezecheck.report.problems import Check, first_line, named, problems
from pytest_freezecheck.report.proof import column
from pytest_freezecheck.result.reasons import ERROR, FAILED, OUTCOMES, PASSED, REASONS, SKIPPED

#: Bytes of the longest report: GitHub takes no more for the summary of a step.
MOST = 2**20
#: Bytes of the longest message of a check, and of what a table may take of a report.
_MESSAGE, _TABLE = 2**14, 2**18
#: Bytes that are kept for the end.
_END = 2**13
_SYMBOLS = {PASSED: "✅", FAILED: "❌", ERROR: "⚠️", SKIPPED: "⏭️"}
#: What means something to Markdown anywhere in a line: an underscore not within a word.
_MEANT = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
#: What code hosts make people, issues and pictures of, also after a backslash.
_REFERENCES = re.compile(r"[@#]|:(?=[\w+-]+:)")
#: What begins a list or a rule.
_LEADING = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_HEAD = (
    "| model | artifact or way | verdict | difference | allowed | proof | power |",
    "|---|---|---|--:|--:|---|--:|",
)


def render(
    document: Mapping[str, Any], failures: Sequence[str] = (), most: int | None = None
) -> str:
    """Return the report.

    Args:
        document: as `report.json` makes it.
        failures: what else failed the run, each with a first line that stands alone.
        most: bytes that it may have, `MOST` by default; what comes last is left out, and said so.
    """
    left = (MOST if most is None else most) - _END
    kept, dropped = [], 0
    for block in _blocks(document, failures):
        size = len(block.encode()) + 2
        if size > left:
            left, dropped = 0, dropped + 1  # nothing that comes after it is kept either
        else:
            left -= size
            kept.append(block)
    if dropped:
        kept.append(
            f"**Cut here: {counted(dropped, 'more part')} would make this longer than is shown. "
            "The JSON report has all of it.**"
        )
    kept.append(_versions(document))
    return "\n\n".join(kept) + "\n"


def _blocks(document: Mapping[str, Any], failures: Sequence[str]) -> Iterator[str]:
    checks = document["checks"]
    yield f"## {_heading(document)}"
    yield _sentence(document)
    if failures:
        yield "\n".join(f"- {text(failure.partition(chr(10))[0])}" for failure in failures)
    wrong = problems(checks)
    if checks:
        yield _table(wrong, checks)
    for check in wrong:
        yield from _problem(check)
    skipped = {(c["model"], c["message"] or "") for c in checks if c["outcome"] == SKIPPED}
    if skipped:
        said = (f"- {text(model)}: {text(message)}" for model, message in sorted(skipped))
        yield "\n".join(["### Skipped", "", *said])
    warnings = {(c["model"], warning): None for c in checks for warning in c["warnings"]}
    if warnings:
        said = (f"- {text(model)}: {text(warning)}" for model, warning in warnings)
        yield "\n".join(["### Warnings", "", *said])


def _heading(document: Mapping[str, Any]) -> str:
    failed, agree = document["exit_status"] != 0, document["totals"][PASSED]
    symbol = _SYMBOLS[FAILED if failed else PASSED]
    if document["totals"][FAILED]:
        said = "a frozen model does not compute what the live model computes"
    elif document["totals"][ERROR]:
        said = "a check could not be made"
    elif failed:
        said = "the run failed" if agree else "nothing was compared"
    else:
        said = "the frozen models compute what the live models compute"
    return f"{symbol} freezecheck: {said}"


def _sentence(document: Mapping[str, Any]) -> str:
    totals = document["totals"]
    words = {PASSED: "passed", FAILED: "failed", ERROR: "could not be made", SKIPPED: "skipped"}
    parts = [f"{totals[outcome]} {words[outcome]}" for outcome in OUTCOMES if totals[outcome]]
    count = counted(sum(totals.values()), "check")
    ended = ", and it was interrupted" if document["interrupted"] else ""
    return (
        f"{count}{': ' if parts else ''}{', '.join(parts)}. The run ended with exit status "
        f"{document['exit_status']} after {document['seconds']:.1f} s{ended}."
    )


def _table(wrong: Sequence[Check], checks: Sequence[Check]) -> str:
    """Return the table, what failed first; as many rows as it may take."""
    others = [c for outcome in (PASSED, SKIPPED) for c in checks if c["outcome"] == outcome]
    every = [*wrong, *others]
    rows, left = [*_HEAD], _TABLE
    for check in every:
        row = _row(check)
        left -= len(row.encode())
        if left < 0:
            more = len(every) - len(rows) + len(_HEAD)
            return "\n".join([*rows, "", f"The table is cut: {counted(more, 'more check')}."])
        rows.append(row)
    return "\n".join(rows)


def _row(check: Check) -> str:
    power, word = check["power"], REASONS[check["reason"]][1]
    difference = "NaN or inf" if check["non_finite"] else shown(check["max_abs_diff"])
    cells = (
        check["model"] or "-",
        check["artifact"] or check["nodeid"] or "-",
        f"{_SYMBOLS[check['outcome']]} {word}",
        difference,
        f"{check['atol']:.3g}",
        column(check["proof"]),
        "-" if power is None else f"{power['in_all']}/{power['planted']}",
    )
    return f"| {' | '.join(map(_within, cells))} |"


def _problem(check: Check) -> Iterator[str]:
    """Yield the parts on a check that failed or could not be made: in short, and its message."""
    lines = [
        f"### {_SYMBOLS[check['outcome']]} {text(named(check))}",
        "",
        f"**{text(first_line(check))}**",
        "",
        *(f"- {line}" for line in _facts(check)),
    ]
    yield "\n".join(lines).rstrip()
    message = _clean(str(check["message"] or ""))
    if "\n" in message.strip():
        cut = message.encode()[:_MESSAGE].decode(errors="ignore")
        more = "" if cut == message else "\n(cut: it is longer)"
        yield "\n".join(
            [
                "<details><summary>The whole message</summary>",
                "",
                f"<pre>{html.escape(cut + more, quote=False)}</pre>",
                "",
                "</details>",
            ]
        )


def _facts(check: Check) -> Iterator[str]:
    cause, first, found = check["cause"], check["first_difference"], check["counterexample"]
    for each in () if cause is None else (cause, *cause.get("others", ())):
        certain = "proven cause" if each["proven"] else "suspected, not proven"
        yield f"{certain}: {code(each['id'])}: {text(each['explanation'])}"
        if each["tensors"]:
            yield f"it concerns {text(listed(each['tensors'], 4))}"
        yield f"{'to fix it' if each['proven'] else 'what to look at'}: {text(each['fix'])}"
    if first is not None:
        apart = first["max_abs_diff"]
        by = "" if apart is None else f", by {shown(apart)}"
        yield f"first tensor that differs: {code(first['tensor'])}{text(by)}"
    if check["showing"]:
        yield text(f"{check['showing']} of {counted(check['inputs'], 'input')} show it")
    if found is not None:
        away = f"{found['nonzero']} of {found['size']} cells away from an even background"
        saved = "" if found["path"] is None else f", saved as {code(found['path'])}"
        yield f"smallest input that shows it: batch of {found['batch']}, {away}{saved}"
    if check["replay"]:
        yield f"that input alone: {code(check['replay'])}"
    at = check["declared_at"]
    if at is not None:
        yield f"declared at {code('{file}:{line}'.format(**at))}"
    if check["nodeid"]:
        yield f"node id: {code(check['nodeid'])}"


def _versions(document: Mapping[str, Any]) -> str:
    named_ = (f"{name} {version}" for name, version in document["versions"].items())
    return f"<sub>seed {document['seed']}; {text(', '.join(named_))}</sub>"


def text(content: str) -> str:
    """Return a text in one line that Markdown and HTML show as it is."""
    return _LEADING.sub(r"\1\\\2", _within(content))


def code(content: str) -> str:
    """Return a name or command in the type of code, which shows it as it is."""
    return f"<code>{_within(content)}</code>"


def _within(content: str) -> str:
    """Return the same, to follow something in its line."""
    line = html.escape(" ".join(_clean(content).split()), quote=False)
    line = _MEANT.sub(r"\\\g<0>", line)
    return _REFERENCES.sub(lambda found: f"&#{ord(found[0])};", line)


def _clean(content: str) -> str:
    """Return a text without what moves a terminal's cursor, and without halves of characters."""
    whole = content.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub("\ufffd", whole.replace("\r\n", "\n"))
