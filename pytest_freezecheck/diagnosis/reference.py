"""What speaks against the reference itself: so it was evaluated, but was it meant so? NumPy only.

None of this is a difference between live and frozen, so none of it fails a check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.diagnosis.weights import keys_of
from pytest_freezecheck.messages.wording import counted, listed
from pytest_freezecheck.models.checkpoint_files import Lookup

Array = npt.NDArray[Any]
#: Initial values that a name tells.
_INITIAL = {"gamma": 1.0, "beta": 0.0, "biases": 0.0, "bias": 0.0}
#: Shadows that have gone a smaller part of the way than this are still near where they began.
_NEAR, _MOVED = 0.1, 1e-3


def untrained_statistics(weights: Mapping[str, Array]) -> list[str]:
    """Return what is to be said of BatchNorm statistics that are still at 0 and 1.

    Args:
        weights: {variable name: value} of the live model.
    """
    mean, variance = "/moving_mean", "/moving_variance"
    layers = [name.removesuffix(mean) for name in weights if name.endswith(mean)]
    fresh = [
        layer
        for layer in layers
        if (weights[layer + mean] == 0.0).all()
        and (weights.get(layer + variance, np.ones(1)) == 1.0).all()
    ]
    if not fresh:
        return []
    return [
        f"untrained statistics: {len(fresh)} of {counted(len(layers), 'BatchNorm layer')} of the "
        f"live model still have mean 0 and variance 1 ({listed(fresh)}); were UPDATE_OPS run?"
    ]


def young_average(weights: Mapping[str, Array], checkpoint: Lookup) -> list[str]:
    """Return what is to be said of shadows that have hardly left their initial value.

    Told by the variables whose initial value is known by their name: gamma, beta and biases.

    Args:
        weights: {variable name: value} of the live model.
        checkpoint: looks up keys of its checkpoint.
    """
    gone = whole = 0.0
    names = []
    for name, value in weights.items():
        start = _INITIAL.get(name.rsplit("/", 1)[-1])
        raw = checkpoint(keys_of(name)[0]) if start is not None else None
        shadows = [checkpoint(key) for key in keys_of(name)[1:]] if start is not None else []
        averaged = any(s is not None and np.array_equal(s, value) for s in shadows)
        if start is None or raw is None or not averaged or raw.shape != value.shape:
            continue
        way = float(np.square(raw.astype(np.float64) - start).sum())
        if way > _MOVED**2:
            names.append(name)
            whole += way
            gone += float(np.square(value.astype(np.float64) - start).sum())
    share = float(np.sqrt(gone / whole)) if names else 1.0
    if share >= _NEAR:
        return []
    return [
        f"young average: the shadows that the live model reads have gone {share:.0%} of the way "
        f"from their initial values to the variables ({listed(names)}); is the decay too high for "
        "so few steps?"
    ]
