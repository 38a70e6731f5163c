"""How often does the gate cry wolf? Compares true exports of every kind many times over.

A comparison is one batch that was fed to both sides. Exits with 1 if any check failed, or if one of
those passed whose way to freeze is known to corrupt the network.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest_freezecheck as freezecheck
from benchmarks.common import Bench, bench
from benchmarks.many import Result, compare_networks, row
from benchmarks.tables import number, table
from pytest_freezecheck.formats import find_way
from tests.kit.networks import NETWORKS
from tests.kit.ways import HERE

#: `fold_batch_norms`, which `optimize_for_inference` calls, folds into a convolution that is read
#: twice: these fail rightly.
CORRUPTED = (("stripes", "fold_batch_norms"), ("stripes", "optimize_for_inference"))


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    three = parser.add_argument_group("the three networks of the tests")
    three.add_argument("--comparisons", type=int, default=10_000, help="at least so many")
    three.add_argument("--three", action="store_true", help="these three, and no others")
    three.add_argument(
        "--seeds", type=int, default=10, help="check each export with seeds 0 to this - 1"
    )
    several = parser.add_argument_group("the many small networks, which come after those")
    several.add_argument("--many", action="store_true", help="the many networks, and no others")
    several.add_argument(
        "--only",
        action="append",
        default=[],
        choices=NETWORKS,
        metavar="NETWORK",
        help="of the many networks this one, and no others; can be repeated",
    )
    several.add_argument(
        "--ways", nargs="+", default=HERE, choices=HERE, metavar="WAY", help="freeze them in these"
    )
    several.add_argument(
        "--many-seeds",
        type=int,
        default=1,
        help="check each of their exports with seeds 0 to this - 1; --seeds is not theirs",
    )
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
    failed = 0 if options.three else many(options.only, options.ways, options.many_seeds)
    return 1 if alarms or missed or failed else 0


def many(names: Sequence[str], ways: Sequence[str], seeds: int) -> int:
    """Check the exports of many small networks; return the exit status."""
    started = time.perf_counter()
    results = dict(compare_networks(names, ways, seeds))
    print(table([row(name, result) for name, result in results.items()]), end="\n\n")
    passed = sum(len(result.passed) for result in results.values())
    lossy = [sum(counts) for counts in zip(*(r.lossy for r in results.values()), strict=True)]
    found = {
        "alarms": [(n, r.alarms) for n, r in results.items()],
        "exports that are wrong, and passed": [(n, r.missed) for n, r in results.items()],
        "exports that are wrong, and fail": [(n, r.caught) for n, r in results.items()],
        "lossy, and not within their tolerance": [(n, r.outside) for n, r in results.items()],
        "cannot be loaded": [(n, r.unloadable) for n, r in results.items()],
    }
    counts = {title: sum(len(each) for _, each in parts) for title, parts in found.items()}
    print(
        f"{len(results)} networks, {passed} exports that pass, {lossy[0]} of {lossy[1]} lossy ones "
        f"within their tolerance; {', '.join(f'{title}: {n}' for title, n in counts.items())}; "
        f"{time.perf_counter() - started:.0f} s"
    )
    for title, parts in found.items():
        lines = [f"- {name}, {way}: {said}" for name, each in parts for way, said in each.items()]
        if lines:
            print(f"\n{title}:\n", *lines, sep="\n")
    print(*_cannot(results), sep="\n")
    return 1 if counts["alarms"] or counts["exports that are wrong, and passed"] else 0


def _cannot(results: Mapping[str, Result]) -> Iterator[str]:
    """Yield which ways cannot freeze which networks, and why the first of them cannot be."""
    ways: dict[str, dict[str, str]] = {}
    for name, result in results.items():
        for way, why in result.cannot.items():
            ways.setdefault(way, {})[name] = why
    if ways:
        yield "\ncannot freeze:\n"
    for way, those in ways.items():
        which = f"all {len(those)}" if len(those) == len(results) > 1 else ", ".join(those)
        yield f"- {way} ({which}): {next(iter(those.values()))}"


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
