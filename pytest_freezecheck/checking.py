"""The public check: a live model and an artifact in, a recorded Agreement out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_freezecheck import formats
from pytest_freezecheck.agreement import Agreement, record
from pytest_freezecheck.comparison import Comparison
from pytest_freezecheck.errors import FreezecheckError
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.settings import Settings, current


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
            agreement = _run(live, frozen, chosen, nodeid)
    else:
        with errors_recorded(live, _short(Path(frozen)), settings=chosen):
            loaded = formats.load(frozen)
            try:
                agreement = _run(live, loaded, chosen, nodeid)
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
        result = _result(live, artifact, kind, way, chosen, nodeid, "error")
        result.text = str(error)
        record(result)
        raise


def _run(live: LiveModel, frozen: FrozenModel, chosen: Settings, nodeid: str | None) -> Agreement:
    agreement = _result(live, _label(frozen), frozen.format, frozen.way, chosen, nodeid, "failed")
    Comparison(live, frozen, chosen).run(agreement)
    return agreement


def _result(
    live: LiveModel,
    artifact: str,
    kind: str,
    way: str | None,
    chosen: Settings,
    nodeid: str | None,
    outcome: str,
) -> Agreement:
    """Return a result that has what was asked, and no numbers yet."""
    return Agreement(
        model=live.name,
        artifact=artifact,
        format=kind,
        way=way,
        outcome=outcome,
        atol=chosen.atol,
        logit_rtol=chosen.logit_rtol,
        nodeid=nodeid,
    )


def _label(frozen: FrozenModel) -> str:
    """Return what to call an artifact: its label, its path below the current folder, its name."""
    return frozen.label if frozen.label is not None else _short(frozen.path)


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return path.name
