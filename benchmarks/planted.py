"""How many planted mistakes each kind of input notices: a finer sieve than whole wrong freezes.

Mistakes are planted in the three networks and in a fourth, the reference model with one class
favoured so much that no drawn input reaches another. Each kind of input gets as many rows as a
check feeds. A mistake is noticed if a probability moves by more than 1e-5; a check judges logits
besides, which the last line shows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import HealthCheck, Phase, strategies
from hypothesis.extra.numpy import arrays

import pytest_freezecheck as freezecheck
from benchmarks.common import bench
from benchmarks.tables import table
from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.checking.noise_tolerance import tolerances
from pytest_freezecheck.models import reference
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.models.clone import Clone
from pytest_freezecheck.power.score import Probe, plan
from pytest_freezecheck.settings import Settings

DEFAULT = Settings()
ROWS, BATCH, EXAMPLES = 463, 64, 100
Inputs = Callable[[freezecheck.LiveModel, Corpus, int], Iterator[Arrays]]


def _in_batches(name: str, rows: Any) -> Iterator[Arrays]:
    for start in range(0, len(rows), BATCH):
        yield {name: rows[start : start + BATCH]}


def _only(live: freezecheck.LiveModel) -> tuple[str, freezecheck.InputSpec]:
    ((name, spec),) = live.specs.items()
    return name, spec


def hypothesis_arrays(live: freezecheck.LiveModel, _: Corpus, seed: int) -> Iterator[Arrays]:
    """Draw cells with `hypothesis.extra.numpy.arrays`, one row to an example."""
    name, spec = _only(live)
    low, high = spec.bounds
    elements: Any = (
        strategies.floats(low, high, width=32)
        if np.dtype(spec.dtype).kind == "f"
        else strategies.integers(int(low), int(high))
    )
    drawn: list[Any] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=ROWS,
        database=None,
        derandomize=False,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(arrays(spec.dtype, spec.shape, elements=elements))
    def keep(row: Any) -> None:
        drawn.append(row)

    keep()
    return _in_batches(name, np.stack(drawn))


def _noise(live: freezecheck.LiveModel, seed: int, low: float, high: float) -> Iterator[Arrays]:
    name, spec = _only(live)
    rows = np.random.default_rng(seed).uniform(low, high, (ROWS, *spec.shape))
    if np.dtype(spec.dtype).kind != "f":
        rows = np.rint(rows)
    return _in_batches(name, rows.astype(spec.dtype))


def legal_noise(live: freezecheck.LiveModel, _: Corpus, seed: int) -> Iterator[Arrays]:
    """Draw uniform noise over the legal range."""
    return _noise(live, seed, *_only(live)[1].bounds)


def unit_noise(live: freezecheck.LiveModel, _: Corpus, seed: int) -> Iterator[Arrays]:
    """Draw uniform noise between 0 and 1, or over all bytes."""
    return _noise(live, seed, 0.0, 1.0 if _only(live)[1].dtype.startswith("float") else 255.0)


def ours(_: freezecheck.LiveModel, corpus: Corpus, __: int) -> Iterator[Arrays]:
    """Take the inputs of a check."""
    return corpus.everything(BATCH)


KINDS: dict[str, tuple[Inputs, bool]] = {
    "hypothesis arrays": (hypothesis_arrays, False),
    "noise, legal range": (legal_noise, False),
    "noise, 0 to 1": (unit_noise, False),
    "a check's inputs": (ours, False),
    "a check's inputs, logits too": (ours, True),
}


def favoured(images: Any) -> Any:
    """Build the reference model with a bias for one class."""
    logits = reference.build(images).op.inputs[0]
    return tf.nn.softmax(logits + tf.constant([16.0, 0, 0, 0, 0]), name="favoured")


def noticed(live: freezecheck.LiveModel, seed: int) -> dict[str, tuple[int, int]]:
    """Return how many mistakes each kind of input notices, and how many there are."""
    corpus = Corpus(live, EXAMPLES, seed)
    for _ in corpus.main(live, live.answer):
        pass
    twin = Clone(live)
    mistakes = plan(twin, live.checkpoint, seed, classes=True).mistakes
    known = corpus.known(live, live.answer)
    both = tolerances(live, known, DEFAULT, None)
    found = {}
    for kind, (inputs, logits_too) in KINDS.items():
        probe = Probe(twin, both if logits_too else both.without_logits())
        outcomes = probe.measure(mistakes, inputs(live, corpus, seed))
        found[kind] = sum(outcome.ratio > 1.0 for outcome in outcomes), len(outcomes)
    twin.close()
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="measure with seeds 0 to this - 1")
    seeds = range(parser.parse_args().seeds)
    rows: dict[str, dict[str, str]] = {kind: {"inputs": kind} for kind in KINDS}
    with bench() as made:
        lives = {name: made.live(name) for name in made.subjects}
        checkpoint = made.subjects["reference"].checkpoint
        lives["one class favoured"] = freezecheck.LiveModel.from_checkpoint(
            favoured, checkpoint, reference.INPUTS
        )
        for name, live in lives.items():
            by_seed = [noticed(live, seed) for seed in seeds]
            for kind in KINDS:
                worst = min(result[kind] for result in by_seed)
                rows[kind][name] = f"{worst[0]} of {worst[1]} ({worst[0] / worst[1]:.1%})"
            print(f"{name}: done", file=sys.stderr)
    print(table(rows.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
