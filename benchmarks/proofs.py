"""How much can be proved? Compares the computations of true exports of many networks.

Exits with 1 if an export that is true was said to differ, but for those that overflow in float16.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest_freezecheck as freezecheck
from benchmarks.common import table
from benchmarks.networks import NETWORKS
from pytest_freezecheck import LiveModel
from pytest_freezecheck.errors import ArtifactError, FreezecheckError, FreezeError
from pytest_freezecheck.models import reference
from tests.computation.proving import LiveSide, stops
from tests.models.made import made
from tests.models.ways import HERE

#: Whose weights are beyond what float16 holds, so that the export is another function.
OVERFLOW = (("prices of a million", "tflite_float16"), ("several heads", "tflite_float16"))


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="+", default=HERE, help="ways to freeze")
    parser.add_argument("--only", action="append", default=[], help="of the networks, this")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    wrong = 0
    with TemporaryDirectory() as folder:
        for name, live in models(Path(folder), options.only):
            side = LiveSide(live)
            for number, way in enumerate(options.ways):
                place = Path(folder) / f"{len(rows)}-{number}"
                place.mkdir()
                row = {"network": name, "way": way, **proved(side, way, place)}
                wrong += row["result"] == "differs" and (name, way) not in OVERFLOW
                rows.append(row)
            live.close()
    print(table(rows), end="\n\n")
    for way in options.ways:
        counts = collections.Counter(row["result"] for row in rows if row["way"] == way)
        print(f"{way}: {', '.join(f'{count} {result}' for result, count in counts.most_common())}")
    return 1 if wrong else 0


def models(folder: Path, only: list[str]) -> Iterator[tuple[str, LiveModel]]:
    """Yield the live models: the reference, and the many networks."""
    if not only or "reference" in only:
        trained = folder / "reference"
        trained.mkdir()
        reference.train(trained)
        yield "reference", reference.load(trained)
    for name, network in NETWORKS.items():
        if not only or name in only:
            yield name, made(network.build, network.inputs)


def proved(side: LiveSide, way: str, folder: Path) -> dict[str, object]:
    """Export a model in one way, and return what the comparison comes to."""
    blank = {"result": "-", "furthest": "-", "weights": "-", "grid": "", "s": "-", "stops at": ""}
    try:
        frozen = freezecheck.load(freezecheck.freeze(side.live, way, folder), way=way)
    except (FreezeError, freezecheck.UnavailableError, ArtifactError):
        return {**blank, "result": "cannot be frozen"}
    started = time.perf_counter()
    try:
        proof = side.proof(frozen)
    except FreezecheckError as error:
        return {**blank, "result": "not read", "stops at": str(error).split(": ", 1)[-1][:100]}
    finally:
        frozen.close()
    return {
        "result": proof.result,
        "furthest": f"{proof.furthest:.1e}",
        "weights": f"{proof.accounted:.0%}",
        "grid": proof.grid,
        "s": f"{time.perf_counter() - started:.2f}",
        "stops at": "" if proof.holds else stops(proof),
    }


if __name__ == "__main__":
    sys.exit(main())
