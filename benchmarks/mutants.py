"""Is anything proved that is not so? Changes one thing in true files, and compares computations.

A mutant whose answers differ from those of the true file by more than rounding explains must be
neither `identical` nor `equal`. What is one of both and answers alike on the first inputs is asked
10,000 more. Exits with 1 if there is such a mutant, and names it.
"""

from __future__ import annotations

import argparse
import collections
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np

import pytest_freezecheck as freezecheck
from benchmarks.tables import table
from pytest_freezecheck import LiveModel
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.errors import FreezecheckError
from tests.computation import mutations, openvino_files, tflite_files
from tests.computation.proving import LiveSide
from tests.kit.made import made
from tests.kit.networks import NETWORKS

#: Answers that are apart by more than this, of the largest, differ by more than rounding.
_VISIBLE = 1e-4
_ROWS = 64
#: Inputs for what is proved.
_MANY = 10_000
_ASKED_MANY = f"proved, asked {_MANY:,} inputs"
#: Writes a mutant of a true file to a path, and returns what was changed; empty if nothing fits.
Mutate = Callable[[Path, Path, np.random.Generator], str]


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", nargs="+", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--each", type=int, default=10, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", default=[], help="of the networks, this")
    options = parser.parse_args()
    counts: dict[str, collections.Counter[str]] = {}
    holes: list[str] = []
    sides = {name: LiveSide(live(name)) for name in options.only or NETWORKS}
    for kind in options.format:
        with TemporaryDirectory() as folder:
            campaigns = []
            for number, (name, side) in enumerate(sides.items()):
                place = Path(folder) / str(number)
                place.mkdir()
                seed = [options.seed, zlib.crc32(f"{name}, {kind}".encode())]
                campaigns.append(Campaign(side, name, kind, place, np.random.default_rng(seed)))
            ready = [campaign for campaign in campaigns if campaign.written(options.each)]
            _ask([campaign.folder for campaign in ready], FORMATS[kind][0])
            for campaign in ready:
                holes += campaign.holes()
            more = [campaign for campaign in ready if campaign.again()]
            _ask([campaign.folder for campaign in more], FORMATS[kind][0])
            for campaign in more:
                holes += campaign.holes()
        total = (campaign.counts for campaign in campaigns)
        counts[kind] = sum(total, collections.Counter())
        print(kind, dict(counts[kind]), file=sys.stderr, flush=True)
    print(table([{"format": kind, **_row(found)} for kind, found in counts.items()]))
    print("\n".join(["", f"{len(holes)} holes", *holes]))
    return 1 if holes else 0


def live(name: str) -> LiveModel:
    """Return the live model of a network."""
    return made(NETWORKS[name].build, NETWORKS[name].inputs)


def _ask(folders: list[Path], way: str) -> None:
    """Ask all files of these folders, in processes of their own."""
    script = [sys.executable, "-m", "benchmarks.mutant_answers", way, *map(str, folders)]
    subprocess.run(script, check=True)


def _row(found: collections.Counter[str]) -> dict[str, object]:
    names = ("files", "mutants", "run", "seen", "differs", "not-matched", "refused")
    return {name: found[name] for name in (*names, _ASKED_MANY, "holes")}


class Campaign:
    """Mutants of what one network is in one format.

    Attributes:
        folder: where files are written.
        counts: files; mutants; how many run; whose answers show it; and what those came to; how
            many are proved and were asked many inputs.
    """

    def __init__(
        self, side: LiveSide, network: str, kind: str, folder: Path, rng: np.random.Generator
    ) -> None:
        self._side, self._network, self._kind, self.folder = side, network, kind, folder
        self._rng = rng
        self._way, self._mutate = FORMATS[kind]
        self._said: dict[str, str] = {}
        self._proved: dict[str, str] | None = None
        self._sides: Sides | None = None
        self._true = ""
        self.counts: collections.Counter[str] = collections.Counter()

    def written(self, each: int) -> bool:
        """Write the true file and mutants of it; return whether there is one that is proved."""
        try:
            true = freezecheck.freeze(self._side.live, self._way, self.folder)
            frozen = freezecheck.load(true, way=self._way)
            sides = Sides(self._side.live, frozen)
            if not self._side.proof(frozen).holds:
                return False
        except (FreezecheckError, freezecheck.UnavailableError):
            return False
        self.counts["files"] += 1
        np.savez(self.folder / "feeds.npz", **self._feeds(sides, _ROWS))
        frozen.close()
        self._sides, self._true, self._said = sides, true.name, self._mutants(true, each)
        (self.folder / "files.txt").write_text("\n".join([true.name, *self._said]))
        return True

    def again(self) -> bool:
        """Write many inputs for what is proved and not seen; return whether there is anything."""
        if self._sides is None or not self._proved:
            return False
        np.savez(self.folder / "feeds.npz", **self._feeds(self._sides, _MANY // 3 + 1))
        (self.folder / "files.txt").write_text("\n".join([self._true, *self._proved]))
        for name in (self._true, *self._proved):
            (self.folder / f"{name}.npz").unlink(missing_ok=True)
        return True

    def holes(self) -> list[str]:
        """Return what is proved and was seen to answer otherwise, in words."""
        right = self._answers(self._true)
        if right is None:
            return []
        again, said = self._proved is not None, self._proved or self._said
        self._proved = self._proved or {}
        found = [self._hole(name, what, right, again=again) for name, what in said.items()]
        return [hole for hole in found if hole]

    def _feeds(self, sides: Sides, rows: int) -> dict[str, Any]:
        """Return rows: so many of what is declared, as many around 0, as many large."""
        found: dict[str, Any] = {}
        for live, here in sides.inputs.items():
            told: Any = NETWORKS[self._network].inputs[live]
            dtype = np.dtype(told.get("dtype", "float32"))
            shape = (rows, *told["shape"])
            if dtype.kind != "f":
                low, high = (2 if dtype.kind == "b" else 0), told.get("high", 9)
                low = 0 if dtype.kind == "b" else told.get("low", 0)
                drawn = self._rng.integers(low, high, shape, endpoint=True)
                found[here] = drawn.astype(dtype)
                continue
            low, high = told.get("low", -1.0), told.get("high", 1.0)
            parts = [self._rng.uniform(low, high, shape)]
            parts += [self._rng.normal(0.0, size, shape) for size in (1.0, 10.0)]
            found[here] = np.concatenate(parts).astype(dtype)
        most = max(len(array) for array in found.values())
        return {name: np.resize(array, (most, *array.shape[1:])) for name, array in found.items()}

    def _mutants(self, true: Path, each: int) -> dict[str, str]:
        """Write mutants and return {name: what was changed}."""
        found: dict[str, str] = {}
        for number in range(each):
            name = f"mutant-{number}{true.suffix}"
            for _ in range(20):
                what = self._mutate(true, self.folder / name, self._rng)
                if what:
                    found[name] = what
                    break
        self.counts["mutants"] += len(found)
        return found

    def _answers(self, name: str) -> dict[str, Any] | None:
        path = self.folder / f"{name}.npz"
        wanted = set(self._sides.outputs.values()) if self._sides is not None else set()
        if not path.exists():
            return None
        with np.load(path, allow_pickle=True) as file:
            found = {there: file[there] for there in wanted if there in file}
        return found if len(found) == len(wanted) else None

    def _hole(self, name: str, what: str, right: dict[str, Any], *, again: bool) -> str:
        """Return what was proved of a mutant that answers otherwise, in words; mostly nothing."""
        answers = self._answers(name)
        if answers is None:
            return ""
        self.counts[_ASKED_MANY if again else "run"] += 1
        far = mutations.apart(right, answers)
        if again and far <= _VISIBLE:
            return ""
        try:
            frozen = freezecheck.load(self.folder / name, way=self._way)
            result = self._side.proof(frozen).result
            frozen.close()
        except FreezecheckError:
            result = "refused"
        holds = result in ("identical", "equal")
        if far <= _VISIBLE:
            if holds and self._proved is not None:
                self._proved[name] = what
            return ""
        self.counts["seen"] += 1
        self.counts["holes" if holds else result] += 1
        told = f"{self._kind}, {self._network}: {what}: {result}, answers {far:.1e} apart"
        return told if holds else ""


def _graph_def(true: Path, path: Path, rng: np.random.Generator) -> str:
    from tensorflow.core.framework.graph_pb2 import GraphDef

    definition = GraphDef.FromString(true.read_bytes())
    said = _in_graph(definition, rng)
    path.write_bytes(definition.SerializeToString())
    return said


def _in_graph(definition: Any, rng: np.random.Generator) -> str:
    kinds = mutations.MUTATIONS
    place = 0 if rng.random() < 0.4 else int(rng.integers(1, len(kinds)))
    try:
        return kinds[place](definition, rng)
    except (ValueError, IndexError, TypeError, KeyError):
        return ""  # there is nothing of that kind to change


def _saved_model(true: Path, path: Path, rng: np.random.Generator) -> str:
    """Change the graph, one of its functions, or a variable."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    if path.exists():
        shutil.rmtree(path)
    shutil.copytree(true, path)
    if rng.random() < 0.4:
        return _variable(path, rng)
    content = SavedModel.FromString((true / "saved_model.pb").read_bytes())
    graph = content.meta_graphs[0].graph_def
    inner = [SimpleNamespace(node=f.node_def) for f in graph.library.function]
    bodies = [body for body in (graph, *inner) if len(body.node) > 2]
    said = _in_graph(bodies[int(rng.integers(len(bodies)))], rng)
    (path / "saved_model.pb").write_bytes(content.SerializeToString())
    return said


def _variable(path: Path, rng: np.random.Generator) -> str:
    import tensorflow as tf

    prefix = path / "variables" / "variables"
    if not prefix.with_suffix(".index").exists():
        return ""
    reader = tf.train.load_checkpoint(str(prefix))
    names = sorted(reader.get_variable_to_shape_map())
    values = {name: reader.get_tensor(name) for name in names}
    floats = [
        n for n in names if getattr(values[n], "dtype", None) == np.float32 and values[n].size
    ]
    if not floats:
        return ""
    name = floats[int(rng.integers(len(floats)))]
    array = np.array(values[name])
    place = tuple(int(rng.integers(size)) for size in array.shape)
    array[place] += np.float32(np.abs(array).max() * rng.choice([1e-3, 0.1, -2.0]) + 1e-3)
    values[name] = array
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        session.run(
            tf.raw_ops.SaveV2(
                prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names),
                tensors=[tf.constant(values[n]) for n in names],
            )
        )  # fmt: skip
    return f"{name}{list(place)} is {array[place]}"


def _tflite(true: Path, path: Path, rng: np.random.Generator) -> str:
    file = tflite_files.File(true)
    drawn = random.Random(int(rng.integers(2**31)))  # noqa: S311
    change = tflite_files.at_random(drawn)
    try:
        change(file)
    except (IndexError, ValueError):
        return ""  # there is nothing of that kind to change
    file.save(path)
    return change.__qualname__.split(".")[0].strip("_")


def _onnx(true: Path, path: Path, rng: np.random.Generator) -> str:
    import onnx

    from tests.computation.mutants import mutant

    altered, said = mutant(onnx.load(str(true)), rng)
    path.write_bytes(altered.SerializeToString())
    return str(said)


#: {format: (way, what changes its files)}.
FORMATS: dict[str, tuple[str, Mutate]] = {
    "graph_def": ("graph_def", _graph_def),
    "saved_model": ("saved_model", _saved_model),
    "tflite": ("tflite", _tflite),
    "onnx": ("onnx", _onnx),
    "openvino": ("openvino", openvino_files.mutated),
}


if __name__ == "__main__":
    sys.exit(main())
