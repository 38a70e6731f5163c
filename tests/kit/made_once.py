"""What takes long to make and never changes: trained networks, for all files, workers and runs."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import filelock

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "tests"
#: What has a say in every network: how the package builds, restores and runs one.
_COMMON = (*sorted((ROOT / "pytest_freezecheck" / "models").glob("*.py")), Path(__file__))
_PACKAGES = ("tensorflow", "tf-keras", "tf-slim", "numpy")


def made_once(name: str, make: Callable[[Path], object], sources: Iterable[Path] = ()) -> Path:
    """Return a folder that `make` has filled: now, in another worker, or in an earlier run.

    It is known by the content of the sources and the versions of the packages that it is made
    with, so that it is made anew after a change of either.

    Args:
        name: of the folder.
        make: fills a new folder.
        sources: files that have a say in what it writes, besides those of the package's models.

    Returns:
        The folder, which is not to be changed: `copied` gives one that may be.
    """
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS", "")  # sums are in another order then
    made_with = "-".join([platform.python_version(), threads, *map(version, _PACKAGES)])
    content = hashlib.sha256(made_with.encode())
    for path in (*_COMMON, *sources):
        content.update(path.read_bytes())
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = FOLDER / f"{name}-{content.hexdigest()[:16]}"
    complete = folder / ".complete"
    with filelock.FileLock(f"{folder}.lock"):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            complete.touch()
    return folder


def copied(folder: Path, to: Path) -> Path:
    """Copy a folder that was made once, to be changed at will, and return the copy."""
    shutil.copytree(folder, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".complete"))
    for state in to.rglob("checkpoint"):  # in which TensorFlow writes absolute paths
        state.write_text(state.read_text("utf-8").replace(str(folder), str(to)), "utf-8")
    return to
