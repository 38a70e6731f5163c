"""The gate beside three things that people write instead, on the same wrong freezes.

Those are a plain Hypothesis test, which draws the cells of an array, uniform noise over the legal
range, and uniform noise between 0 and 1. Each gets as many forward passes to find a difference as
the gate took, and a difference is one of more than 1e-5 in any output.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable

import hypothesis
import hypothesis.errors
import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, strategies
from hypothesis.extra.numpy import arrays

import pytest_freezecheck as freezecheck
from benchmarks.common import bench, possible
from benchmarks.tables import number, table
from tests.kit.wrong_freezes import WRONG

ATOL = 1e-5
Array = npt.NDArray[np.generic]


@dataclasses.dataclass(frozen=True)
class Case:
    """One wrong freeze, with both sides ready to be asked.

    Attributes:
        live: the live model.
        frozen: the artifact.
        seed: of everything drawn.
        batches: how many the gate fed.
        rows: how many inputs were in them.
    """

    live: freezecheck.LiveModel
    frozen: freezecheck.FrozenModel
    seed: int
    batches: int
    rows: int

    @property
    def spec(self) -> freezecheck.InputSpec:
        """What the only input looks like."""
        (spec,) = self.live.specs.values()
        return spec

    def apart(self, batch: Array) -> npt.NDArray[np.float64]:
        """Return how far apart the two sides are in each row of a batch."""
        (name,) = self.live.inputs
        (live,) = self.live.predict({name: batch}).values()
        (frozen,) = self.frozen.predict({name: batch}).values()
        difference: npt.NDArray[np.float64] = np.abs(live.astype(np.float64) - frozen).max(axis=-1)
        return difference


@dataclasses.dataclass(frozen=True)
class Found:
    """What a method made of one wrong freeze.

    Attributes:
        caught: whether it found a difference.
        shown: the largest difference that it shows to whoever asks, if any.
        away: cells of the smallest failing input that differ from its most common value, if any.
        seconds: how long it took.
    """

    caught: bool
    shown: float | None = None
    away: int | None = None
    seconds: float = 0.0


def cells_away(row: Array) -> int:
    """Return how many cells of an input differ from its most common value."""
    _, counts = np.unique(row, return_counts=True)
    return int(row.size - counts.max())


def plain_hypothesis(case: Case) -> Found:
    """Draw cells with Hypothesis and shrink what fails, as its documentation shows it."""
    low, high = case.spec.bounds
    elements: strategies.SearchStrategy[float] | strategies.SearchStrategy[int] = (
        strategies.floats(low, high, width=32)
        if np.dtype(case.spec.dtype).kind == "f"
        else strategies.integers(int(low), int(high))
    )
    failing: list[tuple[float, Array]] = []

    @hypothesis.seed(case.seed)
    @hypothesis.settings(
        max_examples=case.batches,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(arrays(case.spec.dtype, (1, *case.spec.shape), elements=elements))
    def agrees(batch: Array) -> None:
        difference = float(case.apart(batch).max())
        if not difference <= ATOL:
            failing.append((difference, batch))
            raise AssertionError

    # A freeze that drops units at random fails, and then does not.
    with contextlib.suppress(AssertionError, hypothesis.errors.Flaky):
        agrees()
    if not failing:
        return Found(caught=False)
    difference, batch = failing[-1]  # what it shrank to runs last
    return Found(True, difference, cells_away(batch))


def uniform(low: float, high: float) -> Callable[[Case], Found]:
    """Return the method that feeds noise between two values, or the dtype's own range of them."""

    def method(case: Case) -> Found:
        rng = np.random.default_rng(case.seed)
        integers = np.dtype(case.spec.dtype).kind != "f"
        largest, smallest = 0.0, None
        for rows in np.array_split(np.arange(case.rows), case.batches):
            shape = (len(rows), *case.spec.shape)
            batch: Array = (
                rng.integers(int(low), int(high), shape, endpoint=True)
                if integers
                else rng.uniform(low, high, shape)
            ).astype(case.spec.dtype)
            apart = case.apart(batch)
            largest = max(largest, float(apart.max()))
            for row in batch[~(apart <= ATOL)]:
                away = cells_away(row)
                smallest = away if smallest is None else min(smallest, away)
        return Found(True, largest, smallest) if largest > ATOL else Found(caught=False)

    return method


def legal_noise(case: Case) -> Found:
    """Feed uniform noise over the legal range."""
    return uniform(*case.spec.bounds)(case)


def unit_noise(case: Case) -> Found:
    """Feed uniform noise between 0 and 1, or over all bytes."""
    return uniform(0.0, 1.0 if np.dtype(case.spec.dtype).kind == "f" else 255.0)(case)


METHODS: dict[str, Callable[[Case], Found]] = {
    "plain Hypothesis": plain_hypothesis,
    "noise, legal range": legal_noise,
    "noise, 0 to 1": unit_noise,
}


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="judge with seeds 0 to this - 1")
    parser.add_argument("--network", help="only this one")
    parser.add_argument("--freeze", help="only this one")
    options = parser.parse_args()
    found: dict[str, dict[int, list[Found]]] = {}
    with bench() as made:
        for subject in made.subjects:
            if options.network not in (None, subject):
                continue
            for seed in range(options.seeds):
                for freeze in possible(WRONG, subject):
                    if options.freeze not in (None, freeze.name):
                        continue
                    live = made.live(subject, freeze.live_ema)
                    frozen = freezecheck.load(made.shipped(subject, freeze))
                    for method, result in judge(live, frozen, seed).items():
                        found.setdefault(method, {}).setdefault(seed, []).append(result)
                        if not result.caught:
                            print(f"{method} misses {freeze.name} of {subject}, seed {seed}")
                    frozen.close()
                print(f"{subject}, seed {seed}: done", file=sys.stderr)
    print(table([row(method, by_seed) for method, by_seed in found.items()]))
    return 0


def judge(
    live: freezecheck.LiveModel, frozen: freezecheck.FrozenModel, seed: int
) -> dict[str, Found]:
    """Judge one wrong freeze by every method, the gate first."""
    started = time.perf_counter()
    agreement = freezecheck.check(live, frozen, seed=seed)
    seconds = time.perf_counter() - started
    # A gate that shows no input of its failures has no such attribute.
    counterexample = getattr(agreement, "counterexample", None)
    away = None if counterexample is None else counterexample.away
    found = {"the gate": Found(not agreement, agreement.max_abs_diff, away, seconds)}
    case = Case(live, frozen, seed, agreement.examples, agreement.inputs)
    for name, method in METHODS.items():
        started = time.perf_counter()
        result = method(case)
        found[name] = dataclasses.replace(result, seconds=time.perf_counter() - started)
    return found


def row(method: str, by_seed: dict[int, list[Found]]) -> dict[str, str]:
    """Return one method's row of the table."""
    every = [found for results in by_seed.values() for found in results]
    shown = [found.shown for found in every if found.caught and found.shown is not None]
    away = [found.away for found in every if found.caught and found.away is not None]
    caught = min(sum(found.caught for found in results) for results in by_seed.values())
    return {
        "method": method,
        "caught, worst seed": f"{caught} of {len(next(iter(by_seed.values())))}",
        "largest difference shown, median": number(statistics.median(shown) if shown else None),
        "smallest failing input, median cells": f"{statistics.median(away):.0f}" if away else "-",
        "seconds, median": f"{statistics.median(found.seconds for found in every):.2f}",
    }


if __name__ == "__main__":
    sys.exit(main())
