"""A file as the live side: a `.keras` archive, or a SavedModel, that was evaluated as it is."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import ArtifactError, ModelError


@dataclasses.dataclass(frozen=True)
class LiveFile:
    """Stands for the function that a declaration names as `live`: loads a file when it is called.

    The file is refused what any artifact is refused, before anything of it runs.

    Args:
        path: of the archive or folder.
    """

    path: str

    def __post_init__(self) -> None:
        # What messages call the function; a class cannot have a property of that name.
        object.__setattr__(self, "__qualname__", repr(self.path))

    def __call__(self) -> Any:
        """Return a `keras.Model`, or a session with the inputs and outputs of the signature.

        Raises:
            ModelError: it cannot be loaded.
        """
        path = Path(self.path)
        with _as_the_live_side():
            return _archive(path) if path.is_file() else _signature(path)


@contextlib.contextmanager
def _as_the_live_side() -> Iterator[None]:
    """Tell what is wrong with the file as what is wrong with the live model."""
    try:
        yield
    except ArtifactError as error:
        raise ModelError(f"as the live model, {error}") from None


def _archive(path: Path) -> Any:
    from pytest_freezecheck.formats.extras import KERAS
    from pytest_freezecheck.formats.keras.format import KerasArchive

    missing = KERAS.missing()
    if missing is not None:
        raise ArtifactError(f"{path}: a file of keras {missing}")
    return KerasArchive(path).model


def _signature(path: Path) -> Any:
    from pytest_freezecheck.formats.saved_model.session import SessionSavedModel

    return SessionSavedModel(path).taken()
