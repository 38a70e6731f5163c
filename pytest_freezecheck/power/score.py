"""Could the check have failed? Which of the mistakes planted in this model it would have caught.

A mutation score: the live model is run with a mistake in it, on inputs that the check fed, and
judged as an artifact is. It needs no artifact, so it is measured once for a live model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.models.checkpoint import beside
from pytest_freezecheck.models.checkpoint_files import Lookup, values_beside, values_of
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.rows import differences
from pytest_freezecheck.numeric.tolerance import Tolerances
from pytest_freezecheck.power.planted import (
    Mistake,
    altered_weights,
    class_orders,
    freezing_mistakes,
)

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.clone import Clone

#: What a run costs besides its rows, in multiplications: a millisecond's worth.
_OVERHEAD = 10**8
#: What measuring may cost at least, in multiplications: about a second on two cores.
_FLOOR = 10**11
#: And as a share of the check's own forward passes: as many rows as are fed, at most 455, twice.
_SHARE, _CHECKED = 0.25, 455
_FEWEST, _MOST_ROWS, _WORTH_MEASURING = 4, 32, 60


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one planted mistake did.

    Attributes:
        name: of the mistake.
        ratio: how far apart it put the two sides, as a multiple of what is allowed.
        largest: largest absolute difference in any output.
        tried: number of inputs that it was tried on.
    """

    name: str
    ratio: float = 0.0
    largest: float = 0.0
    tried: int = 0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to plant, and on how many inputs to try it, so that it costs a part of a check at most.

    Attributes:
        mistakes: what to plant.
        rows: inputs of each kind, steered and drawn, that every mistake is tried on.
        budget: what trying those that survive on further inputs may cost, in multiplications.
        row: what one input costs.
    """

    mistakes: list[Mistake]
    rows: int
    budget: float
    row: int

    def further(self, survivors: int, batch: int) -> int:
        """Return how many more batches each of so many survivors may be tried on."""
        return int(self.budget / (max(1, survivors) * (2 * _OVERHEAD + batch * self.row)))


class Probe:
    """Runs the live model with mistakes in it.

    Args:
        clone: a copy of the live model.
        tolerances: what is allowed.
        logits: whether the check sees what goes into a softmax, or its probabilities alone, as of
            what another executor runs.
    """

    def __init__(self, clone: Clone, tolerances: Tolerances, *, logits: bool = True) -> None:
        self.clone, self.tolerances, self.logits = clone, tolerances, logits

    def _answer(self, feeds: Arrays, changes: Mapping[str, Any] | None = None) -> Answer:
        answer = self.clone.answer(feeds, changes)
        return answer if self.logits else dataclasses.replace(answer, logits={})

    def measure(self, mistakes: Sequence[Mistake], batches: Iterable[Arrays]) -> list[Outcome]:
        """Try each mistake on batch after batch, until one shows it.

        Args:
            mistakes: what to plant.
            batches: {input name: array (rows, *shape)}, the most telling first.
        """
        outcomes = {mistake.name: Outcome(mistake.name) for mistake in mistakes}
        left = list(mistakes)
        for feeds in batches:
            if not left:
                break
            right = self._answer(feeds)
            for mistake in left:
                outcomes[mistake.name] = self._tried(outcomes[mistake.name], mistake, feeds, right)
            left = [mistake for mistake in left if outcomes[mistake.name].ratio <= 1.0]
        return list(outcomes.values())

    def _tried(self, so_far: Outcome, mistake: Mistake, feeds: Arrays, right: Answer) -> Outcome:
        changes = mistake.changes()
        wrong = self._answer(feeds, changes) if changes else right
        if mistake.classes is not None:
            wrong = _reordered(wrong, mistake.classes)
        rows = rows_of(feeds)
        ratios = self.tolerances.rows(right, wrong, {name: name for name in right.outputs}, rows)
        apart = [differences(a, wrong.outputs[n], rows).max() for n, a in right.outputs.items()]
        return Outcome(
            mistake.name,
            max(so_far.ratio, float(ratios.max())),
            max(so_far.largest, *map(float, apart)),
            so_far.tried + rows,
        )


def plan(
    clone: Clone, checkpoint: str | None, seed: int, *, classes: bool, inputs: int = _CHECKED
) -> Plan:
    """Choose what to plant.

    What it costs is reckoned from the shapes of the layers, and not measured, so that the same
    model is always given the same mistakes.

    Args:
        clone: a copy of the live model.
        checkpoint: prefix of the checkpoint that the live model was restored from, if known.
        seed: chooses which elements are altered, and which mistakes where there is no time for all.
        classes: whether an output is a distribution over classes, which can be reordered.
        inputs: how many the check feeds: of one that is proved and feeds few, it costs little, too.
    """
    lookup, older = _lookups(checkpoint)
    every = [
        *(class_orders() if classes else ()),
        *freezing_mistakes(clone.weights, lookup, older),
        *altered_weights(clone.weights, seed),
    ]
    row = clone.macs()
    budget = max(_FLOOR, _SHARE * 2 * min(inputs, _CHECKED) * row)
    rows = int(np.clip(budget / (_WORTH_MEASURING * row), _FEWEST, _MOST_ROWS))
    most = int(budget / (2 * _OVERHEAD + rows * row)) + 1
    if most < len(every):
        chosen = np.random.default_rng(seed).permutation(len(every))[:most]
        every = [every[place] for place in sorted(chosen.tolist())]
    return Plan(every, rows, budget, row)


def _lookups(checkpoint: str | None) -> tuple[Lookup | None, Lookup | None]:
    """Return what reads the checkpoint, and what reads another step's beside it."""
    if checkpoint is None:
        return None, None
    others = beside(checkpoint)
    return values_of(checkpoint), values_beside(others[-1]) if others else None


def _reordered(answer: Answer, order: Callable[[Any], Any]) -> Answer:
    return dataclasses.replace(
        answer,
        outputs={n: order(a) if a.ndim else a for n, a in answer.outputs.items()},
        logits={n: order(a) for n, a in answer.logits.items()},
    )
