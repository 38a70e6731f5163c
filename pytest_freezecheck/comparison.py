"""Compare one artifact with the live model: independence, feeding both sides, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from pytest_freezecheck.agreement import Agreement
from pytest_freezecheck.corpus import batches, fingerprint
from pytest_freezecheck.diagnosis.values import WeightDifferences, differing_weights
from pytest_freezecheck.errors import ArtifactError, FreezecheckError, ModelError, reason
from pytest_freezecheck.formats.base import Change, FrozenModel
from pytest_freezecheck.formats.pieces import in_pieces
from pytest_freezecheck.inputs.render import Batch
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.models.session import Answer, Arrays
from pytest_freezecheck.power import independence
from pytest_freezecheck.report import text
from pytest_freezecheck.settings import Settings
from pytest_freezecheck.tally import Tally

T = TypeVar("T")


class Comparison:
    """The state of one check.

    Raises:
        MatchError: the artifact lacks an input or output of the live model's names.
    """

    def __init__(self, live: LiveModel, frozen: FrozenModel, chosen: Settings) -> None:
        self.live = live
        self.frozen = frozen
        self.settings = chosen
        self.outputs = frozen.match_outputs(live.outputs)
        self.wanted = list(self.outputs.values())
        self.inputs = frozen.match_inputs(live.inputs, self.wanted)
        self.batch_size = frozen.batch_size()
        self.tally = Tally(chosen.atol)

    def run(self, agreement: Agreement) -> None:
        """Compare, and write verdict, numbers and text into the result.

        Raises:
            ArtifactError: the artifact cannot be run.
            ModelError: the live model cannot be run.
        """
        started = time.perf_counter()
        suspicion = independence.shared(self.live, self.frozen)
        if suspicion is None:
            proof = self._independence()
            suspicion = proof.reason
            if suspicion is None:
                self._feed(fingerprint(proof.live))
                self._judge(agreement)
                if not proof.steady:
                    agreement.warnings.append(text.UNSTEADY)
        if suspicion is not None:
            agreement.text = text.not_told_apart(agreement, suspicion)
            agreement.cause = text.self_comparison(suspicion)
        agreement.seconds = time.perf_counter() - started

    def _independence(self) -> independence.Independence:
        # Smooth, noise and mixed, about the middle of the legal range.
        size = self.batch_size or 3
        feeds = build(Batch(size=size, kind=2, centre=8, scale=14, seed=0), self.live.specs)
        return independence.prove(
            lambda: self._ask_live(feeds),
            lambda: self._ask_frozen(feeds),
            lambda change: self._ask_disturbed(feeds, change),
        )

    def _feed(self, state: tuple[object, ...]) -> None:
        """Feed every batch to both sides and add up what they show."""
        tally = self.tally
        for described, feeds, live in batches(
            self.live,
            examples=self.settings.examples,
            seed=self.settings.seed,
            state=state,
            ask=self._ask_live,
        ):
            frozen = self._ask_frozen(feeds)
            tally.count(len(next(iter(feeds.values()))))
            for name, there in self.outputs.items():
                pair = np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])
                tally.output(name, *pair, where=described)
                tally.logits(name, pair, (live.logits.get(name), frozen.logits.get(there)))

    def _judge(self, agreement: Agreement) -> None:
        """Turn what was added up into the verdict and its text."""
        tally, worst = self.tally, self.tally.worst
        if worst is None:
            raise ModelError(f"{self.live.name}: no output was compared")
        logit_output, agreement.logit_rel_diff = tally.logit_worst or (None, None)
        agreement.inputs, agreement.examples = tally.inputs, self.settings.examples
        agreement.non_finite = worst.non_finite
        agreement.max_abs_diff = None if worst.problem else worst.max_abs
        agreement.exact = tally.identical
        rtol = self.settings.logit_rtol
        close = worst.within(self.settings.atol)
        close_logits = rtol is None or (agreement.logit_rel_diff or 0.0) <= rtol
        inexact = self.frozen.in_tensorflow and not tally.identical
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
                self.outputs,
                self._weights(),
            )

    def _ask_live(self, feeds: Arrays) -> Answer:
        return _ask(ModelError, self.live.name, lambda: self.live.answer(feeds))

    def _ask_frozen(self, feeds: Arrays) -> Answer:
        def ask(piece: Mapping[str, Any]) -> Answer:
            return self.frozen.answer({**piece, **self.frozen.constants}, self.wanted)

        return _ask(
            ArtifactError,
            str(self.frozen.path),
            lambda: in_pieces(self._renamed(feeds), self.batch_size, ask),
        )

    def _ask_disturbed(self, feeds: Arrays, change: Change) -> Answer | None:
        fed = {**self._renamed(feeds), **self.frozen.constants}
        return _ask(
            ArtifactError,
            str(self.frozen.path),
            lambda: self.frozen.answer_disturbed(fed, self.wanted, change),
        )

    def _renamed(self, feeds: Arrays) -> Arrays:
        return {self.inputs[name]: value for name, value in feeds.items()}

    def _weights(self) -> WeightDifferences:
        return differing_weights(self.live.weights(), self.frozen.weights())


def _ask(kind: type[FreezecheckError], who: str, answer: Callable[[], T]) -> T:
    """Ask a model, and turn what TensorFlow raises into one line that names the model."""
    import tensorflow as tf

    try:
        return answer()
    except (tf.errors.OpError, ValueError) as error:
        raise kind(f"{who}: cannot be run on the inputs: {reason(error)}") from None
