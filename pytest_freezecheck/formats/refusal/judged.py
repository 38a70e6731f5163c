"""What TensorFlow's operations do, as `operations.txt` beside this file has it."""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
from collections.abc import Mapping
from pathlib import Path

LIST = Path(__file__).with_name("operations.txt")
REFUSED, ALLOWED, PURE = "refused", "allowed", "pure"
#: Parts of the list that something is excused from, or that count only where they reach an output.
READS = "reads files that the artifact does not hold"
RESTORES = "restores values from a checkpoint that the artifact does not hold"
WRITES = "writes files"
KEEPS = "keeps a value from one call to the next"
DRAWS = "draws random numbers"


@dataclasses.dataclass(frozen=True)
class Part:
    """What a number of operations have in common.

    Attributes:
        kind: `REFUSED`, `ALLOWED` or `PURE`.
        does: what they do, in words that follow a name.
        names: their types; patterns among them.
    """

    kind: str
    does: str
    names: tuple[str, ...]


@functools.cache
def parts(path: Path = LIST) -> tuple[Part, ...]:
    """Return the list, read once."""
    found: list[Part] = []
    for line in path.read_text("ascii").splitlines():
        if line.startswith("["):
            kind, _, does = line.removeprefix("[").partition("] ")
            found.append(Part(kind, does, ()))
        elif line and not line.startswith("#"):
            found[-1] = dataclasses.replace(found[-1], names=(*found[-1].names, *line.split()))
    return tuple(found)


@functools.cache
def part_of(kind: str) -> Part | None:
    """Return where an operation of this type stands, or None if it stands nowhere."""
    if kind in _exact():
        return _exact()[kind]
    patterns = ((name, part) for part in parts() for name in part.names if "*" in name)
    return next((part for name, part in patterns if fnmatch.fnmatchcase(kind, name)), None)


@functools.cache
def _exact() -> Mapping[str, Part]:
    return {name: part for part in parts() for name in part.names}
