"""Compare one artifact with the live model: independence, feeding both sides, and the verdict."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from pytest_freezecheck.agreement import Agreement
from pytest_freezecheck.comparing.corpus import Corpus, corpus_of, fingerprint
from pytest_freezecheck.comparing.evidence import Evidence
from pytest_freezecheck.comparing.sides import Sides
from pytest_freezecheck.comparing.suspects import Suspects
from pytest_freezecheck.comparing.tally import Tally
from pytest_freezecheck.diagnosis.values import WeightDifferences, differing_weights
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.findings import Counterexample
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.inputs.mutation import mutate
from pytest_freezecheck.inputs.render import Batch
from pytest_freezecheck.inputs.saved import Saved, changed
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.models.session import Answer, Arrays
from pytest_freezecheck.paths import from_here
from pytest_freezecheck.power import independence, vacuity
from pytest_freezecheck.report import findings, text
from pytest_freezecheck.settings import Settings

_CHILDREN = 8
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
        self.tally = Tally(chosen.atol)
        # By outputs and logits together, and by outputs alone: where those differ too much, a row
        # whose logits alone are far apart is no example of it.
        self.suspects, self.visible = Suspects(), Suspects()
        self._aside = (self.suspects, self.visible)
        self._first: tuple[Arrays, Arrays] = ({}, {})

    def run(self, agreement: Agreement) -> None:
        """Compare, and write verdict, numbers and text into the result.

        Raises:
            ArtifactError: the artifact cannot be run.
            ModelError: the live model cannot be run.
        """
        started = time.perf_counter()
        suspicion = independence.shared(self.live, self.frozen)
        if suspicion is None:
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
        evidence = Evidence(
            self.sides,
            self.settings,
            self.tally,
            (self.visible, self.suspects),
            steady,
            self.folder,
        )
        if self.saved is not None and self.replay:
            self._judge(agreement)
            self._replayed(agreement, self.saved, evidence)
            return
        corpus = corpus_of(
            self.live,
            examples=self.settings.examples,
            seed=self.settings.seed,
            state=fingerprint(proof.live),
        )
        self.feed(corpus)
        for ours, saved in zip((self.suspects, self.visible), self._aside, strict=True):
            if saved and saved is not ours:
                ours.include(saved)
        self._judge(agreement)
        if not agreement:
            evidence.counterexample(agreement)
            evidence.cause(agreement)
        else:
            evidence.inexactness(agreement)
        # A later artifact is compared with the answers that the live model gave for the first.
        moved = vacuity.drifting(state, vacuity.digests(self.live.weights()))
        drift = corpus.drift = moved or corpus.drift
        agreement.warnings += drift
        if not proof.steady:
            agreement.warnings.append(text.UNSTEADY)
        evidence.noise_floor(agreement, corpus, proof.repeated)
        evidence.power(agreement, corpus, drifting=bool(drift))
        evidence.vacuity(agreement, corpus)
        evidence.weigh(agreement)
        agreement.text = findings.complete(agreement, self.settings.seed)

    def _replayed(self, agreement: Agreement, saved: Saved, evidence: Evidence) -> None:
        """Say how a saved input does now, beside when it was saved."""
        if not agreement:
            agreement.counterexample = Counterexample(
                feeds=saved.feeds,
                away=saved.away,
                background=saved.background,
                size=sum(array.size for array in saved.feeds.values()),
                max_abs_diff=self.tally.worst.max_abs if self.tally.worst else math.nan,
                seconds=0.0,
                path=str(from_here(self.replay)) if self.replay else None,
            )
            evidence.cause(agreement)
        agreement.text = findings.replayed(agreement, changed(saved, *self._first), saved.versions)

    def _independence(self) -> independence.Independence:
        # Smooth, noise and mixed, about the middle of the legal range.
        size = self.sides.batch_size or 3
        feeds = build(Batch(size=size, kind=2, centre=8, scale=14, seed=0), self.live.specs)
        return independence.prove(
            lambda: self.sides.ask_live(feeds),
            lambda: self.sides.ask_frozen(feeds),
            lambda change: self.sides.ask_disturbed(feeds, change),
        )

    def _feed_saved(self) -> None:
        """Try what failed the last time before anything else.

        It is not counted, and remembered only after the search, so that a run that finds a failure
        and the next one report the same.
        """
        if self.saved is not None:
            feeds = {name: self.saved.feeds[name] for name in self.live.specs}
            live = self.sides.ask_live(feeds)
            frozen = self._feed("a failing input that was saved", feeds, live)
            outputs = {name: frozen.outputs[there] for name, there in self.sides.outputs.items()}
            self._first = (live.outputs, outputs)
            if self.replay is None:
                self._aside = (self.suspects, self.visible)
                self.suspects, self.visible = Suspects(), Suspects()
                self.tally.inputs = self.tally.examples = 0

    def feed(self, corpus: Corpus) -> None:
        """Feed all inputs to both sides, and search around those that showed most."""
        for words, feeds, live in corpus.main(self.live, self.sides.ask_live):
            self._feed(words, feeds, live)
        self._search(corpus)

    def _feed(self, words: str, feeds: Arrays, live: Answer) -> Answer:
        """Ask the artifact about a batch that the live model has answered, and add it up."""
        tally, rows = self.tally, len(next(iter(feeds.values())))
        frozen = self.sides.ask_frozen(feeds)
        tally.count(rows)
        identical = True
        for name, there in self.sides.outputs.items():
            pair = np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])
            logits = live.logits.get(name), frozen.logits.get(there)
            identical &= tally.output(name, *pair, where=words)
            identical &= tally.logits(name, pair, logits)
        if not identical:
            names, rtol = self.sides.outputs, self.settings.logit_rtol
            ratios = tally.yardstick(rtol).rows(live, frozen, names, rows)
            self.suspects.add(feeds, ratios)
            self.visible.add(feeds, tally.yardstick(None).rows(live, frozen, names, rows))
        return frozen

    def _search(self, corpus: Corpus) -> None:
        """Search around the inputs that showed most; where none showed anything, draw on."""
        rng = np.random.default_rng(self.settings.seed)
        for _ in range(corpus.searched):
            if not self.suspects:
                break
            feeds = mutate(self.suspects.feeds(), self.live.specs, rng, _CHILDREN)
            words = f"{_CHILDREN} rows mutated from those that showed most"
            self._feed(words, feeds, self.sides.ask_live(feeds))
        else:
            return
        for words, feeds, live in corpus.spare(self.sides.ask_live, corpus.searched):
            self._feed(words, feeds, live)

    def _judge(self, agreement: Agreement) -> None:
        """Turn what was added up into the verdict and its text."""
        tally, worst = self.tally, self.tally.worst
        if worst is None:
            raise ModelError(f"{self.live.name}: no output was compared")
        logit_output, agreement.logit_rel_diff = tally.logit_worst or (None, None)
        agreement.inputs = tally.inputs
        agreement.examples = 1 if self.replay else self.settings.examples
        agreement.non_finite = worst.non_finite
        agreement.max_abs_diff = None if worst.problem else worst.max_abs
        agreement.exact = tally.identical
        rtol = self.settings.logit_rtol
        close = worst.within(self.settings.atol)
        close_logits = rtol is None or (agreement.logit_rel_diff or 0.0) <= rtol
        inexact = self.frozen.bit_exact and not tally.identical
        if close and close_logits and not (inexact and self.settings.exact):
            agreement.outcome = "passed"
            agreement.text = text.passed(agreement)
            if inexact:
                agreement.warnings.append(text.inexact(agreement, self._weights()))
        else:
            agreement.text = text.mismatch(
                agreement,
                worst,
                tally.where,
                self.settings.seed,
                logit_output,
                self.sides.outputs,
                self._weights(),
                showing=self.visible.showing,
            )

    def _weights(self) -> WeightDifferences:
        theirs = self.frozen.weights()
        # A converted file keeps no weight under its name, which is no news.
        return differing_weights(self.live.weights() if theirs else {}, theirs)
