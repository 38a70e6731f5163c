"""How strong a check is: the mistakes planted in its live model, on the inputs that it fed."""

from __future__ import annotations

import itertools

from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.difference import is_distribution
from pytest_freezecheck.numeric.tolerance import Tolerances
from pytest_freezecheck.power.score import Outcome, Probe, plan
from pytest_freezecheck.result.findings import Power

#: Rows, and cells of input, to a batch where mistakes that survived are tried on all inputs: 64
#: images of 224 x 224 at once would hold gigabytes of activations.
_AT_ONCE, _CELLS = 64, 2**19


def measured(
    live: LiveModel, corpus: Corpus, tolerances: Tolerances, seed: int, *, logits: bool
) -> Power | None:
    """Measure how many planted mistakes the inputs of a check would have caught.

    Args:
        live: the live model.
        corpus: the inputs.
        tolerances: what is allowed.
        seed: chooses what is planted.
        logits: whether the check sees what goes into a softmax.

    Returns:
        The power, or None if there is nothing to alter.

    Raises:
        ModelError: the live model cannot be copied.
    """
    clone = corpus.clone(live)
    drawn = corpus.drawn()
    every = drawn.count + sum(rows_of(feeds) for feeds in corpus.steered())
    made = plan(
        clone,
        live.checkpoint,
        seed,
        classes=any(is_distribution(array) for array in drawn.answers[0].outputs.values()),
        inputs=every,
    )
    if not made.mistakes:
        return None
    probe = Probe(clone, tolerances, logits=logits)
    outcomes = {o.name: o for o in probe.measure(made.mistakes, corpus.probe(made.rows))}
    # The few that no telling input shows are tried on all inputs, as far as time allows.
    survivors = [m for m in made.mistakes if outcomes[m.name].ratio <= 1.0]
    cells = sum(array[0].size for array in corpus.spread(1).values())
    size = max(1, min(_AT_ONCE, _CELLS // cells))
    batches = itertools.islice(corpus.everything(size), made.further(len(survivors), size))
    outcomes |= {o.name: o for o in probe.measure(survivors, batches) if o.tried}
    missed = [outcome for outcome in outcomes.values() if outcome.ratio <= 1.0]
    concerned = {name for mistake in made.mistakes for name in mistake.weights}
    missing = {outcome.name for outcome in missed}
    orders = [m for m in made.mistakes if m.classes is not None and m.name not in missing]
    return Power(
        len(outcomes) - len(missed),
        len(outcomes),
        tuple((outcome.name, _why(outcome, every)) for outcome in missed),
        weights=len(clone.weights),
        altered=len(concerned),
        orders=len(orders),
    )


def _why(outcome: Outcome, every: int) -> str:
    """Return why a mistake was not noticed, and on how many of the inputs it was tried."""
    tried = f"all {every}" if outcome.tried >= every else f"{outcome.tried} of {every}"
    if outcome.largest == 0.0:
        return (
            f"moves no answer on {tried} inputs: a dead channel, or a value that nothing uses or "
            "none of them reaches"
        )
    return (
        f"below the tolerance on {tried} inputs: moves an answer by at most {outcome.largest:.1e}"
    )
