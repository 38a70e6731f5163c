"""What people do to a frozen GraphDef before they ship it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import InapplicableError
from pytest_freezecheck.formats.graph_def.convert import constant_definition, write
from pytest_freezecheck.formats.graph_def.xla import XlaGraphDef

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel

Freeze = Callable[["LiveModel", Path], Path]
#: Those that TensorFlow's own examples name, and that keep a model's answers but for rounding.
_GRAPPLER = ("constfold", "remap", "arithmetic", "dependency")


def _rewrite(name: str, rewritten: Callable[[LiveModel, Any], Any]) -> Freeze:
    def freeze(live: LiveModel, directory: Path) -> Path:
        return write(rewritten(live, constant_definition(live)), directory / f"{name}.pb")

    return freeze


def _inputs(live: LiveModel) -> list[str]:
    return [tensor.op.name for tensor in live.inputs.values()]


def _outputs(live: LiveModel) -> list[str]:
    return [tensor.op.name for tensor in live.outputs.values()]


def _types(live: LiveModel) -> list[int]:
    return [tensor.dtype.as_datatype_enum for tensor in live.inputs.values()]


def _strip_unused(live: LiveModel, definition: Any) -> Any:
    from tensorflow.python.tools import strip_unused_lib

    return strip_unused_lib.strip_unused(definition, _inputs(live), _outputs(live), _types(live))


def _remove_training_nodes(live: LiveModel, definition: Any) -> Any:
    import tensorflow as tf

    return tf.compat.v1.graph_util.remove_training_nodes(definition, _outputs(live))


def _optimize_for_inference(live: LiveModel, definition: Any) -> Any:
    from tensorflow.python.tools import optimize_for_inference_lib

    return optimize_for_inference_lib.optimize_for_inference(
        definition, _inputs(live), _outputs(live), _types(live)
    )


def _fold_batch_norms(live: LiveModel, definition: Any) -> Any:
    from tensorflow.python.tools import optimize_for_inference_lib

    # Identities between a layer and its weights keep it from seeing any BatchNorm.
    direct = _remove_training_nodes(live, definition)
    return optimize_for_inference_lib.fold_batch_norms(direct)


def _grappler(live: LiveModel, definition: Any) -> Any:
    import tensorflow as tf
    from tensorflow.python.grappler import tf_optimizer

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        for name in _outputs(live):  # what Grappler must keep
            graph.add_to_collection(v1.GraphKeys.TRAIN_OP, graph.get_operation_by_name(name))
        meta_graph = v1.train.export_meta_graph(graph=graph)
    config = v1.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.optimizers.extend(_GRAPPLER)
    rewrite.min_graph_nodes = -1  # small graphs too
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _compilable(live: LiveModel, definition: Any) -> Any:
    """Return the graph as it is, if XLA takes it."""
    if any(node.op == "Enter" for node in definition.node):
        raise InapplicableError(
            f"{live.name}: xla does not compile a loop of TensorFlow 1; build the model with "
            "tf.compat.v1.enable_control_flow_v2()"
        )
    return definition


def xla(live: LiveModel, directory: Path) -> Path:
    """Write the graph as it is, if XLA takes it: it has no text, and not every operation.

    Raises:
        InapplicableError: it does not.
    """
    import numpy as np

    path = _rewrite("xla", _compilable)(live, directory)
    frozen = XlaGraphDef(path)
    outputs = frozen.match_outputs(live.outputs)
    inputs = frozen.match_inputs(live.inputs, list(outputs.values()))
    rows = frozen.batch_size()
    feeds = {}
    for name, there in inputs.items():
        spec, dtype = live.specs[name], live.inputs[name].dtype
        lowest = b"" if dtype.name == "string" else spec.bounds[0]
        feeds[there] = np.full((rows, *spec.shape), lowest)
    why = frozen.uncompilable(feeds, list(outputs.values()))
    frozen.close()
    if why is not None:
        raise InapplicableError(f"{live.name}: xla does not compile this graph: {why}")
    return path


def _float16_constants(live: LiveModel, definition: Any) -> Any:
    """Round every float32 weight of more than one value, with a cast back to float32 behind it."""
    import numpy as np
    import tensorflow as tf

    del live
    half, single = tf.float16.as_datatype_enum, tf.float32.as_datatype_enum
    rounded = type(definition)(versions=definition.versions, library=definition.library)
    for node in definition.node:
        value = tf.make_ndarray(node.attr["value"].tensor) if node.op == "Const" else None
        if value is None or value.dtype != np.float32 or value.size < 2:
            rounded.node.add().CopyFrom(node)
            continue
        stored = rounded.node.add(name=f"{node.name}/float16", op="Const")
        stored.attr["dtype"].type = half
        stored.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.float16)))
        cast = rounded.node.add(name=node.name, op="Cast", input=[stored.name])
        cast.attr["SrcT"].type, cast.attr["DstT"].type = half, single
    return rounded


strip_unused = _rewrite("strip_unused", _strip_unused)
remove_training_nodes = _rewrite("remove_training_nodes", _remove_training_nodes)
optimize_for_inference = _rewrite("optimize_for_inference", _optimize_for_inference)
fold_batch_norms = _rewrite("fold_batch_norms", _fold_batch_norms)
grappler = _rewrite("grappler", _grappler)
float16_constants = _rewrite("float16_constants", _float16_constants)
