"""How often does the gate cry wolf? Compares true exports of every kind many times over.

A comparison is one batch that was fed to both sides. Exits with 1 if any check failed, or if one of
those passed whose way to freeze is known to corrupt the network.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest_freezecheck as freezecheck
from benchmarks.common import Bench, bench, number, table
from benchmarks.many import compare_networks, row
from pytest_freezecheck.formats import find_way
from tests.models.ways import HERE

#: `fold_batch_norms`, which `optimize_for_inference` calls, folds into a convolution that is read
#: twice: these fail rightly.
CORRUPTED = (("stripes", "fold_batch_norms"), ("stripes", "optimize_for_inference"))


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=10_000, help="at least so many")
    parser.add_argument("--seeds", type=int, default=10, help="check with seeds 0 to this - 1")
    parser.add_argument("--only", action="append", default=[], help="of the many networks, this")
    parser.add_argument("--ways", nargs="+", default=HERE, help="freeze the many networks in these")
    parser.add_argument("--many-seeds", type=int, default=1, help="check them with so many seeds")
    parser.add_argument("--many", action="store_true", help="the many networks, and no others")
    options = parser.parse_args()
    if options.many or options.only:
        return many(options.only, options.ways, options.many_seeds)
    started = time.perf_counter()
    with bench() as made, TemporaryDirectory() as folder:
        checks = len(made.subjects) * len(HERE) * options.seeds
        examples = math.ceil(options.comparisons / checks)
        results = compare(made, Path(folder), range(options.seeds), examples)
    print(table(rows(results)), end="\n\n")
    corrupted = [a for key, agreements in results.items() if key in CORRUPTED for a in agreements]
    every = [a for key, agreements in results.items() if key not in CORRUPTED for a in agreements]
    exact = [a for a in every if find_way(a.artifact).bit_exact]
    alarms = [agreement for agreement in every if not agreement]
    missed = sum(map(bool, corrupted))
    print(
        f"{sum(a.examples for a in every)} comparisons of {sum(a.inputs for a in every)} inputs in "
        f"{len(every)} checks, {time.perf_counter() - started:.0f} s: {len(alarms)} failed; of the "
        f"{len(exact)} that have to be bit-identical, {sum(not a.exact for a in exact)} were not; "
        f"of {len(corrupted)} that the way to freeze corrupts, {missed} passed"
    )
    for alarm in alarms:
        print(alarm.text)
    failed = many(options.only, options.ways, options.many_seeds)
    return 1 if alarms or missed or failed else 0


def many(names: Sequence[str], ways: Sequence[str], seeds: int) -> int:
    """Check the exports of many small networks; return the exit status."""
    started = time.perf_counter()
    results = dict(compare_networks(names, ways, seeds))
    print(table([row(name, result) for name, result in results.items()]), end="\n\n")
    passed = sum(len(result.passed) for result in results.values())
    alarms = [(n, way, said) for n, r in results.items() for way, said in r.alarms.items()]
    print(
        f"{len(results)} networks, {passed} exports that pass, {len(alarms)} alarms; "
        f"{time.perf_counter() - started:.0f} s"
    )
    for name, way, said in alarms:
        print(f"{name}, {way}: {said}")
    return 1 if alarms else 0


def compare(
    made: Bench, folder: Path, seeds: range, examples: int
) -> dict[tuple[str, str], list[freezecheck.Agreement]]:
    """Freeze every subject in every way, and check each with every seed."""
    results: dict[tuple[str, str], list[freezecheck.Agreement]] = {}
    for subject in made.subjects:
        live = made.live(subject)
        artifacts = {
            way: freezecheck.load(
                freezecheck.freeze(live, way, folder / f"{subject}-{way}"), way=way
            )
            for way in HERE
        }
        for seed in seeds:  # outside: the live answers of one seed are kept
            for way, artifact in artifacts.items():
                agreement = freezecheck.check(live, artifact, seed=seed, examples=examples)
                results.setdefault((subject, way), []).append(agreement)
            print(f"{subject}, seed {seed}: done", file=sys.stderr)
        for artifact in artifacts.values():
            artifact.close()
    return results


def rows(
    results: dict[tuple[str, str], list[freezecheck.Agreement]],
) -> list[dict[str, object]]:
    """Return a row for each subject and way."""
    return [
        {
            "network": subject,
            "way": way,
            "checks": len(agreements),
            "comparisons": sum(a.examples for a in agreements),
            "inputs": sum(a.inputs for a in agreements),
            "failed": sum(not a for a in agreements),
            "not bit-identical": sum(not a.exact for a in agreements),
            "largest difference": number(max(a.max_abs_diff or 0.0 for a in agreements)),
        }
        for (subject, way), agreements in results.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
