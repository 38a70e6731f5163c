"""Trained networks to freeze rightly and wrongly: the gate must not know only the one it ships.

Three of them: the reference model, the network of an example, and one that is made here to be as
unlike those two as a small network can be.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pytest_freezecheck import InputSpec, LiveModel
from pytest_freezecheck.models import reference
from pytest_freezecheck.models import slim as compatibility
from pytest_freezecheck.models.session import plain_config
from tests.kit import tiny
from tests.kit.made_once import copied, made_once

compatibility.prepare()
import tf_slim as slim  # noqa: E402

v1 = tf.compat.v1
EXAMPLE = Path(__file__).parents[2] / "examples" / "slim_classifier"

STRIPES = InputSpec((20, 28, 4), "uint8", 0, 255)
CLASSES, STEPS, OLDER_STEP = 3, 150, 105
_BATCH, _SEED = 32, 5


@dataclasses.dataclass(frozen=True)
class Subject:
    """A trained network.

    Attributes:
        name: what tests, tables and messages call it.
        build: `build(images, is_training=False)` returns the probabilities.
        input: name of its only input, and of the first parameter of `build`.
        spec: of that input.
        folder: a folder of its own, with the checkpoints.
        checkpoint: prefix of the checkpoint that ships.
        older: prefix of one that was written earlier in the same training.
    """

    name: str
    build: Callable[..., Any]
    input: str
    spec: InputSpec
    folder: Path
    checkpoint: str
    older: str

    def live(self, ema: str = "trainable") -> LiveModel:
        """Restore it as an evaluation does that reads these variables from shadows."""
        return LiveModel.from_checkpoint(
            self.build, self.checkpoint, {self.input: self.spec}, ema, name=self.name
        )


def reference_subject(folder: Path) -> Subject:
    """The reference model; its checkpoints are put into the folder if it has none yet."""
    if not Path(f"{reference.checkpoint(folder)}.index").exists():
        copied(made_once("reference", reference.train), folder)
    return Subject(
        name="reference",
        build=reference.build,
        input="images",
        spec=reference.INPUTS["images"],
        folder=folder,
        checkpoint=reference.checkpoint(folder),
        older=reference.checkpoint(folder, reference.OLDER_STEP),
    )


def classifier_subject(folder: Path) -> Subject:
    """The network of examples/slim_classifier with the checkpoints that are committed there.

    They are copied, so that nothing that a wrong freeze writes beside them lands in the example.
    """
    for path in (EXAMPLE / "train_dir").glob("model.ckpt-*"):
        shutil.copy(path, folder)
    # By its path: the example's own package is found only from its folder.
    source = importlib.util.spec_from_file_location("_nets", EXAMPLE / "classifier" / "nets.py")
    assert source is not None
    assert source.loader is not None
    nets = importlib.util.module_from_spec(source)
    source.loader.exec_module(nets)
    return Subject(
        name="classifier",
        build=nets.inference,
        input="images",
        spec=InputSpec(nets.SHAPE),
        folder=folder,
        checkpoint=str(folder / "model.ckpt-200"),
        older=str(folder / "model.ckpt-100"),
    )


def third_subject(folder: Path) -> Subject:
    """A network with what the other two have not; its checkpoints are put into the folder, too."""
    prefix = folder / "stripes"
    if not Path(f"{prefix}-{STEPS}.index").exists():
        copied(made_once("stripes", _train_stripes, [Path(__file__)]), folder)
    return Subject(
        name="stripes",
        build=stripes,
        input="pixels",
        spec=STRIPES,
        folder=folder,
        checkpoint=f"{prefix}-{STEPS}",
        older=f"{prefix}-{OLDER_STEP}",
    )


def tiny_subject(folder: Path) -> Subject:
    """The smallest network, for tests of what goes on around a check."""
    if not Path(f"{tiny.checkpoint(folder)}.index").exists():
        tiny.write(folder)
    return Subject(
        name="tiny",
        build=tiny.build,
        input="images",
        spec=tiny.INPUTS["images"],
        folder=folder,
        checkpoint=tiny.checkpoint(folder),
        older=tiny.checkpoint(folder, tiny.OLDER_STEP),
    )


#: {name: makes the subject in a folder}; `tiny` is not among them: it is too small to be judged by.
SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "reference": reference_subject,
    "classifier": classifier_subject,
    "stripes": third_subject,
}


def stripes(pixels: Any, is_training: Any = False) -> Any:
    """Build the third network.

    A picture that is not square and has four channels comes in as bytes; one convolution is read
    both by its BatchNorm and by the sum after it, as in a residual block; one BatchNorm is not
    fused; and the last layer reads the flattened map, whose order then matters.

    Args:
        pixels: uint8, shape (batch, 20, 28, 4).
        is_training: normalise with the batch's statistics and drop units.

    Returns:
        Probabilities, float32, shape (batch, 3).
    """
    norm = {"is_training": is_training, "scale": True, "decay": 0.9, "epsilon": 2e-3}
    relu = tf.nn.leaky_relu
    net = tf.cast(pixels, tf.float32) * (1.0 / 127.5) - 1.0
    with slim.arg_scope([slim.conv2d, slim.separable_conv2d], activation_fn=relu):
        net = slim.conv2d(
            net, 10, 3, stride=2, normalizer_fn=slim.batch_norm, normalizer_params=norm, scope="in"
        )
        wide = slim.conv2d(net, 10, 3, activation_fn=None, biases_initializer=None, scope="wide")
        net = wide + relu(slim.batch_norm(wide, **norm, scope="wide/BatchNorm"))
        net = slim.separable_conv2d(
            net,
            12,
            3,
            1,
            normalizer_fn=slim.batch_norm,
            normalizer_params={**norm, "fused": False},
            scope="apart",
        )
    net = slim.flatten(slim.avg_pool2d(net, 2, scope="pool"))
    net = slim.dropout(net, 0.7, is_training=is_training, scope="dropout")
    logits = slim.fully_connected(net, CLASSES, activation_fn=None, scope="logits")
    return tf.nn.softmax(logits, name="classes")


def _striped_pictures(count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Draw noise with lying, standing or no stripes; which of them is the class.

    Returns:
        Pictures, uint8, shape (count, 20, 28, 4), and labels, int64, shape (count,).
    """
    rng = np.random.default_rng(_SEED)
    labels = rng.integers(0, CLASSES, count)
    down, across = np.mgrid[0:20, 0:28]
    along = np.where((labels == 0)[:, None, None], down, across) * 1.3
    waves = np.sin(along + rng.uniform(0.0, 2.0 * np.pi, (count, 1, 1)))
    waves *= (labels != 2)[:, None, None]
    pictures = 0.7 * waves[..., None] * np.array([1.0, 0.6, 0.3, 0.8])
    pictures += rng.normal(0.0, 1.0, pictures.shape)
    # As dark, light, flat and full of contrast as what the gate feeds: a network that has never
    # seen the like is all too sure of it, and then hides small faults.
    one_each = (count, 1, 1, 1)
    pictures = pictures * rng.uniform(5.0, 120.0, one_each) + rng.uniform(40.0, 215.0, one_each)
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8), labels


def _train_stripes(folder: Path) -> None:
    """Train with an EMA over all model variables, and write an older and a last checkpoint."""
    pictures, labels = _striped_pictures(STEPS * _BATCH)
    with (
        tf.Graph().as_default() as graph,
        v1.Session(graph=graph, config=plain_config()) as session,
    ):
        v1.set_random_seed(_SEED)
        fed = v1.placeholder(tf.uint8, [None, *STRIPES.shape])
        truth = v1.placeholder(tf.int64, [None])
        logits = stripes(fed, is_training=True).op.inputs[0]
        loss = tf.reduce_mean(
            v1.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=logits)
        )
        with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
            applied = v1.train.AdamOptimizer(5e-3).minimize(loss)
        with tf.control_dependencies([applied]):
            average = tf.train.ExponentialMovingAverage(0.97)
            update = average.apply(slim.get_model_variables())
        saver = v1.train.Saver()
        session.run(v1.global_variables_initializer())
        for step in range(1, STEPS + 1):
            rows = slice((step - 1) * _BATCH, step * _BATCH)
            session.run(update, {fed: pictures[rows], truth: labels[rows]})
            if step in (OLDER_STEP, STEPS):
                saver.save(
                    session, str(folder / "stripes"), global_step=step, write_meta_graph=False
                )
