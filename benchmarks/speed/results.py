"""What came of it: medians and spread, beside the limit, and the targets."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterator

from benchmarks.speed.plan import NETWORKS, PLAN, Command
from benchmarks.speed.run import Run, Runs

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
            time, memory = (ratios(runs, network, command, f) for f in ("seconds", "memory"))
            yield {
                "network": NETWORKS[network].title,
                "command": name,
                "runs": len(own),
                "times its limit": time.text(2) if time else "-",
                "seconds": Found.of([run.seconds for run in own]).text(1),
                "of processors": Found.of([run.processors for run in own]).text(1),
                "times its memory": memory.text(2) if memory else "-",
                "MB": f"{statistics.median(run.memory for run in own) / 1e6:,.0f}",
                "forward passes": f"{statistics.median_low([run.passes for run in own]):,}",
            }


@dataclasses.dataclass(frozen=True)
class Target:
    """What a median should not exceed.

    Attributes:
        text: what is measured.
        allowed: the most that it should be.
        unit: of both.
        network, command: whose it is.
        measure: takes the runs and the command, and returns the median; None if there is none.
    """

    text: str
    allowed: float
    unit: str
    network: str
    command: str
    measure: Callable[[Runs, str, Command], float | None]

    def met(self, value: float) -> bool:
        """Whether a median is no more than what is allowed."""
        return value <= self.allowed

    def value(self, runs: Runs) -> float | None:
        """Return the median, or None where it was not measured."""
        if self.command not in runs.get(self.network, {}):
            return None
        return self.measure(runs, self.network, COMMANDS[self.network][self.command])


def _times(field: str, limit: str | None = None) -> Callable[[Runs, str, Command], float | None]:
    def measure(runs: Runs, network: str, command: Command) -> float | None:
        against = dataclasses.replace(command, limit=limit or command.limit)
        found = ratios(runs, network, against, field)
        return found.median if found else None

    return measure


def _median(value: Callable[[Run], float]) -> Callable[[Runs, str, Command], float | None]:
    return lambda runs, network, command: statistics.median(map(value, runs[network][command.name]))


def _of_asking(runs: Runs, network: str, command: Command) -> float | None:
    """Return the whole command over what the limit's forward passes alone took."""
    limit = runs[network].get(command.limit)
    if not limit:
        return None
    pairs = zip(runs[network][command.name], limit, strict=False)
    return statistics.median(own.seconds / least.parts["ask"] for own, least in pairs)


_INCEPTION = {"proved": 0.7, "sampled": 1.3, "failing": 1.5}
TARGETS = (
    Target(
        "reference, a proved GraphDef",
        1.15,
        "x the script",
        "reference",
        "proved",
        _times("seconds"),
    ),
    Target(
        "reference, ten files, against a script that asks one",
        1.3,
        "x the script",
        "reference",
        "10 files",
        _times("seconds", "limit"),
    ),
    *(
        Target(
            f"Inception v3, {name}", times, "x the script", "inception_v3", name, _times("seconds")
        )
        for name, times in _INCEPTION.items()
    ),
    *(
        Target(
            f"Inception v3, {name}: memory",
            1.2,
            "x the script",
            "inception_v3",
            name,
            _times("memory"),
        )
        for name in _INCEPTION
    ),
    Target(
        "segmentation, sampled: the whole command against the script's forward passes alone",
        2.0,
        "x the passes",
        "segmentation",
        "sampled",
        _of_asking,
    ),
    Target(
        "segmentation, sampled: memory",
        2.0,
        "GB",
        "segmentation",
        "sampled",
        _median(lambda run: run.memory / 1e9),
    ),
    Target("idle: modules", 2, "modules", "idle", "idle", _median(lambda run: len(run.modules))),
    Target("idle: its own code", 1.0, "ms", "idle", "idle", _median(lambda run: run.seconds * 1e3)),
)


def targets(runs: Runs) -> Iterator[dict[str, object]]:
    """Yield the lines of the table of targets."""
    for target in TARGETS:
        value = target.value(runs)
        if value is not None:
            yield {
                "target, of medians": target.text,
                "at most": f"{target.allowed:g} {target.unit}",
                "measured": f"{value:.2f}",
                "met": "yes" if target.met(value) else "no",
            }
