"""What of it is asked for, and how long it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.speed.cases import NETWORKS, PLAN, Case, Command

#: Seconds on two quiet cores in which all of it has to end.
ALLOWED = 25 * 60


def chosen(only: Sequence[str], plan: Sequence[Case] = PLAN) -> list[Case]:
    """Return the cases that are asked for, with what they are held against.

    Args:
        only: names of networks, or `network/command`; all if empty.
        plan: what there is.

    Raises:
        SystemExit: there is no such network or command.
    """
    if not only:
        return list(plan)
    known = {c.network: {command.name for command in c.commands} for c in plan}
    for name in only:
        network, _, command = name.partition("/")
        if network not in known or (command and command not in known[network]):
            raise SystemExit(f"there is no {name!r}; there are {', '.join(names(plan))}")
    found = []
    for case in plan:
        wanted = {name.partition("/")[2] for name in only if name.split("/")[0] == case.network}
        if wanted:
            kept = case.commands if "" in wanted else _with_limits(case.commands, wanted)
            found.append(dataclasses.replace(case, commands=tuple(kept)))
    return found


def names(plan: Iterable[Case] = PLAN) -> list[str]:
    """Return what `--only` takes."""
    return [n for c in plan for n in (c.network, *(f"{c.network}/{k.name}" for k in c.commands))]


def _with_limits(commands: Sequence[Command], wanted: set[str]) -> list[Command]:
    by_name = {command.name: command for command in commands}
    needed = set(wanted)
    while True:
        more = {by_name[name].limit for name in needed if by_name[name].limit in by_name}
        more |= {
            by_name[name].inputs_of
            for name in needed
            if by_name[name].kind in ("limit", "polygraphy")
        }
        if more <= needed:
            return [command for command in commands if command.name in needed]
        needed |= more


def seconds(cases: Iterable[Case], repeat: int | None = None) -> float:
    """Return how long cases take on two quiet cores, with what making their repositories takes."""
    return sum(
        NETWORKS[case.network].seconds
        + sum(case.turns(command, repeat) * command.seconds for command in case.commands)
        for case in cases
    )


def rows(cases: Iterable[Case], repeat: int | None = None) -> Iterator[dict[str, object]]:
    """Yield the lines of the plan as it is printed."""
    for case in cases:
        for command in case.commands:
            yield {
                "network": case.network,
                "command": command.name,
                "times": 0 if command.missing else case.turns(command, repeat),
                "seconds each": f"{command.seconds:g}",
                "held against": "-" if command.kind in ("limit", "idle") else command.limit,
                "left out": f"needs {', '.join(command.missing)}" if command.missing else "",
            }
