"""Which cause each wrong freeze gets, from a frozen GraphDef and from a SavedModel of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pytest_freezecheck as freezecheck
from benchmarks.common import bench, possible, table
from tests.diagnosis.test_causes import CAUSE, as_saved_model
from tests.models.wrong_freezes import WRONG


def _named(agreement: freezecheck.Agreement, expected: str) -> str:
    """Return the cause in a word or two: right and proven, or what it was."""
    cause = agreement.cause or {"id": "none", "proven": False}
    found = [cause, *cause.get("others", [])]
    if [(c["id"], c["proven"]) for c in found] == [(expected, True)]:
        return "proven"
    return ", ".join(f"{c['id']} ({'proven' if c['proven'] else 'suspected'})" for c in found)


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", help="only this one")
    only = parser.parse_args().network
    rows: dict[str, dict[str, str]] = {}
    right = count = 0
    with bench() as made, tempfile.TemporaryDirectory() as folder:
        for subject in made.subjects:
            if only not in (None, subject):
                continue
            for freeze in possible(WRONG, subject):
                expected = CAUSE[freeze.name]
                row = rows.setdefault(freeze.name, {"freeze": freeze.name, "cause": expected})
                live = made.live(subject, getattr(freeze, "live_ema", "trainable"))
                path = made.shipped(subject, freeze)
                scratch = Path(folder, subject, freeze.name)
                scratch.mkdir(parents=True)
                told = [_named(freezecheck.check(live, path), expected)]
                if freeze.name != "phase_defaults_to_training":  # no signature has the phase
                    saved = as_saved_model(path, made.subjects[subject], scratch)
                    told.append(_named(freezecheck.check(live, saved), expected))
                right += told.count("proven")
                count += len(told)
                row[subject] = " / ".join(told)
            print(subject, "done", file=sys.stderr)
    width = {"freeze": "", "cause": "", **dict.fromkeys(made.subjects, "-")}
    print(table([{**width, **row} for row in rows.values()]))
    print(f"\n{right} of {count} got their cause, proven")
    return 0 if right == count else 1


if __name__ == "__main__":
    sys.exit(main())
