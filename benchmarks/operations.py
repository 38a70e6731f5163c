"""Write the list of pure operations from the registry of each TensorFlow that is supported.

Each version's wheel is fetched by pip, one after the other, and asked for its registry as a library
of C alone: nothing is installed. What TensorFlow calls stateful, and the list has not, is told; it
has to be judged by hand, in `pytest_freezecheck/formats/refusal/operations.txt`. Exits with 1 then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_freezecheck.formats.refusal.judged import LIST, PURE, parts

#: The newest of each minor version; the matrix runs the tests on the same ones.
VERSIONS = ("2.15.1", "2.16.2", "2.17.1", "2.18.1", "2.19.1", "2.20.0", "2.21.0")
_LIBRARIES = ("tensorflow/libtensorflow_framework.so.2", "tensorflow/libtensorflow_cc.so.2")
#: Run in a process of its own, since two TensorFlows do not go into one.
_ASK = """
import ctypes, json, sys
class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("free", ctypes.c_void_p)]
libraries = [ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL) for path in sys.argv[2:]]
ask = libraries[-1].TF_GetAllOpList
ask.restype = ctypes.POINTER(Buffer)
every = ask().contents
with open(sys.argv[1], "wb") as file:
    file.write(ctypes.string_at(every.data, every.length))
"""


def registry(version: str) -> dict[str, bool]:
    """Return {operation: whether this TensorFlow calls it stateful}."""
    from tensorflow.core.framework import op_def_pb2

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        wheel = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", f"--dest={folder}"]
        systems = [f"--platform=manylinux_2_{n}_x86_64" for n in (17, 27)]
        command = [sys.executable, "-m", "pip", "download", "--quiet", *wheel, *systems]
        subprocess.run([*command, f"tensorflow-cpu=={version}"], check=True)
        (found,) = folder.glob("*.whl")
        with zipfile.ZipFile(found) as archive:
            libraries = [archive.extract(name, folder) for name in _LIBRARIES]
        written = folder / "operations.pb"
        subprocess.run([sys.executable, "-c", _ASK, str(written), *libraries], check=True)
        every = op_def_pb2.OpList.FromString(written.read_bytes()).op
    return {op.name: op.is_stateful for op in every}


def pure(registries: Iterable[Mapping[str, bool]], judged: set[str]) -> tuple[list[str], list[str]]:
    """Return what is pure in each version that has it, and what has to be judged."""
    stateful: dict[str, bool] = {}
    for every in registries:
        for name, state in every.items():
            stateful[name] = stateful.get(name, False) or state
    left = sorted(stateful.keys() - judged)
    return [n for n in left if not stateful[n]], [n for n in left if stateful[n]]


def rewritten(text: str, names: Iterable[str], versions: Iterable[str]) -> str:
    """Return the list with another last part."""
    by_hand = text[: text.index(f"\n[{PURE}] ") + 1]
    wrapped = textwrap.fill(" ".join(names), 100, break_long_words=False, break_on_hyphens=False)
    of = " ".join(versions)
    return f"{by_hand}[{PURE}] computes from its inputs alone; of TensorFlow {of}\n{wrapped}\n"


def main() -> None:
    """Write the list, and tell what it has not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", nargs="+", default=VERSIONS, help="of TensorFlow")
    given = parser.parse_args()
    judged = {name for part in parts() if part.kind != PURE for name in part.names}
    registries = []
    for version in given.versions:
        registries.append(registry(version))
        print(json.dumps({"version": version, "operations": len(registries[-1])}), file=sys.stderr)
    names, left = pure(registries, judged)
    text = rewritten(LIST.read_text("ascii"), names, given.versions)
    LIST.write_text(text, "ascii")
    print(f"{len(names)} pure operations, {len(judged)} judged by hand")
    if left:
        raise SystemExit(f"stateful, and nobody has judged them: {' '.join(left)}")


if __name__ == "__main__":
    main()
