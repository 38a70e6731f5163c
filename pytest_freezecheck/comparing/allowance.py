"""What float noise alone may put between the live model and a file that something else runs.

A graph that was rewritten, or that another executor runs, sums in an order of its own. On a large
network that moves probabilities by more than the 1e-5 which suits a small one, and by how much only
the network can tell: so it is measured on the live model itself, and what is allowed follows from
that, in the open, where nobody chose a tolerance. What TensorFlow runs as it was written has no
noise, and gets none allowed.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.power import noise

if TYPE_CHECKING:
    from pytest_freezecheck.comparing.corpus import Ask, Corpus
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.settings import Settings

#: So many floors are allowed, and never more than `MOST`, at which most faults start. True exports
#: of six networks of tf_slim were up to 5.5 floors off (docs/benchmarks.md).
FLOORS, MOST = 8.0, 1e-3
#: Drawn inputs that the floor is measured on, beside all that were steered, and how many at once.
_DRAWN, _AT_ONCE = 96, 16
#: Of each kind, those that are also fed one by one.
_SINGLE = 8


@dataclasses.dataclass(frozen=True)
class Floor:
    """How far a live model is from itself when nothing but its execution changes.

    Attributes:
        apart: the largest difference in any output.
        note: what could not be measured, or None.
    """

    apart: float
    note: str | None = None


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
        apart = max(noise.split(ask, feeds) for feeds in corpus.probe(_SINGLE))
        note = None
        try:
            batches = list(corpus.telling(_DRAWN, _AT_ONCE))
            apart = max(apart, noise.executed_otherwise(corpus.twin(live), batches))
        except ModelError as error:
            note = f"the noise floor is that of batch sizes alone: {error}"
        corpus.floor = Floor(apart, note)
    return corpus.floor


def raised(chosen: Settings, allowed: float) -> Settings:
    """Return settings that allow for noise, unless somebody chose a tolerance.

    Args:
        chosen: what to work with.
        allowed: what noise may put between the two sides.
    """
    if "atol" in chosen.given or allowed <= chosen.atol:
        return chosen
    return dataclasses.replace(chosen, atol=allowed)


def allowed_for(floor: Floor) -> float:
    """Return the difference that is allowed where the live model has this floor."""
    return min(MOST, float(f"{FLOORS * floor.apart:.1e}"))
