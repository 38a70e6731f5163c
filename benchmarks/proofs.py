"""How much can be proved? Compares the computations of true exports of many networks.

With `--nets`, of the networks of `tf_slim.nets` at their real width, each in a process of its
own, with the time and the memory that each proof takes; a run that was cut short goes on where
`--folder` has its figures. Exits with 1 if an export that is true was said to differ, but for
those that overflow in float16; with `--nets` also if one was not proved.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest_freezecheck as freezecheck
from benchmarks import proved_nets
from benchmarks.tables import table
from pytest_freezecheck import LiveModel
from pytest_freezecheck.errors import ArtifactError, FreezecheckError, FreezeError
from pytest_freezecheck.models import reference
from tests.computation.proving import LiveSide, stops
from tests.kit import nets
from tests.kit.made import made
from tests.kit.networks import NETWORKS
from tests.kit.ways import HERE

#: Whose weights are beyond what float16 holds, so that the export is another function.
OVERFLOW = (("prices of a million", "tflite_float16"), ("several heads", "tflite_float16"))


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="+", default=HERE, help="ways to freeze")
    parser.add_argument("--only", action="append", default=[], help="of the networks, this")
    parser.add_argument("--nets", action="store_true", help="networks of tf_slim.nets instead")
    parser.add_argument("--folder", type=Path, help="where the figures of --nets are kept")
    options = parser.parse_args()
    if options.nets:
        return of_real_size(options.only or list(nets.NETS), options.folder)
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


def of_real_size(names: list[str], folder: Path | None) -> int:
    """Print the proofs of networks of real size, and return the exit status."""
    rows: list[dict[str, object]] = []
    # A process that keeps what was freed would seem to need less, or more, than it does.
    os.environ.update(
        dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), "4194304")
    )
    with TemporaryDirectory() as scratch:
        for name in names:
            kept = (folder or Path(scratch)) / f"{name}.json"
            kept.parent.mkdir(parents=True, exist_ok=True)
            if not kept.exists():
                process = get_context("spawn").Process(target=_kept, args=(name, kept))
                process.start()
                process.join()
                if process.exitcode:
                    print(f"{name}: ended with {process.exitcode}", file=sys.stderr)
            rows += json.loads(kept.read_text()) if kept.exists() else [{"network": name}]
    columns = dict.fromkeys(column for row in rows for column in row)
    print(table({column: row.get(column, "-") for column in columns} for row in rows))
    return 0 if all(row.get("result") in ("identical", "equal") for row in rows) else 1


def _kept(name: str, kept: Path) -> None:
    rows = []
    for row in proved_nets.proved(name):
        print(row, file=sys.stderr, flush=True)
        rows.append(row)
    kept.write_text(json.dumps(rows))


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
