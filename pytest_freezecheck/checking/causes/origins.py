"""What the weights of an artifact can come from."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.diagnosis.weights import Origins
from pytest_freezecheck.models.checkpoint import shadow_keys, siblings
from pytest_freezecheck.models.checkpoint_files import Lookup, values_beside, values_of

#: Sibling checkpoints that are read at most.
_SIBLINGS = 8


def origins_of(sides: Sides) -> Origins:
    """Return what the weights of an artifact can come from."""
    live = sides.live
    if live.checkpoint is None:
        return Origins(_own_averages(sides), {})
    near = siblings(live.checkpoint)[:_SIBLINGS]
    parts = live.parts
    others = {prefix: values_beside(prefix, parts) for prefix in near}
    return Origins(values_of(live.checkpoint, parts), others)


def _own_averages(sides: Sides) -> Lookup | None:
    """Return a checkpoint of sorts, of an artifact that keeps averages beside its weights.

    Those averages count that the live model holds, bit for bit: that is what makes them its own.
    """
    held, averages = sides.live.weights(), sides.frozen.averages()
    known = {n: v for n, v in averages.items() if n in held and np.array_equal(held[n], v)}
    if not known:
        return None
    raw = sides.frozen.weights()
    table = {name: raw[name] for name in known if name in raw}
    table |= {shadow_keys(name)[0]: value for name, value in known.items()}
    return table.get
