"""What a failed check shows: the smallest failing input, and the cause."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from pytest_freezecheck.checking import exhibits
from pytest_freezecheck.checking.counterexample import largest, recorded_answers, smallest_failing
from pytest_freezecheck.checking.explain import explain
from pytest_freezecheck.checking.proving import Compared
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.checking.tally import Tally
from pytest_freezecheck.checking.worst_inputs import Suspects
from pytest_freezecheck.diagnosis import own_lines
from pytest_freezecheck.inputs.saved import Saved, place, save
from pytest_freezecheck.inputs.strategies import beside
from pytest_freezecheck.messages.paths import from_here
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.numeric.tolerance import Tolerances
from pytest_freezecheck.report import cautions
from pytest_freezecheck.report import details as words
from pytest_freezecheck.result import progress
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.exhibit import Exhibit
from pytest_freezecheck.result.findings import Counterexample, Explanation
from pytest_freezecheck.settings import Settings, current
from pytest_freezecheck.versions import versions

#: Of the inputs that show most, as many as a cause is looked for with.
_WORST = 4


@dataclasses.dataclass
class Disagreement:
    """Looks into the difference that one check found.

    Attributes:
        sides: live and frozen.
        settings: what the check works with.
        tally: what the check added up.
        ranked: the inputs that showed most, by outputs alone, and by outputs and logits.
        steady: whether the artifact answers the same twice.
        folder: where failing inputs are saved, or None.
    """

    sides: Sides
    settings: Settings
    tally: Tally
    ranked: tuple[Suspects, Suspects]
    steady: bool
    folder: Path | None

    @property
    def suspects(self) -> Suspects:
        """The inputs that showed most of the kind of difference that the check failed by."""
        worst = self.tally.worst
        return self.ranked[worst is None or worst.close]

    @property
    def tolerances(self) -> Tolerances:
        """What is allowed, of the kind of difference that the check failed by."""
        worst, allowed = self.tally.worst, self.tally.tolerances
        if worst is None or not worst.close:
            return allowed.without_logits()
        name, ratio = self.tally.logit_worst or ("", 0.0)
        rtol = allowed[name].logit_rtol if name else None
        return allowed if rtol is not None and not ratio <= rtol else allowed.nothing()

    def counterexample(self, agreement: Agreement) -> None:
        """Find the smallest failing input, and save it."""
        if not self.suspects or self.tally.worst is None:
            return
        progress.tell("looking for the smallest failing input", None, agreement.max_abs_diff)
        found = smallest_failing(self.sides, self.suspects, self.tally.worst, self.tolerances)
        live, frozen = recorded_answers(self.sides, dict(found.feeds), steady=self.steady)
        agreement.counterexample = found
        if self.folder is not None:
            agreement.counterexample = self._saved(agreement, found, live, frozen, self.folder)
        self.exhibit(agreement, live, frozen)

    def exhibit(self, agreement: Agreement, live: Arrays, frozen: Arrays) -> None:
        """Keep what a page shows of the failing input, and of all that was compared.

        Args:
            agreement: the result, with its failing input.
            live: what the live model answers to that, {output: array (rows, *shape)}.
            frozen: what the artifact answers, under the live names.
        """
        found = agreement.counterexample
        agreement.exhibit = Exhibit(
            answers=exhibits.answers(agreement.compared, live, frozen),
            inputs=() if found is None else exhibits.inputs(found),
            histogram=exhibits.histogram(self.tally.histogram),
        )

    def complete(self, agreement: Agreement) -> None:
        """Add to what a page shows what was found out after the failing input."""
        exhibit, why = agreement.exhibit, agreement.explanation
        if exhibit is None:
            return
        if why is not None:
            exhibit.layers = why.layers
            writer, first = self.sides.frozen.written_by, next(iter(why.causes), None)
            if writer is not None and first is not None and first.proven:
                exhibit.edit = own_lines.edit(first.id, writer)
        if exhibit.histogram is not None:
            exhibit.histogram = dataclasses.replace(
                exhibit.histogram, allowed=agreement.atol, floor=agreement.noise_floor
            )

    def cause(self, agreement: Agreement, ordinary: Arrays, compared: Compared) -> None:
        """Find out why the two differ; another shape or dtype says it all by itself.

        Args:
            agreement: the result.
            ordinary: inputs that were not looked for, {input name: array (rows, *shape)}. What
                explains the difference has to hold for them, too: those that show most are alike.
            compared: both computations.
        """
        worst = self.tally.worst
        if not self.suspects or worst is None or worst.problem is not None:
            return
        progress.tell("looking for the cause", None, agreement.max_abs_diff)
        agreement.explanation = self._explained(ordinary, compared, non_finite=worst.non_finite)

    def inexactness(self, agreement: Agreement, ordinary: Arrays, compared: Compared) -> None:
        """Name the cause of a difference that is small enough, in a warning, if it is proven."""
        if not self.suspects:
            return
        causes = self._explained(ordinary, compared, non_finite=False).causes
        if causes and causes[0].proven:
            agreement.warnings.append(cautions.why_inexact(agreement, causes[0]))

    def _explained(self, ordinary: Arrays, compared: Compared, *, non_finite: bool) -> Explanation:
        return explain(
            self.sides,
            compared,
            self._with(ordinary),
            steady=self.steady,
            non_finite=non_finite,
            atol=self.settings.atol,
        )

    def _with(self, ordinary: Arrays) -> Arrays:
        """Return the inputs that show most, the worst first, and ordinary ones behind them."""
        worst = {name: array[:_WORST] for name, array in self.suspects.feeds().items()}
        return beside(worst, ordinary, self.sides.live.specs)

    def _saved(
        self,
        agreement: Agreement,
        found: Counterexample,
        live: Arrays,
        frozen: Arrays,
        folder: Path,
    ) -> Counterexample:
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
            feeds=dict(found.feeds),
            live=live,
            frozen=frozen,
            atol=self.settings.atol,
            logit_rtol=self.settings.logit_rtol,
            tolerances={n: one.as_json() for n, one in self.tally.tolerances.outputs.items()},
        )
        try:
            save(path, saved)
        except OSError as error:
            agreement.warnings.append(cautions.UNSAVED.format(path, error))
            return found
        shown = str(from_here(path))
        agreement.replay = words.replay(shown, current().command)
        return dataclasses.replace(found, path=shown)
