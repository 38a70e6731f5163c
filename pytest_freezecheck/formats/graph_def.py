"""Frozen GraphDef (`.pb`): three ways to freeze into one, and its loader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError, FreezeError, listed
from pytest_freezecheck.formats.base import Format, FrozenModel, Way, match, nothing_left

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.models.session import Answer, Arrays, Runner

_VARIABLES = frozenset(
    {"Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable", "TemporaryVariable"}
)


class FrozenGraphDef(FrozenModel):
    """A GraphDef in a graph and session of its own, without graph optimisation.

    Raises:
        ArtifactError: the file is no GraphDef, or a graph that was not frozen.
    """

    format = "graph_def"

    def __init__(self, path: Path, way: str | None = None) -> None:
        import tensorflow as tf

        from pytest_freezecheck.models.session import plain_config

        super().__init__(path, way)
        self._definition = _read(path)
        left = [node.name for node in self._definition.node if node.op in _VARIABLES]
        if left:
            raise ArtifactError(
                f"{path}: not frozen, {len(left)} variables are left in the graph: {listed(left)}"
            )
        graph = tf.Graph()
        with graph.as_default():
            try:
                tf.import_graph_def(self._definition, name="")  # or names get the prefix import/
            except (ValueError, tf.errors.OpError) as error:
                raise ArtifactError(
                    f"{path}: TensorFlow {tf.__version__} cannot import this graph: {error}"
                ) from None
        self._session = tf.compat.v1.Session(graph=graph, config=plain_config())
        self._runners: dict[tuple[str, ...], Runner] = {}

    @property
    def session(self) -> Any:
        """The session it runs in."""
        return self._session

    @property
    def input_names(self) -> list[str]:
        """Names of the placeholders that have no default."""
        return [node.name for node in self._definition.node if node.op == "Placeholder"]

    @property
    def output_names(self) -> list[str]:
        """Names of the operations that nothing else reads."""
        read = {name.split(":")[0].lstrip("^") for n in self._definition.node for name in n.input}
        passive = ("Const", "Placeholder", "PlaceholderWithDefault", "NoOp")
        return [
            node.name
            for node in self._definition.node
            if node.name not in read and node.op not in passive
        ]

    def match_inputs(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Match by the placeholder's name."""
        wanted = {name: tensor.op.name for name, tensor in inputs.items()}
        every = [node.name for node in self._definition.node]
        matched = match("input", wanted, every, self.path)
        nothing_left(matched, self.input_names, self.path)
        return matched

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Match by the tensor's name; a single output may be called anything."""
        wanted = {name: _short(tensor.name) for name, tensor in outputs.items()}
        every = [node.name for node in self._definition.node]
        (only,) = wanted if len(wanted) == 1 else (None,)
        if only is not None and wanted[only].split(":")[0] not in every:
            leaves = self.output_names
            if len(leaves) == 1:
                return {only: leaves[0]}
        match("output", {k: v.split(":")[0] for k, v in wanted.items()}, every, self.path)
        return wanted

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        return self._runner(feeds, outputs).run(feeds)

    def answer_disturbed(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Answer with every floating-point constant scaled and shifted, by feeding it."""
        graph = self._session.graph
        others = {graph.get_tensor_by_name(f"{n}:0"): v for n, v in self._disturbed().items()}
        return self._runner(feeds, outputs).run(feeds, others)

    def _disturbed(self) -> Arrays:
        return {
            name: value * value.dtype.type(1.5) + value.dtype.type(0.125)
            for name, value in self.weights().items()
            if value.dtype.kind == "f"
        }

    def weights(self) -> Arrays:
        """Return {name: value} of the constants."""
        import tensorflow as tf

        return {
            node.name: tf.make_ndarray(node.attr["value"].tensor)
            for node in self._definition.node
            if node.op == "Const"
        }

    def _runner(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Runner:
        from pytest_freezecheck.models.session import Runner

        key = (*sorted(feeds), "->", *outputs)
        if key not in self._runners:
            tensor = self._session.graph.get_tensor_by_name
            self._runners[key] = Runner(
                self._session,
                {name: tensor(_full(name)) for name in feeds},
                {name: tensor(_full(name)) for name in outputs},
            )
        return self._runners[key]

    def close(self) -> None:
        """Free the session."""
        self._session.close()


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:0"


def _short(name: str) -> str:
    return name.removesuffix(":0")


def _read(path: Path) -> Any:
    """Parse a binary GraphDef.

    Raises:
        ArtifactError: the file is something else, or only the beginning of one.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    definition = tf.compat.v1.GraphDef()
    content = path.read_bytes()
    try:
        definition.ParseFromString(content)
    except DecodeError:
        raise ArtifactError(
            f"{path}: not a GraphDef, or truncated: {len(content)} bytes do not parse"
        ) from None
    if not definition.node or not all(node.name and node.op for node in definition.node):
        raise ArtifactError(f"{path}: not a GraphDef: it has no named operations")
    return definition


def _recognises(path: Path) -> bool:
    """Return whether this is a file that can be a serialised GraphDef, whatever its ending.

    A GraphDef begins with its first node: field 1, length-delimited, that is the byte 0x0A.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.suffix == ".pb" or file.read(1) == b"\n"


def _convert_variables(live: LiveModel, directory: Path) -> Path:
    """Freeze with `tf.compat.v1.graph_util.convert_variables_to_constants` from the session."""
    import tensorflow as tf

    names = [tensor.op.name for tensor in live.outputs.values()]
    definition = tf.compat.v1.graph_util.convert_variables_to_constants(
        live.session, live.graph.as_graph_def(), names
    )
    return _write(definition, directory / "graph_def.pb")


def _convert_variables_v2(live: LiveModel, directory: Path) -> Path:
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

    def rebuild() -> None:
        v1.train.import_meta_graph(meta_graph)  # returns a Saver, which a function must not

    with tf.init_scope(), context.eager_mode():
        wrapped = v1.wrap_function(rebuild, [])
        for variable in wrapped.graph.variables:
            variable.assign(values[variable.name.split(":")[0]])
        function = wrapped.prune(feeds, fetches)
        frozen = convert_variables_to_constants_v2(function)
    return _write(frozen.graph.as_graph_def(), directory / "graph_def_v2.pb")


def _freeze_graph(live: LiveModel, directory: Path) -> Path:
    """Freeze with TensorFlow's `freeze_graph` tool and the saver that restores shadows."""
    import tensorflow as tf
    from tensorflow.python.tools import freeze_graph

    if live.saver is None or live.checkpoint is None:
        raise FreezeError(
            f"{live.name}: freeze_graph needs the checkpoint and the Saver that restored it, and "
            "this live model was given without"
        )
    path = directory / "freeze_graph.pb"
    with tf.Graph().as_default():  # the tool imports into whatever graph is the default
        freeze_graph.freeze_graph_with_def_protos(
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


FORMAT = Format(
    name="graph_def",
    recognises=_recognises,
    load=FrozenGraphDef,
    ways=(
        Way("graph_def", _convert_variables, FrozenGraphDef),
        Way("graph_def_v2", _convert_variables_v2, FrozenGraphDef),
        Way("freeze_graph", _freeze_graph, FrozenGraphDef),
    ),
)
