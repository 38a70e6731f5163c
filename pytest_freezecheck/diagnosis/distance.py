"""How far an answer is from the right one, in one number. NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytest_freezecheck.models.session import Answer

#: What is left of a difference may be this part of it, and no more than float noise of folding.
_PART, NOISE = 0.01, 3e-6


def distance_to(right: Answer) -> Callable[[Answer], float]:
    """Return what tells how far an answer is from the right one, in outputs and logits."""

    def distance(answer: Answer) -> float:
        found = [0.0]
        for name, one in right.outputs.items():
            found.append(apart(one, answer.outputs[name]))
        for name, one in right.logits.items():
            other = answer.logits.get(name)
            if other is not None and other.shape == one.shape:
                size = max(1.0, float(np.abs(np.nan_to_num(one)).max()))
                found.append(apart(_centred(one), _centred(other)) / size)
        return max(found)

    return distance


def _centred(logits: Any) -> Any:
    wide = logits.astype(np.float64)
    return wide - wide.mean(axis=-1, keepdims=True)


def apart(one: Any, other: Any) -> float:
    """Return the largest difference; infinite for another shape, or for NaN on one side."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return float("inf")
    with np.errstate(invalid="ignore"):
        distances = np.abs(one.astype(np.float64) - other.astype(np.float64))
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    distances = np.nan_to_num(np.where(same, 0.0, distances), nan=np.inf, posinf=np.inf)
    return float(distances.max(initial=0.0))


def fell(after: float, before: float) -> bool:
    """Return whether a difference has fallen to the noise floor."""
    return after == 0.0 or (after <= NOISE and after <= _PART * before)
