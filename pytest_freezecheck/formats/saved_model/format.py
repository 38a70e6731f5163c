"""SavedModel: which folders are one, its ordinary loader, and the ways to save one."""

from __future__ import annotations

from pathlib import Path

from pytest_freezecheck.formats.kinds import Format, Way
from pytest_freezecheck.formats.saved_model import save as ways
from pytest_freezecheck.formats.saved_model.cli import CommandLineSavedModel
from pytest_freezecheck.formats.saved_model.eager import EagerSavedModel
from pytest_freezecheck.formats.saved_model.session import SessionSavedModel
from pytest_freezecheck.formats.saved_model.signatures import SignedModel, has_reference_variables


def _load(path: Path, way: str | None = None, signature: str | None = None) -> SignedModel:
    """Load eagerly, or into a session where the model has variables of TensorFlow 1's kind.

    Loaded eagerly, those live in the process under their names alone: loading a second model with
    the same names would give the first one its values.
    """
    if has_reference_variables(path):
        return SessionSavedModel(path, way, signature)
    return EagerSavedModel(path, way, signature)


def _recognises(path: Path) -> bool:
    return (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file()


FORMAT = Format(
    name="saved_model",
    recognises=_recognises,
    load=_load,
    serve=lambda path, signature: _load(path, None, signature),
    ways=(
        Way(
            "saved_model",
            ways.builder,
            _load,
            "`tf.compat.v1.saved_model.Builder`, loaded by `tf.saved_model.load`",
            "the session has to hold the shadows when it is saved",
        ),
        Way(
            "saved_model_session",
            ways.simple_save,
            SessionSavedModel,
            "`tf.compat.v1.saved_model.simple_save`, loaded into a session of TensorFlow 1",
            "has no `main_op`: tables are not initialised by every loader",
        ),
        Way(
            "builder_session",
            ways.builder_again,
            SessionSavedModel,
            "`Builder`, loaded into a session of TensorFlow 1",
            "loading into a graph that already holds a model of these names keeps the old values",
        ),
        Way(
            "simple_save",
            ways.simple_save_again,
            _load,
            "`simple_save`, loaded by `tf.saved_model.load`",
            "variables of TensorFlow 1's kind live in the process under their names alone: a "
            "second model overwrites the first",
        ),
        Way(
            "saved_model_module",
            ways.module,
            EagerSavedModel,
            "a TensorFlow 2 SavedModel of a `tf.Module` with the wrapped function",
            "variables that the module does not hold are not saved: 'untracked resource'",
        ),
        Way(
            "saved_model_cli",
            ways.for_command_line,
            CommandLineSavedModel,
            "`simple_save`, run as `saved_model_cli run` runs it",
            "runs with graph optimisation, which moves answers by rounding",
            bit_exact=False,
        ),
    ),
)
