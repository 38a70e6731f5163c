"""One network of real size: what the proofs of its true exports come to, and what they take."""

from __future__ import annotations

import ctypes
import gc
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest_freezecheck as freezecheck
from pytest_freezecheck.checking.proving import Computation, prove
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.proof import Proof
from tests.computation.proving import stops
from tests.kit import nets

#: The formats that a network is shipped in, each by its first way.
WAYS = ("graph_def", "saved_model", "tflite", "onnx", "openvino")
Row = dict[str, object]


def proved(network: str, ways: tuple[str, ...] = WAYS) -> Iterator[Row]:
    """Yield a row for each way: what the proof came to, in which time and memory.

    Each proof reads the live model anew, which a run does once for all artifacts of a model.

    Args:
        network: of `tf_slim.nets`.
        ways: to freeze it in.
    """
    _spare_memory()
    live = nets.drawn_at_random(nets.NETS[network])
    sizes = {name: value.size for name, value in live.weights().items()}
    for way in ways:
        row: Row = {
            "network": network,
            "million parameters": f"{sum(sizes.values()) / 1e6:.1f}",
            "way": way,
        }
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = freezecheck.freeze(live, way, folder)
                frozen = freezecheck.load(path, way=way)
            except freezecheck.FreezecheckError as error:
                yield {**row, "result": f"not exported: {error}"[:100]}
                continue
            size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
            gc.collect()
            _give_up_what_is_free()
            sides, used = Sides(live, frozen), Used()
            with used:
                found = prove(sides, Computation(live, frozenset(sizes))).proof
            frozen.close()
        yield {**row, **_row(found), "s": f"{used.seconds:.2f}"} | {
            "MB": f"{used.memory / 2**20:.0f}",
            "of the file": f"{used.memory / size:.2f}",
        }
    live.close()


def _spare_memory() -> None:
    """Keep tf2onnx from copying all weights for each of its rewritings, which is 20 GB for a VGG.

    What it writes is the same. It would go on after a rewriting that failed, and
    messages keep what was deleted in them: of constants they are only written at the end.
    """
    from tf2onnx.graph import Node as TheirNode

    os.environ["TF2ONNX_CATCH_ERRORS"] = "FALSE"
    usual = TheirNode.update_proto

    def update_proto(node: Any, *given: Any) -> None:
        if node.type != "Const":
            usual(node, *given)

    TheirNode.update_proto = update_proto


def _row(found: Proof) -> Row:
    exact = found.result == "identical"
    return {
        "result": found.result,
        "constants": "" if exact else len(found.measured),
        "furthest": "0" if exact else f"{found.furthest:.1e}",
        "bound": "0" if exact else f"{found.bound:.1e}",
        "weights": f"{found.accounted:.0%}",
        "stops at": "" if found.holds else stops(found),
    }


class Used:
    """What is used while it is entered.

    Attributes:
        seconds: of one processor.
        memory: bytes of the process' own, at the most, beyond what it had; pages of files that are
            only looked into are the system's.
    """

    seconds = memory = 0.0

    def __enter__(self) -> Used:
        """Begin."""
        self._ended = threading.Event()
        self._first, self._started = _own_memory(), time.process_time()
        self._watch = threading.Thread(target=self._watching)
        self._watch.start()
        return self

    def _watching(self) -> None:
        while not self._ended.wait(0.002):
            self.memory = max(self.memory, _own_memory() - self._first)

    def __exit__(self, *error: Any) -> None:
        """End."""
        self.seconds = time.process_time() - self._started
        self._ended.set()
        self._watch.join()


def _give_up_what_is_free() -> None:
    """Return freed memory to the system, or what is taken of it would not count."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)


def _own_memory() -> float:
    """Return the bytes of the process that are of no file."""
    with Path("/proc/self/status").open() as file:
        for line in file:
            if line.startswith("RssAnon"):
                return 1024.0 * int(line.split()[1])
    raise OSError("this system does not tell what memory a process has of its own")
