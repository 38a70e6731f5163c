"""Is the artifact a thing of its own, or was the live model compared with itself?

Importing a frozen graph into the graph that still holds the live network makes TensorFlow rename
the newcomer, and fetching by the old name then answers with the live tensor: a model wrong by 0.08
compares at 0. So the two sides must share no graph and no session, the artifact's answer must
follow the artifact's own weights, and the live answer must not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.numeric.difference import wide
from pytest_freezecheck.power.noise import apart
from pytest_freezecheck.power.vacuity import equal

if TYPE_CHECKING:
    from pytest_freezecheck.formats.base import Change, FrozenModel
    from pytest_freezecheck.models.answer import Answer
    from pytest_freezecheck.models.live import LiveModel


@dataclasses.dataclass(frozen=True)
class Independence:
    """What asking both sides about one batch, several times, showed.

    Attributes:
        reason: why the two could not be told apart, or None.
        live: the live model's answer.
        steady: whether the live model answered the same when asked the same twice.
        frozen_steady: whether the artifact did.
        repeated: how far two answers of one side were apart, in any output.
    """

    reason: str | None
    live: Answer
    steady: bool
    frozen_steady: bool = True
    repeated: float = 0.0


def shared(live: LiveModel, frozen: FrozenModel) -> str | None:
    """Return what the two sides share, or None if they share nothing."""
    if frozen.session is None:
        return None
    if frozen.session is live.session:
        return "it runs in the live session"
    if frozen.session.graph is live.graph:
        return "it was imported into the live graph"
    return None


def prove(
    ask_live: Callable[[], Answer],
    ask_frozen: Callable[[], Answer],
    ask_disturbed: Callable[[Change], Answer | None],
) -> Independence:
    """Disturb the artifact's weights and see whose answer moves.

    Args:
        ask_live: asks the live model about one batch.
        ask_frozen: asks the frozen model about the same batch.
        ask_disturbed: asks it as if its weights were changed so; None if none can be reached.
    """
    before, again = ask_live(), ask_live()
    steady = _same(before, again)
    frozen, twice = ask_frozen(), ask_frozen()
    if not _moves(frozen, ask_disturbed):
        reason = "its answer stays the same, bit for bit, whatever its weights are changed to"
    elif steady and not _same(again, ask_live()):
        reason = "the live model's answer follows the artifact's weights"
    else:
        reason = None
    repeated = max(apart(before, again), apart(frozen, twice))
    return Independence(reason, again, steady, _same(frozen, twice), repeated)


def _moves(answer: Answer, ask_disturbed: Callable[[Change], Answer | None]) -> bool:
    """Return whether some change of the weights moves the answer, or none can be made.

    One change is enough in most models; a class number may need a stronger one to become another.
    NaN stays NaN whatever the weights: then it is for the comparison to say so. What cannot be run
    with other weights (it asserts something of its values, or loops until they are small) depends
    on them, too. Of an empty answer, the comparison says that there is nothing to compare.
    """
    if not _finite(answer) or not any(np.size(array) for array in answer.outputs.values()):
        return True
    for change in (_scaled, _negated, _not_a_number):
        try:
            disturbed = ask_disturbed(change)
        except ArtifactError:
            return True
        if disturbed is None or not _same(answer, disturbed):
            return True
    return False


def _scaled(value: Any) -> Any:
    return value * value.dtype.type(1.5) + value.dtype.type(0.125)


def _negated(value: Any) -> Any:
    return -value


def _not_a_number(value: Any) -> Any:
    return np.full_like(value, np.nan)


def _finite(answer: Answer) -> bool:
    return all(
        bool(np.isfinite(wide(array)).all())
        for array in map(np.asarray, answer.outputs.values())
        if array.dtype.kind in "fcV"
    )


def _same(one: Answer, other: Answer) -> bool:
    return _equal(one.outputs, other.outputs) and _equal(one.logits, other.logits)


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(equal(one[name], other[name]) for name in one)
