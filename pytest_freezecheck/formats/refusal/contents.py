"""What an artifact names beside itself has to lie with it: no path and no link leads elsewhere.

What lies elsewhere does not ship, and may be anything: the live checkpoint, or what is nobody's
business.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_freezecheck.errors import ArtifactError


def leads_out(folder: Path, name: str | Path) -> Path | None:
    """Return where a path leads, links followed, if that is not below the folder; else None."""
    there = Path(os.path.realpath(folder / name))
    return None if there.is_relative_to(os.path.realpath(folder)) else there


def refuse_outside(path: Path, folder: Path, named: Iterable[tuple[str, str | Path]]) -> None:
    """Make sure that what a file names lies in its folder.

    Args:
        path: the artifact, for the message.
        folder: the folder.
        named: (what it is, its path from the folder).

    Raises:
        ArtifactError: one leads out; the message names it.
    """
    for what, name in named:
        there = leads_out(folder, name)
        if there is not None:
            raise ArtifactError(
                f"{path}: refused: {what} {str(name)!r} leads out of the folder, to {there}, which "
                "does not ship with it; export the model anew, or copy what it leads to"
            )


def links(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the links below a folder, for `refuse_outside`."""
    for place, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            found = Path(place, name)
            if found.is_symlink():
                yield "the link", found.relative_to(folder)
