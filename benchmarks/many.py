"""Every network of `networks`, exported rightly in every way that can: none may fail."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest_freezecheck as freezecheck
from pytest_freezecheck.errors import FreezecheckError, FreezeError
from pytest_freezecheck.formats import find_way
from tests.kit.made import made
from tests.kit.networks import NETWORKS, WRONG, Network


@dataclasses.dataclass
class Result:
    """What became of one network.

    Attributes:
        kind: what it is for.
        passed: ways whose exports passed.
        lossy: of those that give up precision, how many passed, and how many there are.
        outside: {way: text} of those among them that did not.
        cannot: {way: why} of ways that cannot freeze it.
        unloadable: {way: why} of exports that were written and that their executor cannot load.
        caught: {way: text} of exports that are known to be wrong, and failed.
        missed: {way: what is wrong} of those that passed.
        alarms: {way: text} of all others that failed or could not be checked.
        worst: the largest difference of an export that is exact, as a multiple of what is allowed.
    """

    kind: str
    passed: list[str] = dataclasses.field(default_factory=list)
    lossy: tuple[int, int] = (0, 0)
    outside: dict[str, str] = dataclasses.field(default_factory=dict)
    cannot: dict[str, str] = dataclasses.field(default_factory=dict)
    unloadable: dict[str, str] = dataclasses.field(default_factory=dict)
    caught: dict[str, str] = dataclasses.field(default_factory=dict)
    missed: dict[str, str] = dataclasses.field(default_factory=dict)
    alarms: dict[str, str] = dataclasses.field(default_factory=dict)
    worst: float = 0.0

    def add(
        self, way: str, live: freezecheck.LiveModel, folder: Path, seeds: int, wrong: str | None
    ) -> None:
        """Export a model in one way, and check it with every seed.

        Args:
            way: to freeze it in.
            live: the model.
            folder: to write to.
            seeds: how many to check with.
            wrong: what is known to be wrong with the export, or None.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            path = freezecheck.freeze(live, way, folder)
        except (FreezeError, freezecheck.UnavailableError) as error:
            self.cannot[way] = _first_line(error, folder)
            return
        is_lossy = bool(find_way(way).tolerances)
        try:
            frozen = freezecheck.load(path, way=way)
        except freezecheck.ArtifactError as error:
            self.unloadable[way] = _first_line(error, folder)
            return
        try:
            found = [freezecheck.check(live, frozen, seed=s, examples=50) for s in range(seeds)]
            frozen.close()
        except FreezecheckError as error:
            (self.alarms if wrong is None else self.caught)[way] = _first_line(error, folder)
            return
        failed = [agreement for agreement in found if not agreement]
        if wrong is not None:
            if failed:
                self.caught[way] = failed[0].text.partition("\n")[0]
            else:
                self.missed[way] = wrong
        elif is_lossy:
            self.lossy = (self.lossy[0] + (not failed), self.lossy[1] + 1)
            if failed:
                self.outside[way] = failed[0].text.partition("\n")[0]
        elif failed:
            self.alarms[way] = failed[0].text.partition("\n")[0]
        else:
            self.passed.append(way)
            ratios = [one.ratio for agreement in found for one in agreement.compared]
            self.worst = max([self.worst, *ratios])


def _first_line(error: Exception, folder: Path) -> str:
    """Return the first line of what was said, with the file as its exporter called it."""
    said = str(error).partition("\n")[0]
    return said.replace(f"{folder}/", "").replace(f"{os.path.relpath(folder)}/", "")


def compare_networks(
    names: Sequence[str], ways: Sequence[str], seeds: int
) -> Iterator[tuple[str, Result]]:
    """Yield the name of each network, and what became of it.

    Args:
        names: of networks; all if empty.
        ways: in which they are frozen.
        seeds: how many each export is checked with.
    """
    for name in names or NETWORKS:
        network: Network = NETWORKS[name]
        result = Result(network.kind)
        with TemporaryDirectory() as folder:
            saved = Path(folder) / "checkpoint" / "model"
            saved.parent.mkdir()
            live = made(network.build, network.inputs, checkpoint=saved)
            for way in ways:
                result.add(way, live, Path(folder) / way, seeds, WRONG.get((name, way)))
            live.close()
        print(f"{name}: {len(result.alarms)} alarms", file=sys.stderr)
        yield name, result


def row(name: str, result: Result) -> dict[str, Any]:
    """Return what the table says of a network."""
    return {
        "network": name,
        "kind": result.kind,
        "ways that pass": len(result.passed),
        "that cannot freeze": len(result.cannot),
        "cannot be loaded": ", ".join(result.unloadable) or "-",
        "lossy ways within their tolerance": f"{result.lossy[0]} of {result.lossy[1]}",
        "alarms": len(result.alarms),
        "worst, of what is allowed": f"{result.worst:.2g}",
    }
