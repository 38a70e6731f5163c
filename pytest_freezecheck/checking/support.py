"""What stands behind a verdict: the noise floor, the check's power, and what weakens it."""

from __future__ import annotations

import dataclasses

from pytest_freezecheck.checking.baseline import Floor
from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.checking.doubts import doubts, is_older_than_checkpoint
from pytest_freezecheck.checking.reach import reached
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.checking.strength import measured
from pytest_freezecheck.checking.tally import Tally
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.power import noise, vacuity
from pytest_freezecheck.report import cautions
from pytest_freezecheck.result import progress
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.settings import Settings

#: Inputs that tell whether the answer depends on each of several inputs.
_ROWS = 16
#: Inputs, of those steered to the boundary and of those drawn, that the noise is measured on.
_NOISE_ROWS = 8


@dataclasses.dataclass
class Support:
    """Gathers it for one check.

    Attributes:
        sides: live and frozen.
        settings: what the check works with.
        tally: what the check added up.
        steady: whether the live model answers the same twice.
    """

    sides: Sides
    settings: Settings
    tally: Tally
    steady: bool

    def noise_floor(
        self, agreement: Agreement, corpus: Corpus, repeated: float, ours: Floor | None
    ) -> None:
        """Measure how far each side is from itself.

        Args:
            agreement: the result.
            corpus: the inputs.
            repeated: how far two answers of one side to the same batch were apart.
            ours: the live model's floor, where another executor is allowed for.
        """
        floor, ask = repeated, self.sides.ask_frozen
        if ours is not None:
            for feeds in corpus.probe(_NOISE_ROWS):
                floor = max(floor, noise.repeated(ask, feeds))
                if not self.sides.in_company:
                    floor = max(floor, noise.split(ask, feeds))
            floor = max(floor, ours.absolute)
            if ours.unmeasured is not None:
                agreement.warnings.append(cautions.NO_FLOOR.format(ours.unmeasured))
        agreement.noise_floor = floor
        if ours is not None and floor > agreement.atol and agreement.unsteady is None:
            agreement.warnings.append(cautions.below_floor(agreement, floor))

    def power(self, agreement: Agreement, corpus: Corpus, *, drifting: bool) -> None:
        """Measure how many planted mistakes the inputs would have caught."""
        if drifting or not self.steady:
            agreement.warnings.append(cautions.POWERLESS)
            return
        progress.tell("planting mistakes in the live model", None, agreement.max_abs_diff)
        tolerances = self.tally.tolerances
        if self.settings.exact and self.sides.bit_exact:
            tolerances = tolerances.nothing()
        key = repr((tolerances.key, self.tally.sees_logits))
        if key not in corpus.powers:
            try:
                corpus.powers[key] = measured(
                    self.sides.live,
                    corpus,
                    tolerances,
                    self.settings.seed,
                    logits=self.tally.sees_logits,
                )
            except ModelError as error:
                agreement.warnings.append(cautions.NO_POWER.format(error))
                return
        found, proof = corpus.powers[key], agreement.proof
        if found is not None and proof is not None and proof.holds and not proof.grid:
            found = dataclasses.replace(found, proved=proof.weights_accounted == 1.0)
        agreement.power = found
        if found is None:
            agreement.warnings.append(cautions.NO_POWER.format("there is nothing to alter"))

    def vacuity(self, agreement: Agreement, corpus: Corpus) -> None:
        """Say by name what makes the check say less than it seems to."""
        answers = corpus.drawn().answers
        agreement.warnings += vacuity.still_answers(answers, self.settings.atol)
        proved = agreement.proof is not None and agreement.proof.result == "identical"
        if not proved or "examples" in self.settings.given:
            agreement.warnings += corpus.notes  # of few examples, few lie where much is told
        if corpus.doubts is None:
            corpus.doubts = doubts(self.sides.live)
        agreement.warnings += corpus.doubts
        agreement.warnings += self.sides.cautions(corpus.probe(_NOISE_ROWS))
        if not agreement and is_older_than_checkpoint(self.sides):
            agreement.warnings.append(cautions.OLDER)
        agreement.reached = reached(self.sides.live, corpus)
        probe = corpus.spread(_ROWS)
        idle = vacuity.idle_inputs(self.sides.ask_live, probe)
        if idle:
            agreement.warnings.append(cautions.IDLE.format(listed(idle)))
