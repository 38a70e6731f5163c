"""From a failed comparison to the smallest input that shows it, and what a replay will see."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from pytest_freezecheck import formats
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.checking.worst_inputs import Suspects
from pytest_freezecheck.inputs.shrink import Feeds, Floats, Shrinker, Smallest
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.difference import Difference
from pytest_freezecheck.numeric.rows import largest_difference
from pytest_freezecheck.numeric.tolerance import Tolerances
from pytest_freezecheck.result.findings import Counterexample

#: The replay must not flip on another machine: twice the tolerance, where there is as much.
_MARGIN = 2.0


def smallest_failing(
    sides: Sides, suspects: Suspects, worst: Difference, tolerances: Tolerances
) -> Counterexample:
    """Make the inputs that showed a difference smaller.

    Args:
        sides: live and frozen.
        suspects: the inputs that showed most.
        worst: the worst difference of the check: a smaller input must show one of its kind.
        tolerances: what is allowed, of that kind.
    """
    started = time.perf_counter()

    def apart(feeds: Feeds) -> Floats:
        return _apart(sides, feeds, worst, tolerances)

    failing = suspects.feeds()
    ratios = apart(failing)
    order = np.argsort(-ratios, kind="stable")
    failing = {name: array[order] for name, array in failing.items()}
    enough = _enough(float(ratios.max()))
    found = Shrinker(apart, sides.live.specs, enough).shrink(failing)
    if apart(found.feeds)[0] < enough:
        # What a row shows depends on the other rows of its batch: ask about one row at a time.
        found = _one_by_one(sides, apart, failing, suspects.batch)
    return Counterexample(
        feeds=found.feeds,
        away=found.away,
        background=found.background,
        size=sum(array.size for array in found.feeds.values()),
        max_abs_diff=largest(*recorded_answers(sides, found.feeds, steady=True)),
        seconds=time.perf_counter() - started,
    )


def _enough(most: float) -> float:
    """Return how far apart a smaller input has to be, if the worst is so far."""
    return _MARGIN if most >= _MARGIN else max(1.0 + 1e-9, 0.95 * most)


def _apart(sides: Sides, feeds: Feeds, worst: Difference, tolerances: Tolerances) -> Floats:
    rows = rows_of(feeds)
    live, frozen = sides.ask_live(feeds), sides.ask_frozen(feeds)
    ratios = tolerances.rows(live, frozen, sides.outputs, rows)
    if worst.non_finite:
        return np.where(np.isinf(ratios), ratios, 0.0)
    return ratios


def _one_by_one(
    sides: Sides, apart: Callable[[Feeds], Floats], failing: Feeds, batch: Feeds
) -> Smallest:
    """Shrink by asking about single rows; keep the whole batch if no row shows it alone."""

    def alone(feeds: Feeds) -> Floats:
        rows = range(rows_of(feeds))
        single = [apart({n: array[row : row + 1] for n, array in feeds.items()}) for row in rows]
        return np.concatenate(single)

    ratios = alone(failing)
    best = int(np.argmax(ratios))
    if ratios[best] <= 1.0:
        size = sum(array.size for array in batch.values())
        return Smallest(batch, size, float(apart(batch).max()), {})
    first = {name: array[best : best + 1] for name, array in failing.items()}
    return Shrinker(alone, sides.live.specs, _enough(float(ratios[best]))).shrink(first)


def recorded_answers(sides: Sides, feeds: Feeds, *, steady: bool) -> tuple[Arrays, Arrays]:
    """Return what both sides answer to an input, under the live names, as a replay will see it.

    Args:
        sides: live and frozen.
        feeds: the input.
        steady: whether the artifact answers the same when asked twice. One that does not is
            loaded anew, since random operations with a seed start from it in each session.
    """
    live = sides.ask_live(feeds).outputs
    frozen = sides.frozen
    if steady or not frozen.path.exists():
        answer = sides.ask_frozen(feeds)
    else:
        again = formats.load(
            frozen.path,
            way=frozen.way,
            inputs=frozen.inputs,
            outputs=frozen.outputs,
            constants=frozen.constants,
            signature=frozen.signature,
            features=frozen.features,
            allow_ops=frozen.allowed,
        )
        again.ignored = frozen.ignored
        try:
            answer = Sides(sides.live, again).ask_frozen(feeds)
        finally:
            again.close()
    return live, {name: answer.outputs[there] for name, there in sides.outputs.items()}


def largest(live: Arrays, frozen: Arrays) -> float:
    """Return the largest difference of two answers to one input, under the same names.

    Infinite where a value is on one side only, or where shape or dtype differ.
    """
    return max(largest_difference(array, frozen[name]) for name, array in live.items())
