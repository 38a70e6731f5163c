"""How far an answer is from the right one, in one number. NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pytest_freezecheck.numeric.difference import centred_logits
from pytest_freezecheck.numeric.rows import largest_difference

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer

#: What is left of a difference may be this part of it, and no more than float noise of folding.
_PART, NOISE = 0.01, 3e-6


def distance_to(right: Answer) -> Callable[[Answer], float]:
    """Return what tells how far an answer is from the right one, in outputs and logits."""

    def distance(answer: Answer) -> float:
        found = [0.0]
        for name, one in right.outputs.items():
            found.append(largest_difference(one, answer.outputs[name]))
        for name, one in right.logits.items():
            other = answer.logits.get(name)
            if other is not None and other.shape == one.shape:
                size = max(1.0, float(np.abs(np.nan_to_num(one)).max()))
                found.append(largest_difference(centred_logits(one), centred_logits(other)) / size)
        return max(found)

    return distance


def fell(after: float, before: float) -> bool:
    """Return whether a difference has fallen to the noise floor."""
    return after == 0.0 or (after <= NOISE and after <= _PART * before)
