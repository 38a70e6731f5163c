"""What stands behind a verdict: the smallest failing input, the noise floor, the check's power."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from pytest_freezecheck.agreement import Agreement
from pytest_freezecheck.comparing.allowance import floor_of
from pytest_freezecheck.comparing.corpus import Corpus
from pytest_freezecheck.comparing.failing import largest, recorded_answers, smallest_failing
from pytest_freezecheck.comparing.inquiry import doubts, inquire, older_than_checkpoint
from pytest_freezecheck.comparing.sides import Sides
from pytest_freezecheck.comparing.strength import measured
from pytest_freezecheck.comparing.suspects import Suspects
from pytest_freezecheck.comparing.tally import Tally
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.findings import Counterexample
from pytest_freezecheck.inputs.saved import Saved, place, save
from pytest_freezecheck.models.session import Arrays
from pytest_freezecheck.paths import from_here
from pytest_freezecheck.power import noise, vacuity
from pytest_freezecheck.report import findings as words
from pytest_freezecheck.settings import Settings
from pytest_freezecheck.severity import Yardstick
from pytest_freezecheck.versions import versions

#: Inputs that tell whether the answer depends on each of several inputs.
_ROWS = 16
#: Inputs, of those steered to the boundary and of those drawn, that the noise is measured on.
_NOISE_ROWS = 8


@dataclasses.dataclass
class Evidence:
    """Gathers it for one check.

    Attributes:
        sides: live and frozen.
        settings: what the check works with.
        tally: what the check added up.
        ranked: the inputs that showed most, by outputs alone, and by outputs and logits.
        steady: whether the live model, and whether the artifact, answers the same twice.
        folder: where failing inputs are saved, or None.
    """

    sides: Sides
    settings: Settings
    tally: Tally
    ranked: tuple[Suspects, Suspects]
    steady: tuple[bool, bool]
    folder: Path | None

    @property
    def suspects(self) -> Suspects:
        """The inputs that showed most of the kind of difference that the check failed by."""
        worst = self.tally.worst
        return self.ranked[worst is None or worst.within(self.settings.atol)]

    @property
    def yardstick(self) -> Yardstick:
        """What is allowed, of the kind of difference that the check failed by."""
        worst, rtol = self.tally.worst, self.settings.logit_rtol
        if worst is None or not worst.within(self.settings.atol):
            return self.tally.yardstick(None)
        ratio = (self.tally.logit_worst or ("", 0.0))[1]
        if rtol is not None and not ratio <= rtol:
            return self.tally.yardstick(rtol)
        return self._bit_identity

    @property
    def _bit_identity(self) -> Yardstick:
        """What is allowed where nothing is."""
        return dataclasses.replace(self.tally.yardstick(0.0), atol=0.0)

    def counterexample(self, agreement: Agreement) -> None:
        """Find the smallest failing input, and save it."""
        if not self.suspects or self.tally.worst is None:
            return
        found = smallest_failing(self.sides, self.suspects, self.tally.worst, self.yardstick)
        agreement.counterexample = found
        if self.folder is not None:
            agreement.counterexample = self._saved(agreement, found, self.folder)

    def cause(self, agreement: Agreement) -> None:
        """Find out why the two differ; another shape or dtype says it all by itself."""
        worst = self.tally.worst
        if not self.suspects or worst is None or worst.problem is not None:
            return
        verdict = inquire(
            self.sides,
            self.suspects.feeds(),
            steady=self.steady[1],
            non_finite=worst.non_finite,
            atol=self.settings.atol,
        )
        agreement.cause, agreement.first_difference = verdict.cause, verdict.first
        agreement.text = "\n".join([agreement.text, *verdict.lines])

    def inexactness(self, agreement: Agreement) -> None:
        """Name the cause of a difference that is small enough, in a warning, if it is proven."""
        if not self.suspects or agreement.exact or not self.sides.frozen.bit_exact:
            return
        feeds = self.suspects.feeds()
        verdict = inquire(
            self.sides,
            feeds,
            steady=self.steady[1],
            non_finite=False,
            atol=self.settings.atol,
        )
        if verdict.cause["proven"]:
            agreement.warnings.append(
                f"what keeps {agreement.artifact} from being bit-identical: {verdict.cause['id']}: "
                f"{verdict.cause['explanation']}"
            )

    def _saved(self, agreement: Agreement, found: Counterexample, folder: Path) -> Counterexample:
        feeds: Arrays = dict(found.feeds)
        live, frozen = recorded_answers(self.sides, feeds, steady=self.steady[1])
        path = place(folder, agreement.model, agreement.artifact, agreement.nodeid)
        found = dataclasses.replace(found, max_abs_diff=largest(live, frozen))
        saved = Saved(
            model=agreement.model,
            artifact=agreement.artifact,
            nodeid=agreement.nodeid,
            seed=self.settings.seed,
            away=found.away,
            background=dict(found.background),
            max_abs_diff=found.max_abs_diff if math.isfinite(found.max_abs_diff) else None,
            versions=versions(),
            feeds=feeds,
            live=live,
            frozen=frozen,
            atol=self.settings.atol,
            logit_rtol=self.settings.logit_rtol,
        )
        try:
            save(path, saved)
        except OSError as error:
            agreement.warnings.append(f"the failing input cannot be saved: {path}: {error}")
            return found
        shown = str(from_here(path))
        agreement.replay = words.replay(shown)
        return dataclasses.replace(found, path=shown)

    def noise_floor(self, agreement: Agreement, corpus: Corpus, repeated: float) -> None:
        """Measure how far each side is from itself.

        Args:
            agreement: the result.
            corpus: the inputs.
            repeated: how far two answers of one side to the same batch were apart.
        """
        floor, ask = repeated, self.sides.ask_frozen
        if not self.sides.frozen.bit_exact:
            ours = floor_of(self.sides.live, corpus, self.sides.ask_live)
            for feeds in corpus.probe(_NOISE_ROWS):
                floor = max(floor, noise.repeated(ask, feeds), noise.split(ask, feeds))
            floor = max(floor, ours.apart)
            agreement.warnings += [] if ours.note is None else [ours.note]
        agreement.noise_floor = floor
        if not self.sides.frozen.bit_exact and floor > agreement.atol:
            agreement.warnings.append(words.below_floor(agreement, floor))

    def power(self, agreement: Agreement, corpus: Corpus, *, drifting: bool) -> None:
        """Measure how many planted mistakes the inputs would have caught."""
        if drifting or not self.steady[0]:
            agreement.warnings.append(
                "power was not measured: the live model is not the same from one answer to the next"
            )
            return
        yardstick = self.tally.yardstick(self.settings.logit_rtol)
        if self.settings.exact and self.sides.frozen.bit_exact:
            yardstick = self._bit_identity
        key = (yardstick.atol, yardstick.rtol, self.tally.sees_logits)
        if key not in corpus.powers:
            try:
                corpus.powers[key] = measured(
                    self.sides.live,
                    corpus,
                    yardstick,
                    self.settings.seed,
                    logits=self.tally.sees_logits,
                )
            except ModelError as error:
                agreement.warnings.append(f"power could not be measured: {error}")
                return
        agreement.power = corpus.powers[key]
        if agreement.power is None:
            agreement.warnings.append("power could not be measured: there is nothing to alter")

    def vacuity(self, agreement: Agreement, corpus: Corpus) -> None:
        """Say by name what makes the check say less than it seems to."""
        answers = corpus.drawn().answers
        agreement.warnings += vacuity.still_answers(answers, agreement.atol)
        agreement.warnings += corpus.notes
        if corpus.doubts is None:
            corpus.doubts = doubts(self.sides.live)
        agreement.warnings += corpus.doubts
        agreement.warnings += self.sides.cautions(corpus.probe(_NOISE_ROWS))
        if not agreement:
            agreement.warnings += older_than_checkpoint(self.sides)
        probe = corpus.spread(_ROWS)
        agreement.warnings += vacuity.idle_inputs(self.sides.ask_live, probe)

    def weigh(self, agreement: Agreement) -> None:
        """Turn a pass that proves too little into a failure."""
        least, power = self.settings.min_power, agreement.power
        if power is not None and power.caught == 0:
            why = words.nothing_could_fail(agreement, power)
        elif least > 0.0 and (power is None or power.score < least):
            why = words.too_weak(agreement, least)
        else:
            return
        if agreement.outcome == "passed":
            agreement.outcome, agreement.text = "failed", why
