"""Make the repository of a network: its code, a checkpoint, and the files that are checked.

`python -m benchmarks.speed.prepare NETWORK FOLDER`, a process for each, so that nothing of one is
in the memory of what is measured. The files are:

    right.pb      a correct frozen GraphDef, which is proved
    behind.pb     the same behind `tf.linalg.band_part(inputs, -1, -1)`: it does nothing, and no
                  rule of a proof knows it, so that answers alone decide, as with any operation that
                  only an exporter writes
    wrong.pb      frozen with the shadows of BatchNorm's statistics, as in tensorflow#25912
    right.onnx    right.pb as tf2onnx converts it
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.processes import CommandError
from benchmarks.speed.cases import NETWORKS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
_HERE = Path(__file__).parent


def repository(name: str, folder: Path) -> None:
    """Make a network's repository in a folder, unless it is there.

    Raises:
        CommandError: it cannot be made.
    """
    if (folder / "made").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "train_dir").mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.speed.prepare", name, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"cannot be made\n{done.stderr}")
    (folder / "made").touch()


def main(name: str, folder: Path) -> None:
    """Make the repository of a network in a folder that has an empty `train_dir`."""
    warnings.filterwarnings("ignore", "`(layer.apply|tf.layers.*)` is deprecated", UserWarning)
    example = EXAMPLES / "inception_v3_ema"
    own = _HERE / "networks" / f"{name}.py"
    shutil.copy(own if own.exists() else example / "net.py", folder / "net.py")
    for script in ("freeze_as_answered.py", "freeze_as_asked.py"):
        shutil.copy(example / script, folder)
    sys.path.insert(0, str(folder))
    _MAKES.get(name, functools.partial(_net, name))(folder)
    _freeze(folder, NETWORKS[name].files)


def _freeze(folder: Path, files: tuple[str, ...]) -> None:
    import tensorflow as tf

    net: Any = importlib.import_module("net")
    answered: Any = importlib.import_module("freeze_as_answered")
    asked: Any = importlib.import_module("freeze_as_asked")
    checkpoint = tf.train.latest_checkpoint(str(folder / "train_dir"))
    answered.freeze(checkpoint, str(folder / "right.pb"))
    if "wrong.pb" in files:
        asked.freeze(checkpoint, str(folder / "wrong.pb"))
    if "right.onnx" in files:
        _convert(folder / "right.pb", folder / "right.onnx")
    if "behind.pb" in files:
        built = net.build
        net.build = lambda images: built(tf.linalg.band_part(images, -1, -1))
        answered.freeze(checkpoint, str(folder / "behind.pb"))


def _convert(frozen: Path, path: Path) -> None:
    import tensorflow as tf
    import tf2onnx

    definition = tf.compat.v1.GraphDef.FromString(frozen.read_bytes())
    used = {name.partition(":")[0] for node in definition.node for name in node.input}
    ends = [f"{node.name}:0" for node in definition.node if node.name not in used]
    tf2onnx.convert.from_graph_def(
        definition, input_names=["images:0"], output_names=ends, output_path=str(path)
    )


def _reference(folder: Path) -> None:
    from pytest_freezecheck.models import reference

    reference.train(folder / "train_dir")


def _classifier(folder: Path) -> None:
    for part in ("classifier", "train_dir"):
        shutil.copytree(EXAMPLES / "slim_classifier" / part, folder / part, dirs_exist_ok=True)


def _example(folder: Path) -> None:
    shutil.copy(EXAMPLES / "inception_v3_ema" / "train.py", folder)
    train: Any = importlib.import_module("train")
    train.train(str(folder / "train_dir"))


def _net(name: str, folder: Path) -> None:
    """Draw weights, and measure statistics on pictures, as `tests/kit/nets.py` does."""
    import tensorflow as tf

    from tests.kit import nets

    net: Any = importlib.import_module("net")
    if name == "segmentation":
        made = nets.Net(name, net.network, net.scope, net.SHAPE[0], net.CLASSES)
    else:
        known = nets.NETS[name.removesuffix("_299")]
        made = dataclasses.replace(known, name=name, size=net.SHAPE[0])
    subject = nets.subject(made, folder / "train_dir")
    tf.compat.v1.train.update_checkpoint_state(str(folder / "train_dir"), subject.checkpoint)


def _tokens(folder: Path) -> None:
    """Draw weights, with shadows that are a little apart from them."""
    import tensorflow as tf

    v1 = tf.compat.v1
    net: Any = importlib.import_module("net")
    rng = np.random.default_rng(0)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        net.build(net.placeholder())
        variables = v1.global_variables()
        average = tf.train.ExponentialMovingAverage(net.DECAY)
        average.apply(variables)
        for variable in variables:
            shape = variable.shape.as_list()
            kind = variable.op.name.rpartition("/")[2]
            size = {"table": 1.0, "positions": 0.3}.get(kind, 0.02 if len(shape) < 2 else 0.0)
            value = rng.normal(0.0, size or 1.0 / np.sqrt(shape[0]), shape)
            value += kind == "gamma"
            if variable.op.name == "logits/weights":
                value *= np.sqrt(net.LENGTH)  # the mean over all tokens is that much smaller
            for held in (variable, average.average(variable)):
                held.load(value * rng.uniform(0.99, 1.01, shape), session)
        v1.train.Saver().save(session, str(folder / "train_dir" / "model.ckpt"))


_MAKES: dict[str, Callable[[Path], None]] = {
    "reference": _reference,
    "slim_classifier": _classifier,
    "inception_v3": _example,
    "tokens": _tokens,
}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
