"""Tell where an imported module comes from."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType


def come_from(module: ModuleType, folder: Path) -> bool:
    """Return whether a module, or a folder of a namespace package, is below a folder."""
    file = getattr(module, "__file__", None)
    try:
        places = [file] if file else list(getattr(module, "__path__", ()))
    except KeyError:  # a folder of a namespace package whose parent is forgotten already
        return False
    roots = (f"{folder}{os.sep}", f"{folder.resolve()}{os.sep}")  # as it was given, or not
    return any(f"{place}{os.sep}".startswith(roots) for place in places)
