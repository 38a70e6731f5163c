"""Where pytest's rootdir lies in the repository, from whose root code hosts see all paths."""

from __future__ import annotations

import os
from pathlib import Path

#: What hosts call the folder that they check a repository out into.
_HOSTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


def folder_in_repository(root: Path) -> str:
    """Return the rootdir, seen from the root of the repository, with slashes: `.` if it is that.

    Args:
        root: pytest's rootdir. Where neither the environment names a folder above it nor one has a
            `.git`, it is taken for the root of the repository.
    """
    here = root.resolve()
    around = (here, *here.parents)
    named = [Path(os.environ[name]).resolve() for name in _HOSTS if os.environ.get(name)]
    marked = [folder for folder in around if (folder / ".git").exists()]
    top = next((folder for folder in (*named, *marked) if folder in around), here)
    return here.relative_to(top).as_posix()
