"""The ways to freeze a live model into a GraphDef that TensorFlow itself offers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import InapplicableError
from pytest_freezecheck.models.constants import pinned
from pytest_freezecheck.models.graphdef import operation_of
from pytest_freezecheck.models.partitions import forgotten

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel


def constant_definition(live: LiveModel) -> Any:
    """Return what the session runs as a GraphDef of constants, what it is always fed among them."""
    import tensorflow as tf

    names = [tensor.op.name for tensor in live.outputs.values()]
    definition = pinned(live.graph.as_graph_def(), live.constants)
    return tf.compat.v1.graph_util.convert_variables_to_constants(live.session, definition, names)


def convert_variables(live: LiveModel, directory: Path) -> Path:
    """Freeze with `tf.compat.v1.graph_util.convert_variables_to_constants` from the session."""
    return write(constant_definition(live), directory / "graph_def.pb")


def convert_variables_v2(live: LiveModel, directory: Path) -> Path:
    """Freeze with `convert_variables_to_constants_v2` through a wrapped, pruned function."""
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    with tf.init_scope(), context.eager_mode():
        function, _ = wrapped(live, "graph_def_v2")
        frozen = convert_variables_to_constants_v2(function)
    return write(frozen.graph.as_graph_def(), directory / "graph_def_v2.pb")


def wrapped(live: LiveModel, way: str) -> tuple[Any, Any]:
    """Return the live model as a pruned function of its inputs, and the function it is part of.

    To be called in eager mode, outside of any graph.

    Args:
        live: the model.
        way: the way that needs it, for messages.

    Returns:
        What takes the inputs in their order and returns the outputs in theirs, and the wrapped
        function, whose graph holds the variables with the live values.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with live.graph.as_default():
        meta_graph = v1.train.export_meta_graph(clear_devices=True)
    if live.parts:
        meta_graph = forgotten(meta_graph)
    values = live.weights()
    feeds = [tensor.name for tensor in live.inputs.values()]
    fetches = [tensor.name for tensor in live.outputs.values()]

    def rebuild() -> None:  # a function must return no Saver, as import_meta_graph does
        if live.has_reference_variables:
            _build_again(live, way)
        else:
            held = {h.tensor.name: tf.constant(h.value) for h in live.constants.values()}
            v1.train.import_meta_graph(meta_graph, input_map=held or None)

    whole = v1.wrap_function(rebuild, [])
    for variable in whole.graph.variables:
        variable.assign(values[operation_of(variable.name)])
    return whole.prune(feeds, fetches), whole


def _build_again(live: LiveModel, way: str) -> None:
    """Build the network in a function, which gives it variables that functions can lift out.

    A graph that is imported keeps its reference variables, and `wrap_function` lifts none of them.
    """
    import tensorflow as tf

    from pytest_freezecheck.models.placeholders import make_placeholders, takes

    if live.build is None:
        raise InapplicableError(
            f"{live.name}: {way} cannot freeze a session with reference variables, as they "
            "are after tf.disable_v2_behavior(); a model made by LiveModel.from_checkpoint it can"
        )
    held = {k: tf.constant(h.value) for k, h in live.constants.items() if takes(live.build, k)}
    live.build(**make_placeholders(live.specs), **held)


def write(definition: Any, path: Path) -> Path:
    """Write a GraphDef in binary; return where."""
    path.write_bytes(definition.SerializeToString())
    return path
