"""What tests of computations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.computation.proving import LiveSide


@pytest.fixture(scope="module")
def sides() -> Iterator[Callable[[str], LiveSide]]:
    """Return what makes the live side of a network, one at a time."""
    from tests.computation.proving import LiveSide
    from tests.kit.made import made
    from tests.kit.networks import NETWORKS

    held: dict[str, LiveSide] = {}

    def side(name: str) -> LiveSide:
        if name not in held:
            for other in held.values():
                other.live.close()
            held.clear()
            held[name] = LiveSide(made(NETWORKS[name].build, NETWORKS[name].inputs))
        return held[name]

    yield side
    for other in held.values():
        other.live.close()
