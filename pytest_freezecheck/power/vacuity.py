"""What makes a check say less than it seems to: answers that hardly move, weights that do.

Each of these lets a wrong freeze pass everywhere; none is a failure of the artifact. So they are
said by name, and the planted mistakes tell whether the check could have failed at all.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
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


def still_answers(answers: Iterable[Answer], atol: float) -> list[str]:
    """Return what is to be said of outputs that hardly move, or not at all.

    Args:
        answers: of the live model, batch by batch; gone through once, one at a time.
        atol: largest difference allowed: a probability that is closer to 0 or 1 than that cannot
            show a difference on its far side.
    """
    seen: dict[str, _Seen] = {}
    for answer in answers:
        for name, array in answer.outputs.items():
            seen.setdefault(name, _Seen()).add(array, answer.logits.get(name), atol)
    return [said for name, one in seen.items() for said in one.said(name, atol)]


class _Spread:
    """How far apart the largest and the least value are, in any place."""

    def __init__(self) -> None:
        self._most: Any = None
        self._least: Any = None

    def add(self, array: Array) -> None:
        most, least = array.max(axis=0), array.min(axis=0)
        self._most = most if self._most is None else np.maximum(self._most, most)
        self._least = least if self._least is None else np.minimum(self._least, least)

    @property
    def width(self) -> float:
        if self._most is None:
            return 0.0
        with np.errstate(invalid="ignore"):
            apart = wide(self._most) - wide(self._least)
        return float(np.nan_to_num(apart).max(initial=0.0))


@dataclasses.dataclass
class _Seen:
    """What was seen of one output, batch by batch.

    Attributes:
        fits: whether all answers are numbers that can be put below one another.
        shape: of one answer, None before the first.
        rows: how many there were.
        finite: whether any value was.
        moves: how far its values move.
        hidden: likewise, of what went into its softmax.
        distribution: whether every answer is a distribution over classes.
        sure: of how many positions, and of how many of them one class is all but certain.
    """

    fits: bool = True
    shape: tuple[int, ...] | None = None
    rows: int = 0
    finite: bool = False
    moves: _Spread = dataclasses.field(default_factory=_Spread)
    hidden: _Spread = dataclasses.field(default_factory=_Spread)
    distribution: bool = True
    sure: tuple[int, int] = (0, 0)

    def add(self, array: Any, logits: Any | None, atol: float) -> None:
        known = self.shape is None or self.shape == np.shape(array)[1:]
        self.fits = self.fits and known and stackable([array])
        if not self.fits:
            return
        self.shape, self.rows = array.shape[1:], self.rows + len(array)
        self.finite = self.finite or bool(np.isfinite(wide(array)).any())
        self.moves.add(array)
        if logits is not None:
            self.hidden.add(logits)
        self.distribution = self.distribution and is_distribution(array)
        if self.distribution:
            sure = wide(array.max(axis=-1)) >= _certain(atol)
            self.sure = self.sure[0] + sure.size, self.sure[1] + int(sure.sum())

    def said(self, name: str, atol: float) -> list[str]:
        if not self.fits:
            return []
        if not self.finite:
            return [f"{name!r} is NaN or infinite for all {self.rows} inputs"]
        spread = self.moves.width
        # A softmax that answers the same everywhere can hide logits that do not.
        if spread <= min(atol, _SAME) and self.rows > 1 and not self.hidden.width > _SAME:
            return [
                f"constant: {name!r} is the same for all {self.rows} drawn inputs"
                f"{f', to within {spread:.1e}' if spread else ''}: the answer does not depend on "
                "the input"
            ]
        positions, sure = self.sure
        if not self.distribution or sure < _NEARLY_ALL * positions:
            return []
        return [
            f"saturated: {name!r} gives one class a probability of 1 for {sure} of {positions} "
            "drawn inputs, where a probability hides what the logits do"
        ]


def _certain(atol: float) -> float:
    """Return from which probability on a class is all but certain."""
    return 1.0 - min(atol, _SURE)


def stackable(arrays: Iterable[Any]) -> bool:
    """Return whether answers are numbers that can be put below one another, batch by batch."""
    shapes = set()
    for array in arrays:
        if not (np.ndim(array) and is_number(np.asarray(array)) and array.size):
            return False
        shapes.add(np.shape(array)[1:])
    return len(shapes) == 1


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
        name: hashlib.blake2b(content(np.asarray(value))).digest()
        for name, value in weights.items()
    }


def content(array: Array) -> bytes:
    """Return an array byte by byte; of one of strings, whose bytes are addresses, its text."""
    if array.dtype.hasobject:
        return repr(array.tolist()).encode("utf-8", "backslashreplace")
    return np.ascontiguousarray(array).tobytes()


def moved(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """Return the names of variables that have changed.

    Args:
        before: their digests before the check.
        after: after it.
    """
    return [name for name, digest in before.items() if digest != after.get(name)]
