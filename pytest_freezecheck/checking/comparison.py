"""Compare one artifact with the live model: independence, feeding both sides, evidence."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path

from pytest_freezecheck.checking.baseline import Floor, outputs_of, sees_others
from pytest_freezecheck.checking.causes.attribution import attribute
from pytest_freezecheck.checking.causes.blame import blame
from pytest_freezecheck.checking.conclusion import SIDES, conclude, count, evidence
from pytest_freezecheck.checking.corpus import Corpus, corpus_of, fingerprint
from pytest_freezecheck.checking.described import described
from pytest_freezecheck.checking.disagreement import Disagreement
from pytest_freezecheck.checking.doubtful import Doubtful
from pytest_freezecheck.checking.feeding import Feeding
from pytest_freezecheck.checking.noise_tolerance import floor_of, tolerances
from pytest_freezecheck.checking.pointed import pointed
from pytest_freezecheck.checking.proving import computation_of, prove
from pytest_freezecheck.checking.remembered import Memory, memory_of
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.checking.support import Support
from pytest_freezecheck.computation.proof import DIFFERS, IDENTICAL
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.inputs.descriptions import Batch
from pytest_freezecheck.inputs.saved import Saved, changed
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.messages.paths import from_here
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.numeric.tolerance import Tolerance, Tolerances
from pytest_freezecheck.power import independence, vacuity
from pytest_freezecheck.report import cautions
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Counterexample, Replayed
from pytest_freezecheck.result.reasons import PASSED
from pytest_freezecheck.settings import Settings

#: Inputs, beside those that show most, that a cause has to explain.
_ORDINARY = 4
#: Examples that are fed where both sides are the same computation: they check the proof.
_PROVED = 10
#: Inputs that tell whether the two sides depend on each other.
_PROBED = 3


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
        self._fed: Corpus | None = None

    def run(self, agreement: Agreement) -> None:
        """Compare, and write what was found, and the verdict, into the result.

        Raises:
            ArtifactError: the artifact cannot be run, or its answers depend on chance.
            ModelError: the live model cannot be run.
        """
        started = time.perf_counter()
        agreement.not_compared, agreement.ignored = self.sides.not_compared, self.sides.ignored
        agreement.allow_ops = tuple(dict.fromkeys(self.frozen.allowed))
        agreement.suspicion = independence.shared(self.live, self.frozen)
        if agreement.suspicion is None:
            # First of all, so that random operations are where they were when it was saved.
            first = self._asked_first()
            proof = self._independence()
            agreement.suspicion = proof.reason
            if proof.reason is None:
                self._compare(agreement, proof, first)
        if agreement.suspicion is not None:
            conclude(agreement, None)
        if agreement.outcome == PASSED:
            self.frozen.refuse_chance(list(self.sides.inputs.values()), self.sides.wanted)
            if self._fed is not None:
                self.sides.check_served(self._fed.probe(_PROBED))
        agreement.seconds = time.perf_counter() - started

    def _asked_first(self) -> tuple[Arrays, Answer, Answer] | None:
        if self.saved is None:
            return None
        feeds = {name: self.saved.feeds[name] for name in self.live.specs}
        return feeds, self.sides.ask_live(feeds), self.sides.ask_frozen(feeds)

    def _compare(
        self,
        agreement: Agreement,
        proof: independence.Independence,
        first: tuple[Arrays, Answer, Answer] | None,
    ) -> None:
        steady = (proof.steady, proof.frozen_steady)
        unsteady = [side for side, same in zip(SIDES, steady, strict=True) if not same]
        agreement.unsteady = " and ".join(unsteady) or None
        if self.saved is not None and self.replay and first is not None:
            self._replayed(agreement, self.saved, steady, first)
            return
        state = vacuity.digests(self.live.weights())
        theirs = vacuity.digests(self.frozen.state())
        compared = prove(self.sides, computation_of(self.live, state), self.frozen.ignored_weights)
        agreement.proof = described(compared.proof, frozenset(state))
        if compared.proof.result == IDENTICAL and "examples" not in self.settings.given:
            self.settings = dataclasses.replace(self.settings, examples=_PROVED)
        known_by = (*sorted(state.items()), *self._probed(proof))
        chosen = {"examples": self.settings.examples, "seed": self.settings.seed}
        corpus = corpus_of(self.live, **chosen, state=known_by)
        memory = self._memory(corpus, known_by) if proof.steady else None
        agreement.remembered = memory is not None and memory.used
        fed, floor = prepared(self.sides, corpus, self.settings, steady=proof.steady)
        if floor is not None and sees_others(floor.row_dependence):
            agreement.row_dependence = floor.row_dependence
        if first is not None:
            fed.aside(*first)
        fed.everything(corpus)
        agreement.moved = tuple(vacuity.moved(theirs, vacuity.digests(self.frozen.state())))
        agreement.examples = self.settings.examples
        count(agreement, fed)
        if compared.proof.result == DIFFERS and not evidence(agreement, fed).apart:
            for words, feeds in pointed(self.sides, compared.proof, corpus.spread(_ORDINARY)):
                fed.besides(words, feeds)
            count(agreement, fed)
        shown = self._disagreement(fed, steady)
        apart = evidence(agreement, fed).apart
        if apart:
            shown.counterexample(agreement)
            shown.cause(agreement, corpus.spread(_ORDINARY), compared)
        elif compared.proof.result == DIFFERS:
            agreement.explanation = attribute(self.sides, compared) or blame(
                self.sides, compared.proof
            )
        # A later artifact is compared with the answers that the live model gave for the first.
        drifted = vacuity.moved(state, vacuity.digests(self.live.weights()))
        drift = corpus.drift = drifted or corpus.drift
        if drift:
            agreement.warnings.append(cautions.drifting(drift, len(state)))
        if not proof.steady:
            agreement.warnings.append(cautions.UNSTEADY)
        support = Support(self.sides, self.settings, fed.tally, proof.steady)
        support.noise_floor(agreement, corpus, proof.repeated, floor)
        support.power(agreement, corpus, drifting=bool(drift))
        shown.complete(agreement)
        conclude(agreement, fed)
        if self.sides.bit_exact and not agreement.exact and not apart:
            shown.inexactness(agreement, corpus.spread(_ORDINARY), compared)
        support.vacuity(agreement, corpus)
        if memory is not None:
            if not drift:
                memory.keep(corpus)
            agreement.warnings += memory.told()
        self._fed = corpus

    def _memory(self, corpus: Corpus, state: tuple[object, ...]) -> Memory | None:
        """Return what is kept of the live model from run to run, if anything is to be."""
        folder, examples = self.settings.cache, self.settings.examples
        if folder is None:
            return None
        return memory_of(corpus, self.live, folder, examples, state, self.sides.ask_whole)

    def _disagreement(self, fed: Feeding, steady: tuple[bool, bool]) -> Disagreement:
        return Disagreement(
            self.sides, self.settings, fed.tally, fed.ranked, steady[1], self.folder
        )

    def _replayed(
        self,
        agreement: Agreement,
        saved: Saved,
        steady: tuple[bool, bool],
        first: tuple[Arrays, Answer, Answer],
    ) -> None:
        """Say how a saved input does now, beside when it was saved."""
        fed = Feeding(self.sides, self._of_then(saved, first[1]), self.settings.seed)
        fed.alone(*first)
        agreement.examples = 1
        agreement.replayed = Replayed(tuple(changed(saved, *fed.first)), saved.versions)
        count(agreement, fed)
        if evidence(agreement, fed).apart:
            worst = fed.tally.worst
            agreement.counterexample = Counterexample(
                feeds=saved.feeds,
                away=saved.away,
                background=saved.background,
                size=sum(array.size for array in saved.feeds.values()),
                max_abs_diff=worst.max_abs if worst else math.nan,
                seconds=0.0,
                path=str(from_here(self.replay)) if self.replay else None,
            )
            shown = self._disagreement(fed, steady)
            compared = prove(
                self.sides,
                computation_of(self.live, vacuity.digests(self.live.weights())),
                self.frozen.ignored_weights,
            )
            shown.cause(agreement, self._smooth_and_noisy(_ORDINARY), compared)
            shown.exhibit(agreement, *fed.first)
            shown.complete(agreement)
        conclude(agreement, fed)

    def _of_then(self, saved: Saved, answer: Answer) -> Tolerances:
        """Return what was allowed when an input was saved, but where somebody chose otherwise."""
        now = tolerances(self.live, outputs_of(self.live, [answer]), self.settings, None)
        if self.sides.bit_exact or not saved.tolerances:
            return now
        try:
            there = {n: v for n, v in saved.tolerances.items() if n in now.outputs}
            then = {name: Tolerance.of_json(values) for name, values in there.items()}
        except TypeError as error:
            raise SettingError(f"{self.replay}: its 'tolerances' cannot be used: {error}") from None
        kept = {
            name: one if "atol" in self.settings.given else then.get(name, one)
            for name, one in now.outputs.items()
        }
        return Tolerances(kept)

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


def prepared(
    sides: Sides, corpus: Corpus, settings: Settings, *, steady: bool = True
) -> tuple[Feeding, Floor | None]:
    """Return what feeds both sides, with what each output may be apart.

    Where another executor runs the artifact, the live model's float noise is measured, and whether
    rows have to be asked in the company of the same others.

    Args:
        sides: live and frozen.
        corpus: the inputs.
        settings: of the check.
        steady: whether the live model answers the same twice; if not, that is no float noise.

    Returns:
        It, and the live model's noise, None where none is allowed for.
    """
    live, floor, doubtful = sides.live, None, None
    if not sides.bit_exact:
        floor = floor_of(live, corpus, sides.ask_whole)
        if sees_others(floor.row_dependence) or not corpus.row_by_row:
            sides.keep_company()
    known = corpus.known(live, sides.ask_whole)
    allowed = tolerances(live, known, settings, floor if steady else None)
    if floor is not None and steady:
        doubtful = Doubtful(sides, allowed, lambda: corpus.clone(live), settings.seed)
    return Feeding(sides, allowed, settings.seed, doubtful), floor
