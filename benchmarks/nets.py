"""Networks of real size: what true exports, wrong ones and small faults show on each.

Every network of `tf_slim.nets` is frozen in every way that it has memory and time for, rightly and
from the raw weights; both are held against the live model on the inputs of a check. Faults are
measured in a copy of the live model, on the same inputs but for the search. Each network runs in a
process of its own, which leaves its figures in a folder: a run that was cut short goes on there.
Exits with 1 if a correct freeze failed, or a wrong one passed.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import tensorflow as tf

import pytest_freezecheck as freezecheck
from benchmarks.net_bench import Bench, Found, faults
from benchmarks.tables import number, table
from pytest_freezecheck import LiveModel
from pytest_freezecheck.formats import format_of
from tests.kit import nets
from tests.kit.ways import HERE

#: Ways of the extras; the others convert in the same way, from something else.
EXTRAS = ("tflite", "onnx", "onnx_reference", "openvino")
#: Evaluated operator by operator in NumPy, larger pictures than theirs take minutes for a batch.
REFERENCED = ("inception_v2", "resnet_v1_50", "resnet_v2_50")
#: tf2onnx takes 11 GB for an AlexNet and did not end with a VGG; XLA, which has all weights as
#: constants here, takes more than 20 GB for a VGG.
TOO_LARGE = {"onnx": ("alexnet_v2", *nets.LARGE), "xla": nets.LARGE}
#: Examples of their family stand for them: they would be hours.
DEEPER = tuple(name for name in nets.NETS if name.endswith(("_101", "_152", "_200")))


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="append", choices=nets.NETS, help="only this one")
    parser.add_argument("--way", action="append", choices=HERE, help="only this one")
    parser.add_argument("--examples", type=int, default=30, help="batches of each check")
    parser.add_argument("--folder", type=Path, help="where the figures are kept")
    options = parser.parse_args()
    names = options.network or [name for name in nets.NETS if name not in DEEPER]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            kept = folder / f"{name}.json"
            if not kept.exists():
                arguments = (name, kept, options.examples, options.way or HERE)
                process = get_context("spawn").Process(target=measure, args=arguments)
                process.start()
                process.join()
                if process.exitcode:  # as where the system ran out of memory
                    print(f"{name}: ended with {process.exitcode}", file=sys.stderr)
        there = [path for name in names if (path := folder / f"{name}.json").exists()]
        results = [json.loads(path.read_text()) for path in there]
    for rows in (verdicts(results), exports(results), shown(results)):
        print(table(rows), end="\n\n")
    wrong = [
        f"{result['network']}, {found['way']}: {what}"
        for result in results
        for found in result["exports"]
        for what, it_is in (
            # What rounding does to a network is a finding, and no false alarm.
            ("failed", found["alarm"] and not found["lossy"]),
            ("missed", not found["caught"]),
        )
        if it_is
    ]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


def ways(network: str) -> list[str]:
    """Return the ways to freeze a network."""
    core = [way for way in HERE if format_of(way) in ("graph_def", "saved_model")]
    extras = [way for way in EXTRAS if way in HERE]
    if network not in REFERENCED and "onnx_reference" in extras:
        extras.remove("onnx_reference")
    return [way for way in (*core, *extras) if network not in TOO_LARGE.get(way, ())]


def measure(name: str, kept: Path, examples: int, chosen: Sequence[str]) -> None:
    """Measure one network in some ways, and keep its figures."""
    tf.get_logger().setLevel("ERROR")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(name, Path(folder), examples)
        twin = bench.corpus.clone(bench.live)
        wrong = {
            fault: bench.fault(functools.partial(twin.answer, changes=make()))
            for fault, make in faults(twin.weights, bench.subject.checkpoint)
        }
        training = bench.training()
        wrong["training mode"] = bench.fault(training.answer)
        training.close()
        weights = sum(value.size for value in twin.weights.values())
        raw = bench.subject.live("none")
        found = []
        for way in (way for way in ways(name) if way in chosen):
            found.append(_way(bench, raw, way))
            gc.collect()  # graphs hold themselves in circles, and each of these holds all weights
            print(f"{name}, {way}: {found[-1]}", file=sys.stderr)
    result = {
        "network": name,
        "parameters": weights,
        "pictures": list(bench.net.spec.shape),
        "exports": found,
        "faults": wrong,
        "seconds": time.perf_counter() - started,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "tensorflow": tf.__version__,
    }
    kept.write_text(json.dumps(result))


def _way(bench: Bench, raw: LiveModel, way: str) -> Found:
    try:
        found = bench.true_export(way)
        gc.collect()
        return {**found, "caught": bench.caught(raw, way)}
    except freezecheck.FreezecheckError as error:
        failed = {"alarm": True, "caught": True, "error": str(error)}
        return {"way": way, "bit_exact": False, "lossy": False, **failed}


def verdicts(results: list[Found]) -> list[dict[str, object]]:
    """Return a row for each network: how many freezes of it got the wrong verdict."""
    rows: list[dict[str, object]] = []
    for result in results:
        exact = [found for found in result["exports"] if found["bit_exact"]]
        others = [f for f in result["exports"] if not f["bit_exact"] and not f["lossy"]]
        lossy = [found for found in result["exports"] if found["lossy"]]
        rows.append(
            {
                "network": result["network"],
                "parameters": f"{result['parameters'] / 1e6:.1f} million",
                "pictures": " x ".join(map(str, result["pictures"][:2])),
                "inputs": exact[0]["inputs"],
                "exact ways: alarms": f"{sum(f['alarm'] for f in exact)} of {len(exact)}",
                "other ways: alarms": f"{sum(f['alarm'] for f in others)} of {len(others)}",
                "lossy ways: further off than they may": f"{sum(f['alarm'] for f in lossy)} of "
                f"{len(lossy)}",
                "misses": f"{sum(not f['caught'] for f in result['exports'])} of "
                f"{len(result['exports'])}",
                "largest logit": f"{exact[0]['size']:.0f}",
                "minutes": f"{result['seconds'] / 60:.0f}",
                "peak, GB": f"{result['peak'] / 2**30:.1f}",
            }
        )
    return rows


def exports(results: list[Found]) -> list[dict[str, object]]:
    """Return a row for each network: how far its executors are from the live model."""
    by_network = {
        result["network"]: {f["way"]: f for f in result["exports"] if not f["bit_exact"]}
        for result in results
    }
    every = dict.fromkeys(way for found in by_network.values() for way in found)
    return [
        {"network": network, **{way: _cell(found.get(way)) for way in every}}
        for network, found in by_network.items()
    ]


def shown(results: list[Found]) -> list[dict[str, object]]:
    """Return a row for each fault: how far it puts each network's answers apart."""
    every = dict.fromkeys(fault for result in results for fault in result["faults"])
    return [
        {"fault": fault, **{r["network"]: _cell(r["faults"].get(fault)) for r in results}}
        for fault in every
    ]


def _cell(found: Found | None) -> str:
    """Return the difference in probabilities, as noise floors too, and that of the logits."""
    if found is None:
        return "-"
    if "error" in found:
        return "error"
    if found.get("bit_exact") is not None and found["exact"]:
        return "identical"
    floors = f" ({found['difference'] / found['noise']:.1f})" if found.get("noise") else ""
    return f"{number(found['difference'])}{floors}, {number(found['logits'])}"


if __name__ == "__main__":
    sys.exit(main())
