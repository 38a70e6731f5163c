"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def from_here(path: Path) -> Path:
    """Return a path from the current folder, if it lies below, so that messages are the same."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError, RuntimeError):  # elsewhere; or a loop of links
        return path
