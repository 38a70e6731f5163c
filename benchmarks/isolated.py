"""What a process of its own costs: passing runs with and without it, time and memory side by side.

The reference model in an empty folder, and `examples/inception_v3_ema`: its own test, which runs in
pytest's process either way, and the same model and file as a table declares them. Runs take turns,
so that a machine that is busy is as busy for both; shown are medians, and the largest memory of
pytest and all that it has started. What a busy machine tells best is the seconds of its processors.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.processes import Measured, measured
from benchmarks.tables import table

EXAMPLE = Path(__file__).parents[1] / "examples" / "inception_v3_ema"
WAYS = ("process", "none")
TABLE = """
[tool.pytest.ini_options]
pythonpath = ["."]
filterwarnings = ["ignore:`(layer.apply|tf.layers.*)` is deprecated:UserWarning"]

[tool.freezecheck.models.inception_v3]
build = "net:build"
checkpoint = "train_dir"
artifacts = ["as_answered.pb"]

[tool.freezecheck.models.inception_v3.inputs.images]
shape = [100, 221, 6]
low = -1.0
high = 1.0
"""
_FREEZE = (
    "import freeze_as_answered as f, tensorflow as tf; "
    "f.freeze(tf.train.latest_checkpoint('train_dir'), 'as_answered.pb')"
)


def reference(folder: Path) -> list[str]:
    """Make nothing: where nothing is declared, the reference model is checked."""
    del folder
    return []


def example(folder: Path) -> list[str]:
    """Copy the example, and train it."""
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    train = "import os, train; os.makedirs('train_dir', exist_ok=True); train.train('train_dir')"
    subprocess.run([sys.executable, "-c", train], cwd=folder, check=True, capture_output=True)
    return ["-k", "as_answered"]


def declared(folder: Path) -> list[str]:
    """Declare the example's model and the file that its script writes."""
    example(folder)
    subprocess.run([sys.executable, "-c", _FREEZE], cwd=folder, check=True, capture_output=True)
    for name in ("conftest.py", "test_freeze.py"):
        (folder / name).unlink()
    (folder / "pyproject.toml").write_text(TABLE)
    return []


#: {what is run: makes its folder, and returns pytest's arguments}.
RUNS: dict[str, Callable[[Path], list[str]]] = {
    "reference": reference,
    "inception_v3_ema": example,
    "inception_v3_ema, declared": declared,
}


def run(folder: Path, arguments: list[str], isolation: str) -> Measured:
    """Return what a passing run took."""
    command = [sys.executable, "-m", "pytest", "--freezecheck", "-p", "no:cacheprovider", "-q"]
    return measured(folder, [*command, "-o", f"freezecheck_isolation={isolation}", *arguments], 0)


def rows(names: list[str], runs: int) -> Iterator[dict[str, object]]:
    """Yield the lines of the table."""
    for name in names:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            arguments = RUNS[name](folder)
            found: dict[str, list[Measured]] = {way: [] for way in WAYS}
            for _ in range(runs):
                for way in WAYS:
                    found[way].append(run(folder, arguments, way))
                    print(f"{name}, {way}: {found[way][-1]}", file=sys.stderr, flush=True)
        seconds, used, sizes = (
            {way: statistics.median(one[part] for one in found[way]) for way in WAYS}
            for part in range(3)
        )
        yield {
            "run": name,
            **{f"seconds, {way}": f"{seconds[way]:.1f}" for way in WAYS},
            "times": f"{seconds['process'] / seconds['none']:.2f}",
            **{f"of processors, {way}": f"{used[way]:.1f}" for way in WAYS},
            "times ": f"{used['process'] / used['none']:.2f}",
            **{f"MB, {way}": f"{sizes[way] / 1e6:,.0f}" for way in WAYS},
            "times as much": f"{sizes['process'] / sizes['none']:.2f}",
        }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each kind (default: 5)")
    parser.add_argument("--only", action="append", choices=RUNS, help="this one; can be repeated")
    given = parser.parse_args()
    print(table(rows(given.only or list(RUNS), given.runs)))


if __name__ == "__main__":
    main()
