"""The ways to freeze a live model into a GraphDef that TensorFlow itself offers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import FreezeError

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel


def convert_variables(live: LiveModel, directory: Path) -> Path:
    """Freeze with `tf.compat.v1.graph_util.convert_variables_to_constants` from the session."""
    import tensorflow as tf

    names = [tensor.op.name for tensor in live.outputs.values()]
    definition = tf.compat.v1.graph_util.convert_variables_to_constants(
        live.session, live.graph.as_graph_def(), names
    )
    return _write(definition, directory / "graph_def.pb")


def convert_variables_v2(live: LiveModel, directory: Path) -> Path:
    """Freeze with `convert_variables_to_constants_v2` through a wrapped, pruned function."""
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    v1 = tf.compat.v1
    with live.graph.as_default():
        meta_graph = v1.train.export_meta_graph(clear_devices=True)
    values = live.weights()
    feeds = [tensor.name for tensor in live.inputs.values()]
    fetches = [tensor.name for tensor in live.outputs.values()]

    def rebuild() -> None:  # a function must return no Saver, as import_meta_graph does
        if live.has_reference_variables:
            _build_again(live)
        else:
            v1.train.import_meta_graph(meta_graph)

    with tf.init_scope(), context.eager_mode():
        wrapped = v1.wrap_function(rebuild, [])
        for variable in wrapped.graph.variables:
            variable.assign(values[variable.name.split(":")[0]])
        function = wrapped.prune(feeds, fetches)
        frozen = convert_variables_to_constants_v2(function)
    return _write(frozen.graph.as_graph_def(), directory / "graph_def_v2.pb")


def _build_again(live: LiveModel) -> None:
    """Build the network in a function, which gives it variables that functions can lift out.

    A graph that is imported keeps its reference variables, and `wrap_function` lifts none of them.
    """
    from pytest_freezecheck.models.live import make_placeholders

    if live.build is None:
        raise FreezeError(
            f"{live.name}: graph_def_v2 cannot freeze a session with reference variables, as they "
            "are after tf.disable_v2_behavior(); a model made by LiveModel.from_checkpoint it can"
        )
    live.build(**make_placeholders(live.specs))


def freeze_graph(live: LiveModel, directory: Path) -> Path:
    """Freeze with TensorFlow's `freeze_graph` tool and the saver that restores shadows."""
    import tensorflow as tf
    from tensorflow.python.tools import freeze_graph as tool

    if live.saver is None or live.checkpoint is None:
        raise FreezeError(
            f"{live.name}: freeze_graph needs the checkpoint and the Saver that restored it, and "
            "this live model was given without"
        )
    path = directory / "freeze_graph.pb"
    with tf.Graph().as_default():  # the tool imports into whatever graph is the default
        tool.freeze_graph_with_def_protos(
            input_graph_def=live.graph.as_graph_def(),
            input_saver_def=live.saver.as_saver_def(),
            input_checkpoint=live.checkpoint,
            output_node_names=",".join(tensor.op.name for tensor in live.outputs.values()),
            restore_op_name="",
            filename_tensor_name="",
            output_graph=str(path),
            clear_devices=True,
            initializer_nodes="",
        )
    return path


def _write(definition: Any, path: Path) -> Path:
    path.write_bytes(definition.SerializeToString())
    return path
