"""The tables and the plot, in the documentation."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed import results, targets
from benchmarks.speed.runs import Runs
from benchmarks.tables import table

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PLOT = DOCS / "speed.md", DOCS / "images" / "speed.svg"
#: Cores that others may keep busy on a machine that is called quiet.
_QUIET = 0.2
BEGIN, END = "<!-- measured: python -m benchmarks.speed --write-docs -->", "<!-- end -->"


def markdown(runs: Runs, machine: dict[str, str], ran: dict[str, float], missing: list[str]) -> str:
    """Return all that was measured, as Markdown.

    Args:
        runs: what everything took.
        machine: what it ran on.
        ran: `minutes` in all, and how many cores `others` kept busy.
        missing: lines about what was left out.
    """
    told = ", ".join(f"{name} {value}" for name, value in machine.items())
    busy = "The machine was quiet otherwise."
    if ran["others"] >= _QUIET:
        busy = (
            f"**Others kept {ran['others']:.1f} cores busy meanwhile**: times are longer than on a "
            "quiet machine, and their ratios say little; the seconds of processors are surer."
        )
    parts = [f"{told}. Everything took {ran['minutes']:.0f} minutes. {busy}", *missing]
    parts += [table(list(rows)) for make in (targets.rows, results.rows) if (rows := [*make(runs)])]
    return "\n\n".join(parts)


def write(text: str, page: Path = PAGE) -> None:
    """Put what was measured between the markers of a page.

    Raises:
        SystemExit: it has no such markers.
    """
    old = page.read_text("utf-8")
    head, begin, rest = old.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no {BEGIN} and {END} behind it")
    page.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", "utf-8")
