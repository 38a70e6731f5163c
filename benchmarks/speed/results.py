"""What came of it: medians and spread, beside the limit."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator

from benchmarks.speed.cases import NETWORKS, PLAN, Command
from benchmarks.speed.runs import Runs

COMMANDS = {case.network: {c.name: c for c in case.commands} for case in PLAN}


@dataclasses.dataclass(frozen=True)
class Found:
    """A figure of several runs: its median, smallest and largest."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Found:
        """Return that of some values, at least one."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int) -> str:
        """Return the median, and the spread where there is one."""
        median, least, most = (f"{n:,.{digits}f}" for n in dataclasses.astuple(self))
        return median if least == most else f"{median} ({least} to {most})"


def ratios(runs: Runs, network: str, command: Command, field: str) -> Found | None:
    """Return how many times as much a command took as its limit did in the same round."""
    own, limit = runs[network][command.name], runs[network].get(command.limit)
    if not limit or command.kind == "limit":
        return None
    return Found.of(
        [getattr(o, field) / getattr(least, field) for o, least in zip(own, limit, strict=False)]
    )


def rows(runs: Runs) -> Iterator[dict[str, object]]:
    """Yield the lines of the table: a command of a network in each."""
    for network, commands in runs.items():
        for name, own in commands.items():
            command = COMMANDS[network][name]
            if command.kind == "idle":
                continue
            time, used, memory = (
                ratios(runs, network, command, field)
                for field in ("seconds", "processors", "memory")
            )
            yield {
                "network": NETWORKS[network].title,
                "command": name,
                "runs": len(own),
                "times its limit": time.text(2) if time else "-",
                "seconds": Found.of([run.seconds for run in own]).text(1),
                "times its processors": used.text(2) if used else "-",
                "of processors": Found.of([run.processors for run in own]).text(1),
                "times its memory": memory.text(2) if memory else "-",
                "MB": f"{statistics.median(run.memory for run in own) / 1e6:,.0f}",
                "forward passes": f"{statistics.median_low([run.passes for run in own]):,}",
            }
