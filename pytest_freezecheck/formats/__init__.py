"""The frozen side: which formats and ways there are. Imports no TensorFlow until one is used."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError, FreezecheckError, FreezeError, UnavailableError
from pytest_freezecheck.formats import registry
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.formats.executor import NamedModel
from pytest_freezecheck.formats.extras import Extra
from pytest_freezecheck.formats.kinds import Format, Way
from pytest_freezecheck.formats.refusal.operations import allowing
from pytest_freezecheck.formats.registry import find_way, format_of, recognised, unavailable
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.spec.outputs import check_patterns

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel

    WAYS: tuple[str, ...]

__all__ = [
    "WAYS",
    "Extra",
    "Format",
    "FrozenModel",
    "NamedModel",
    "Way",
    "allowing",
    "available_ways",
    "find_way",
    "format_of",
    "freeze",
    "load",
    "recognised",
    "unavailable",
]


def __getattr__(name: str) -> Any:
    """`WAYS`: all ways to freeze, those that a conftest.py added among them."""
    if name == "WAYS":
        return registry.ways()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def available_ways() -> tuple[str, ...]:
    """Return the ways for which everything is installed in this environment."""
    return tuple(way for way in registry.ways() if unavailable(way) is None)


def freeze(live: LiveModel, way: str, directory: str | os.PathLike[str]) -> Path:
    """Freeze a live model.

    Args:
        live: the model.
        way: one of `WAYS`.
        directory: where to write; made if it is missing.

    Returns:
        Path of the file or folder that was written.

    Raises:
        FreezeError: there is no such way, or it cannot freeze this model.
        UnavailableError: the way needs a package that is not installed, or another kind of live
            model.
    """
    chosen = find_way(way)
    missing = unavailable(way)
    if missing is not None:
        raise UnavailableError(missing)
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    try:
        return chosen.freeze(live, target)
    except FreezecheckError:
        raise
    except Exception as error:
        # Converters raise whatever they please about what they cannot convert.
        raise FreezeError(
            f"{live.name}: {way} cannot freeze this model here: {type(error).__name__}: "
            f"{reason(error)}"
        ) from error


def load(
    path: str | os.PathLike[str],
    *,
    way: str | None = None,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    constants: Mapping[str, Any] | None = None,
    signature: str | None = None,
    features: Mapping[str, Mapping[str, str]] | None = None,
    allow_ops: Sequence[str] = (),
) -> FrozenModel:
    """Load a shipped model, into a graph or interpreter of its own.

    Args:
        path: the file or folder; its format is told by its content.
        way: the way it was frozen, whose own loader and tolerances are then used.
        inputs: {live input name: name in the artifact} where they differ.
        outputs: {live output name: name in the artifact} where they differ.
        constants: {name in the artifact: value to feed} of inputs that the live model has not,
            such as `is_training`.
        signature: the key of the signature to serve, of a file that has several.
        features: {name in the artifact: {live input name: name of the feature}} of inputs that take
            serialised tf.Examples, which are made of these.
        allow_ops: patterns of types of operations that are no arithmetic, and meant.

    Raises:
        ArtifactError: it is missing, unreadable, truncated, not frozen or of an unknown format,
            it does more than arithmetic, or what runs its format is not installed.
        UnavailableError: likewise, where the way was named.
        SettingError: `allow_ops` is no list of names.
    """
    check_patterns(allow_ops, "load(): allow_ops")
    where = Path(path)
    try:
        there = where.exists()
    except OSError as error:  # a name that is longer than the file system takes
        raise ArtifactError(f"{where}: cannot be read: {error.strerror}") from None
    if not there:
        link = " (a link that leads to nothing, or to itself)" if where.is_symlink() else ""
        raise ArtifactError(f"{where}: no such file or folder{link}")
    if way is not None:
        chosen = find_way(way)
        absent = unavailable(way)
        if absent is not None:
            raise UnavailableError(absent)
        with allowing(allow_ops):
            frozen = chosen.load(where)
        frozen.bit_exact = frozen.bit_exact and chosen.bit_exact
        frozen.tolerances = chosen.tolerances
    else:
        kind = registry.by_content(where)
        missing = None if kind.extra is None else kind.extra.missing()
        if missing is not None:
            # Not a skip: a file that ships and is not checked is what the gate is there to prevent.
            raise ArtifactError(f"{where}: a file of {kind.name} {missing}")
        with allowing(allow_ops):
            if signature is None:
                frozen = kind.load(where)
            elif kind.serve is None:
                raise ArtifactError(
                    f"{where}: a file of {kind.name} has no signature {signature!r}"
                )
            else:
                frozen = kind.serve(where, signature)
    frozen.way = frozen.label = way
    frozen.inputs = dict(inputs or {})
    frozen.outputs = dict(outputs or {})
    frozen.constants = dict(constants or {})
    if features:
        from pytest_freezecheck.formats.saved_model.examples import FedExamples

        return FedExamples(frozen, features)
    return frozen
