"""Paths as people write them, and what lies under them as digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

#: Bytes of a file that are read at once.
_AT_ONCE = 2**20


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


def digests(artifact: Path | None, checkpoint: str | None) -> dict[str, str]:
    """Return {"artifact", "checkpoint": SHA-256 of it, in hexadecimal}, of those that are files.

    Args:
        artifact: a file, or a folder: the digest of the names and digests of its files, in order;
            or None.
        checkpoint: prefix of a checkpoint's files, or None.
    """
    found = {}
    if artifact is not None:
        found["artifact"] = _of_files([artifact] if artifact.is_file() else _below(artifact))
    if checkpoint is not None:
        prefix = Path(checkpoint)
        parts = sorted(prefix.parent.glob(f"{_literally(prefix.name)}.*"))
        found["checkpoint"] = _of_files([p for p in parts if p.suffix != ".meta" and p.is_file()])
    return {name: digest for name, digest in found.items() if digest}


def _of_files(files: list[Path]) -> str:
    """Return the digest of one file; of several, that of their names and digests."""
    each = []
    for path in files:
        with path.open("rb") as stream:
            digest = hashlib.sha256()
            while part := stream.read(_AT_ONCE):
                digest.update(part)
            each.append(digest.hexdigest())
    if len(each) < 2:
        return each[0] if each else ""
    named = (f"{digest}  {path.name}\n" for digest, path in zip(each, files, strict=True))
    return hashlib.sha256("".join(named).encode()).hexdigest()


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _literally(name: str) -> str:
    """Return a name for `glob`, with no letter that means something to it."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
