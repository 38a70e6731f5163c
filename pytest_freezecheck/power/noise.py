"""The noise floor: how far each side is from itself when nothing but the execution changes.

A frozen GraphDef or SavedModel that TensorFlow runs is compared by the same kernels on the same
batches, so its floor is 0 and any difference has a cause. Another executor sums in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.severity import largest_difference

if TYPE_CHECKING:
    from pytest_freezecheck.models.session import Answer, Arrays
    from pytest_freezecheck.models.twin import Twin

Ask = Callable[[Any], "Answer"]


def repeated(ask: Ask, feeds: Arrays) -> float:
    """Return how far two answers to the same batch are apart, in any output."""
    return apart(ask(feeds), ask(feeds))


def split(ask: Ask, feeds: Arrays) -> float:
    """Return how far the answers to a batch and to its rows one by one are apart."""
    rows = _rows(feeds)
    together = ask(feeds)
    largest = 0.0
    for row in range(rows):
        single = ask({name: array[row : row + 1] for name, array in feeds.items()})
        for name, answer in together.outputs.items():
            if len(answer) == rows:
                alone = largest_difference(answer[row : row + 1], single.outputs[name])
                largest = max(largest, alone)
    return largest


def executed_otherwise(twin: Twin, batches: Sequence[Arrays]) -> float:
    """Return how far the live model is from itself, with graph optimisation and in one thread."""
    plain = [twin.answer(feeds) for feeds in batches]
    return max(
        apart(one, other)
        for answers in twin.otherwise(batches)
        for one, other in zip(plain, answers, strict=True)
    )


def apart(one: Answer, other: Answer) -> float:
    """Return the largest difference between two answers of one model, in any output."""
    return max(
        largest_difference(value, other.outputs[name]) for name, value in one.outputs.items()
    )


def _rows(feeds: Arrays) -> int:
    return len(next(iter(feeds.values())))
