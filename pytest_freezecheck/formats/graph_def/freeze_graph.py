"""TensorFlow's `freeze_graph` tool, from everything that it takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import FreezeError, InapplicableError

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel


def _needs_checkpoint(live: LiveModel, way: str) -> None:
    if live.checkpoint is None:
        raise InapplicableError(
            f"{live.name}: {way} needs the checkpoint that the live model was restored from, and "
            "this one was given without"
        )


def _outputs(live: LiveModel) -> str:
    return ",".join(tensor.op.name for tensor in live.outputs.values())


def from_graph_def(live: LiveModel, directory: Path) -> Path:
    """Freeze GraphDef and checkpoint, with the saver that restores shadows.

    Without a saver the tool restores variables under their own names: shadows are not read. With
    resource variables it does not get so far: it looks for a variable behind each handle, and
    raises IndexError, on TensorFlow 2.15 to 2.21.
    """
    import tensorflow as tf
    from tensorflow.python.tools import freeze_graph

    _needs_checkpoint(live, "freeze_graph")
    if live.saver is None and not live.has_reference_variables:
        raise InapplicableError(
            f"{live.name}: freeze_graph cannot freeze here: without a Saver TensorFlow's tool "
            "cannot read resource variables from a GraphDef (IndexError); hand the Saver that "
            "restores the shadows to LiveModel.from_session(saver=...), or freeze from a MetaGraph "
            "or SavedModel"
        )
    path = directory / "freeze_graph.pb"
    with tf.Graph().as_default():  # the tool imports into whatever graph is the default
        freeze_graph.freeze_graph_with_def_protos(
            input_graph_def=live.graph.as_graph_def(),
            input_saver_def=None if live.saver is None else live.saver.as_saver_def(),
            input_checkpoint=live.checkpoint,
            output_node_names=_outputs(live),
            restore_op_name="",
            filename_tensor_name="",
            output_graph=str(path),
            clear_devices=True,
            initializer_nodes="",
        )
    return path


def _meta_graph(live: LiveModel, way: str, path: Path) -> Path:
    """Write the MetaGraph of the inference graph, with the saver that restores shadows."""
    import tensorflow as tf

    _needs_checkpoint(live, way)
    if live.saver is None:
        raise InapplicableError(
            f"{live.name}: {way} needs the Saver that restored the live model, which the MetaGraph "
            "carries: hand it to LiveModel.from_session(saver=...)"
        )
    with live.graph.as_default():
        tf.compat.v1.train.export_meta_graph(str(path), saver_def=live.saver.as_saver_def())
    return path


def from_meta_graph(live: LiveModel, directory: Path) -> Path:
    """Freeze a MetaGraph and the checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        meta_graph = _meta_graph(live, "freeze_graph_meta", Path(folder) / "inference.meta")
        return _tool(
            directory / "freeze_graph_meta.pb",
            _outputs(live),
            input_checkpoint=live.checkpoint,
            input_meta_graph=str(meta_graph),
        )


def from_saved_model(live: LiveModel, directory: Path) -> Path:
    """Freeze a SavedModel."""
    from pytest_freezecheck.formats.saved_model.save import builder

    with tempfile.TemporaryDirectory() as folder:
        return _tool(
            directory / "freeze_graph_saved_model.pb",
            _outputs(live),
            input_checkpoint=None,
            input_saved_model_dir=str(builder(live, Path(folder))),
            saved_model_tags="serve",
        )


def _tool(path: Path, outputs: str, **sources: Any) -> Path:
    import tensorflow as tf
    from tensorflow.python.tools import freeze_graph

    with tf.Graph().as_default():  # as above
        freeze_graph.freeze_graph(
            input_graph="",
            input_saver="",
            input_binary=True,
            output_node_names=outputs,
            restore_op_name="",
            filename_tensor_name="",
            output_graph=str(path),
            clear_devices=True,
            initializer_nodes="",
            **sources,
        )
    return path


def on_command_line(live: LiveModel, directory: Path) -> Path:
    """Freeze a MetaGraph and the checkpoint with the command."""
    path = directory / "freeze_graph_cli.pb"
    with tempfile.TemporaryDirectory() as folder:
        meta_graph = _meta_graph(live, "freeze_graph_cli", Path(folder) / "inference.meta")
        command = [
            *(sys.executable, "-m", "tensorflow.python.tools.freeze_graph"),
            f"--input_meta_graph={meta_graph}",
            "--input_binary=true",
            f"--input_checkpoint={Path(str(live.checkpoint)).resolve()}",
            f"--output_node_names={_outputs(live)}",
            f"--output_graph={path.resolve()}",
        ]
        # In a folder of its own: `-m` searches the current one first.
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    if done.returncode or not path.is_file():
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise FreezeError(
            f"{live.name}: the command freeze_graph failed with {done.returncode}: {said[-1]}"
        )
    return path
