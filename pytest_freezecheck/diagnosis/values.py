"""Which weights of the artifact are not the live model's: bit for bit, by name."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy.typing as npt

from pytest_freezecheck.numeric.difference import distance
from pytest_freezecheck.result import findings

Weights = Mapping[str, npt.NDArray[Any]]


def differing_weights(live: Weights, frozen: Weights, needed: Container[str]) -> findings.Weights:
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
            differing.append((name, float(distance(one, other).max())))
    return findings.Weights(
        compared=len(common),
        differing=tuple(differing),
        absent=tuple(name for name in live if name in needed and name not in frozen),
    )
