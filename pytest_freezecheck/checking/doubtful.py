"""Second look at inputs that are too far apart: could float noise alone have done that?

Asked only of what another executor runs, and only until one input is too far apart for its own
noise: the check has failed then, and no noise excuses that. Weights and inputs are moved first;
where that does not explain it, every operation rounds at random too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.checking.noise_tolerance import widened, widened_logits
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.batching import in_pieces
from pytest_freezecheck.models.clone import Clone
from pytest_freezecheck.models.roundings import roundings_of
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.difference import Array, Floats, distance, multiples
from pytest_freezecheck.numeric.rows import by_row, logits_apart
from pytest_freezecheck.numeric.tolerance import CLASSES, PIXELS, TEXT, Tolerance, Tolerances
from pytest_freezecheck.power.jitter import MANY, TIMES, Ask, Spread, can_move, spread

#: Rows beside those in doubt whose noise says what is usual.
_NEIGHBOURS = 4
_DISCRETE = (CLASSES, PIXELS, TEXT)
#: Of more tries the largest is larger, but not by so much: what is further apart stays too far.
_NEAR = 4.0


class _Found(NamedTuple):
    """What noise allows of outputs and logits, and how far each row is apart by that."""

    limits: dict[str, Floats]
    logits: dict[str, Floats]
    worst: Floats


class Doubtful:
    """Says what each value of an answer may be apart, by the noise of that very input.

    Args:
        sides: live and frozen.
        tolerances: what is allowed without.
        clone: returns the live model's copy.
        seed: chooses in which directions values are moved.

    Attributes:
        excused: which rows of the last batch were too far apart, and are not for their own noise.
        settled: whether an input was found that is too far apart for its own noise.
    """

    def __init__(
        self, sides: Sides, tolerances: Tolerances, clone: Callable[[], Clone], seed: int
    ) -> None:
        self.sides, self.tolerances, self.seed = sides, tolerances, seed
        self.excused: npt.NDArray[np.bool_] = np.zeros(0, bool)
        self.settled = False
        self._clone = clone

    def allowed(
        self, feeds: Arrays, live: Answer, frozen: Answer, ratios: Floats
    ) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return what is allowed of each value of the outputs, and of each row of logits.

        Args:
            feeds: a batch.
            live: the live model's answer.
            frozen: the artifact's.
            ratios: how far each row is apart, as a multiple of what is allowed.

        Returns:
            Nothing where noise cannot be told, or does not matter any more.
        """
        rows = rows_of(feeds)
        self.excused = np.zeros(rows, bool)
        if self.settled or not can_move(self._weights(), feeds):
            return {}, {}
        noise = self._noise(self._ask, feeds, live, ratios, range(TIMES))
        found = self._judged(live, frozen, noise, rows)
        discrete = any(self.tolerances[name].kind in _DISCRETE for name in self.sides.outputs)
        if (found.worst > 1.0).any() and discrete:
            noise = self._noise(self._ask, feeds, live, ratios, range(MANY))
            found = self._judged(live, frozen, noise, rows)
        if (found.worst > 1.0).any() and self._could_be_noise(live, frozen, noise, rows):
            for times in (TIMES, MANY):
                rounded = self._roundings(feeds, live, ratios, range(times))
                if rounded is None:
                    break
                found = self._judged(live, frozen, noise.or_more(rounded), rows)
                worst = float(found.worst.max())
                if worst <= 1.0 or (worst > _NEAR and not discrete):
                    break
        self.excused = (ratios > 1.0) & (found.worst <= 1.0)
        self.settled = bool((found.worst > 1.0).any())
        return found.limits, found.logits

    def _could_be_noise(self, live: Answer, frozen: Answer, noise: Spread, rows: int) -> bool:
        """Return whether the most that may be allowed would be enough for every row."""
        most = self._judged(live, frozen, noise.unlimited(), rows)
        return not (most.worst > 1.0).any()

    def _roundings(
        self, feeds: Arrays, live: Answer, ratios: Floats, tries: range
    ) -> Spread | None:
        """Return the noise where every operation rounds at random; None if that cannot be told."""
        clone = self._copy()
        if clone is None:
            return None
        try:
            copy = roundings_of(clone)

            def ask(feeds: Arrays, changes: Arrays, seed: tuple[int, int] | None) -> Answer:
                rows = self.sides.live_rows
                return in_pieces(feeds, rows, lambda piece: copy.answer(piece, changes, seed))

            return self._noise(ask, feeds, live, ratios, tries)
        except ModelError:
            return None  # what cannot be told excuses nothing: the check fails

    def _judged(self, live: Answer, frozen: Answer, noise: Spread, rows: int) -> _Found:
        """Return what noise allows, and how far each row is apart as a multiple of that."""
        limits: dict[str, Floats] = {}
        logits: dict[str, Floats] = {}
        worst = np.zeros(rows)
        for name, there in self.sides.outputs.items():
            tolerance, moved = self.tolerances[name], noise.outputs[name]
            one, other = np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])
            if one.shape != other.shape or one.dtype != other.dtype:
                # Where noise alone changes how many answers there are, nobody can tell how many.
                limits[name] = np.full(one.shape, np.inf)
                unclear = one.dtype == other.dtype and bool(np.isinf(moved).all() and moved.size)
                worst = np.maximum(worst, 0.0 if unclear else np.inf)
                continue
            limits[name] = _limits(tolerance, one, moved, rows)
            away = multiples(distance(one, other), limits[name])
            worst = np.maximum(worst, by_row(away, rows))
            allowed = tolerance.logits_allowed()
            if allowed is None:
                continue
            pair = live.logits.get(name), frozen.logits.get(there)
            apart = logits_apart((one, other), pair, rows, recover=tolerance.recover)
            own = np.full(rows, allowed)
            if name in noise.logits:
                logits[name] = widened_logits(tolerance, one, noise.logits[name])
                own = by_row(logits[name], rows)
            worst = np.maximum(worst, multiples(apart, own))
        return _Found(limits, logits, worst)

    def _noise(self, ask: Ask, feeds: Arrays, live: Answer, ratios: Floats, tries: range) -> Spread:
        """Return the noise of the rows in doubt, and of a few beside them; NaN for all others."""
        rows, sides = len(ratios), self.sides
        doubtful = np.flatnonzero(ratios > 1.0)
        others = np.flatnonzero(ratios <= 1.0)[:_NEIGHBOURS]
        chosen = np.sort(np.concatenate([doubtful, others]))
        whole = len(chosen) == rows or sides.in_company
        asked = feeds if whole else {name: array[chosen] for name, array in feeds.items()}
        found = spread(ask, self._weights(), asked, sides.live.specs, self.seed, tries)
        if whole:
            return found
        outputs = {
            name: _in_places(part, len(live.outputs[name]) // rows, chosen, rows)
            for name, part in found.outputs.items()
        }
        logits = {
            name: _in_places(part, len(part) // len(chosen), chosen, rows)
            for name, part in found.logits.items()
        }
        return Spread(outputs, logits)

    def _ask(self, feeds: Arrays, changes: Arrays, seed: tuple[int, int] | None) -> Answer:
        """Ask the live model's copy as the live model is asked, or itself if there is none."""
        del seed  # nothing but weights and inputs is moved
        clone = self._copy()
        if clone is None:
            return self.sides.ask_live(feeds)
        return in_pieces(feeds, self.sides.live_rows, lambda piece: clone.answer(piece, changes))

    def _weights(self) -> Arrays:
        clone = self._copy()
        return {} if clone is None else clone.weights

    def _copy(self) -> Clone | None:
        try:
            return self._clone()
        except ModelError:
            return None  # that there is no copy is said where the noise floor is measured


def _limits(tolerance: Tolerance, live: Array, spread: Floats, rows: int) -> Floats:
    if tolerance.chosen and tolerance.kind not in _DISCRETE:
        plain = np.asarray(tolerance.allowed(live), np.float64)
        return np.array(np.broadcast_to(plain, live.shape))
    return widened(tolerance, live, spread, rows)


def _in_places(part: Floats, each: int, chosen: npt.NDArray[np.intp], rows: int) -> Floats:
    """Return what belongs to chosen rows, so many values each, among all rows; NaN elsewhere."""
    whole = np.full((rows * each, *part.shape[1:]), np.nan)
    whole[(chosen[:, None] * each + np.arange(each)).ravel()] = part
    return whole
