"""Tell where an imported module comes from."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType


def come_from(module: ModuleType, folder: Path) -> bool:
    """Return whether a module, or a folder of a namespace package, is below a folder."""
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", ()))
    root = folder.resolve()
    return any(Path(place).resolve().is_relative_to(root) for place in places)
