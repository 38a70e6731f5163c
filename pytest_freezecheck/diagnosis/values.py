"""Which weights of the artifact are not the live model's: bit for bit, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = Mapping[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class WeightDifferences:
    """What a comparison of weights found.

    Attributes:
        compared: how many weights both sides have under one name.
        differing: (name, largest absolute difference), in the live model's order, which is from
            the network's input to its output; NaN where shape or dtype differ.
        absent: names of needed live weights that the artifact has not under that name.
    """

    compared: int
    differing: tuple[tuple[str, float], ...]
    absent: tuple[str, ...]


def differing_weights(live: Weights, frozen: Weights, needed: Container[str]) -> WeightDifferences:
    """Compare two sets of weights by name.

    Args:
        live: the live model's, {name: array}, in the order in which they should be named.
        frozen: the artifact's, {name: array}.
        needed: names of those that the live model's outputs are computed from.
    """
    common = [name for name in live if name in frozen]
    differing = []
    for name in common:
        one, other = live[name], frozen[name]
        if one.shape != other.shape or one.dtype != other.dtype:
            differing.append((name, float("nan")))
        elif one.tobytes() != other.tobytes():
            apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
            differing.append((name, float(apart.max())))
    return WeightDifferences(
        compared=len(common),
        differing=tuple(differing),
        absent=tuple(name for name in live if name in needed and name not in frozen),
    )
