"""One number of one weight, altered by 0.01 %: does the proof find it, and name the weight?

In each weight of a network one number is altered, as large as most of its channel, and the live
model is compared with exports of it as it was: GraphDef and SavedModel, which are the same
expression, TFLite, ONNX and OpenVINO. Exits with 1 if one was not found, or another weight named.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import pytest_freezecheck as freezecheck
from benchmarks.tables import table
from pytest_freezecheck import LiveModel
from pytest_freezecheck.checking.described import names_of
from pytest_freezecheck.checking.proving import Compared, Computation, prove
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.computation.proof import DIFFERS, IDENTICAL, Proof
from pytest_freezecheck.computation.values import Array, Value
from pytest_freezecheck.models import reference
from pytest_freezecheck.models.graph_loops import Replacer
from tests.kit import nets

NETWORKS = ("reference", "inception_v3", "resnet_v2_50")
WAYS = ("graph_def", "saved_model", "tflite", "onnx", "openvino")
_ALTERED = 1.0001


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", nargs="+", default=NETWORKS, help="reference, or a slim one")
    parser.add_argument("--ways", nargs="+", default=WAYS, help="ways to freeze")
    parser.add_argument("--every", type=int, default=1, help="alter every so manieth weight")
    parser.add_argument("--layers", action="store_true", help="alter one weight of each layer")
    options = parser.parse_args()
    os.environ["TF2ONNX_CATCH_ERRORS"] = "FALSE"  # or all weights are copied for each rewriting
    rows, missed = [], 0
    with TemporaryDirectory() as folder:
        for network in options.network:
            live = _live(network, Path(folder))
            computation = Computation(live, frozenset(live.weights()))
            for way in options.ways:
                started = time.perf_counter()
                found = list(_tried(computation, live, way, Path(folder), options))
                lost = [f"{name}: {said}" for name, said in found if said]
                print(network, way, *lost, sep="\n", file=sys.stderr)
                missed += len(lost)
                rows.append(
                    {
                        "network": network,
                        "way": way,
                        "weights altered": len(found),
                        "found and named": len(found) - len(lost),
                        "s": f"{time.perf_counter() - started:.0f}",
                    }
                )
            live.close()
    print(table(rows))
    return 1 if missed else 0


def _live(network: str, folder: Path) -> LiveModel:
    if network != "reference":
        return nets.drawn_at_random(nets.NETS[network])
    reference.train(folder)
    return reference.load(folder)


def _tried(
    computation: Computation, live: LiveModel, way: str, folder: Path, options: argparse.Namespace
) -> Iterator[tuple[str, str]]:
    """Yield of each weight what was said of it when it was altered; nothing if it was named."""
    place = folder / live.name / way
    place.mkdir(parents=True)
    frozen = freezecheck.load(freezecheck.freeze(live, way, place), way=way)
    with contextlib.closing(frozen):
        compared = prove(Sides(live, frozen), computation)
        if compared.proof.result == IDENTICAL:  # then it is the live expression
            compared = Compared(computation, compared.proof, compared.arena, computation.normal)
        if not compared.proof.holds:
            yield "as it was", compared.proof.result
        nodes = walk(computation.raw.values())
        weights = [(n, n.value) for n in nodes if n.value and n.origin in computation.names]
        if options.layers:
            weights = _one_of_each_layer(weights)
        for node, value in weights[:: options.every]:
            proof = _altered(compared, node, value)
            named = {n for c in proof.constants for n in names_of(c.live, computation.names)}
            right = proof.result == DIFFERS and node.origin in named
            yield node.origin, "" if right else _said(proof, named)


def _one_of_each_layer(weights: list[tuple[Node, Value]]) -> list[tuple[Node, Value]]:
    """Return one weight of each layer, of another kind in one layer than in the next."""
    layers: dict[str, list[tuple[Node, Value]]] = {}
    for weight in weights:
        scope = weight[0].origin.rpartition("/")[0]
        layers.setdefault(scope.removesuffix("/BatchNorm"), []).append(weight)
    return [held[number % len(held)] for number, held in enumerate(layers.values())]


def _altered(compared: Compared, node: Node, value: Value) -> Proof:
    """Return what the comparison comes to with one number of a weight altered."""
    arena = Arena(compared.arena)
    array = _with_one_altered(value.array)
    other = arena.constant(dataclasses.replace(value, array=array))
    replaced = Replacer(arena, {id(node): other})
    return compared.again(arena, {k: replaced(v) for k, v in compared.live.raw.items()})


def _with_one_altered(array: Array) -> Array:
    """Alter the number that half of its channel's are smaller than, in the middle channel."""
    altered = np.array(array)
    channel = altered.reshape(-1, altered.shape[-1] if altered.ndim > 1 else 1)
    column = channel[:, channel.shape[1] // 2]
    column[np.argsort(np.abs(column))[column.size // 2]] *= np.float32(_ALTERED)
    return altered


def _said(proof: Proof, named: set[str]) -> str:
    return f"{proof.result} {proof.why} {sorted(named)}"


if __name__ == "__main__":
    sys.exit(main())
