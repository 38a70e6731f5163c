"""Is the artifact a thing of its own, or was the live model compared with itself?

Importing a frozen graph into the graph that still holds the live network makes TensorFlow rename
the newcomer, and fetching by the old name then answers with the live tensor: a model wrong by 0.08
compares at 0. So the two sides must share no graph and no session, the artifact's answer must
follow the artifact's own weights, and the live answer must not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytest_freezecheck.formats.base import FrozenModel
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.models.session import Answer


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
    ask_disturbed: Callable[[], Answer],
) -> tuple[str | None, list[str]]:
    """Disturb the artifact's weights and see whose answer moves.

    Args:
        ask_live: asks the live model about one batch.
        ask_frozen: asks the frozen model about the same batch.
        ask_disturbed: asks it as if its weights were others.

    Returns:
        Why the two could not be told apart, or None; and warnings about the live model.
    """
    before, again = ask_live(), ask_live()
    steady = _same(before, again)
    if _same(ask_frozen(), ask_disturbed()):
        return "its answer stays the same, bit for bit, when its weights are changed", []
    if not steady:
        return None, [
            "the live model answers differently when asked the same twice: a random operation, or "
            "variables that change while they are read"
        ]
    if not _same(again, ask_live()):
        return "the live model's answer follows the artifact's weights", []
    return None, []


def _same(one: Answer, other: Answer) -> bool:
    return _equal(one.outputs, other.outputs) and _equal(one.logits, other.logits)


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)
