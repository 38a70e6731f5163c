"""Restore the live model from a checkpoint the way an evaluation does: which key for what."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import listed, nearest
from pytest_freezecheck.models import partitions
from pytest_freezecheck.models.checkpoint_files import INDEX, is_file, is_folder, opened
from pytest_freezecheck.spec.inputs import EMA_MODES

_SHADOW = "/ExponentialMovingAverage"
#: Names that are longer are cut in messages.
_LONG = 200
_OLD_FORMAT = (
    "there is no .index beside it; if it is of the V1 format, restore it once and save it again "
    "with tf.compat.v1.train.Saver, whose default is V2"
)


def find_checkpoint(checkpoint: str | os.PathLike[str]) -> str:
    """Return a checkpoint's prefix: the one given, or the latest one of a directory.

    Raises:
        ModelError: there is none, or its index cannot be read.
    """
    found = _found(os.fspath(checkpoint))
    opened(found)
    return found


def _found(path: str) -> str:
    if is_folder(path):
        return _latest(path)
    if not is_file(f"{path}{INDEX}"):
        if is_file(path):
            raise ModelError(f"{path} is no Saver V2 checkpoint: {_OLD_FORMAT}")
        there = sorted(p.name.removesuffix(INDEX) for p in Path(path).parent.glob(f"*{INDEX}"))
        raise ModelError(
            f"no checkpoint at {path}: expected {path}{INDEX}, or a directory"
            f"{nearest(Path(path).name, there)}"
        )
    return path


def _latest(directory: str) -> str:
    """Return the checkpoint that the directory's `checkpoint` file names as the latest.

    A directory that was moved or copied names its old place, and TensorFlow would restore from
    there as long as it exists; a checkpoint of that name in the directory itself comes first.
    """
    named = _named_latest(directory)
    if named is not None:
        for prefix in (str(Path(directory, Path(named).name)), named):
            if is_file(f"{prefix}{INDEX}"):
                return prefix
    if named is not None and is_file(Path(directory, Path(named).name)):
        raise ModelError(
            f"{named}, latest of {directory}, is no Saver V2 checkpoint: {_OLD_FORMAT}"
        )
    there = sorted(p.name.removesuffix(INDEX) for p in Path(directory).glob(f"*{INDEX}"))
    if named is None:
        said = "it has no 'checkpoint' file"
    elif not named:
        said = "its 'checkpoint' file cannot be read, or names none"
    else:
        said = f"its 'checkpoint' file names {named if len(named) < _LONG else named[:_LONG]}"
    choice = f"; name one of {listed(there)}" if there else ", and no checkpoint"
    raise ModelError(f"no checkpoint in {directory}: {said}{choice}")


def _named_latest(directory: str) -> str | None:
    """Return what a `checkpoint` file names, "" if it cannot be read, None if there is none."""
    import tensorflow as tf

    if not Path(directory, "checkpoint").exists():
        return None
    try:
        state = tf.train.get_checkpoint_state(directory)
    except (ValueError, OSError, tf.errors.OpError):  # not text, or with nothing in it
        return ""
    return "" if state is None else str(state.model_checkpoint_path)


def beside(checkpoint: str) -> list[str]:
    """Return the prefixes of the checkpoints of other steps in the same folder, by their step.

    Args:
        checkpoint: a prefix such as `train_dir/model.ckpt-200`.

    Returns:
        `train_dir/model.ckpt-100` and the like, the earlier steps after the later ones, so that
        the last one is the closest step before.
    """
    path = Path(checkpoint)
    stem, step = _split(path.name)
    found = []
    for index in path.parent.glob(f"*{INDEX}"):
        name = index.name.removesuffix(INDEX)
        other_stem, other = _split(name)
        if name != path.name and other_stem == stem and other is not None and step is not None:
            found.append((other < step, abs(step - other), str(path.parent / name)))
    later = [prefix for _, _, prefix in sorted((f for f in found if not f[0]), reverse=True)]
    return later + [prefix for _, _, prefix in sorted((f for f in found if f[0]), reverse=True)]


def siblings(checkpoint: str) -> list[str]:
    """Return the prefixes of all other checkpoints in the folder and right below it.

    Those of other steps of the same training come first, the closest one before it at their head.

    Args:
        checkpoint: a prefix.
    """
    path = Path(checkpoint)
    near = beside(checkpoint)[::-1]
    indices = [*path.parent.glob(f"*{INDEX}"), *path.parent.glob(f"*/*{INDEX}")]
    every = sorted(str(index.parent / index.name.removesuffix(INDEX)) for index in indices)
    return [*near, *(prefix for prefix in every if prefix not in {*near, str(path)})]


def shadow_keys(name: str) -> tuple[str, str]:
    """Return the keys that a variable's shadow may have: without and with a doubled scope."""
    return f"{name}{_SHADOW}", f"{name.split('/')[0]}/{name}{_SHADOW}"


def _split(name: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(.*)-(\d+)", name)
    return (found[1], int(found[2])) if found else (name, None)


def keys_to_restore(ema: str) -> dict[str, Any]:
    """Map checkpoint keys to the variables of the default graph.

    Args:
        ema: which variables are read from their shadow variables: "trainable" is TensorFlow's own
            `ExponentialMovingAverage.variables_to_restore()` (what is trainable or in the
            collection MOVING_AVERAGE_VARIABLES), "all" adds every other floating-point
            variable but the global step, BatchNorm's statistics among them, and "none" reads no
            shadow.

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


def find_keys(wanted: Mapping[str, Any], checkpoint: str) -> dict[str, Any]:
    """Find every key in the checkpoint, shadows also under the names that scopes give them.

    TensorFlow names a shadow that is made inside of a name scope `s/s/x/ExponentialMovingAverage`
    (tensorflow#2740), and an EMA inside of a variable scope puts that scope before all shadows.

    Args:
        wanted: {key: variable}.
        checkpoint: a checkpoint's prefix.

    Returns:
        {key that is there: variable, or the parts of one}, for each wanted.

    Raises:
        ModelError: a key is missing, or has another shape; a partial restore would leave initial
            values in the live model.
    """
    shapes = opened(checkpoint).get_variable_to_shape_map()
    missing = [key for key in partitions.joined(wanted) if key not in shapes]
    scope = _common_scope(missing, shapes)
    found, lacking = {}, []
    for key, variable in partitions.joined(wanted).items():
        if isinstance(variable, list) and _there(key, scope, shapes) is None:
            pairs = partitions.own_keys(key, variable)
            pairs = pairs if all(_there(k, scope, shapes) for k in pairs) else {key: variable}
        else:
            pairs = {key: variable}
        for name, held in pairs.items():
            there = _there(name, scope, shapes)
            if there is None:
                lacking.append(name)
            elif list(shapes[there]) != partitions.shape_of(held):
                raise ModelError(
                    f"checkpoint {checkpoint} has {there} in shape {shapes[there]}, but the live "
                    f"model's variable has {partitions.shape_of(held)}"
                )
            else:
                found[there] = held
    if lacking:
        raise ModelError(
            f"checkpoint {checkpoint} lacks {len(lacking)} of the {len(wanted)} keys that the live "
            f"model reads: {listed(sorted(lacking))}{_hint(min(lacking), shapes)}\n"
            "  is `ema` what the evaluation uses, and is the graph built under the same scopes?"
        )
    return found


def _there(key: str, scope: str | None, shapes: Mapping[str, Any]) -> str | None:
    """Return the name that a key has in a checkpoint, or None if it is not there."""
    candidates = [key]
    if key.endswith(_SHADOW):
        candidates += [f"{key.split('/')[0]}/{key}", f"{scope or ''}{key}"]
    return next((name for name in candidates if name in shapes), None)


def _hint(key: str, shapes: Mapping[str, Any]) -> str:
    raw = key.removesuffix(_SHADOW)
    if raw != key and raw in shapes:
        return f" (it has {raw!r}, without a shadow)"
    return nearest(key, shapes)


def _common_scope(missing: list[str], shapes: Mapping[str, Any]) -> str | None:
    """Return the one scope that, put before them, makes keys of all missing shadows, or None."""
    shadows = [key for key in missing if key.endswith(_SHADOW)]
    scopes = [
        {name.removesuffix(key) for name in shapes if name.endswith(f"/{key}")} for key in shadows
    ]
    common = set.intersection(*scopes) if scopes else set()
    return common.pop() if len(common) == 1 else None
