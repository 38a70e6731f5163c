"""Wrong ways to freeze the reference model: each writes a file that a script in the wild could.

Every function takes the folder of the checkpoints and the path to write, and differs from a
correct freeze in the one thing that its name says.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_slim as slim

from pytest_freezecheck.models import reference
from pytest_freezecheck.models.checkpoint import keys_to_restore

v1 = tf.compat.v1
Build = Callable[[Any], Any]
Keys = Callable[[], Mapping[str, Any]]
Fault = Callable[[Path, Path], None]


def trainable_keys() -> Mapping[str, Any]:
    return keys_to_restore("trainable")


def freeze(
    folder: Path,
    path: Path,
    *,
    build: Build = reference.build,
    keys: Keys = trainable_keys,
    step: int = reference.STEPS,
    afterwards: Callable[[Any], None] | None = None,
    rows: int | None = None,
) -> None:
    """Freeze as a script does: build, restore, `convert_variables_to_constants`, write."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(3)
        output = build(v1.placeholder(tf.float32, [rows, 24, 24, 3], name="images"))
        session.run(v1.global_variables_initializer())
        v1.train.Saver(keys()).restore(session, reference.checkpoint(folder, step))
        if afterwards is not None:
            afterwards(session)
        frozen = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [output.op.name]
        )
    path.write_bytes(frozen.SerializeToString())


@functools.cache
def written(fault: Fault, folder: Path) -> bytes:
    """Return what a fault, or a correct freeze, writes of a folder: it is the same each time."""
    with tempfile.TemporaryDirectory() as there:
        path = Path(there, "frozen.pb")
        fault(folder, path)
        return path.read_bytes()


def without(*names: str) -> Keys:
    """Return the correct keys but for the variables whose names contain one of these."""

    def keys() -> Mapping[str, Any]:
        return {
            key: variable
            for key, variable in trainable_keys().items()
            if not any(name in variable.op.name for name in names)
        }

    return keys


def edited(folder: Path, path: Path, edit: Callable[[Any], None]) -> None:
    """Freeze correctly, then edit the GraphDef."""
    definition = v1.GraphDef.FromString(written(freeze, folder))
    edit(definition)
    path.write_bytes(definition.SerializeToString())


def edit_constants(change: Callable[[str, Any], Any]) -> Callable[[Any], None]:
    def edit(definition: Any) -> None:
        for node in definition.node:
            if node.op == "Const":
                value = change(node.name, tf.make_ndarray(node.attr["value"].tensor))
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))

    return edit


def raw_weights(folder: Path, path: Path) -> None:
    freeze(folder, path, keys=lambda: keys_to_restore("none"))


def averaged_statistics(folder: Path, path: Path) -> None:
    """The pattern of tensorflow#25912: a loop puts every variable into the collection."""

    def keys() -> Mapping[str, Any]:
        for variable in slim.get_model_variables():
            v1.add_to_collection(v1.GraphKeys.MOVING_AVERAGE_VARIABLES, variable)
        mapping: Mapping[str, Any] = tf.train.ExponentialMovingAverage(0.97).variables_to_restore()
        return mapping

    freeze(folder, path, keys=keys)


def _with_dropout(replaced: Callable[..., Any], build: Build) -> Build:
    """Return a build in which `slim.dropout` is another function."""

    def built(images: Any) -> Any:
        original, slim.dropout = slim.dropout, replaced
        try:
            return build(images)
        finally:
            slim.dropout = original

    return built


def _keep_all(net: Any, *_: Any, **__: Any) -> Any:
    return net


def training_batch_norm(folder: Path, path: Path) -> None:
    """Build with is_training=True, but for the dropout."""
    freeze(
        folder,
        path,
        build=_with_dropout(
            _keep_all,
            lambda images: reference.build(images, is_training=True),
        ),
    )


def dropout(folder: Path, path: Path) -> None:
    """Drop at inference, with a seed, so that a fresh session answers the same each time."""
    drop = slim.dropout

    def always(net: Any, *args: Any, **kwargs: Any) -> Any:
        return drop(net, *args, **{**kwargs, "is_training": True})

    freeze(folder, path, build=_with_dropout(always, reference.build))


def initialised_again(folder: Path, path: Path) -> None:
    def initialise(session: Any) -> None:
        session.run(v1.global_variables_initializer())

    freeze(folder, path, afterwards=initialise)


def older_checkpoint(folder: Path, path: Path) -> None:
    freeze(folder, path, step=reference.OLDER_STEP)


def wrong_output(folder: Path, path: Path) -> None:
    """Ship the logits."""
    freeze(folder, path, build=lambda images: reference.build(images).op.inputs[0])


def bias_not_restored(folder: Path, path: Path) -> None:
    freeze(folder, path, keys=without("logits/biases"))


def beta_not_restored(folder: Path, path: Path) -> None:
    freeze(folder, path, keys=without("conv3/BatchNorm/beta"))


def statistics_not_restored(folder: Path, path: Path) -> None:
    freeze(folder, path, keys=without("moving_"))


def classes_shifted(folder: Path, path: Path) -> None:
    freeze(
        folder,
        path,
        build=lambda images: tf.roll(reference.build(images), 1, axis=-1, name="shifted"),
    )


def channels_reversed(folder: Path, path: Path) -> None:
    freeze(folder, path, build=lambda images: reference.build(images[..., ::-1]))


def input_scaled(folder: Path, path: Path) -> None:
    freeze(folder, path, build=lambda images: reference.build(images * 0.5 + 0.5))


def half_precision(folder: Path, path: Path) -> None:
    def change(name: str, value: Any) -> Any:
        return value.astype(np.float16).astype(value.dtype) if value.dtype == np.float32 else value

    edited(folder, path, edit_constants(change))


def another_epsilon(folder: Path, path: Path) -> None:
    def edit(definition: Any) -> None:
        for node in definition.node:
            if node.op.startswith("FusedBatchNorm"):
                node.attr["epsilon"].f = 1e-5

    edited(folder, path, edit)


def one_weight_altered(folder: Path, path: Path) -> None:
    """One of 1,728 weights of one layer, by 1 %."""

    def change(name: str, value: Any) -> Any:
        if name == "conv3/weights":
            value = value.copy()
            value[1, 1, 0, 0] *= 1.01
        return value

    edited(folder, path, edit_constants(change))


def not_a_number(folder: Path, path: Path) -> None:
    def change(name: str, value: Any) -> Any:
        return np.full_like(value, np.nan) if name == "logits/biases" else value

    edited(folder, path, edit_constants(change))


_APART = r"^[a-z-]+: .*answers \S+ apart in 'probabilities' \(allowed 1e-05\)"
#: {fault: what the first line of the message must say}
FAULTS: dict[Fault, str] = {
    raw_weights: r"raw-weights: .*; answers \S+ apart in 'probabilities' \(allowed 1e-05\)",
    averaged_statistics: _APART,
    training_batch_norm: _APART,
    dropout: _APART,
    initialised_again: _APART,
    older_checkpoint: _APART,
    wrong_output: _APART,
    bias_not_restored: _APART,
    beta_not_restored: _APART,
    statistics_not_restored: _APART,
    classes_shifted: _APART,
    channels_reversed: _APART,
    input_scaled: _APART,
    half_precision: _APART,
    another_epsilon: _APART,
    one_weight_altered: _APART,
    not_a_number: r"non-finite: output 'probabilities' answers nan where the live model answers",
}

#: Faults of weights, and the first weight that the message has to name.
NAMED: dict[Fault, str] = {
    raw_weights: "conv1/weights (by",
    averaged_statistics: "conv1/BatchNorm/moving_mean (by",
    initialised_again: "conv1/weights (by",
    older_checkpoint: "conv1/weights (by",
    bias_not_restored: "logits/biases (by",
    beta_not_restored: "conv3/BatchNorm/beta (by",
    statistics_not_restored: "conv1/BatchNorm/moving_mean (by",
    one_weight_altered: "weights: 1 of 23 differ from the live model's, from the input on: "
    "conv3/weights (by",
}
