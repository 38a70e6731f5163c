"""What steering and searching add to drawing, in the same number of forward passes.

Four ways to spend 100 batches on a wrong freeze that shows little: draw them all; let
`hypothesis.target` pull towards the largest difference; draw 96 and steer 4 to the decision
boundary; and what a check does, which searches around what showed most besides.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase

import pytest_freezecheck as freezecheck
from benchmarks.common import bench, possible
from benchmarks.tables import number, table
from pytest_freezecheck.checking.comparison import prepared
from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.inputs.descriptions import Batch
from pytest_freezecheck.inputs.search import draw
from pytest_freezecheck.inputs.strategies import build, fair_batches
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.numeric.rows import differences
from pytest_freezecheck.settings import Settings
from tests.kit.wrong_freezes import WRONG

#: Freezes of which most inputs show little.
SUBTLE = ("half_precision", "one_weight_1_percent", "another_epsilon", "raw_last_bias")
BATCHES = 100
Way = Callable[[Sides, int], float]


def _apart(sides: Sides, feeds: Arrays) -> float:
    live, frozen = sides.ask_live(feeds), sides.ask_frozen(feeds)
    rows = len(next(iter(feeds.values())))
    return max(
        float(differences(live.outputs[name], frozen.outputs[there], rows).max())
        for name, there in sides.outputs.items()
    )


def drawn(sides: Sides, seed: int) -> float:
    """Feed what Hypothesis draws."""
    specs = sides.live.specs
    return max(_apart(sides, build(b, specs)) for b in draw(examples=BATCHES, seed=seed))


def targeted(sides: Sides, seed: int) -> float:
    """Feed what Hypothesis draws, and tell it how large each difference is."""
    largest = 0.0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=BATCHES,
        database=None,
        derandomize=False,
        deadline=None,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(fair_batches())
    def feed(batch: Batch) -> None:
        nonlocal largest
        apart = _apart(sides, build(batch, sides.live.specs))
        largest = max(largest, apart)
        hypothesis.target(float(np.log10(apart + 1e-12)))

    feed()
    return largest


def steered(sides: Sides, seed: int) -> float:
    """Draw 96 batches, and steer 4 of them to the decision boundary."""
    corpus = Corpus(sides.live, BATCHES, seed)
    answered = [*corpus.main(sides.live, sides.ask_live)]
    answered += corpus.spare(sides.ask_live, BATCHES - len(answered))
    return max(_apart(sides, feeds) for _, feeds, _ in answered)


def searched(sides: Sides, seed: int) -> float:
    """Do what a check does."""
    corpus = Corpus(sides.live, BATCHES, seed)
    fed, _ = prepared(sides, corpus, Settings(seed=seed))
    fed.everything(corpus)
    worst = fed.tally.worst
    return worst.max_abs if worst is not None else 0.0


WAYS: dict[str, Way] = {
    "drawn": drawn,
    "drawn, with hypothesis.target": targeted,
    "drawn and steered": steered,
    "drawn, steered and searched (a check)": searched,
}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="seeds for each freeze")
    seeds = range(parser.parse_args().seeds)
    shown: dict[str, list[float]] = {way: [] for way in WAYS}
    seconds = dict.fromkeys(WAYS, 0.0)
    with bench() as made:
        for subject in made.subjects:
            for freeze in possible(WRONG, subject):
                if freeze.name not in SUBTLE:
                    continue
                live = made.live(subject, freeze.live_ema)
                frozen = freezecheck.load(made.shipped(subject, freeze))
                sides = Sides(live, frozen)
                for way, spend in WAYS.items():
                    started = time.perf_counter()
                    shown[way] += [spend(sides, seed) for seed in seeds]
                    seconds[way] += time.perf_counter() - started
                frozen.close()
    base = shown["drawn"]
    print(
        table(
            {
                "100 batches": way,
                "median difference shown": number(statistics.median(found)),
                "least": number(min(found)),
                "times what drawing shows (median)": f"{statistics.median(ratios):.1f}",
                "seconds": f"{seconds[way] / len(found):.2f}",
            }
            for way, found in shown.items()
            for ratios in [[one / other for one, other in zip(found, base, strict=True)]]
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
