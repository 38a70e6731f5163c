"""How far each row of a batch is apart, in multiples of what is allowed. NumPy only.

A check judges all of its inputs together; to search for a worse input, to make a failing one
smaller, or to tell which rows would have caught a mistake takes one number for each row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.compare import (
    Array,
    centred_log_probabilities,
    centred_logits,
    is_distribution,
)

Floats = npt.NDArray[np.float64]


class Answered(Protocol):
    """What a model answered: outputs, and what went into their softmax, by name."""

    @property
    def outputs(self) -> Mapping[str, Array]: ...  # noqa: D102
    @property
    def logits(self) -> Mapping[str, Array]: ...  # noqa: D102


@dataclasses.dataclass(frozen=True)
class Yardstick:
    """What is allowed.

    Attributes:
        atol: largest absolute difference in any output.
        rtol: largest difference of the centred logits, relative to `sizes`; None if not judged.
        sizes: {output: largest absolute centred logit of the live model, over the whole check}.
    """

    atol: float
    rtol: float | None
    sizes: Mapping[str, float]

    def rows(self, live: Answered, frozen: Answered, names: Mapping[str, str], rows: int) -> Floats:
        """Return how far each row is apart: 1 is what is allowed, shape (rows,).

        Args:
            live: the live model's answer.
            frozen: the other answer to the same inputs.
            names: {live output name: name in the other answer}.
            rows: how many there are.

        Returns:
            The largest ratio over all outputs and logits; infinite where one side alone is NaN or
            infinite, or answers in another shape or dtype.
        """
        worst = np.zeros(rows)
        for name, there in names.items():
            one, other = np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])
            worst = np.maximum(worst, _ratio(differences(one, other, rows), self.atol))
            size = self.sizes.get(name, 0.0)
            if self.rtol is not None and size > 0.0:
                pair = (live.logits.get(name), frozen.logits.get(there))
                apart = _logits_apart((one, other), pair, rows)
                worst = np.maximum(worst, _ratio(apart, self.rtol * size))
        return worst


def differences(one: Array, other: Array, rows: int) -> Floats:
    """Return the largest absolute difference of each row, shape (rows,).

    Infinite where one side alone is NaN or infinite, or where shape or dtype differ. What has no
    row for each input counts for all of them.
    """
    if one.shape != other.shape or one.dtype != other.dtype:
        return np.full(rows, np.inf)
    with np.errstate(invalid="ignore"):
        apart = np.abs(other.astype(np.float64) - one.astype(np.float64))
        same = (one == other) | (np.isnan(apart) & _both_nan(one, other))
    apart = np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))
    return _by_row(apart, rows)


def largest_difference(one: Array, other: Array) -> float:
    """Return the largest absolute difference of two arrays, infinite as `differences` has it."""
    return float(differences(one, other, 1).max())


def _both_nan(one: Array, other: Array) -> npt.NDArray[np.bool_]:
    if one.dtype.kind != "f":
        return np.zeros(one.shape, bool)
    return np.asarray(np.isnan(one) & np.isnan(other))


def _by_row(values: Floats, rows: int) -> Floats:
    if values.ndim and values.shape[0] == rows:
        return np.asarray(values.reshape(rows, -1).max(axis=1, initial=0.0))
    return np.full(rows, values.max(initial=0.0))


def _ratio(apart: Floats, allowed: float) -> Floats:
    if allowed > 0.0:
        return apart / allowed
    return np.where(apart > 0.0, np.inf, 0.0)


def _logits_apart(
    outputs: tuple[Array, Array], logits: tuple[Array | None, Array | None], rows: int
) -> Floats:
    """Return how far the centred logits of each row are apart; 0 where they cannot be told."""
    one, other = logits
    if one is not None and other is not None and one.size == other.size and one.size:
        if one.shape[-1] != other.shape[-1]:
            return np.zeros(rows)
        apart = np.abs(centred_logits(other) - centred_logits(one))
        return _by_row(np.nan_to_num(apart, nan=0.0, posinf=0.0).reshape(rows, -1), rows)
    live, frozen = outputs
    if live.ndim < 1 or live.shape[0] != rows:
        return np.zeros(rows)
    whole = centred_log_probabilities(live, frozen)
    if whole is not None:
        return _by_row(np.abs(whole[1] - whole[0]).reshape(rows, -1), rows)
    found = np.zeros(rows)
    if is_distribution(live) and is_distribution(frozen):
        return found  # no row tells anything
    for row in range(rows):
        recovered = centred_log_probabilities(live[row : row + 1], frozen[row : row + 1])
        if recovered is not None:
            found[row] = float(np.abs(recovered[1] - recovered[0]).max())
    return found
