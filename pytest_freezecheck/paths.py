"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def from_here(path: Path) -> Path:
    """Return a path from the current folder, if it lies below, so that messages are the same.

    A link keeps its name, if it is below by that name.
    """
    here = Path.cwd()
    whole = here / path
    if ".." not in whole.parts and whole.is_relative_to(here):
        return whole.relative_to(here)
    try:
        return path.resolve().relative_to(here)
    except (ValueError, OSError, RuntimeError):  # elsewhere; or a loop of links
        return path
