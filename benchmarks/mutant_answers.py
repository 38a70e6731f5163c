"""Asks damaged files of any format, each in a process of its own: an executor may end with one.

Run as a script with a way and folders, each with `feeds.npz` and `files.txt`: a name of a file or
folder on each line. Writes `<name>.npz` with the answers of each that answers.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

import pytest_freezecheck as freezecheck
from pytest_freezecheck.formats.openvino.importing import import_openvino

_SECONDS = 30
#: What runs files, imported once and not by each process.
_EXECUTORS = {
    "tflite": ["ai_edge_litert.interpreter"],
    "onnx": ["onnx", "onnxruntime"],
    "openvino": [],
}
_TENSORFLOW = ["tensorflow.python.saved_model.load", "tensorflow"]


def main(way: str, folders: list[Path]) -> None:
    """Ask all files of these folders."""
    if way == "openvino":
        import_openvino()
    for module in [*_EXECUTORS.get(way, _TENSORFLOW), "pytest_freezecheck.formats.registry"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    for folder in folders:
        for name in (folder / "files.txt").read_text().splitlines():
            child = os.fork()
            if not child:
                _ask(folder, name, way)
                os._exit(0)
            os.waitpid(child, 0)


def _ask(folder: Path, name: str, way: str) -> None:
    signal.alarm(_SECONDS)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    with contextlib.suppress(freezecheck.FreezecheckError), np.load(folder / "feeds.npz") as feeds:
        frozen = freezecheck.load(folder / name, way=way)
        answers: dict[str, Any] = frozen.predict(dict(feeds))
        # bfloat16 is no dtype of NumPy's own: it would be read again as bytes.
        plain = {n: a.astype(np.float32) if a.dtype.kind == "V" else a for n, a in answers.items()}
        np.savez(folder / f"{name}.npz", **plain)


if __name__ == "__main__":
    main(sys.argv[1], [Path(folder) for folder in sys.argv[2:]])
