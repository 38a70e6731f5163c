"""How far answers are apart, row by row. NumPy only.

A check judges all of its inputs together; to search for a worse input, to make a failing one
smaller, or to tell which rows would have caught a mistake takes one number for each row.
"""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.numeric.difference import (
    Array,
    Floats,
    centred_log_probabilities,
    centred_logits,
    distance,
    identical,
    is_distribution,
    wide,
)


def differences(one: Array, other: Array, rows: int) -> Floats:
    """Return the largest absolute difference of each row, shape (rows,).

    Infinite where one side alone is NaN or infinite, or where shape or dtype differ. What has no
    row for each input counts for all of them.
    """
    if one.shape != other.shape or one.dtype != other.dtype:
        return np.full(rows, np.inf)
    return np.zeros(rows) if identical(one, other) else by_row(distance(one, other), rows)


def largest_difference(one: Array, other: Array) -> float:
    """Return the largest absolute difference of two arrays, infinite as `differences` has it."""
    return float(differences(one, other, 1).max())


def by_row(values: Floats, rows: int) -> Floats:
    """Return the largest value of each row, shape (rows,).

    An answer can have several rows for each input, one after another (the frames of a sequence);
    what cannot be shared out among the inputs counts for all of them.
    """
    if values.ndim and values.size and values.shape[0] % rows == 0:
        return np.asarray(values.reshape(rows, -1).max(axis=1, initial=0.0))
    return np.full(rows, values.max(initial=0.0))


def largest_by_row(live: Array) -> Floats:
    """Return the largest absolute finite value of each row, (rows, 1, ...), or of a scalar."""
    axes = tuple(range(1, live.ndim))
    if live.dtype.kind == "f" and axes:
        largest = wide(np.abs(live).max(axis=axes, keepdims=True))
        if np.isfinite(largest).all():
            return np.asarray(largest)
    finite = np.abs(np.nan_to_num(wide(live), nan=0.0, posinf=0.0, neginf=0.0))
    return np.asarray(finite.max(axis=axes, keepdims=True) if axes else finite)


def logits_apart(
    outputs: tuple[Array, Array],
    logits: tuple[Array | None, Array | None],
    rows: int,
    *,
    recover: bool,
) -> Floats:
    """Return how far the centred logits of each row are apart; 0 where they cannot be told.

    Args:
        outputs: the live and the frozen probabilities.
        logits: what went into their softmax, where the graphs show it.
        rows: how many there are.
        recover: whether they are told from the probabilities otherwise.
    """
    one, other = logits
    if one is not None and other is not None and identical(one, other):
        return np.zeros(rows)
    if one is not None and other is not None and one.size == other.size and one.size:
        if one.shape[-1] != other.shape[-1] or not len(one) or one.size % rows:
            return np.zeros(rows)
        apart = np.abs(centred_logits(other) - centred_logits(one))
        return by_row(np.nan_to_num(apart, nan=0.0, posinf=0.0).reshape(rows, -1), rows)
    live, frozen = outputs
    if not recover or live.ndim < 1 or live.shape[0] != rows:
        return np.zeros(rows)
    whole = centred_log_probabilities(live, frozen)
    if whole is not None:
        return by_row(np.abs(whole[1] - whole[0]).reshape(rows, -1), rows)
    found = np.zeros(rows)
    if is_distribution(live) and is_distribution(frozen):
        return found  # no row tells anything
    for row in range(rows):
        recovered = centred_log_probabilities(live[row : row + 1], frozen[row : row + 1])
        if recovered is not None:
            found[row] = float(np.abs(recovered[1] - recovered[0]).max())
    return found
