"""The smallest input that still shows a difference. NumPy only.

Small means: one row, the fewest cells away from an even background, round numbers. Hypothesis'
shrinker never gets there, because it does not know that cells are alike: it left all 1,728 of an
image away from 0. Here whole sets of cells are tried at once, many candidates to a batch (delta
debugging, Zeller and Hildebrandt 2002, with the candidates of a round evaluated together).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.descriptions import legal
from pytest_freezecheck.inputs.sizes import fitted
from pytest_freezecheck.inputs.words import coded_all, worded
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.spec.inputs import InputSpec

Feeds = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: Tells how far each row of a batch is apart, as a multiple of what is allowed.
Apart = Callable[[Feeds], Floats]
#: Most cells in a batch of candidates, and in all of them together.
_BATCH_CELLS, _ALL_CELLS = 2**22, 2**25
_MOST_ROWS, _MOST_ROUNDS, _STARTS = 64, 60, 3
#: Backgrounds, as shares of the legal range; what is round comes first.
_LEVELS = (0.5, 0.0, 1.0, 0.25, 0.75, *(step / 16 for step in range(17)))


@dataclasses.dataclass(frozen=True)
class Smallest:
    """A small failing input.

    Attributes:
        feeds: {input name: array (1, *shape)}.
        away: number of cells away from the background.
        ratio: how far it is apart, as a multiple of what is allowed.
        background: {input name: value of the background, of strings its place in the
            vocabulary}; empty if there is none.
    """

    feeds: Feeds
    away: int
    ratio: float
    background: Mapping[str, float]


class Shrinker:
    """Makes failing inputs smaller.

    Args:
        apart: judges a batch of candidates; each row counts for itself.
        specs: the inputs' specs.
        enough: how far apart a candidate must remain.
    """

    def __init__(self, apart: Apart, specs: Mapping[str, InputSpec], enough: float) -> None:
        self.specs, self.enough = dict(specs), enough
        cells = sum(int(np.prod(spec.shape, dtype=int)) for spec in specs.values())
        self.limit = int(np.clip(_BATCH_CELLS // max(1, cells), 4, _MOST_ROWS))
        self._left = max(4 * self.limit, _ALL_CELLS // max(1, cells))
        self._rounds = _MOST_ROUNDS
        self._apart = apart

    def shrink(self, failing: Feeds) -> Smallest:
        """Return a small input that is far enough apart.

        Args:
            failing: {input name: array (rows, *shape)}, rows that are, the worst first, of one
                size.

        Returns:
            The smallest found; the first of `failing` itself at worst.
        """
        declared = fitted(self.specs, failing)
        failing, self.specs = coded_all(failing, declared)
        apart = self._apart
        self._apart = lambda candidates: apart(worded(candidates, declared))
        found = self._smallest(failing)
        return dataclasses.replace(found, feeds=worded(found.feeds, declared))

    def _smallest(self, failing: Feeds) -> Smallest:
        backgrounds = self._backgrounds()
        ratios = self._judge(backgrounds)
        good = np.flatnonzero(ratios >= self.enough)
        if len(good):
            even = _row(backgrounds, int(good[0]))
            return Smallest(even, 0, float(ratios[good[0]]), _level(even))
        background = _row(backgrounds, int(np.argmax(ratios)))
        best: Smallest | None = None
        for number in range(min(_STARTS, rows_of(failing))):
            found = self._sparse(_row(failing, number), background)
            if best is None or found.away < best.away:
                best = found
            if self._left <= 0 or self._rounds <= 0 or best.away <= self._cells(background) // 100:
                break
        assert best is not None  # noqa: S101 - failing has a row
        return self._rounded(best, background)

    def _cells(self, feeds: Feeds) -> int:
        return sum(array.size for array in feeds.values())

    def _backgrounds(self) -> Feeds:
        """Return even inputs: 0 where it is legal, then levels of the legal range."""
        rows = {}
        for name, spec in self.specs.items():
            low, high = spec.bounds
            levels = [low + share * (high - low) for share in dict.fromkeys(_LEVELS)]
            # All inputs need as many levels, so the first one comes twice where 0 is not legal.
            levels = [0.0 if low <= 0.0 <= high else levels[0], *levels]
            flat = np.array(levels).reshape([-1] + [1] * len(spec.shape))
            rows[name] = legal(np.broadcast_to(flat, (len(levels), *spec.shape)), spec)
        return rows

    def _judge(self, candidates: Feeds) -> Floats:
        """Judge candidates in batches that fit; stops, with zeros, when the budget is used up."""
        rows = rows_of(candidates)
        ratios = np.zeros(rows)
        for start in range(0, rows, self.limit):
            if self._left <= 0:
                break
            piece = {n: array[start : start + self.limit] for n, array in candidates.items()}
            size = rows_of(piece)
            self._left -= size
            ratios[start : start + size] = self._apart(piece)
        return ratios

    def _sparse(self, row: Feeds, background: Feeds) -> Smallest:
        """Put ever more cells of a failing row back to the background."""
        keep = _differs(row, background)
        ratio = float(self._judge(row)[0])
        if ratio < self.enough:
            return Smallest(row, int(keep.sum()), ratio, _level(background))
        parts = 2
        while self._rounds > 0 and self._left > 0:
            cells = np.flatnonzero(keep)
            parts = min(parts, len(cells))
            if parts < 1:
                break
            found = self._round(row, background, keep, np.array_split(cells, parts))
            if found is not None:
                keep, ratio = found
                parts = max(2, parts // 2)
            elif parts >= len(cells):
                break
            else:
                parts *= 4
        merged = _merged(row, background, keep)
        return Smallest(merged, int(keep.sum()), ratio, _level(background))

    def _round(
        self, row: Feeds, background: Feeds, keep: Mask, chunks: Sequence[npt.NDArray[np.intp]]
    ) -> tuple[Mask, float] | None:
        """Try each chunk alone and all but each; then drop together what could be dropped."""
        self._rounds -= 1
        alone = [_only(keep, chunk) for chunk in chunks] if 2 < len(chunks) <= self.limit else []
        without = [_drop(keep, chunk) for chunk in chunks]
        masks = [*alone, *without]
        ratios = self._judge(_candidates(row, background, masks))
        good = [n for n in range(len(alone)) if ratios[n] >= self.enough]
        if good:
            smallest = min(good, key=lambda n: masks[n].sum())
            return masks[smallest], float(ratios[smallest])
        dropped = ratios[len(alone) :]
        order = [n for n in np.argsort(-dropped, kind="stable") if dropped[n] >= self.enough]
        if not order:
            return None
        # What can go one by one can rarely go all together: so try the first 1, 2, 4, ... of them.
        counts = sorted({min(len(order), 2**power) for power in range(1, 16)} | {len(order)})
        together = []
        for count in counts:
            mask = keep
            for number in order[:count]:
                mask = _drop(mask, chunks[number])
            together.append(mask)
        joint = self._judge(_candidates(row, background, together))
        for mask, ratio in zip(reversed(together), reversed(joint), strict=True):
            if ratio >= self.enough:
                return mask, float(ratio)
        return without[order[0]], float(dropped[order[0]])

    def _rounded(self, found: Smallest, background: Feeds) -> Smallest:
        """Round what is away from the background as coarsely as it may be."""
        keep = _differs(found.feeds, background)
        candidates = []
        for digits in (0, 1, 2, 3):
            rounded = {
                name: legal(np.round(array.astype(np.float64), digits), self.specs[name])
                for name, array in found.feeds.items()
            }
            candidates.append(_merged(rounded, background, keep))
        stacked = {n: np.concatenate([c[n] for c in candidates]) for n in found.feeds}
        ratios = self._judge(stacked)
        for number, candidate in enumerate(candidates):
            if ratios[number] >= self.enough:
                away = int(_differs(candidate, background).sum())
                return Smallest(candidate, away, float(ratios[number]), found.background)
        return found


def _row(feeds: Feeds, number: int) -> Feeds:
    return {name: array[number : number + 1] for name, array in feeds.items()}


def _level(background: Feeds) -> dict[str, float]:
    return {name: float(array.reshape(-1)[0]) for name, array in background.items()}


def _flat(feeds: Feeds) -> list[npt.NDArray[Any]]:
    return [array.reshape(-1) for array in feeds.values()]


def _differs(row: Feeds, background: Feeds) -> Mask:
    """Return which cells are away from the background, all inputs one after the other."""
    pairs = zip(_flat(row), _flat(background), strict=True)
    return np.concatenate([one != other for one, other in pairs])


def _only(keep: Mask, chunk: npt.NDArray[np.intp]) -> Mask:
    mask = np.zeros_like(keep)
    mask[chunk] = True
    return mask


def _drop(keep: Mask, chunk: npt.NDArray[np.intp]) -> Mask:
    mask = keep.copy()
    mask[chunk] = False
    return mask


def _merged(row: Feeds, background: Feeds, keep: Mask) -> Feeds:
    return _candidates(row, background, [keep])


def _candidates(row: Feeds, background: Feeds, masks: Sequence[Mask]) -> Feeds:
    """Return a batch: for each mask, the row where it is set and the background elsewhere."""
    stacked, start, made = np.stack(masks), 0, {}
    for name, array in row.items():
        part = stacked[:, start : start + array.size].reshape(-1, *array.shape[1:])
        made[name] = np.where(part, array, background[name])
        start += array.size
    return made
