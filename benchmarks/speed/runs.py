"""What was measured: runs of commands, and their JSON."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes:
        seconds: by the clock.
        processors: seconds of processors.
        memory: most bytes of all its processes together.
        passes: rows that went forward, of a check as its report tells them.
        inputs: rows that each file was fed.
        parts: seconds of parts: of a script's phases; of a check, `check`, that of its reports.
        modules: that an idle run imported.
    """

    seconds: float
    processors: float = 0.0
    memory: int = 0
    passes: int = 0
    inputs: int = 0
    parts: dict[str, float] = dataclasses.field(default_factory=dict)
    modules: tuple[str, ...] = ()


#: {network: {command: its runs, one for each round}}
Runs = dict[str, dict[str, list[Run]]]


def as_data(found: Runs) -> Any:
    """Return runs as JSON has them."""
    return {
        network: {
            name: [dataclasses.asdict(run) for run in runs] for name, runs in commands.items()
        }
        for network, commands in found.items()
    }


def from_data(data: Any) -> Runs:
    """Return runs of their JSON."""
    return {
        network: {name: [Run(**run) for run in runs] for name, runs in commands.items()}
        for network, commands in data.items()
    }
