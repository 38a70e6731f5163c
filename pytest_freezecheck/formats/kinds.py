"""What a format is: a test of content, a loader, and its ways to freeze. Light to import."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.formats.extras import Extra

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to freeze a live model.

    Attributes:
        name: fixed; users and node ids have it.
        freeze: writes the artifact into a directory and returns its path.
        load: loads what was written.
        summary: what it does, in a line.
        pitfall: what goes wrong with it in the wild, in a line; may be empty.
        extra: what it needs beside TensorFlow, if that is more than its format needs.
        bit_exact: whether a correct freeze answers bit for bit as the live model; False where the
            graph is rewritten or another executor runs it.
        tolerances: {"atol" or "logit_rtol": default in place of the run's}. A way that has any is
            declared lossy.
    """

    name: str
    freeze: Callable[[LiveModel, Path], Path]
    load: Callable[[Path], FrozenModel]
    summary: str = ""
    pitfall: str = ""
    extra: Extra | None = None
    bit_exact: bool = True
    tolerances: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Format:
    """A format that models ship in.

    Attributes:
        name: the format's, and that of its ordinary way.
        recognises: tells by content whether a path holds it.
        load: the ordinary loader.
        ways: the ways to freeze into it.
        serve: loads it to serve the signature of this key, where a file may have several.
        extra: what it needs beside TensorFlow.
        companions: endings of files that belong to an artifact of the same stem, such as the
            `.bin` with the weights of an `.xml`.
    """

    name: str
    recognises: Callable[[Path], bool]
    load: Callable[[Path], FrozenModel]
    ways: tuple[Way, ...]
    extra: Extra | None = None
    companions: tuple[str, ...] = ()
    serve: Callable[[Path, str], FrozenModel] | None = None
