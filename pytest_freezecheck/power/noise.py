"""The noise floor: how far each side is from itself when nothing but the execution changes.

A frozen GraphDef or SavedModel that TensorFlow runs is compared by the same kernels on the same
batches, so its floor is 0 and any difference has a cause. Another executor sums in another order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.rows import largest_difference

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.clone import Clone

Ask = Callable[[Any], "Answer"]
#: Two answers to the same inputs.
Pair = tuple["Answer", "Answer"]


def repeated(ask: Ask, feeds: Arrays) -> float:
    """Return how far two answers to the same batch are apart, in any output."""
    return apart(ask(feeds), ask(feeds))


def split(ask: Ask, feeds: Arrays) -> float:
    """Return how far the answers to a batch and to its rows one by one are apart."""
    return max((apart(*pair) for pair in row_by_row(ask, feeds)), default=0.0)


def row_by_row(ask: Ask, feeds: Arrays) -> Iterator[Pair]:
    """Yield what each row of a batch is answered among the others, and alone.

    Without what has not as many answers for each row, alone or not.
    """
    rows = rows_of(feeds)
    together = ask(feeds)
    for row in range(rows):
        single = ask({name: array[row : row + 1] for name, array in feeds.items()})
        yield _row(together, single, row, rows), single


def executed_otherwise(
    clone: Clone, batches: Sequence[Arrays], plain: Mapping[int, Answer]
) -> Iterator[Pair]:
    """Yield what the live model answers, and answers with graph optimisation or in one thread.

    Args:
        clone: a copy of the live model.
        batches: what it is asked.
        plain: what it answers as it is always run, by number of the batch.
    """
    for number, answer in clone.otherwise(batches):
        yield plain[number], answer


def apart(one: Answer, other: Answer) -> float:
    """Return the largest difference between two answers of one model, in any output of both."""
    return max(
        (largest_difference(value, other.outputs[name]) for name, value in one.outputs.items()),
        default=0.0,
    )


def _row(answer: Answer, single: Answer, row: int, rows: int) -> Answer:
    outputs, logits = (
        {
            name: _part(value, row, rows)
            for name, value in part.items()
            if name in alone and np.shape(_part(value, row, rows)) == np.shape(alone[name])
        }
        for part, alone in ((answer.outputs, single.outputs), (answer.logits, single.logits))
    )
    return dataclasses.replace(answer, outputs=outputs, logits=logits)


def _part(value: Any, row: int, rows: int) -> Any:
    """Return the answers that belong to one row; all of them if they cannot be shared out."""
    if not np.ndim(value) or not len(value) or len(value) % rows:
        return value
    each = len(value) // rows
    return value[each * row : each * (row + 1)]
