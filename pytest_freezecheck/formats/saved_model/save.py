"""The ways to save a live model as a SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import FreezeError
from pytest_freezecheck.formats.graph_def.convert import wrapped
from pytest_freezecheck.formats.saved_model.signatures import SIGNATURE

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel


def _empty(directory: Path, name: str) -> str:
    target = directory / name
    if target.exists():
        raise FreezeError(f"{target} exists already, and TensorFlow adds to no SavedModel")
    return str(target)


def _inputs(live: LiveModel) -> dict[str, Any]:
    """Return the inputs of a signature: what the live model is always fed has to be fed, too."""
    return {**live.inputs, **{name: held.tensor for name, held in live.constants.items()}}


def builder(live: LiveModel, directory: Path, name: str = "saved_model") -> Path:
    """Save with the Builder of TensorFlow 1 and a serving signature."""
    import tensorflow as tf

    saved_model = tf.compat.v1.saved_model
    target = _empty(directory, name)
    with live.graph.as_default():
        signature = saved_model.predict_signature_def(_inputs(live), live.outputs)
        saving = saved_model.Builder(target)
        fills = live.table_initializers
        saving.add_meta_graph_and_variables(
            live.session,
            ["serve"],
            {SIGNATURE: signature},
            main_op=tf.group(*fills) if fills else None,
        )
        saving.save()
    return Path(target)


def builder_again(live: LiveModel, directory: Path) -> Path:
    """Do the same, for the loader of TensorFlow 1."""
    return builder(live, directory, "builder_session")


def simple_save(live: LiveModel, directory: Path, name: str = "saved_model_session") -> Path:
    """Save with `tf.compat.v1.saved_model.simple_save`."""
    import tensorflow as tf

    target = _empty(directory, name)
    with live.graph.as_default():
        tf.compat.v1.saved_model.simple_save(live.session, target, _inputs(live), live.outputs)
    return Path(target)


def simple_save_again(live: LiveModel, directory: Path) -> Path:
    """Do the same, for the loader of TensorFlow 2."""
    return simple_save(live, directory, "simple_save")


def for_command_line(live: LiveModel, directory: Path) -> Path:
    """Do the same, for `saved_model_cli`."""
    return simple_save(live, directory, "saved_model_cli")


def module(live: LiveModel, directory: Path) -> Path:
    """Save a `tf.Module` with the live model as a function, as TensorFlow 2 does."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    target = _empty(directory, "saved_model_module")
    with tf.init_scope(), context.eager_mode():
        function, whole = wrapped(live, "saved_model_module")
        names = list(live.outputs)

        def serve(**tensors: object) -> dict[str, object]:
            answers = function(*(tensors[name] for name in live.inputs))
            return dict(zip(names, answers, strict=True))

        specs = {
            name: tf.TensorSpec([None, *live.specs[name].dims], tensor.dtype, name=name)
            for name, tensor in live.inputs.items()
        }
        holder = tf.Module()
        holder.whole = whole
        holder.variables_of_it = list(whole.graph.variables)  # or they are not saved
        holder.serve = tf.function(serve)
        signature = holder.serve.get_concrete_function(**specs)
        tf.saved_model.save(holder, target, signatures={SIGNATURE: signature})
    return Path(target)
