"""Asks damaged TFLite files, each in a process of its own: an interpreter may end with one.

Run as a script, without TensorFlow where LiteRT is there, on a folder with `feeds.npz` and files.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

_SECONDS = 20


def main(folder: Path) -> None:
    """Write `<stem>.npz` with the answers of each file that answers."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite.python.interpreter import Interpreter
    with np.load(folder / "feeds.npz") as file:
        feeds = dict(file)
    for path in sorted(folder.glob("*.tflite")):
        child = os.fork()
        if not child:
            signal.alarm(_SECONDS)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            with contextlib.suppress(ValueError, RuntimeError, IndexError, KeyError):
                np.savez(path.with_suffix(".npz"), **answers(Interpreter, path, feeds))
            os._exit(0)
        os.waitpid(child, 0)


def answers(kind: Any, path: Path, feeds: dict[str, Any]) -> dict[str, Any]:
    """Return {output: answer} of one file."""
    interpreter = kind(model_path=str(path), num_threads=1)
    inputs = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
    for name, place in inputs.items():
        interpreter.resize_tensor_input(place, feeds[name].shape)
    interpreter.allocate_tensors()
    for name, place in inputs.items():
        interpreter.set_tensor(place, feeds[name])
    interpreter.invoke()
    details = interpreter.get_output_details()
    return {detail["name"]: interpreter.get_tensor(detail["index"]) for detail in details}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
