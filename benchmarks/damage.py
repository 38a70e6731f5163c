"""Thousands of damaged files over all formats: refused in a line, failed, or truly the same.

A file that passes is measured again, on other inputs, by what serves its format and knows nothing
of the gate: a session of TensorFlow, Keras, an interpreter of TFLite, onnxruntime, OpenVINO. Checks
run in a process of their own, which may die or hang of a file; that is counted too.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import table
from pytest_freezecheck.formats.openvino.importing import import_openvino
from tests.kit.damaged_fields import change

#: Largest difference of a file that passed, by the raw executor: `atol` with room for its noise.
APART = 3e-5
ROWS = 64
#: Seconds for one file.
PATIENCE = 180.0
#: Damage to one value of a file that stays readable; every other file has it.
FIELD = "field"
OUTCOMES = ("passed", "failed", "error", "died", "hung")


def damages() -> dict[str, Callable[[bytearray, np.random.Generator], None]]:
    """Return {name: what changes the bytes of a file somewhere}."""

    def place(content: bytearray, rng: np.random.Generator) -> int:
        # One in five near the end: archives and flatbuffers have a directory of their own there.
        near = rng.random() < 0.2
        return max(0, len(content) - 1 - int(rng.integers(0, 200 if near else len(content))))

    def cut(content: bytearray, rng: np.random.Generator) -> None:
        del content[place(content, rng) :]

    def lost(content: bytearray, rng: np.random.Generator) -> None:
        start = place(content, rng)
        del content[start : start + int(rng.integers(1, 9))]

    def flipped(content: bytearray, rng: np.random.Generator) -> None:
        content[place(content, rng)] ^= 0xFF

    def one_bit(content: bytearray, rng: np.random.Generator) -> None:
        content[place(content, rng)] ^= 1 << int(rng.integers(0, 8))

    def zeroed(content: bytearray, rng: np.random.Generator) -> None:
        start = place(content, rng)
        content[start : start + 16] = bytes(len(content[start : start + 16]))

    def another(content: bytearray, rng: np.random.Generator) -> None:
        content[place(content, rng)] = int(rng.integers(0, 256))

    def copied(content: bytearray, rng: np.random.Generator) -> None:
        source, target = place(content, rng), place(content, rng)
        part = content[source : source + 8]
        content[target : target + len(part)] = part

    return {d.__name__: d for d in (cut, lost, flipped, one_bit, zeroed, another, copied)}


#: {way: files of what it makes, "" where that is one file}.
FILES = {
    "graph_def": [""],
    "saved_model": ["saved_model.pb", "variables/variables.index"],
    "saved_model_module": ["saved_model.pb", "variables/variables.data-00000-of-00001"],
    "keras": [""],
    "tflite": [""],
    "onnx": [""],
    "openvino": ["", ".bin"],
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A file to damage, and how.

    Attributes:
        number: seeds it.
        way: that made it.
        name: of the file within a folder, or the ending of one beside it.
        damage: name of the damage.
    """

    number: int
    way: str
    name: str
    damage: str


def cases(count: int, ways: Mapping[str, list[str]]) -> list[Case]:
    """Return that many cases, formats, files and damages taking turns."""
    files = [(way, name) for way, names in ways.items() for name in names]
    kinds = [kind for damage in damages() for kind in (damage, FIELD)]
    return [
        Case(n, *files[n % len(files)], kinds[n // len(files) % len(kinds)]) for n in range(count)
    ]


# What a process of its own does.


def work(folder: Path, numbers: list[int], count: int, seed: int) -> None:
    """Check these cases, and print what came of each as a line of JSON."""
    import pytest_freezecheck as freezecheck
    from tests.formats.test_damage_everywhere import of_keras
    from tests.kit import tiny

    if not Path(f"{tiny.checkpoint(folder)}.index").exists():
        tiny.write(folder)
    flowers = freezecheck.LiveModel.from_checkpoint(
        tiny.build, tiny.checkpoint(folder), tiny.INPUTS, name="flowers"
    )
    ways = {way: names for way, names in FILES.items() if way in freezecheck.available_ways()}
    lives = dict.fromkeys(ways, flowers)
    if "keras" in ways:
        lives["keras"] = of_keras()
    made = folder / "made.json"
    if not made.exists():  # once: what is frozen anew is written in another order
        whole = {way: freezecheck.freeze(lives[way], way, folder / "whole" / way) for way in ways}
        made.write_text(json.dumps({way: str(path) for way, path in whole.items()}))
    paths = {way: Path(path) for way, path in json.loads(made.read_text()).items()}
    if not numbers:
        for way, path in paths.items():
            apart = measured(way, path, lives[way], seed)
            print(json.dumps({"way": way, "apart": apart}), flush=True)
        return
    every = cases(count, ways)
    for number in numbers:
        case = every[number]
        print(json.dumps({"begun": number}), flush=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            copy = damaged(case, paths[case.way], Path(place), seed)
            print(json.dumps({"number": number, **judged(case, copy, lives, seed)}), flush=True)


def damaged(case: Case, whole: Path, place: Path, seed: int) -> Path:
    """Return a damaged copy of what a way made, alone in a folder."""
    target = place / whole.name
    if whole.is_dir():
        shutil.copytree(whole, target)
    else:
        for beside in whole.parent.glob(f"{whole.stem}.*"):
            shutil.copy(beside, place)
    file = target / case.name if whole.is_dir() else target.with_suffix(case.name or target.suffix)
    content = bytearray(file.read_bytes())
    before = bytes(content)
    rng = np.random.default_rng([seed, case.number])
    while bytes(content) == before:  # zeros that were zeroed are no damage
        if case.damage == FIELD:
            content[:] = change(case.way, case.name, before, rng)
        else:
            damages()[case.damage](content, rng)
    file.write_bytes(content)
    return target


def judged(case: Case, path: Path, lives: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return what the gate says of a file, and the raw executor if it passed."""
    import pytest_freezecheck as freezecheck

    live = lives[case.way]
    try:
        agreement = freezecheck.check(live, path, examples=10)
    except freezecheck.FreezecheckError as error:
        said = str(error)
        lines = [line for line in said.splitlines() if not line.startswith("  ")]
        return {"outcome": "error", "line": len(lines) == 1 and str(path) in lines[0], "said": said}
    except Exception as error:  # noqa: BLE001 - what is no error of ours is what is looked for
        return {"outcome": "error", "line": False, "said": f"{type(error).__name__}: {error}"}
    first = agreement.text.splitlines()[0]
    found = {"outcome": agreement.outcome, "line": ": " in first, "said": first}
    if agreement.outcome == "passed":
        try:
            found["apart"] = measured(case.way, path, live, seed + 1)
        except Exception as error:  # noqa: BLE001 - a file that cannot be served is told apart
            found |= {"apart": None, "said": f"the raw executor: {error}"}
    return found


def measured(way: str, path: Path, live: Any, seed: int) -> float:
    """Return how far a file's answers are from the live model's, as a server would run it."""
    ((name, spec),) = live.specs.items()
    rng = np.random.default_rng([seed, 7])
    low, high = (-1.0, 1.0) if spec.low is None else (spec.low, spec.high)
    batch = rng.uniform(low, high, (ROWS, *spec.shape)).astype(np.float32)
    (ours,) = live.predict({name: batch}).values()
    theirs = RAW[way](path, batch, live)
    if theirs.shape != ours.shape:
        return float("inf")
    return float(np.max(np.abs(theirs.astype(np.float64) - ours)))


def in_graph(path: Path, batch: Any, live: Any) -> Any:
    """Answer as a session does that imported a GraphDef, with all of TensorFlow's optimisation."""
    import tensorflow as tf

    v1 = tf.compat.v1
    definition = v1.GraphDef.FromString(path.read_bytes())
    ends = {i.lstrip("^").split(":")[0] for node in definition.node for i in node.input}
    left = [n.name for n in definition.node if n.name not in ends and n.op != "NoOp"]
    ((tensor,), (output,)) = live.inputs.values(), live.outputs.values()
    # Whoever serves a graph of several ends asks for the one that they know.
    end = left[0] if len(left) == 1 else output.op.name
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        tf.import_graph_def(definition, name="")
        return session.run(f"{end}:0", {tensor.name: batch})


def in_saved_model(path: Path, batch: Any, live: Any) -> Any:  # noqa: ARG001 - as all of them
    """Answer as a session does that loaded a SavedModel."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        loaded = v1.saved_model.load(session, ["serve"], str(path))
        (signature,) = [s for k, s in loaded.signature_def.items() if not k.startswith("__")]
        ((_, fed),), ((_, asked),) = signature.inputs.items(), signature.outputs.items()
        return session.run(asked.name, {fed.name: batch})


def in_keras(path: Path, batch: Any, live: Any) -> Any:  # noqa: ARG001
    """Answer as Keras does."""
    import keras

    return np.asarray(keras.saving.load_model(path, compile=False)(batch))


def in_tflite(path: Path, batch: Any, live: Any) -> Any:  # noqa: ARG001
    """Answer as an interpreter does."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=str(path))
    (fed,), (asked,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(fed["index"], batch.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(fed["index"], batch)
    interpreter.invoke()
    return interpreter.get_tensor(asked["index"])


def in_onnx(path: Path, batch: Any, live: Any) -> Any:  # noqa: ARG001
    """Answer as onnxruntime does."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (fed,) = session.get_inputs()
    return session.run(None, {fed.name: batch})[0]


def in_openvino(path: Path, batch: Any, live: Any) -> Any:  # noqa: ARG001
    """Answer as OpenVINO does."""
    openvino = import_openvino()

    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(openvino.Core().read_model(str(path)), "CPU", hint)
    return compiled(batch)[0]


RAW: dict[str, Callable[[Path, Any, Any], Any]] = {
    "graph_def": in_graph,
    "saved_model": in_saved_model,
    "saved_model_module": in_saved_model,
    "keras": in_keras,
    "tflite": in_tflite,
    "onnx": in_onnx,
    "openvino": in_openvino,
}


# What the other process does: starts it, and counts.


def spawned(folder: Path, numbers: list[int], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield what a worker says; then `{"ended": code}`, or `{"hung": True}`."""
    given = [f"--count={count}", f"--seed={seed}", f"--folder={folder}"]
    given.append(f"--numbers={','.join(map(str, numbers))}")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.damage", *given],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    said: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        for line in worker.stdout or ():
            said.put(line)
        said.put(None)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        while (line := said.get(timeout=PATIENCE)) is not None:
            with contextlib.suppress(json.JSONDecodeError):  # what an executor prints
                yield json.loads(line)
        yield {"ended": worker.wait()}
    except queue.Empty:
        yield {"hung": True}
    finally:
        worker.kill()
        listener.join()
        worker.communicate()


def run(count: int, seed: int, first: int = 0) -> list[tuple[Case, dict[str, Any]]]:
    """Return what became of each case."""
    import pytest_freezecheck as freezecheck

    ways = {way: names for way, names in FILES.items() if way in freezecheck.available_ways()}
    every, found = cases(count, ways), {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for said in spawned(folder, [], count, seed):
            if "way" in said and said["apart"] > APART:
                raise SystemExit(f"the raw executor of {said['way']} is {said['apart']} apart")
            if said.get("ended"):
                raise SystemExit("the files could not be made or measured")
        wanted = list(range(first, count))
        left = wanted
        while left:
            begun = left[0]
            for said in spawned(folder, left, count, seed):
                begun = said.get("begun", begun)
                if "number" in said:
                    found[said["number"]] = said
                elif said.get("hung") or said.get("ended"):
                    outcome = "hung" if said.get("hung") else "died"
                    found[begun] = {"outcome": outcome, "line": False, "said": str(said)}
                print(f"\r{len(found)} of {len(wanted)}", end="", file=sys.stderr, flush=True)
            if len(found) == len(wanted) - len(left):
                raise SystemExit("a worker ended before it began")
            left = [number for number in wanted if number not in found]
    return [(every[number], found[number]) for number in wanted]


def told_apart(said: Mapping[str, Any]) -> bool:
    """Return whether a file passed, and the raw executor says that it is another model."""
    if said["outcome"] != "passed":
        return False
    return said["apart"] is None or not said["apart"] <= APART


def rows(done: list[tuple[Case, dict[str, Any]]]) -> Iterator[dict[str, object]]:
    """Yield the lines of the table."""
    by_way: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for case, said in done:
        by_way[case.way].append(said)
    by_way["all"] = [said for _, said in done]
    for way, every in by_way.items():
        found = collections.Counter(said["outcome"] for said in every)
        yield {
            "way": "**all**" if way == "all" else f"`{way}`",
            "files": len(every),
            **{outcome: found[outcome] for outcome in OUTCOMES},
            "passed, and another model": sum(map(told_apart, every)),
            "not one line": sum(
                not said["line"] for said in every if said["outcome"] in ("failed", "error")
            ),
        }


def main() -> None:
    """Print the table, and what is wrong; exit with 1 if anything is but a worker's end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="files (default: 3000)")
    parser.add_argument("--first", type=int, default=0, help="begin at this file (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="of all damage (default: 0)")
    parser.add_argument(
        "--out", type=Path, help="write what came of each file, a line of JSON each"
    )
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--numbers", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder is not None:
        work(given.folder, [int(n) for n in given.numbers.split(",") if n], given.count, given.seed)
        return
    done = run(given.count, given.seed, given.first)
    if given.out is not None:
        lines = [json.dumps({**dataclasses.asdict(case), **said}) for case, said in done]
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(table(rows(done)))
    wrong = [(c, s) for c, s in done if not s["line"] or told_apart(s)]
    for case, said in wrong:
        print(f"{case}: {said['outcome']}: {said['said'][:300]} {said.get('apart', '')}")
    sys.exit(any(s["outcome"] not in ("died", "hung") for _, s in wrong))


if __name__ == "__main__":
    main()
