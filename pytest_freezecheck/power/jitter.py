"""What float noise does to an answer: weights and inputs moved by units in the last place.

Another executor rounds in other places than the live model does. How much that moves an answer
depends on the input, by orders of magnitude: where a difference of two large numbers is left, where
a class changes, where a value is rounded to a whole one. So the live model's copy is asked several
times, with every weight and every input moved at random by a few units in the last place, and what
its answers to one input are apart is the noise of that input (Monte Carlo arithmetic: Parker, 1997;
the random rounding of Verrou is the same idea). What arises inside of a network shows where a copy
is asked that rounds at random too (`models/roundings.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.numeric.difference import centred_logits, distance, is_real, wide

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.spec.inputs import InputSpec

#: Asks about a batch, with other values for weights: {variable name: value}, and with a seed for
#: what else may be moved, or None for nothing.
Ask = Callable[["Arrays", "Arrays", tuple[int, int] | None], "Answer"]
Floats = npt.NDArray[np.float64]
#: How often each input is asked. Close to a tie, a class changes in half of the tries: one in 64
#: such ties shows in none of 6, so what was decided by few is tried by more before it is a failure.
TIMES, MANY = 6, 32
#: Units in the last place that a value is moved by, at most: true exports were up to 3.7 times as
#: far off as one unit moves the same input (docs/benchmarks.md). Of the 16-bit types one is 1 % or
#: 0.1 % of the value, and executors work them in float32.
_UNITS, _UNITS_OF_16_BITS = 8.0, 1.0


@dataclasses.dataclass(frozen=True)
class Spread:
    """How far the answers to one batch were apart.

    Attributes:
        outputs: {output: largest absolute difference of each value}; infinite where an answer had
            another shape, or was not finite.
        logits: {output: largest difference of the centred logits of each row}.
    """

    outputs: Mapping[str, Floats]
    logits: Mapping[str, Floats]

    def or_more(self, other: Spread) -> Spread:
        """Return the larger of two spreads of the same answers, value by value."""
        return Spread(
            {name: np.maximum(value, other.outputs[name]) for name, value in self.outputs.items()},
            {name: np.maximum(value, other.logits[name]) for name, value in self.logits.items()},
        )

    def unlimited(self) -> Spread:
        """Return the spread of answers that may be anything."""
        return Spread(
            {name: np.full(value.shape, np.inf) for name, value in self.outputs.items()},
            {name: np.full(value.shape, np.inf) for name, value in self.logits.items()},
        )


def spread(
    ask: Ask,
    weights: Arrays,
    feeds: Arrays,
    specs: Mapping[str, InputSpec],
    seed: int,
    tries: range = range(TIMES),
) -> Spread:
    """Return how far the live model's answers to a batch are apart under float noise.

    Args:
        ask: asks the live model about a batch, with other values for weights.
        weights: {variable name: value} of those that can be moved.
        feeds: {input name: array (rows, *shape)}.
        specs: {input name: its specification}: nothing illegal is fed.
        seed: chooses the directions.
        tries: numbers of the tries, each with directions of its own.
    """
    plain = ask(feeds, {}, None)
    outputs = {name: np.zeros(np.shape(value)) for name, value in plain.outputs.items()}
    logits = {
        name: np.zeros(len(centred_logits(value)))
        for name, value in plain.logits.items()
        if value.size
    }
    for number in tries:
        rng = np.random.default_rng([seed, number])
        fed = {name: _moved(array, rng, specs[name]) for name, array in feeds.items()}
        changes = {name: _moved(value, rng) for name, value in weights.items()}
        other = ask(fed, changes, (seed, number))
        for name, value in plain.outputs.items():
            outputs[name] = np.maximum(outputs[name], _apart(value, other.outputs[name]))
        for name in logits:
            logits[name] = np.maximum(logits[name], _centred(plain, other, name))
    return Spread(outputs, logits)


def can_move(weights: Arrays, feeds: Arrays) -> bool:
    """Return whether there is anything that float noise could move."""
    return any(is_real(np.asarray(value)) for value in (*weights.values(), *feeds.values()))


def _moved(value: npt.NDArray[Any], rng: Any, spec: InputSpec | None = None) -> npt.NDArray[Any]:
    if not is_real(value) or not value.size:
        return value
    epsilon = 2.0 ** -_mantissa(value)
    units = _UNITS if value.dtype.itemsize > 2 else _UNITS_OF_16_BITS
    # float32 is enough to choose a direction, and halves what a large network takes.
    factors = rng.random(value.shape, np.float32) * np.float32(2.0) - np.float32(1.0)
    with np.errstate(over="ignore"):
        moved = value + value * (factors * np.float32(units * epsilon)).astype(value.dtype)
    if spec is not None:
        moved = np.clip(moved, *(np.asarray(bound, value.dtype) for bound in spec.bounds))
    return np.asarray(moved.astype(value.dtype))


def _mantissa(value: npt.NDArray[Any]) -> int:
    """Return the bits of a value's mantissa, the first one, which is not stored, not counted."""
    if value.dtype.kind == "f":
        return int(np.finfo(value.dtype).nmant)
    return 7  # bfloat16; of the 8-bit types there are less, and one unit moves more


def _apart(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> Floats:
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return np.full(one.shape, np.inf)
    return distance(one, other)


def _centred(one: Answer, other: Answer, name: str) -> Floats:
    mine, theirs = one.logits[name], other.logits.get(name)
    if theirs is None or mine.shape != theirs.shape or not np.isfinite(wide(mine)).all():
        return np.full(len(centred_logits(mine)), np.inf)
    apart = np.abs(centred_logits(theirs) - centred_logits(mine))
    return np.asarray(np.nan_to_num(apart, nan=np.inf).max(axis=1))
