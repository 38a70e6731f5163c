"""Is every wrong freeze caught, whatever the network and the seed, and every correct one passed?

Prints a table of the freezes, and one of the inputs that the gate shows for them. Exits with 1
if a wrong freeze passed or a correct one failed.
"""

from __future__ import annotations

import argparse
import statistics
import sys

import pytest_freezecheck as freezecheck
from benchmarks.common import Bench, bench, possible
from benchmarks.tables import number, table
from tests.kit.wrong_freezes import CORRECT, WRONG, CorrectFreeze, WrongFreeze

Freeze = WrongFreeze | CorrectFreeze
Results = dict[tuple[str, str], list[freezecheck.Agreement]]
FREEZES: list[Freeze] = [*WRONG, *CORRECT]


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="check with seeds 0 to this - 1")
    parser.add_argument("--examples", type=int, default=100, help="batches of each check")
    options = parser.parse_args()
    with bench() as made:
        results = judge(made, options.seeds, options.examples)
        subjects = list(made.subjects)
    print(table(rows(results, subjects)), end="\n\n")
    print(table(shown(results, subjects)), end="\n\n")
    missed = [
        f"{freeze.name} of {subject}, seed {seed}"
        for freeze in FREEZES
        for subject in subjects
        for seed, agreement in enumerate(results.get((subject, freeze.name), []))
        if bool(agreement) is isinstance(freeze, WrongFreeze)
    ]
    checks = sum(map(len, results.values()))
    print(f"{checks} checks, {len(missed)} with the wrong verdict", *missed, sep="\n  ")
    return 1 if missed else 0


def judge(made: Bench, seeds: int, examples: int) -> Results:
    """Check every freeze of every subject with every seed."""
    results: Results = {}
    for subject in made.subjects:
        for seed in range(seeds):  # outside: the live answers of one seed are kept
            for freeze in possible(FREEZES, subject):
                live, path = made.live(subject, freeze.live_ema), made.shipped(subject, freeze)
                agreement = freezecheck.check(live, path, seed=seed, examples=examples)
                results.setdefault((subject, freeze.name), []).append(agreement)
            print(f"{subject}, seed {seed}: done", file=sys.stderr)
    return results


def rows(results: Results, subjects: list[str]) -> list[dict[str, str]]:
    """Return a row for each freeze: on how many seeds it got its verdict, and by how much."""
    found = []
    for freeze in FREEZES:
        wrong = isinstance(freeze, WrongFreeze)
        listed = str(freeze.catalogue or "") if isinstance(freeze, WrongFreeze) else ""
        row = {"freeze": freeze.name, "catalogue": listed, "must": "fail" if wrong else "pass"}
        for subject in subjects:
            row[subject] = _verdicts(results.get((subject, freeze.name)), freeze)
        found.append(row)
    return found


def _verdicts(
    agreements: list[freezecheck.Agreement] | None, freeze: WrongFreeze | CorrectFreeze
) -> str:
    if not agreements:
        return "cannot be made" if isinstance(freeze, WrongFreeze) else "not correct here"
    right = sum(bool(a) is isinstance(freeze, CorrectFreeze) for a in agreements)
    apart = [a.max_abs_diff for a in agreements if a.max_abs_diff is not None]
    extreme = min if isinstance(freeze, WrongFreeze) else max
    return f"{right} of {len(agreements)}, {number(extreme(apart, default=None))}"


def shown(results: Results, subjects: list[str]) -> list[dict[str, str]]:
    """Return a row for each subject: the inputs that the failures of seed 0 show."""
    found = []
    for subject in subjects:
        failed = [
            results[subject, freeze.name][0]
            for freeze in possible(WRONG, subject)
            if not results[subject, freeze.name][0]
        ]
        # A gate that shows no input of its failures has no such attribute.
        inputs = [c for a in failed if (c := getattr(a, "counterexample", None)) is not None]
        shares = [c.away / c.size for c in inputs]
        seconds = [c.seconds for c in inputs]
        found.append(
            {
                "seed 0": subject,
                "failures": str(len(failed)),
                "with an input": str(len(inputs)),
                "cells away, median": f"{statistics.median(shares):.2%}" if shares else "-",
                "cells away, worst": f"{max(shares):.2%}" if shares else "-",
                "smallest difference": number(min((c.max_abs_diff for c in inputs), default=None)),
                "seconds, median": f"{statistics.median(seconds):.2f}" if seconds else "-",
                "seconds of a check, median": f"{statistics.median(a.seconds for a in failed):.2f}"
                if failed
                else "-",
            }
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
