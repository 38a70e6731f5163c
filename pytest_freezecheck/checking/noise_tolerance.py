"""What each output may be apart: made of settings, declaration and float noise, once for a check.

A graph that was rewritten, or that another executor runs, sums in an order of its own. On a large
network that moves probabilities by more than the 1e-5 which suits a small one, and by how much only
the network can tell: so it is measured on the live model itself, and what is allowed follows from
that, in the open, where nobody chose a tolerance. What TensorFlow runs as it was written has no
noise, and gets none allowed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pytest_freezecheck.checking.baseline import Floor, Output, sees_others
from pytest_freezecheck.checking.kept import Kept
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.numeric.difference import Array, Floats, distance, wide
from pytest_freezecheck.numeric.rows import largest_by_row, logits_apart
from pytest_freezecheck.numeric.tolerance import PROBABILITIES, SCORES, Tolerance, Tolerances
from pytest_freezecheck.power import noise

if TYPE_CHECKING:
    from pytest_freezecheck.checking.corpus import Ask, Corpus
    from pytest_freezecheck.models.answer import Answer
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.settings import Settings

#: So many floors are allowed: true exports of the networks of tf_slim were up to 5.5 floors off
#: (docs/benchmarks.md).
FLOORS = 8.0
#: But never more than this of probabilities and of logits. There, true exports reach 1.9e-3 and
#: 1.3e-4, both of a ResNet of 200 layers; of networks with so much noise, the least that a fault of
#: one tensor does to probabilities is 3.9e-3.
MOST, MOST_OF_LOGITS = 3e-3, 3e-4
#: Drawn inputs that the floor is measured on, beside all that were steered, and how many at once.
_DRAWN, _AT_ONCE = 96, 16
#: Of each kind, those that are also fed one by one.
_SINGLE = 8


def floor_of(live: LiveModel, corpus: Corpus, ask: Ask) -> Floor:
    """Measure the floor of a live model, once for all of its artifacts.

    Where rows see each other, what a row is answered alone is no float noise, and does not count.

    Args:
        live: the model.
        corpus: the inputs.
        ask: asks it about one batch.

    Raises:
        ModelError: it cannot be run.
    """
    if corpus.floor is None:
        # Finds the steered inputs, too, and keeps all answers for the comparison.
        measured = _Measured(corpus.known(live, ask))
        dependence = corpus.row_dependence(live, ask)
        if not sees_others(dependence):
            for feeds in corpus.probe(_SINGLE):
                for pair in noise.row_by_row(ask, feeds):
                    measured.add(*pair)
        unmeasured = None
        try:
            clone = corpus.clone(live)
            batches = list(corpus.telling(_DRAWN, _AT_ONCE))
            plain: Kept[int] = Kept()
            for number, feeds in enumerate(batches):
                plain.keep(number, clone.answer(feeds))
            for pair in noise.executed_otherwise(clone, batches, plain):
                measured.add(*pair)
        except ModelError as error:
            unmeasured = str(error)
        corpus.floor = measured.floor(unmeasured, dependence)
    return corpus.floor


class _Measured:
    """The largest differences of pairs of answers, added up one by one.

    Args:
        known: of the model's outputs.
    """

    def __init__(self, known: Mapping[str, Output]) -> None:
        self._known = known
        self._apart = dict.fromkeys(known, 0.0)
        self._logits = dict.fromkeys(known, 0.0)
        self._absolute = 0.0

    def add(self, one: Answer, other: Answer) -> None:
        """Add two answers of the model to the same inputs."""
        for name, value in one.outputs.items():
            mine, theirs, known = (
                np.asarray(value),
                np.asarray(other.outputs[name]),
                self._known[name],
            )
            if known.kind not in (PROBABILITIES, SCORES) or mine.shape != theirs.shape:
                continue  # a class number that noise decides is no floor of the others
            between = distance(mine, theirs)
            self._absolute = max(self._absolute, float(between.max(initial=0.0)))
            if known.kind == SCORES and known.size:
                between = between / np.maximum(known.size, largest_by_row(mine))
            self._apart[name] = max(self._apart[name], float(between.max(initial=0.0)))
            if known.logit_size:
                pair = one.logits.get(name), other.logits.get(name)
                away = logits_apart((mine, theirs), pair, 1, recover=known.recover)
                self._logits[name] = max(self._logits[name], float(away.max()) / known.logit_size)

    def floor(self, unmeasured: str | None, dependence: float) -> Floor:
        """Return them as the floor; `Floor` says what the arguments are."""
        return Floor(self._apart, self._logits, self._absolute, unmeasured, dependence)


def tolerances(
    live: LiveModel, known: Mapping[str, Output], settings: Settings, floor: Floor | None
) -> Tolerances:
    """Return what each output may be apart.

    Args:
        live: the model, for what is declared of its outputs.
        known: what is known of them.
        settings: of the check.
        floor: the noise to allow for, or None for none.
    """
    return Tolerances(
        {name: _tolerance(live, name, output, settings, floor) for name, output in known.items()}
    )


def _tolerance(
    live: LiveModel, name: str, output: Output, settings: Settings, floor: Floor | None
) -> Tolerance:
    spec = live.output_specs.get(name)
    declared = None if spec is None else spec.atol
    relative = output.kind not in (PROBABILITIES, *_DISCRETE) and declared is None
    plain = Tolerance(
        kind=output.kind,
        atol=0.0 if relative else settings.atol if declared is None else declared,
        rtol=settings.atol if relative else 0.0,
        size=output.size if relative else 0.0,
        logit_rtol=settings.logit_rtol,
        logit_size=output.logit_size,
        recover=output.recover,
        chosen=declared is not None or "atol" in settings.given,
        logits_chosen="logit_rtol" in settings.given,
    )
    return plain if floor is None else _raised(plain, name, floor)


def _raised(plain: Tolerance, name: str, floor: Floor) -> Tolerance:
    """Return a tolerance that allows for float noise, but where somebody chose one."""
    changes: dict[str, float] = {}
    least: float | None = None
    least_rtol: float | None = None
    if not plain.chosen and plain.kind not in _DISCRETE:
        which = "rtol" if plain.rtol else "atol"
        allowed = float(f"{FLOORS * floor.apart[name]:.1e}")
        allowed = min(MOST, allowed) if plain.kind == PROBABILITIES else allowed
        if allowed > getattr(plain, which):
            changes[which], least = allowed, getattr(plain, which)
    if plain.logit_rtol is not None and not plain.logits_chosen:
        allowed = min(MOST_OF_LOGITS, float(f"{FLOORS * floor.logits[name]:.1e}"))
        if allowed > plain.logit_rtol:
            changes["logit_rtol"], least_rtol = allowed, plain.logit_rtol
    return dataclasses.replace(plain, **changes, unraised=(least, least_rtol))  # type: ignore[arg-type]


_DISCRETE = ("classes", "pixels", "text")


def widened(tolerance: Tolerance, live: Array, spread: Floats, rows: int) -> Floats:
    """Return what each value of one answer may be apart, by the noise of that very input.

    A value that noise does not move by chance is given what its neighbours are, and what its own
    last places are. Of discrete outputs, what noise decides is undecided, and may be anything.

    Args:
        tolerance: of the output.
        live: the live model's answer, (rows, ...).
        spread: how far noise moves each value, of the same shape; NaN where that is not known.
        rows: how many inputs there are.
    """
    plain = np.broadcast_to(np.asarray(tolerance.allowed(live), np.float64), live.shape)
    if tolerance.kind in _DISCRETE:
        return np.where(spread > 0.0, np.inf, plain)
    whole = live.ndim and live.shape[0] % rows == 0 and live.size
    by_input = spread.reshape(rows, -1) if whole else spread.reshape(1, -1)
    own = by_input.max(axis=1, initial=0.0)
    usual = float(np.median(own[np.isfinite(own)])) if np.isfinite(own).any() else 0.0
    own = np.where(np.isnan(own), 0.0, np.maximum(own, usual))
    places = FLOORS * np.abs(np.nan_to_num(wide(live))) * _epsilon(live)
    allowed = np.maximum(np.repeat(own, by_input.shape[1]).reshape(live.shape), places)
    if tolerance.kind == PROBABILITIES:
        allowed = np.minimum(allowed, max(MOST, FLOORS * _epsilon(live)))
    return np.asarray(np.maximum(plain, allowed))


def widened_logits(tolerance: Tolerance, live: Array, spread: Floats) -> Floats:
    """Return what each row of logits may be apart, likewise.

    Args:
        tolerance: of the output.
        live: the live model's answer, for its dtype.
        spread: how far noise moves the centred logits of each row; NaN where that is not known.
    """
    plain = tolerance.logits_allowed() or 0.0
    if tolerance.logits_chosen:
        return np.full(spread.shape, plain)
    places = FLOORS * _epsilon(live)
    finite = np.isfinite(spread)
    usual = float(np.median(spread[finite])) if finite.any() else 0.0
    usual = max(usual, places * tolerance.logit_size)
    own = np.where(np.isnan(spread), 0.0, np.maximum(spread, usual))
    most = max(MOST_OF_LOGITS, places) * tolerance.logit_size
    return np.maximum(plain, np.minimum(own, most))


def _epsilon(values: Array) -> float:
    if values.dtype.kind in "fc":
        return float(np.finfo(values.dtype).eps)  # type: ignore[type-var]
    return 2.0**-7
