"""What the gate costs beside the least that anyone could do: whole commands, side by side.

The least is a script that builds the network, restores it, loads the GraphDef, asks both sides the
same inputs and compares: no search, no power, no cause. Beside it, of the same network, checkpoint
and file: a check whose computation is proved (so it asks little), one that is told to draw as many
examples as where nothing is proved, ten copies of the file, and a file of averaged statistics that
fails. Runs take turns, so that a machine that is busy is as busy for all; shown are medians of time
and memory, and their spread.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import table
from benchmarks.isolated import EXAMPLE, measured

_REFERENCE = """
import tensorflow as tf
from pytest_freezecheck.models.reference import SIZE, build

SHAPE = (SIZE, SIZE, 3)
DECAY = 0.97


def placeholder():
    return tf.compat.v1.placeholder(tf.float32, [None, *SHAPE], name="images")
"""
_TRAIN_REFERENCE = (
    "from pathlib import Path; from pytest_freezecheck.models import reference; "
    "reference.train(Path('train_dir'))"
)
_TRAIN_EXAMPLE = "import train; train.train('train_dir')"
_LIMIT = """
import sys

import net
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
rng = np.random.default_rng(0)
inputs = rng.uniform(-1.0, 1.0, (int(sys.argv[1]), *net.SHAPE)).astype(np.float32)
with tf.Graph().as_default() as live:
    output = net.build(net.placeholder()).name
    average = tf.train.ExponentialMovingAverage(net.DECAY)
    saver = v1.train.Saver(average.variables_to_restore())
    asked = v1.Session(graph=live)
    saver.restore(asked, tf.train.latest_checkpoint("train_dir"))
with tf.Graph().as_default() as frozen:
    definition = v1.GraphDef.FromString(open("as_answered.pb", "rb").read())
    tf.import_graph_def(definition, name="")
    told = v1.Session(graph=frozen)
apart = 0.0
for start in range(0, len(inputs), 32):
    feeds = {"images:0": inputs[start : start + 32]}
    one, other = asked.run(output, feeds), told.run(output, feeds)
    apart = max(apart, float(np.abs(one - other).max()))
assert apart <= 1e-5, apart
"""
_TABLE = """
[tool.pytest.ini_options]
pythonpath = ["."]
filterwarnings = ["ignore:`(layer.apply|tf.layers.*)` is deprecated:UserWarning"]

[tool.freezecheck.models.{name}]
build = "net:build"
checkpoint = "train_dir"
artifacts = [{artifacts}]

[tool.freezecheck.models.{name}.inputs.images]
shape = {shape}
low = -1.0
high = 1.0
"""
_COPIES = 10
_GATE = ("-m", "pytest", "--freezecheck", "-p", "no:cacheprovider", "-q")


@dataclasses.dataclass(frozen=True)
class Network:
    """A network to measure with.

    Attributes:
        train: code that writes `train_dir`.
        shape: of its input, one row.
        inputs: how many the script asks both sides: as many as a check did that proves nothing.
        net: the text of its `net.py`, or None for the example's own.
    """

    train: str
    shape: tuple[int, ...]
    inputs: int
    net: str | None = None


NETWORKS = {
    "reference": Network(_TRAIN_REFERENCE, (24, 24, 3), 463, _REFERENCE),
    "inception_v3_ema": Network(_TRAIN_EXAMPLE, (100, 221, 6), 457),
}
#: {what is run: its artifacts, arguments of pytest, and the exit status that is right}.
CHECKS = {
    "proved": (("as_answered.pb",), (), 0),
    "sampled": (("as_answered.pb",), ("--freezecheck-examples", "100"), 0),
    "ten files": (tuple(f"copy_{n}.pb" for n in range(_COPIES)), (), 0),
    "failing": (("as_asked.pb",), (), 1),
}


def made(network: Network, folder: Path) -> None:
    """Write a network's repository: its code, its checkpoint, right files and a wrong one."""
    for name in ("net.py", "train.py", "freeze_as_answered.py", "freeze_as_asked.py"):
        shutil.copy(EXAMPLE / name, folder / name)
    if network.net is not None:
        (folder / "net.py").write_text(network.net)
    (folder / "limit.py").write_text(_LIMIT)
    (folder / "train_dir").mkdir()
    freeze = "import tensorflow as tf; at = tf.train.latest_checkpoint('train_dir'); "
    for name in ("as_answered", "as_asked"):
        freeze += f"import freeze_{name}; freeze_{name}.freeze(at, '{name}.pb'); "
    for code in (network.train, freeze):
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    for number in range(_COPIES):
        shutil.copy(folder / "as_answered.pb", folder / f"copy_{number}.pb")


def rows(names: list[str], runs: int, only: list[str]) -> Iterator[dict[str, object]]:
    """Yield the lines of the table."""
    for name in names:
        network = NETWORKS[name]
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            made(network, folder)
            found: dict[str, list[tuple[float, float, int]]] = {"script": []}
            found |= {check: [] for check in only}
            for _ in range(runs):
                for what, times in found.items():
                    times.append(_run(what, name, network, folder))
                    print(f"{name}, {what}: {times[-1]}", file=sys.stderr, flush=True)
        least = [statistics.median(one[part] for one in found["script"]) for part in range(3)]
        for what, times in found.items():
            seconds, _, most = (statistics.median(one[n] for one in times) for n in range(3))
            clock = [one[0] for one in times]
            yield {
                "network": name,
                "command": what if what != "script" else f"script, {network.inputs} inputs",
                "seconds": f"{seconds:.1f}",
                "from to": f"{min(clock):.1f} to {max(clock):.1f}",
                "times the script": f"{seconds / least[0]:.2f}",
                "MB": f"{most / 1e6:,.0f}",
                "times its memory": f"{most / least[2]:.2f}",
            }


def _run(what: str, name: str, network: Network, folder: Path) -> tuple[float, float, int]:
    if what == "script":
        return measured(folder, [sys.executable, "limit.py", str(network.inputs)], 0)
    artifacts, arguments, status = CHECKS[what]
    shutil.rmtree(folder / ".freezecheck", ignore_errors=True)  # no input of an earlier run
    listed = ", ".join(f'"{artifact}"' for artifact in artifacts)
    text = _TABLE.format(name=name, artifacts=listed, shape=list(network.shape))
    (folder / "pyproject.toml").write_text(text)
    return measured(folder, [sys.executable, *_GATE, *arguments], status)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each kind (default: 5)")
    parser.add_argument("--network", action="append", choices=NETWORKS, help="can be repeated")
    parser.add_argument("--only", action="append", choices=CHECKS, help="can be repeated")
    given = parser.parse_args()
    networks, checks = given.network or list(NETWORKS), given.only or list(CHECKS)
    print(table(rows(networks, given.runs, checks)))


if __name__ == "__main__":
    main()
