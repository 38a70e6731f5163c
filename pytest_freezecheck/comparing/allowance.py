"""What float noise alone may put between the live model and a file that something else runs.

A graph that was rewritten, or that another executor runs, sums in an order of its own. On a large
network that moves probabilities by more than the 1e-5 which suits a small one, and by how much only
the network can tell: so it is measured on the live model itself, and what is allowed follows from
that, in the open, where nobody chose a tolerance. What TensorFlow runs as it was written has no
noise, and gets none allowed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pytest_freezecheck.comparing.tally import Tally
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.power import noise

if TYPE_CHECKING:
    from pytest_freezecheck.comparing.corpus import Ask, Corpus
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.settings import Settings

#: So many floors are allowed: true exports of the networks of tf_slim were up to 5.5 floors off
#: (docs/benchmarks.md).
FLOORS = 8.0
#: But never more than this of outputs and of logits. There, true exports reach 1.9e-3 and 1.3e-4,
#: both of a ResNet of 200 layers; of networks with so much noise, the least that a fault of one
#: tensor does to outputs is 3.9e-3.
MOST, MOST_OF_LOGITS = 3e-3, 3e-4
#: Drawn inputs that the floor is measured on, beside all that were steered, and how many at once.
_DRAWN, _AT_ONCE = 96, 16
#: Of each kind, those that are also fed one by one.
_SINGLE = 8


@dataclasses.dataclass(frozen=True)
class Floor:
    """How far a live model is from itself when nothing but its execution changes.

    Attributes:
        apart: the largest difference in any output.
        logits: the largest difference of the centred logits, over the largest centred logit; 0 if
            no output has logits.
        note: what could not be measured, or None.
    """

    apart: float
    logits: float
    note: str | None = None


@dataclasses.dataclass(frozen=True)
class Allowed:
    """What may be apart.

    Attributes:
        atol: the outputs, absolutely.
        logit_rtol: the logits, relative to the largest.
    """

    atol: float = 0.0
    logit_rtol: float = 0.0


def floor_of(live: LiveModel, corpus: Corpus, ask: Ask) -> Floor:
    """Measure the floor of a live model, once for all of its artifacts.

    Args:
        live: the model.
        corpus: the inputs.
        ask: asks it about one batch.

    Raises:
        ModelError: it cannot be run.
    """
    if corpus.floor is None:
        for _ in corpus.main(live, ask):
            pass  # finds the steered inputs, and keeps all answers for the comparison
        pairs = [pair for f in corpus.probe(_SINGLE) for pair in noise.row_by_row(ask, f)]
        note = None
        try:
            batches = list(corpus.telling(_DRAWN, _AT_ONCE))
            pairs += noise.executed_otherwise(corpus.twin(live), batches)
        except ModelError as error:
            note = f"the noise floor is that of batch sizes alone: {error}"
        apart = max((noise.apart(*pair) for pair in pairs), default=0.0)
        corpus.floor = Floor(apart, _logits(pairs), note)
    return corpus.floor


def _logits(pairs: Iterable[noise.Pair]) -> float:
    """Return how far apart the logits are, as a check measures it."""
    tally = Tally(0.0)
    for one, other in pairs:
        for name, output in one.outputs.items():
            both = np.asarray(output), np.asarray(other.outputs[name])
            tally.logits(name, both, (one.logits.get(name), other.logits.get(name)))
    return tally.logit_worst[1] if tally.logit_worst is not None else 0.0


def raised(chosen: Settings, allowed: Allowed) -> Settings:
    """Return settings that allow for noise, but for a tolerance that somebody chose.

    Args:
        chosen: what to work with.
        allowed: what noise may put between the two sides.
    """
    atol, rtol = chosen.atol, chosen.logit_rtol
    if "atol" not in chosen.given:
        atol = max(atol, allowed.atol)
    if "logit_rtol" not in chosen.given and rtol is not None:
        rtol = max(rtol, allowed.logit_rtol)
    return dataclasses.replace(chosen, atol=atol, logit_rtol=rtol)


def allowed_for(floor: Floor) -> Allowed:
    """Return what is allowed where the live model has this floor."""
    atol, rtol = (float(f"{FLOORS * part:.1e}") for part in (floor.apart, floor.logits))
    return Allowed(min(MOST, atol), min(MOST_OF_LOGITS, rtol))
