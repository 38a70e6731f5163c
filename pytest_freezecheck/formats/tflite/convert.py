"""The ways to convert a live model to TFLite."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.formats.graph_def.convert import constant_definition, convert_variables

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel


def from_graph_def(live: LiveModel, directory: Path) -> Path:
    """Convert a frozen GraphDef."""
    return _from_graph_def(live, directory / "tflite.tflite", lambda _: None)


def half(live: LiveModel, directory: Path) -> Path:
    """Convert a frozen GraphDef, weights as float16."""

    def optimize(converter: Any) -> None:
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return _from_graph_def(live, directory / "tflite_float16.tflite", optimize)


def dynamic_int8(live: LiveModel, directory: Path) -> Path:
    """Convert a frozen GraphDef, weights as int8."""

    def optimize(converter: Any) -> None:
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return _from_graph_def(live, directory / "tflite_dynamic_int8.tflite", optimize)


def _from_graph_def(live: LiveModel, path: Path, configure: Callable[[Any], None]) -> Path:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
            str(convert_variables(live, Path(folder))),
            [tensor.op.name for tensor in live.inputs.values()],
            [tensor.op.name for tensor in live.outputs.values()],
        )
        configure(converter)
        return _write(converter, path)


def from_session(live: LiveModel, directory: Path) -> Path:
    """Convert what the session holds."""
    import tensorflow as tf

    fed = [*live.inputs.values(), *(held.tensor for held in live.constants.values())]
    converter = tf.compat.v1.lite.TFLiteConverter.from_session(
        live.session, fed, list(live.outputs.values())
    )
    return _write(converter, directory / "tflite_session.tflite")


def from_saved_model(live: LiveModel, directory: Path) -> Path:
    """Convert a SavedModel."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    from pytest_freezecheck.formats.saved_model.save import builder

    with tempfile.TemporaryDirectory() as folder:
        saved = builder(live, Path(folder))
        with tf.init_scope(), context.eager_mode():
            converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
            return _write(converter, directory / "tflite_saved_model.tflite")


def from_concrete_function(live: LiveModel, directory: Path) -> Path:
    """Convert a function of constants."""
    import tensorflow as tf
    from tensorflow.python.eager import context

    definition = constant_definition(live)
    with tf.init_scope(), context.eager_mode():
        wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
        function = wrapped.prune(
            [tensor.name for tensor in live.inputs.values()],
            [tensor.name for tensor in live.outputs.values()],
        )
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], wrapped)
        return _write(converter, directory / "tflite_concrete.tflite")


def _write(converter: Any, path: Path) -> Path:
    path.write_bytes(converter.convert())
    return path
