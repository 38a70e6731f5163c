"""Every mistake on every network is a campaign; each of them on one network is a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest


def spread(
    mistakes: Sequence[Any],
    on: Sequence[Any],
    name: Callable[[Any], str],
    skip: Callable[[Any], Mapping[Any, str]] = lambda mistake: {},
    first: int = 0,
) -> list[Any]:
    """Return parameters (where, mistake) of all pairs, of which one of each mistake is not slow.

    Which one goes round, so that what is tried in an ordinary run is as mixed as can be.

    Args:
        mistakes: what is tried.
        on: where: names of networks, say.
        name: of a mistake.
        skip: {where: why this mistake cannot be made there}.
        first: where the round begins.
    """
    pairs = []
    for place in on:
        for number, mistake in enumerate(mistakes):
            excused = skip(mistake)
            possible = [other for other in on if other not in excused]
            marks = []
            if place in excused:
                marks.append(pytest.mark.skip(excused[place]))
            elif place != possible[(first + number) % len(possible)]:
                marks.append(pytest.mark.slow)
            pairs.append(pytest.param(place, mistake, id=f"{place}-{name(mistake)}", marks=marks))
    return pairs
