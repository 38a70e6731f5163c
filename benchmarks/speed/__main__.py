"""What the gate costs beside the least that anyone could do: whole commands, side by side.

The least is a script that imports TensorFlow, restores the network, loads the file, asks both sides
the same inputs and compares: no search, no power, no cause. Beside it, of the same network,
checkpoint and file: the gate, a plain Hypothesis test, and Polygraphy. Commands take turns, so that
a machine that is busy is as busy for all. Prints a plan, then the targets and a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.speed import machine, page, plan, run, targets
from benchmarks.speed.cases import Case
from benchmarks.speed.runs import Runs, as_data, from_data
from benchmarks.tables import table


def main(words: list[str] | None = None) -> int:
    """Run the benchmark, and return the exit status: 1 if a command failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="a network, or network/command"
    )
    parser.add_argument("--repeat", type=int, metavar="N", help="of each command")
    parser.add_argument("--plan", action="store_true", help="print the plan, and run nothing")
    parser.add_argument("--folder", type=Path, help="keeps the networks for the next time")
    parser.add_argument("--json", type=Path, help="for what was measured, after each run")
    parser.add_argument("--of", type=Path, help="tell what such a file has, and run nothing")
    parser.add_argument("--plot", type=Path, help="for the plot, an SVG")
    parser.add_argument(
        "--write-docs", action="store_true", help="put tables and plot into docs/speed.md"
    )
    given = parser.parse_args(words)
    cases = plan.chosen(given.only)
    print(table(plan.rows(cases, given.repeat)))
    minutes = plan.seconds(cases, given.repeat) / 60
    print(f"\n{minutes:.0f} minutes on two quiet cores\n", flush=True)
    if given.plan:
        return 0
    data = json.loads(given.of.read_text()) if given.of else measure(cases, given)
    runs = from_data(data["runs"])
    text = page.markdown(runs, data["machine"], data["ran"], data["missing"])
    print(text)
    plot = page.PLOT if given.write_docs else given.plot
    if plot:
        from benchmarks.speed.plot import draw  # needs the extra `report`

        draw(runs, plot)
    if given.write_docs:
        page.write(text)
    return int(any(": left out" not in line for line in data["missing"]))


def measure(cases: list[Case], given: argparse.Namespace) -> dict[str, Any]:
    """Run the cases, and return what was measured, as JSON has it."""
    run.ready()
    began, others = time.perf_counter(), machine.Others.watched()

    def told(runs: Runs, missing: list[str]) -> dict[str, Any]:
        return {
            "machine": machine.described(),
            "ran": {"minutes": (time.perf_counter() - began) / 60, "others": others.cores()},
            "missing": missing,
            "targets": list(targets.rows(runs)),
            "runs": as_data(runs),
        }

    def keep(runs: Runs, missing: list[str]) -> None:
        if given.json:
            given.json.write_text(json.dumps(told(runs, missing), indent=1))

    with tempfile.TemporaryDirectory() as place:
        folder = given.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        runs, missing = run.run_all(cases, folder, given.repeat, keep)
    keep(runs, missing)
    return told(runs, missing)


if __name__ == "__main__":
    sys.exit(main())
