"""The public check: a live model and an artifact in, a recorded Agreement out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck import formats
from pytest_freezecheck.checking.comparison import Comparison
from pytest_freezecheck.errors import FreezecheckError, InputTypeError, SettingError
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.inputs.saved import Saved, misfit, place, read
from pytest_freezecheck.messages.paths import digests, from_here
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.report import cautions, explained, text
from pytest_freezecheck.result import reasons
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.recording import record
from pytest_freezecheck.settings import Run, Settings, current
from pytest_freezecheck.spec.outputs import check_patterns


def check(
    live: LiveModel,
    frozen: FrozenModel | str | os.PathLike[str],
    *,
    allow_ops: Sequence[str] = (),
    **options: Any,
) -> Agreement:
    """Compare a frozen model with the live model on inputs drawn to make them disagree.

    Args:
        live: the model as it was evaluated.
        frozen: a loaded model, or the path of an artifact, which is loaded and closed again.
        allow_ops: patterns of types of operations that are no arithmetic, and meant, of an
            artifact that is given as a path.
        **options: `atol` (largest absolute difference allowed, default 1e-5), `examples` (batches
            to draw, default 100), `seed` (default 0), `exact` (demand bit-identity of what
            TensorFlow itself runs, default False), `logit_rtol` (largest relative difference of
            the centred logits, default 1e-4, False turns it off), `min_power` (least share of
            planted mistakes to catch, default 0), `require` ("agreement", the default, or "proof").
            In a test under `--freezecheck` the defaults are that test's settings.

    Returns:
        The result, falsy if the two disagree.

    Raises:
        ArtifactError: the artifact cannot be loaded or run.
        MatchError: it lacks an input or output of the live model's names.
        ModelError: the live model cannot be run.
        SettingError: an option is unknown, has a value that cannot be used, or is not for this.
    """
    run = current()
    chosen = run.settings.override(options, "check()", others=("allow_ops",))
    check_patterns(allow_ops, "check(): allow_ops")
    if isinstance(frozen, FrozenModel):
        if allow_ops:
            raise SettingError(
                "check(): allow_ops is for a path: a model that is loaded was looked through then; "
                "give it to load()"
            )
        with errors_recorded(live, _label(frozen), frozen.format, frozen.way, chosen):
            agreement = _run(live, frozen, chosen, run)
    else:
        with errors_recorded(live, _short(Path(frozen)), settings=chosen):
            loaded = formats.load(frozen, allow_ops=allow_ops)
            try:
                agreement = _run(live, loaded, chosen, run)
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
    """Record a check that could not be made, or is skipped, and let the error through.

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
        run = current()
        chosen = settings or run.settings
        verdict = reasons.of_error(error)
        result = _result(live, artifact, kind, way, chosen, run.nodeid, verdict)
        result.text = str(error)
        record(result)
        raise


def _run(live: LiveModel, frozen: FrozenModel, chosen: Settings, run: Run) -> Agreement:
    chosen = chosen.with_defaults(frozen.tolerances)
    label = _label(frozen)
    failed = reasons.Judgement.of("differs")
    agreement = _result(live, label, frozen.format, frozen.way, chosen, run.nodeid, failed)
    agreement.lossy = "atol" in frozen.tolerances and "atol" not in chosen.given
    agreement.exact_demanded = chosen.exact
    # What this run froze is gone afterwards, and protocol buffers are never written alike.
    agreement.sha256 = digests(None if frozen.way else frozen.path, live.checkpoint)
    saved, replay = _saved(agreement, live, run)
    try:
        comparison = Comparison(live, frozen, chosen, saved=saved, replay=replay, folder=run.folder)
    except InputTypeError as error:
        agreement.reason = "dtype"
        agreement.text = f"dtype: {error}\n  {live.name}, {label}"
        return agreement
    agreement.bit_exact = comparison.sides.bit_exact
    comparison.run(agreement)
    agreement.cause = explained.cause(agreement)
    agreement.text = text.render(agreement)
    return agreement


def _saved(agreement: Agreement, live: LiveModel, run: Run) -> tuple[Saved | None, Path | None]:
    """Return the failing input to try first, and its file if nothing else is to be tried.

    Raises:
        SettingError: the input to replay does not fit the model.
    """
    if run.replay is not None:
        saved = read(run.replay)
        if (saved.model, saved.artifact) == (agreement.model, agreement.artifact):
            why = misfit(saved, live.specs)
            if why is not None:
                raise SettingError(f"{run.replay} cannot be replayed: {why}")
            return saved, run.replay
    if run.folder is None:
        return None, None
    path = place(run.folder, agreement.model, agreement.artifact, run.nodeid)
    if not path.is_file():
        return None, None
    try:
        saved = read(path)
        why = misfit(saved, live.specs)
    except SettingError as error:
        why = str(error)
    if why is not None:
        agreement.warnings.append(cautions.NOT_TRIED.format(why))
        return None, None
    return saved, None


def _result(
    live: LiveModel,
    artifact: str,
    kind: str,
    way: str | None,
    chosen: Settings,
    nodeid: str | None,
    verdict: reasons.Judgement,
) -> Agreement:
    """Return a result that has what was asked, and no numbers yet."""
    return Agreement(
        model=live.name,
        artifact=artifact,
        format=kind,
        way=way,
        outcome=verdict.outcome,
        reason=verdict.reason,
        atol=chosen.atol,
        logit_rtol=chosen.logit_rtol,
        min_power=chosen.min_power,
        require=chosen.require,
        seed=chosen.seed,
        nodeid=nodeid,
        command=current().command,
        checkpoint=None if live.checkpoint is None else str(from_here(Path(live.checkpoint))),
        ema=live.ema,
    )


def _label(frozen: FrozenModel) -> str:
    """Return what to call an artifact: its label, its path below the current folder, its name."""
    return frozen.label if frozen.label is not None else _short(frozen.path)


def _short(path: Path) -> str:
    here = from_here(path)
    return path.name if here.is_absolute() else str(here)
