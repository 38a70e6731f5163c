"""Restore the live model from a checkpoint the way an evaluation does: which key for what."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import ModelError, listed, nearest

EMA_MODES = ("trainable", "all", "none")


def find_checkpoint(checkpoint: str | os.PathLike[str]) -> str:
    """Return a checkpoint's prefix: the one given, or the latest one of a directory.

    Raises:
        ModelError: there is none.
    """
    import tensorflow as tf

    path = os.fspath(checkpoint)
    if Path(path).is_dir():
        latest = tf.train.latest_checkpoint(path)
        if latest is None:
            raise ModelError(f"no checkpoint in {path}: it has no readable 'checkpoint' file")
        return str(latest)
    if not Path(f"{path}.index").is_file():
        raise ModelError(f"no checkpoint at {path}: expected {path}.index, or a directory")
    return path


def keys_to_restore(ema: str) -> dict[str, Any]:
    """Map checkpoint keys to the variables of the default graph.

    Args:
        ema: which variables are read from their shadow variables: "trainable" is TensorFlow's own
            `ExponentialMovingAverage.variables_to_restore()` (what is trainable or in the
            collection MOVING_AVERAGE_VARIABLES), "all" adds every other floating-point model
            variable, BatchNorm's statistics among them, and "none" reads no shadow.

    Raises:
        ModelError: `ema` is none of these.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    if ema not in EMA_MODES:
        raise ModelError(f"ema = {ema!r} is not accepted; expected one of {', '.join(EMA_MODES)}")
    everything = v1.global_variables()
    if ema == "none":
        return {variable.op.name: variable for variable in everything}
    average = tf.train.ExponentialMovingAverage(0.0)  # the decay plays no part in the names
    if ema == "trainable":
        return dict(average.variables_to_restore())
    step = v1.train.get_global_step()
    averaged = [v for v in everything if v.dtype.base_dtype.is_floating and v is not step]
    return {
        average.average_name(v) if any(v is a for a in averaged) else v.op.name: v
        for v in everything
    }


def check_keys(keys: Iterable[tuple[str, Any]], checkpoint: str) -> None:
    """Make sure that the checkpoint has every key, in the variable's shape.

    Raises:
        ModelError: it has not; a partial restore would leave initial values in the live model.
    """
    import tensorflow as tf

    shapes = tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map()
    wanted = dict(keys)
    missing = sorted(set(wanted) - set(shapes))
    if missing:
        raise ModelError(
            f"checkpoint {checkpoint} lacks {len(missing)} of the {len(wanted)} keys that the live "
            f"model reads: {listed(missing)}{nearest(missing[0], shapes)}\n"
            "  is `ema` what the evaluation uses, and is the graph built under the same scopes?"
        )
    for key, variable in wanted.items():
        if list(shapes[key]) != variable.shape.as_list():
            raise ModelError(
                f"checkpoint {checkpoint} has {key} in shape {shapes[key]}, but the live model's "
                f"variable has {variable.shape.as_list()}"
            )
