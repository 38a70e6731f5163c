"""A check as plain data, which can be done in pytest's process or sent to another."""

from __future__ import annotations

import dataclasses

from pytest_freezecheck.declared.model import Artifact, Model
from pytest_freezecheck.errors import FreezeError


@dataclasses.dataclass(frozen=True)
class Job:
    """What one check is to do.

    Attributes:
        model: the declaration, or None for a model that nothing declares.
        artifact: what ships, if that is what is checked.
        way: the way to freeze, if that is what is checked; with neither, it is what the exporting
            function writes.
        skipped: what is no error of a way, as nobody asked for it.
        repaired: where to write a mended copy of the artifact, if it differs; None to check alone.
        lies: where the artifact lies, if not where its path says.
    """

    model: Model | None = None
    artifact: Artifact | None = None
    way: str | None = None
    skipped: tuple[type[FreezeError], ...] = ()
    repaired: str | None = None
    lies: str | None = None
