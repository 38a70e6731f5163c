"""What medians should not exceed, and whether they do."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterator

from benchmarks.speed.cases import Command
from benchmarks.speed.results import COMMANDS, ratios
from benchmarks.speed.runs import Run, Runs


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


def rows(runs: Runs) -> Iterator[dict[str, object]]:
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
