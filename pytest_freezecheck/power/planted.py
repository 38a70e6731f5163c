"""Mistakes planted in a model, to see whether a check would have noticed them. NumPy only.

Two families: single weights altered in every layer, as a broken converter or a stray edit would;
and the mistakes of freezing scripts, as far as other values for weights or another order of
classes express them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.models.checkpoint import shadow_keys
from pytest_freezecheck.models.checkpoint_files import Lookup
from pytest_freezecheck.numeric.difference import is_real, wide

Array = npt.NDArray[Any]
Weights = Mapping[str, Array]
_STATISTICS = {"moving_mean": 0.0, "moving_variance": 1.0}
#: What a weight's neighbours may do to it: another amount, place, none, another sign.
#: By name, what the value is multiplied with, and what share of the layer's spread is added.
_ALTERED: Mapping[str, tuple[float, float]] = {
    "scaled by 1.01": (1.01, 0.0),
    "shifted by a hundredth of the layer's spread": (1.0, 0.01),
    "set to 0": (0.0, 0.0),
    "negated": (-1.0, 0.0),
}
_CELLS = 3
#: What a weight that is all zeros, and so has no spread, is shifted by.
_STEP = 0.01
#: From one usual epsilon of BatchNorm to the other; as seen by the square root, so much more
#: variance is so much more epsilon.
_EPSILON = 1e-3 - 1e-5


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One planted mistake.

    Attributes:
        name: in words, such as `conv1/weights: raw instead of its shadow`.
        changes: makes {weight: other value}; made when it is needed, for they can be large.
        weights: names of the weights that it concerns.
        classes: reorders the classes of an output, array (..., classes), if that is the mistake.
    """

    name: str
    changes: Callable[[], dict[str, Array]]
    weights: tuple[str, ...] = ()
    classes: Callable[[Array], Array] | None = None


def altered_weights(weights: Weights, seed: int) -> Iterator[Mistake]:
    """Yield mistakes that alter one element of one floating-point weight.

    What changes nothing, as negating a 0 does, is no mistake and is left out.

    Args:
        weights: {name: value}.
        seed: chooses the elements: 3 of each weight, or as many as it has.
    """
    rng = np.random.default_rng(seed)
    for name, value in weights.items():
        if not is_real(np.asarray(value)) or not value.size:
            continue
        cells = rng.choice(value.size, size=min(_CELLS, value.size), replace=False)
        for cell in cells.tolist():
            place = [int(i) for i in np.unravel_index(cell, value.shape)]
            before = np.asarray(value).reshape(-1)[cell]
            for done, after in _altered(np.asarray(value), before):
                # What is no number, or the square root of a variance below 0, is none in every
                # answer: nothing could miss that.
                absurd = after < 0 and name.endswith("moving_variance")
                if after != before and np.isfinite(after) and not absurd:
                    change = _one_element(name, value, cell, after)
                    yield Mistake(f"{name}{place} {done}", change, (name,))


def _altered(value: Array, before: Any) -> Iterator[tuple[str, Any]]:
    """Yield what is done to an element of a weight, and what it is then, in the weight's type."""
    spread = _spread(value)
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large becomes infinite
        for done, (factor, share) in _ALTERED.items():
            yield done, value.dtype.type(factor * float(before) + share * spread)
        if not spread:
            yield f"shifted by {_STEP:g}", value.dtype.type(float(before) + _STEP)


def _spread(value: Array) -> float:
    """Return how far a weight's elements are apart, or their size if they are equal.

    Infinite elements, such as the mask of an attention, have no part in it.
    """
    exact = wide(value)
    exact = exact[np.isfinite(exact)]
    if not exact.size:
        return 0.0
    with np.errstate(over="ignore"):  # squares of float64 can be too large
        spread = float(np.std(exact))
    return spread if 0.0 < spread < np.inf else float(np.max(np.abs(exact)))


def _one_element(name: str, value: Array, cell: int, after: Any) -> Callable[[], dict[str, Array]]:
    def make() -> dict[str, Array]:
        changed = np.array(value)  # of a scalar, TensorFlow gives a number, which has no cells
        changed.reshape(-1)[cell] = after
        return {name: changed}

    return make


def freezing_mistakes(
    weights: Weights, checkpoint: Lookup | None, older: Lookup | None
) -> Iterator[Mistake]:
    """Yield the mistakes of freezing scripts, for each weight and for all of them at once.

    Args:
        weights: {name: value} that the live model reads.
        checkpoint: its checkpoint, if known.
        older: another step's checkpoint beside it, if there is one.
    """
    floats = {n: v for n, v in weights.items() if is_real(np.asarray(v))}
    yield from _families("rounded to float16", floats, _rounded)
    statistics = {n: v for n, v in floats.items() if _initial_statistic(n) is not None}
    yield from _families("still at its initial value", statistics, _initial)
    variances = {n: v for n, v in floats.items() if n.endswith("moving_variance")}
    yield from _families("with an epsilon larger by 1e-3", variances, _epsilon)
    if checkpoint is None:
        return
    found = {name: _counterpart(name, value, checkpoint) for name, value in floats.items()}
    raw = {n: v for n, (kind, v) in found.items() if kind == "raw" and v is not None}
    yield from _replaced("raw instead of its shadow", floats, raw)
    shadows = {n: v for n, (kind, v) in found.items() if kind == "shadow" and v is not None}
    yield from _replaced("its shadow instead of the variable", floats, shadows)
    if older is not None:
        before = {n: _same_key(n, v, checkpoint, older) for n, v in floats.items()}
        there = {n: v for n, v in before.items() if v is not None}
        yield from _replaced("of another step's checkpoint", floats, there)


def class_orders() -> Iterator[Mistake]:
    """Yield the mistakes that put classes in another order."""
    orders: Mapping[str, Callable[[Array], Array]] = {
        "classes shifted by one": lambda answer: np.roll(answer, 1, axis=-1),
        "classes in reverse order": lambda answer: answer[..., ::-1],
        "the first two classes swapped": lambda answer: np.concatenate(
            [answer[..., 1:2], answer[..., :1], answer[..., 2:]], axis=-1
        ),
    }
    for name, order in orders.items():
        yield Mistake(name, dict, classes=order)


def _families(
    text: str, weights: Weights, change: Callable[[str, Array], Array]
) -> Iterator[Mistake]:
    """Yield a mistake of each weight that it changes, and one of all of them."""

    def one(name: str, value: Array) -> Callable[[], dict[str, Array]]:
        return lambda: {name: np.asarray(change(name, value), value.dtype)}

    def everything() -> dict[str, Array]:
        return {n: np.asarray(change(n, v), v.dtype) for n, v in weights.items()}

    changed = [n for n, v in weights.items() if not np.array_equal(change(n, v), v)]
    for name in changed:
        yield Mistake(f"{name}: {text}", one(name, weights[name]), (name,))
    if len(changed) > 1:
        yield Mistake(f"all {len(changed)} weights: {text}", everything, tuple(changed))


def _replaced(text: str, weights: Weights, others: Weights) -> Iterator[Mistake]:
    """Yield the mistakes of weights that have another one's value."""
    concerned = {name: weights[name] for name in others}
    yield from _families(text, concerned, lambda name, _: others[name])


def _rounded(name: str, value: Array) -> Array:
    del name
    with np.errstate(over="ignore"):  # what is too large for float16 becomes infinite there, too
        return np.asarray(value.astype(np.float16).astype(value.dtype))


def _initial_statistic(name: str) -> float | None:
    return _STATISTICS.get(name.rsplit("/", 1)[-1])


def _initial(name: str, value: Array) -> Array:
    return np.full_like(value, _initial_statistic(name))


def _epsilon(name: str, value: Array) -> Array:
    del name
    return np.asarray(value + value.dtype.type(_EPSILON))


def _shadow(name: str, lookup: Lookup) -> Array | None:
    for key in shadow_keys(name):
        value = lookup(key)
        if value is not None:
            return value
    return None


def _counterpart(name: str, value: Array, lookup: Lookup) -> tuple[str, Array | None]:
    """Return which of variable and shadow the live model does not read, and its value."""
    raw, shadow = lookup(name), _shadow(name, lookup)
    if shadow is not None and np.array_equal(shadow, value):
        return "raw", raw if raw is not None and raw.shape == value.shape else None
    if raw is not None and np.array_equal(raw, value):
        return "shadow", shadow if shadow is not None and shadow.shape == value.shape else None
    return "", None


def _same_key(name: str, value: Array, checkpoint: Lookup, older: Lookup) -> Array | None:
    """Return another step's value under the key that the live model reads."""
    shadow = _shadow(name, checkpoint)
    averaged = shadow is not None and np.array_equal(shadow, value)
    other = _shadow(name, older) if averaged else older(name)
    return other if other is not None and other.shape == value.shape else None
