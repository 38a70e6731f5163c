"""Draw the batches of a check: Hypothesis draws, and nothing of the user's profile has a say."""

from __future__ import annotations

import dataclasses
import functools

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity

from pytest_freezecheck.inputs.descriptions import Batch
from pytest_freezecheck.inputs.strategies import fair_batches


def draw(*, examples: int, seed: int) -> list[Batch]:
    """Describe batches.

    Every setting of Hypothesis is given here, so that a profile that the user has loaded, the
    profile that it loads by itself where it sees a CI, `--hypothesis-seed` and saved examples
    change nothing: the same seed gives the same inputs. Nor has what modules are loaded: see
    `fair_batches`.

    Args:
        examples: how many batches to describe.
        seed: seed of everything drawn.

    Returns:
        So many descriptions, or fewer if Hypothesis has run out of new ones.
    """
    drawn: list[Batch] = []

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
    @hypothesis.given(fair_batches())
    def keep(batch: Batch) -> None:
        drawn.append(dataclasses.replace(batch, number=len(drawn)))

    keep()
    return drawn


@functools.lru_cache(maxsize=16)
def drawn_once(examples: int, seed: int) -> tuple[Batch, ...]:
    """Return what `draw` does: the same for every model, and half a second of Hypothesis each time.

    Args:
        examples: how many batches to describe.
        seed: seed of everything drawn.
    """
    return tuple(draw(examples=examples, seed=seed))


def in_words(batch: Batch, *, sampled: bool = False) -> str:
    """Say what a batch holds: `3 rows: noise, smooth, spikes`.

    Args:
        batch: the description.
        sampled: whether the first input has real samples, of which variations are made.
    """
    kinds = ", ".join(dict.fromkeys(row.kind for row in batch.rows(sampled=sampled)))
    return f"{batch.size} row{'s' if batch.size > 1 else ''}: {kinds}"
