"""What an item checks: a file that ships, a fresh freeze, or what an exporting function writes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_freezecheck import formats
from pytest_freezecheck.checking.api import assert_agreement, check, errors_recorded
from pytest_freezecheck.declared.job import Job
from pytest_freezecheck.declared.live import find_function
from pytest_freezecheck.declared.model import EXPORT, Artifact, Model
from pytest_freezecheck.declared.told import told
from pytest_freezecheck.errors import (
    ArtifactError,
    FreezecheckError,
    FreezeError,
    RepairError,
    UnavailableError,
)
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.formats.registry import companions
from pytest_freezecheck.messages.paths import from_here
from pytest_freezecheck.messages.raised import described
from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.report import cautions
from pytest_freezecheck.result.agreement import FrozenMismatch


def do(job: Job, live: LiveModel, scratch: Callable[[str], Path]) -> None:
    """Do a check, with the operations that its declaration allows.

    Args:
        job: what to check.
        live: the live model.
        scratch: makes a folder to write to, of a name.

    Raises:
        FrozenMismatch: the two disagree.
        FreezecheckError: no comparison was possible.
    """
    __tracebackhide__ = True
    model, artifact = job.model, job.artifact
    owners = [owner for owner in (model, artifact) if owner is not None]
    with formats.allowing(pattern for owner in owners for pattern in owner.allow_ops):
        if artifact is not None and model is not None:
            root = model.root or Path()
            if job.repaired is not None:
                repair_artifact(live, job, Path(job.repaired))
                return
            check_artifact(
                live, artifact, root, model.ignore_outputs, model.ignore_weights, job.lies
            )
        elif job.way is not None:
            check_way(live, job.way, scratch(job.way), skipped=job.skipped)
        elif model is not None:
            check_export(live, model, scratch(EXPORT))


def check_artifact(
    live: LiveModel,
    artifact: Artifact,
    root: Path,
    ignored: Sequence[str] = (),
    ignored_weights: Sequence[str] = (),
    lies: str | None = None,
) -> None:
    """Check a file or folder.

    Args:
        live: the live model.
        artifact: what ships, with its table of names and constants.
        root: folder that its path starts from.
        ignored: patterns of outputs that need not be compared, beside the artifact's own.
        ignored_weights: patterns of live weights that are meant to be others, likewise.
        lies: where it lies, if not where its path says.

    Raises:
        FrozenMismatch: it does not compute what the live model computes.
        ArtifactError: it cannot be loaded or run.
        MatchError: it lacks an input or output.
    """
    __tracebackhide__ = True
    frozen = _loaded(live, artifact, root, ignored, ignored_weights, lies)
    with contextlib.closing(frozen):
        assert_agreement(live, frozen)


def _loaded(
    live: LiveModel,
    artifact: Artifact,
    root: Path,
    ignored: Sequence[str],
    ignored_weights: Sequence[str],
    lies: str | None = None,
) -> FrozenModel:
    """Load a file or folder as its table says."""
    __tracebackhide__ = True
    with errors_recorded(live, artifact.path):
        frozen = formats.load(
            from_here(root / (lies or artifact.path)),
            inputs=artifact.names,
            outputs=artifact.outputs,
            constants=artifact.constants,
            signature=artifact.signature,
            features=artifact.features,
        )
    frozen.label = artifact.path
    frozen.ignored = (*ignored, *artifact.ignore_outputs)
    frozen.ignored_weights = (*ignored_weights, *artifact.ignore_weights)
    return frozen


def repair_artifact(live: LiveModel, job: Job, target: Path) -> None:
    """Check a file or folder, and write a mended copy if it differs by what is proven.

    Args:
        live: the live model.
        job: what to check, of a model and an artifact.
        target: where to write.

    Raises:
        RepairError: it differs, and cannot be mended.
        FreezecheckError: no comparison was possible.
    """
    from pytest_freezecheck.checking.repairing.mending import mend

    model, artifact = job.model, job.artifact
    if model is None or artifact is None:
        raise RepairError("what no table and no command line names cannot be mended")
    root = model.root or Path()
    frozen = _loaded(live, artifact, root, model.ignore_outputs, model.ignore_weights)
    with contextlib.closing(frozen):
        agreement = check(live, frozen)
        if not agreement:
            mend(live, frozen, agreement, target)


def check_way(
    live: LiveModel, way: str, directory: Path, *, skipped: tuple[type[FreezeError], ...] = ()
) -> None:
    """Freeze the live model in one way, and check the result.

    Args:
        live: the live model.
        way: one of `formats.WAYS`.
        directory: where to write.
        skipped: what is no error, as nobody asked for this way: all are tried.

    Raises:
        FrozenMismatch: the result does not compute what the live model computes.
        FreezeError: this way cannot freeze this model.
        UnavailableError: a package is not installed, or what is to be skipped was raised.
    """
    __tracebackhide__ = True
    with errors_recorded(live, way, formats.format_of(way), way):
        try:
            path = formats.freeze(live, way, directory)
        except skipped as error:
            raise UnavailableError(str(error)) from error
        frozen = formats.load(path, way=way)
    with contextlib.closing(frozen):
        assert_agreement(live, frozen)


def check_export(live: LiveModel, model: Model, directory: Path) -> None:
    """Let the team's own function export the live model, and check everything that it wrote.

    Args:
        live: the live model.
        model: the declaration, whose `export` is called with the live model and the directory.
        directory: an empty folder.

    Raises:
        FrozenMismatch: something that it wrote does not compute what the live model computes.
        ArtifactError: the function raises, or wrote nothing of a known format, or something that
            cannot be loaded. Everything is checked before the first failure is raised.
    """
    __tracebackhide__ = True
    export = find_function(model, "export", model.export or "")
    with told(
        f"{model.name}: {described('export', model.export or '')}", model.root, ArtifactError
    ):
        export(live, directory)
    artifacts, others = _written(directory)
    if not artifacts:
        wrote = listed((str(p.relative_to(directory)) for p in others), 8) or "nothing"
        raise ArtifactError(
            f"{model.name}: export = {model.export!r} wrote no artifact of a known format: {wrote}"
        )
    failures: list[Exception] = []
    for path in artifacts:
        label = f"{EXPORT}: {path.relative_to(directory)}"
        try:
            with errors_recorded(live, label):
                frozen = formats.load(path)
            frozen.label, frozen.ignored = label, model.ignore_outputs
            frozen.ignored_weights = model.ignore_weights
            frozen.written_by = export
            with contextlib.closing(frozen):
                agreement = check(live, frozen)
            if others:
                left = listed((str(p.relative_to(directory)) for p in others), 8)
                agreement.warnings.append(cautions.LEFT_OVER.format(left))
                others = []
            agreement.raise_on_mismatch()
        except (FrozenMismatch, FreezecheckError) as failure:
            failures.append(failure)
    if failures:
        raise failures[0]


def _written(directory: Path) -> tuple[list[Path], list[Path]]:
    """Return the artifacts below a folder, and the files that are none and belong to none."""
    artifacts: list[Path] = []
    others: list[Path] = []
    for path in _entries(directory, set()):
        (artifacts if _recognised(path) else others).append(path)
    parts = companions(artifacts)
    return artifacts, [path for path in others if path not in parts]


def _recognised(path: Path) -> bool:
    try:
        return formats.recognised(path)
    except OSError:  # a link to itself, or to nowhere
        return False


def _entries(directory: Path, seen: set[str]) -> Iterator[Path]:
    """Yield files, and folders that are an artifact as a whole; each folder once, by any link."""
    seen.add(os.path.realpath(directory))
    for path in sorted(directory.iterdir()):
        if not path.is_dir() or _recognised(path):
            yield path
        elif os.path.realpath(path) not in seen:
            yield from _entries(path, seen)
