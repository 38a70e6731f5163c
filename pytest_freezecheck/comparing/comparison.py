"""Compare one artifact with the live model: independence, feeding both sides, and the verdict."""

from __future__ import annotations

import math
import time
from pathlib import Path

from pytest_freezecheck.agreement import Agreement
from pytest_freezecheck.comparing.allowance import (
    FLOORS,
    Allowed,
    allowed_for,
    floor_of,
    raised,
)
from pytest_freezecheck.comparing.corpus import corpus_of, fingerprint
from pytest_freezecheck.comparing.disagreement import Disagreement
from pytest_freezecheck.comparing.evidence import Evidence
from pytest_freezecheck.comparing.feeding import Feeding
from pytest_freezecheck.comparing.sides import Sides
from pytest_freezecheck.diagnosis.values import WeightDifferences, differing_weights
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.findings import Counterexample
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.inputs.render import Batch
from pytest_freezecheck.inputs.saved import Saved, changed
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.models.graphs import ancestors
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.models.session import Arrays
from pytest_freezecheck.paths import from_here
from pytest_freezecheck.power import independence, vacuity
from pytest_freezecheck.report import findings, text
from pytest_freezecheck.settings import Settings

#: Inputs, beside those that show most, that a cause has to explain.
_ORDINARY = 4
#: Inputs that tell whether the two sides depend on each other.
_PROBED = 3
_SIDES = ("the live model", "the artifact")


class Comparison:
    """The state of one check.

    Args:
        live: the live model.
        frozen: the artifact.
        chosen: what to work with.
        saved: a failing input of an earlier run, to try first, if there is one.
        replay: the file that it was read from, if nothing else is to be fed.
        folder: where to save a failing input, or None.

    Raises:
        MatchError: the artifact lacks an input or output of the live model's names.
    """

    def __init__(
        self,
        live: LiveModel,
        frozen: FrozenModel,
        chosen: Settings,
        *,
        saved: Saved | None = None,
        replay: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        self.sides = Sides(live, frozen)
        self.live, self.frozen, self.settings = live, frozen, chosen
        self.saved, self.replay, self.folder = saved, replay, folder
        self.fed = Feeding(self.sides, chosen)

    def run(self, agreement: Agreement) -> None:
        """Compare, and write verdict, numbers and text into the result.

        Raises:
            ArtifactError: the artifact cannot be run.
            ModelError: the live model cannot be run.
        """
        started = time.perf_counter()
        suspicion = independence.shared(self.live, self.frozen)
        if suspicion is None:
            if self.sides.bit_exact:
                # First of all, so that random operations are where they were when it was saved.
                self._feed_saved()
            proof = self._independence()
            suspicion = proof.reason
            if suspicion is None:
                self._compare(agreement, proof)
        if suspicion is not None:
            agreement.text = text.not_told_apart(agreement, suspicion)
            agreement.cause = text.self_comparison(suspicion)
        agreement.seconds = time.perf_counter() - started

    def _compare(self, agreement: Agreement, proof: independence.Independence) -> None:
        state = vacuity.digests(self.live.weights())
        steady = (proof.steady, proof.frozen_steady)
        unsteady = [side for side, same in zip(_SIDES, steady, strict=True) if not same]
        agreement.unsteady = " and ".join(unsteady) or None
        if self.saved is not None and self.replay:
            if not self.sides.bit_exact:
                then = Allowed(self.saved.atol or 0.0, self.saved.logit_rtol or 0.0)
                self._allow(agreement, then)
            self._judge(agreement)
            self._replayed(agreement, self.saved, self._disagreement(steady))
            return
        corpus = corpus_of(
            self.live,
            examples=self.settings.examples,
            seed=self.settings.seed,
            state=(*sorted(state.items()), *self._probed(proof)),
        )
        if not self.sides.bit_exact:
            floor = floor_of(self.live, corpus, self.sides.ask_whole)
            self._allow(agreement, allowed_for(floor) if proof.steady else Allowed())
        self.fed.everything(corpus)
        self._judge(agreement)
        shown = self._disagreement(steady)
        if not agreement:
            shown.counterexample(agreement)
            shown.cause(agreement, corpus.spread(_ORDINARY))
        elif self.sides.bit_exact and not agreement.exact:
            shown.inexactness(agreement, corpus.spread(_ORDINARY))
        # A later artifact is compared with the answers that the live model gave for the first.
        moved = vacuity.drifting(state, vacuity.digests(self.live.weights()))
        drift = corpus.drift = moved or corpus.drift
        agreement.warnings += drift
        if not proof.steady:
            agreement.warnings.append(text.UNSTEADY)
        evidence = Evidence(self.sides, self.settings, self.fed.tally, proof.steady)
        evidence.noise_floor(agreement, corpus, proof.repeated)
        evidence.power(agreement, corpus, drifting=bool(drift))
        evidence.vacuity(agreement, corpus)
        evidence.weigh(agreement)
        agreement.text = findings.complete(agreement, self.settings.seed)

    def _allow(self, agreement: Agreement, allowed: Allowed) -> None:
        """Raise what is allowed to what noise explains; only then can a saved input be judged."""
        chosen, self.settings = self.settings, raised(self.settings, allowed)
        now = self.settings
        agreement.unraised = None if now.atol == chosen.atol else chosen.atol
        agreement.unraised_rtol = None if now.logit_rtol == chosen.logit_rtol else chosen.logit_rtol
        agreement.atol, agreement.logit_rtol = now.atol, now.logit_rtol
        self.fed.allow(self.settings)
        self._feed_saved()

    def _feed_saved(self) -> None:
        if self.saved is not None:
            feed = self.fed.alone if self.replay else self.fed.aside
            feed(self.saved)

    def _disagreement(self, steady: tuple[bool, bool]) -> Disagreement:
        fed = self.fed
        return Disagreement(
            self.sides, self.settings, fed.tally, fed.ranked, steady[1], self.folder
        )

    def _replayed(self, agreement: Agreement, saved: Saved, shown: Disagreement) -> None:
        """Say how a saved input does now, beside when it was saved."""
        if not agreement:
            agreement.counterexample = Counterexample(
                feeds=saved.feeds,
                away=saved.away,
                background=saved.background,
                size=sum(array.size for array in saved.feeds.values()),
                max_abs_diff=self.fed.tally.worst.max_abs if self.fed.tally.worst else math.nan,
                seconds=0.0,
                path=str(from_here(self.replay)) if self.replay else None,
            )
            shown.cause(agreement, self._smooth_and_noisy(_ORDINARY))
        agreement.text = findings.replayed(
            agreement, changed(saved, *self.fed.first), saved.versions
        )

    def _independence(self) -> independence.Independence:
        feeds = self._smooth_and_noisy(self.sides.frozen_rows or _PROBED)
        return independence.prove(
            lambda: self.sides.ask_live(feeds),
            lambda: self.sides.ask_frozen(feeds),
            lambda change: self.sides.ask_disturbed(feeds, change),
        )

    def _probed(self, proof: independence.Independence) -> tuple[object, ...]:
        """Return what tells of state that is in no variable, whatever the artifact takes."""
        if self.sides.frozen_rows is None:
            return fingerprint(proof.live)
        return fingerprint(self.sides.ask_whole(self._smooth_and_noisy(_PROBED)))

    def _smooth_and_noisy(self, rows: int) -> Arrays:
        """Return inputs that are smooth, noise and mixed, about the middle of the legal range."""
        return build(Batch(size=rows, kind=2, centre=8, scale=14, seed=0), self.live.specs)

    def _judge(self, agreement: Agreement) -> None:
        """Turn what was added up into the verdict and its text."""
        tally, worst = self.fed.tally, self.fed.tally.worst
        if worst is None:
            raise ModelError(f"{self.live.name}: no output was compared")
        logit_output, agreement.logit_rel_diff = tally.logit_worst or (None, None)
        agreement.inputs = tally.inputs
        agreement.examples = 1 if self.replay else self.settings.examples
        agreement.non_finite = worst.non_finite
        agreement.max_abs_diff = None if worst.problem else worst.max_abs
        agreement.exact = tally.identical
        if self.fed.unrepeated:
            agreement.warnings.append(text.unrepeated(agreement, self.fed.unrepeated))
        rtol = self.settings.logit_rtol
        close = worst.within(self.settings.atol)
        close_logits = rtol is None or (agreement.logit_rel_diff or 0.0) <= rtol
        inexact = self.sides.bit_exact and not tally.identical
        if close and close_logits and not (inexact and self.settings.exact):
            agreement.outcome = "passed"
            agreement.text = text.passed(agreement)
            if inexact:
                agreement.warnings.append(text.inexact(agreement, self._weights()))
            if agreement.within_noise:
                agreement.warnings.append(text.within_noise(agreement, FLOORS))
        else:
            agreement.text = text.mismatch(
                agreement,
                worst,
                tally.where,
                self.settings.seed,
                logit_output,
                self.sides.outputs,
                self._weights(),
                showing=self.fed.visible.showing,
            )

    def _weights(self) -> WeightDifferences:
        theirs = self.frozen.weights()
        if not theirs:  # a converted file keeps no weight under its name, which is no news
            return differing_weights({}, {}, set())
        outputs = [tensor.name for tensor in self.live.outputs.values()]
        needed = ancestors(self.live.graph.as_graph_def(), outputs)
        return differing_weights(self.live.weights(), theirs, needed)
