"""What makes a check say less than it seems to: answers that hardly move, weights that do.

Each of these lets a wrong freeze pass everywhere; none is a failure of the artifact. So they are
said by name, and the planted mistakes tell whether the check could have failed at all.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.difference import (
    Array,
    distance,
    identical,
    is_distribution,
    is_number,
    wide,
)

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays

#: Share of inputs from which on a model counts as saturated.
_NEARLY_ALL = 0.99
#: Answers that vary by less are the same, and a probability this close to 1 is 1, however large
#: the difference is that a check allows.
_SAME, _SURE = 1e-6, 1e-5


def still_answers(answers: Sequence[Answer], atol: float) -> list[str]:
    """Return what is to be said of outputs that hardly move, or not at all.

    Args:
        answers: of the live model, batch by batch.
        atol: largest difference allowed: a probability that is closer to 0 or 1 than that cannot
            show a difference on its far side.
    """
    said = []
    for name in answers[0].outputs:
        every = [answer.outputs[name] for answer in answers]
        if not stackable(every):
            continue
        rows = sum(len(array) for array in every)
        if not any(bool(np.isfinite(wide(array)).any()) for array in every):
            said.append(f"{name!r} is NaN or infinite for all {rows} inputs")
            continue
        spread = _spread(every)
        logits = [answer.logits[name] for answer in answers if name in answer.logits]
        # A softmax that answers the same everywhere can hide logits that do not.
        hidden = bool(logits) and _spread(logits) > _SAME
        if spread <= min(atol, _SAME) and rows > 1 and not hidden:
            said.append(
                f"constant: {name!r} is the same for all {rows} drawn inputs"
                f"{f', to within {spread:.1e}' if spread else ''}: the answer does not depend on "
                "the input"
            )
        elif all(is_distribution(array) for array in every):
            said += _saturated(name, every, atol)
    return said


def stackable(arrays: Sequence[Any]) -> bool:
    """Return whether answers are numbers that can be put below one another, batch by batch."""
    shapes = {np.shape(array)[1:] for array in arrays}
    return len(shapes) == 1 and all(
        np.ndim(array) and is_number(np.asarray(array)) and array.size for array in arrays
    )


def _spread(arrays: Sequence[Array]) -> float:
    """Return how far apart the largest and the least answer are, in any place; batch by batch."""
    most = functools.reduce(np.maximum, (wide(array).max(axis=0) for array in arrays))
    least = functools.reduce(np.minimum, (wide(array).min(axis=0) for array in arrays))
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(most - least).max(initial=0.0))


def _saturated(name: str, arrays: Sequence[Array], atol: float) -> list[str]:
    least = 1.0 - min(atol, _SURE)
    sure = np.concatenate([(wide(array).max(axis=-1) >= least).ravel() for array in arrays])
    if sure.mean() < _NEARLY_ALL:
        return []
    return [
        f"saturated: {name!r} gives one class a probability of 1 for {int(sure.sum())} of "
        f"{len(sure)} drawn inputs, where a probability hides what the logits do"
    ]


def idle_inputs(ask: Callable[[Arrays], Answer], feeds: Arrays) -> list[str]:
    """Return the names of those of several inputs that the answer does not depend on.

    Args:
        ask: asks the live model.
        feeds: a batch of different rows, {input name: array (rows, *shape)}.
    """
    if len(feeds) < 2 or rows_of(feeds) < 2:
        return []
    before = ask(feeds)
    return [
        name
        for name, array in feeds.items()
        if _same(before, ask({**feeds, name: np.roll(array, 1, axis=0)}))
    ]


def _same(one: Answer, other: Answer) -> bool:
    return all(
        equal(value, mapping[name])
        for mine, mapping in ((one.outputs, other.outputs), (one.logits, other.logits))
        for name, value in mine.items()
    )


def equal(one: Any, other: Any) -> bool:
    """Return whether two answers are equal, NaN and NaN as well."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return identical(one, other) or not distance(one, other).any()


def digests(weights: Mapping[str, Any]) -> dict[str, bytes]:
    """Return {variable name: digest of its value}, which tells states of a model apart.

    Args:
        weights: {variable name: value}.
    """
    return {
        name: hashlib.blake2b(np.ascontiguousarray(value).tobytes()).digest()
        for name, value in weights.items()
    }


def moved(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """Return the names of variables that have changed.

    Args:
        before: their digests before the check.
        after: after it.
    """
    return [name for name, digest in before.items() if digest != after.get(name)]
