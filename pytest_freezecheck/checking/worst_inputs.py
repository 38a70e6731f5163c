"""Remembers which inputs showed most, to search around them and to make them smaller."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.numeric.difference import Array

Feeds = dict[str, Array]
Floats = npt.NDArray[np.float64]
_KEPT = 8


@dataclasses.dataclass
class Suspects:
    """The inputs furthest apart so far.

    Attributes:
        showing: how many inputs were further apart than is allowed.
        batch: the batch that the worst of them came in.
    """

    showing: int = 0
    batch: Feeds = dataclasses.field(default_factory=dict)
    _ratios: Floats = dataclasses.field(default_factory=lambda: np.zeros(0))
    _rows: list[Feeds] = dataclasses.field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, feeds: Mapping[str, Array], ratios: Floats) -> None:
        """Take in a batch.

        Args:
            feeds: {input name: array (rows, *shape)}.
            ratios: how far each row is apart; 1 is what is allowed.
        """
        self.showing += int((ratios > 1.0).sum())
        if self._rows and any(row.shape != feeds[n].shape[1:] for n, row in self._rows[0].items()):
            # Rows of two sizes make no batch: those of the size that showed more are kept.
            if ratios.max() <= self._ratios[0]:
                return
            self._rows, self._ratios = [], np.zeros(0)
        if not len(self._ratios) or ratios.max() > self._ratios[0]:
            self.batch = dict(feeds)
        new = np.flatnonzero(ratios > 0.0)
        every = np.concatenate([self._ratios, ratios[new]])
        best = np.argsort(-every, kind="stable")[:_KEPT]
        held = len(self._rows)
        self._rows = [
            self._rows[n]
            if n < held
            else {name: array[new[n - held]].copy() for name, array in feeds.items()}
            for n in best.tolist()
        ]
        self._ratios = every[best]

    def include(self, others: Suspects) -> None:
        """Take in what others remember."""
        showing = self.showing
        self.add(others.feeds(), others._ratios)
        self.showing = showing

    def feeds(self) -> Feeds:
        """Return up to 8 inputs, the worst first, {input name: array (rows, *shape)}."""
        return {name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]}
