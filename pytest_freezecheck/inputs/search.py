"""Run a probe on drawn inputs: Hypothesis draws, and nothing of the user's profile has a say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hypothesis
import numpy.typing as npt
from hypothesis import HealthCheck, Phase, Verbosity

from pytest_freezecheck.inputs.render import Row, render
from pytest_freezecheck.inputs.strategies import batches
from pytest_freezecheck.spec import InputSpec

Feeds = dict[str, npt.NDArray[Any]]


def search(
    inputs: Mapping[str, InputSpec],
    *,
    examples: int,
    seed: int,
    probe: Callable[[Feeds, str], None],
) -> int:
    """Draw batches and hand each to the probe.

    Every setting of Hypothesis is given here, so that a profile that the user has loaded, the
    profile that it loads by itself where it sees a CI, `--hypothesis-seed` and saved examples
    change nothing: the same seed gives the same inputs.

    Args:
        inputs: the inputs' names and specs.
        examples: batches to draw.
        seed: seed of everything drawn.
        probe: called with a batch and its description in words.

    Returns:
        How many batches were drawn.
    """
    ran = 0

    # No example raises, so there is nothing to shrink and every example runs to its end.
    # Phase.target is left out: measured on 100 examples, it spends 45 of them around the single
    # batch with the best score so far, also where all scores are 0.
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        derandomize=False,
        database=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate,),
        stateful_step_count=50,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        print_blob=False,
        backend="hypothesis",
    )
    @hypothesis.given(batches(inputs))
    def one(described: dict[str, list[Row]]) -> None:
        nonlocal ran
        arrays = {name: render(described[name], inputs[name]) for name in inputs}
        ran += 1
        probe(arrays, _in_words(described))

    one()
    return ran


def _in_words(described: Mapping[str, list[Row]]) -> str:
    """Say what a batch holds: `3 rows: noise, smooth, spikes`."""
    batch = next(iter(described.values()))
    kinds = ", ".join(dict.fromkeys(row.kind for row in batch))
    return f"{len(batch)} row{'s' if len(batch) > 1 else ''}: {kinds}"
