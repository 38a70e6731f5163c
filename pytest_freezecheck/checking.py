"""One check from end to end: a live model and an artifact in, an Agreement out."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pytest_freezecheck import formats
from pytest_freezecheck.agreement import Agreement, record
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
from pytest_freezecheck.settings import Settings, current
from pytest_freezecheck.tally import Tally

T = TypeVar("T")


def check(
    live: LiveModel, frozen: FrozenModel | str | os.PathLike[str], **options: Any
) -> Agreement:
    """Compare a frozen model with the live model on inputs drawn to make them disagree.

    Args:
        live: the model as it was evaluated.
        frozen: a loaded model, or the path of an artifact, which is loaded and closed again.
        **options: `atol` (largest absolute difference allowed, default 1e-5), `examples` (batches
            to draw, default 100), `seed` (default 0), `exact` (demand bit-identity of what
            TensorFlow itself runs, default False), `logit_rtol` (largest relative difference of
            the centred logits, default 1e-4, False turns it off). In a test under `--freezecheck`
            the defaults are that test's settings.

    Returns:
        The result, falsy if the two disagree.

    Raises:
        ArtifactError: the artifact cannot be loaded or run.
        MatchError: it lacks an input or output of the live model's names.
        ModelError: the live model cannot be run.
        SettingError: an option is unknown or has a value that cannot be used.
    """
    defaults, nodeid = current()
    chosen = defaults.override(options, "check()")
    if isinstance(frozen, FrozenModel):
        with errors_recorded(live, _label(frozen), frozen.format, frozen.way, chosen):
            agreement = _Check(live, frozen, chosen, nodeid).run()
    else:
        with errors_recorded(live, _short(Path(frozen)), settings=chosen):
            loaded = formats.load(frozen)
            try:
                agreement = _Check(live, loaded, chosen, nodeid).run()
            finally:
                loaded.close()
    record(agreement)
    return agreement


def assert_agreement(
    live: LiveModel, frozen: FrozenModel | str | os.PathLike[str], **options: Any
) -> Agreement:
    """Do what `check` does, and raise if the two disagree.

    Args:
        live: the model as it was evaluated.
        frozen: a loaded model, or the path of an artifact.
        **options: as `check` takes them.

    Returns:
        The result, for its numbers.

    Raises:
        FrozenMismatch: they disagree; the message is the full text.
    """
    __tracebackhide__ = True
    agreement = check(live, frozen, **options)
    agreement.raise_on_mismatch()
    return agreement


@contextlib.contextmanager
def errors_recorded(
    live: LiveModel,
    artifact: str,
    kind: str = "",
    way: str | None = None,
    settings: Settings | None = None,
) -> Iterator[None]:
    """Record a check that could not be made, and let the error through.

    Args:
        live: the live model.
        artifact: what to call the artifact.
        kind: its format, if known.
        way: the way it was frozen by this run, if it was.
        settings: those of the check; by default the running test's.
    """
    try:
        yield
    except FreezecheckError as error:
        defaults, nodeid = current()
        chosen = settings or defaults
        record(
            Agreement(
                model=live.name,
                artifact=artifact,
                format=kind,
                way=way,
                outcome="error",
                atol=chosen.atol,
                logit_rtol=chosen.logit_rtol,
                text=str(error),
                nodeid=nodeid,
            )
        )
        raise


class _Check:
    """The state of one check."""

    def __init__(
        self, live: LiveModel, frozen: FrozenModel, chosen: Settings, nodeid: str | None
    ) -> None:
        self.nodeid = nodeid
        self.live = live
        self.frozen = frozen
        self.settings = chosen
        self.outputs = frozen.match_outputs(live.outputs)
        self.wanted = list(self.outputs.values())
        self.inputs = frozen.match_inputs(live.inputs, self.wanted)
        self.tally = Tally(chosen.atol)

    def run(self) -> Agreement:
        started = time.perf_counter()
        agreement = Agreement(
            model=self.live.name,
            artifact=_label(self.frozen),
            format=self.frozen.format,
            way=self.frozen.way,
            outcome="failed",
            atol=self.settings.atol,
            logit_rtol=self.settings.logit_rtol,
            nodeid=self.nodeid,
        )
        reason = independence.shared(self.live, self.frozen)
        if reason is None:
            proof = self._independence()
            reason = proof.reason
            if reason is None:
                self._feed(fingerprint(proof.live))
                self._judge(agreement)
                if not proof.steady:
                    agreement.warnings.append(text.UNSTEADY)
        if reason is not None:
            agreement.text = text.not_told_apart(agreement, reason)
            agreement.cause = text.self_comparison(reason)
        agreement.seconds = time.perf_counter() - started
        return agreement

    def _independence(self) -> independence.Independence:
        # Smooth, noise and mixed, about the middle of the legal range.
        size = self.frozen.batch_size() or 3
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
            lambda: in_pieces(self._renamed(feeds), self.frozen.batch_size(), ask),
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


def _label(frozen: FrozenModel) -> str:
    """Return what to call an artifact: its label, its path below the current folder, its name."""
    return frozen.label if frozen.label is not None else _short(frozen.path)


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return path.name
