"""Which cause each mistake gets, in each format; and each wrong freeze of the tests.

`python -m benchmarks.causes --format tflite` tells of one format, `--fault relu6` of the mistakes
that have this in their name; `--freezes` of the trained networks of the tests instead.
"""

from __future__ import annotations

import argparse
import collections
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

import pytest_freezecheck as freezecheck
from benchmarks.common import bench, possible
from benchmarks.fault_networks import NETWORKS, Trained
from benchmarks.faults import SEVERAL, SINGLE, Fault
from benchmarks.tables import table
from pytest_freezecheck.errors import FreezecheckError
from tests.diagnosis.test_causes import CAUSE, as_saved_model
from tests.kit.wrong_freezes import WRONG

FORMATS = ("graph_def", "saved_model", "tflite", "onnx", "openvino")
#: What a file can get: the right cause, proven; right and suspected; a cause that is true and says
#: little, proven; one that is wrong; one that is wrong and proven; none; it passed; no such file.
RESULTS = ("proven", "suspected", "vague", "wrong", "WRONG PROVEN", "unknown", "PASSED", "cannot")
#: Causes that are true wherever weights or operations differ.
_VAGUE = frozenset({"other-weights", "changed-operation"})


def found(agreement: freezecheck.Agreement) -> list[dict[str, Any]]:
    """Return the causes that a result names."""
    cause = agreement.cause
    return [] if cause is None else [cause, *cause.get("others", [])]


def judged(agreement: freezecheck.Agreement, fault: Fault) -> str:
    """Return which of the results it is."""
    if agreement.outcome == "passed":
        return "PASSED"
    causes = found(agreement)
    expected = frozenset().union(*fault.causes)
    told = [cause for cause in causes if cause["id"] != "unknown"]
    if not told:
        return "unknown"
    wrong = [cause for cause in told if cause["id"] not in expected]
    true = [c for c in wrong if c["id"] in _VAGUE and _of_weights(fault, c["id"])]
    if any(cause["proven"] for cause in wrong if cause not in true):
        return "WRONG PROVEN"
    if wrong and wrong != true:
        return "wrong"
    ids = {cause["id"] for cause in told}
    whole = all(ids & one for one in fault.causes) and not true
    said = " ".join(cause["explanation"] for cause in told)
    whole = whole and all(re.search(pattern, said, re.IGNORECASE) for pattern in fault.says)
    if not all(cause["proven"] for cause in told):
        return "suspected"
    return "proven" if whole else "vague"


def _of_weights(fault: Fault, cause: str) -> bool:
    """Return whether a cause that says little is true of a fault."""
    if cause == "changed-operation":
        return bool(fault.changed)
    return fault.alter is not None


def shown(agreement: freezecheck.Agreement) -> str:
    """Return the causes of a result with what is said of them, a line for each."""
    proof = agreement.proof.result if agreement.proof else "not compared"
    lines = [f"      {agreement.outcome}: {agreement.reason}, {proof}"]
    for cause in found(agreement):
        certain = "proven" if cause["proven"] else "suspected"
        lines.append(f"      {cause['id']} ({certain}): {cause['explanation'].partition(': ')[2]}")
    return "\n".join(lines)


def _checked(trained: Trained, fault: Fault, way: str, folder: Path) -> Any:
    """Return the result of a check of a file with this fault, or None if there is none."""
    values = fault.alter(trained.right, trained) if fault.alter else trained.right
    wrong = trained.model(values, **fault.changed)
    folder.mkdir(parents=True)
    try:
        path = freezecheck.freeze(wrong, way, folder)
        frozen = freezecheck.load(path, way=way)
    except FreezecheckError as error:
        print(f"  {fault.name}, {way}: {error}", file=sys.stderr)
        return None
    finally:
        wrong.close()
    try:
        return freezecheck.check(trained.live, frozen, examples=20)
    except freezecheck.MatchError as error:  # no output has its name: it cannot be told what it is
        print(f"  {fault.name}, {way}: {error}", file=sys.stderr)
        return None
    finally:
        frozen.close()


def faults(formats: Sequence[str], only: str | None, chosen: Iterable[Fault], say: bool) -> int:
    """Check each fault in each format, and print a table; return how many are wrong and proven."""
    counts = {way: collections.Counter[str]() for way in formats}
    rows: list[Mapping[str, object]] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, Trained] = {}
        for number, fault in enumerate(chosen):
            if only is not None and only not in fault.name:
                continue
            if fault.network not in runs:
                own = Path(folder, fault.network)
                own.mkdir()
                runs[fault.network] = Trained(fault.network, own)
            row = {"fault": fault.name, "network": fault.network}
            for way in formats:
                agreement = _checked(
                    runs[fault.network], fault, way, Path(folder, str(number), way)
                )
                row[way] = "cannot" if agreement is None else judged(agreement, fault)
                counts[way][row[way]] += 1
                if say and agreement is not None and row[way] != "proven":
                    print(f"  {fault.name}, {way}: {row[way]}\n{shown(agreement)}", flush=True)
            rows.append(row)
    print(table(rows))
    total = [
        {"format": way, **{r: seen[r] for r in RESULTS}, "share": _share(seen)}
        for way, seen in counts.items()
    ]
    print(f"\n{table(total)}\n\n{len(rows)} faults, {time.perf_counter() - started:.0f} s")
    return sum(seen["WRONG PROVEN"] for seen in counts.values())


def _share(seen: Mapping[str, int]) -> str:
    count = sum(seen.values()) - seen.get("cannot", 0)
    return f"{seen.get('proven', 0) / count:.0%}" if count else "-"


def _named(agreement: freezecheck.Agreement, expected: str) -> str:
    """Return the cause in a word or two: right and proven, or what it was."""
    causes = found(agreement) or [{"id": "none", "proven": False}]
    if [(c["id"], c["proven"]) for c in causes] == [(expected, True)]:
        return "proven"
    return ", ".join(f"{c['id']} ({'proven' if c['proven'] else 'suspected'})" for c in causes)


def freezes(only: str | None) -> int:
    """Check the wrong freezes of the tests; return how many did not get their cause."""
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
    return count - right


def main() -> int:
    """Run the benchmark and return the exit status: 1 if a cause is wrong and proven."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=FORMATS, action="append", help="only this one")
    parser.add_argument("--fault", help="only faults that have this in their name")
    parser.add_argument("--network", help="only this one", choices=[*NETWORKS])
    parser.add_argument("--say", action="store_true", help="what is said where it is not proven")
    parser.add_argument("--freezes", action="store_true", help="the wrong freezes of the tests")
    parser.add_argument("--subject", help="with --freezes: only this one")
    given = parser.parse_args()
    if given.freezes:
        return 1 if freezes(given.subject) else 0
    tf.get_logger().setLevel("ERROR")
    warnings.simplefilter("ignore")
    chosen = [f for f in (*SINGLE, *SEVERAL) if given.network in (None, f.network)]
    return 1 if faults(given.format or FORMATS, given.fault, chosen, given.say) else 0


if __name__ == "__main__":
    sys.exit(main())
