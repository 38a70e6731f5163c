"""A frozen GraphDef (`.pb`), loaded into a graph and session of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.base import PATIENCE, Change, FrozenModel
from pytest_freezecheck.formats.graph_def.file import read_graph
from pytest_freezecheck.formats.graph_def.interior import (
    FED,
    begun_at,
    input_shapes,
    interior,
    types,
)
from pytest_freezecheck.formats.matching import (
    Shape,
    dtype_of,
    match,
    nothing_left,
    same_types,
)
from pytest_freezecheck.formats.refusal.chance import refuse_chance
from pytest_freezecheck.formats.refusal.operations import refuse
from pytest_freezecheck.formats.refusal.reach import answers
from pytest_freezecheck.messages.wording import counted, listed, reason
from pytest_freezecheck.models.frames import inside
from pytest_freezecheck.models.graphdef import (
    ancestors,
    back,
    missing_functions,
    only,
    operation_of,
    part,
)

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import ConstantGraph
    from pytest_freezecheck.models.session import Runner

_VARIABLES = frozenset(
    {"Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable", "TemporaryVariable"}
)


class FrozenGraphDef(FrozenModel):
    """A GraphDef in a graph and session of its own, without graph optimisation.

    Raises:
        ArtifactError: the file is no GraphDef, a graph that was not frozen, or one that does more
            than arithmetic.
    """

    format = "graph_def"

    def __init__(self, path: Path, way: str | None = None) -> None:
        import tensorflow as tf

        from pytest_freezecheck.models.session import plain_config

        super().__init__(path, way)
        self.definition = read_graph(path)
        left = [node.name for node in self.definition.node if node.op in _VARIABLES]
        if left:
            raise ArtifactError(
                f"{path}: not frozen, {len(left)} variables are left in the graph: {listed(left)}"
            )
        refuse(self.definition, self.ends, path, self.allowed)
        graph = tf.Graph()
        with graph.as_default():
            try:
                tf.import_graph_def(self.definition, name="")  # or names get the prefix import/
            except (ValueError, tf.errors.OpError) as error:
                raise ArtifactError(
                    f"{path}: TensorFlow {tf.__version__} cannot import this graph: {reason(error)}"
                ) from None
        self._session = tf.compat.v1.Session(graph=graph, config=plain_config())
        self._runners: dict[tuple[str, ...], Runner] = {}

    @property
    def session(self) -> Any:
        """The session it runs in."""
        return self._session

    @property
    def input_names(self) -> list[str]:
        """Names of the placeholders that the outputs are computed from and that have no default."""
        return self._needed(self.output_names)

    def _needed(self, outputs: Sequence[str]) -> list[str]:
        within = self._interior()
        before = ancestors(self.definition, outputs, within)
        placeholders = (node.name for node in self.definition.node if node.op == "Placeholder")
        return [*within, *(name for name in placeholders if name in before)]

    def _interior(self) -> dict[str, Any]:
        """Return {name: tensor} of what the artifact's table names in the middle of the graph."""
        return interior(self._session.graph, map(_short, self.inputs.values()))

    @property
    def output_names(self) -> list[str]:
        """Names of the operations that have an output which nothing else reads."""
        read = {operation_of(name) for n in self.definition.node for name in n.input}
        passive = ("Const", "Placeholder", "PlaceholderWithDefault")
        return [
            node.name
            for node in self.definition.node
            if node.name not in read and node.op not in passive and answers(node.op)
        ]

    @property
    def ends(self) -> list[str]:
        """Names of the operations that nothing else reads; what follows no input is no answer."""
        nodes = {node.name: node for node in self.definition.node}
        return [n for n in self.output_names if any(b.op in FED for b in back([n], nodes))]

    def match_inputs(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, str]:
        """Match by the placeholder's name."""
        wanted = {
            name: _short(self.inputs.get(name, tensor.op.name)) for name, tensor in inputs.items()
        }
        within = self._interior()
        every = [*within, *(node.name for node in self.definition.node if node.op in FED)]
        matched = match("input", wanted, every, self.path)
        match("input", {name: name for name in self.constants}, every, self.path)
        nothing_left(matched, self.constants, self._needed(outputs), self.path)
        kinds = {
            n.name: dtype_of(n.attr["dtype"].type) for n in self.definition.node if n.op in FED
        }
        same_types(matched, inputs, {**kinds, **types(within)})
        return matched

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Match by the tensor's name; a single output may be called anything.

        Where the file has a single end, that is what it answers with, also if the live output's
        name lives on inside: a softmax of the right name says nothing about classes that are
        permuted behind it.
        """
        wanted = {
            name: _short(self.outputs.get(name, tensor.name)) for name, tensor in outputs.items()
        }
        match("output", {name: name for name in self.outputs}, list(outputs), self.path)
        leaves = self.output_names
        if len(wanted) == len(leaves) == 1 and not self.outputs:
            return {next(iter(wanted)): leaves[0]}
        every = [node.name for node in self.definition.node]
        match("output", {k: operation_of(v) for k, v in wanted.items()}, every, self.path)
        return wanted

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        return self._runner(feeds, outputs).run(feeds)

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """Answer with floating-point constants before the outputs changed, by feeding them.

        Those in a loop or a branch of TensorFlow 1's cannot be fed, and stay.
        """
        tensor = self._session.graph.get_tensor_by_name
        before = ancestors(self.definition, outputs) - inside(self.definition)
        others = {}
        for name, value in self.weights().items():
            if name in before and value.dtype.kind == "f":
                other = change(value)
                if other is not value:
                    others[tensor(f"{name}:0")] = other
        if not others:
            return None
        return self._runner(feeds, outputs).run(feeds, others, seconds=PATIENCE)

    def constant_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return what the outputs are computed from; its weights are constants already."""
        return self._part(only, inputs, outputs)

    def readable_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return the same, without a copy of the weights."""
        return self._part(part, inputs, outputs)

    def _part(
        self,
        take: Callable[[Any, Sequence[str]], Any],
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
    ) -> ConstantGraph:
        from pytest_freezecheck.models.constant_graph import ConstantGraph

        definition = begun_at(self.definition, self._interior())
        before = ancestors(definition, list(outputs.values()))
        return ConstantGraph(
            definition=take(definition, list(outputs.values())),
            inputs={name: _full(there) for name, there in inputs.items() if _node(there) in before},
            outputs={name: _full(there) for name, there in outputs.items()},
            constants={_full(n): v for n, v in self.constants.items() if _node(n) in before},
        )

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{placeholder: shape}, of those without a default, and of what is fed within the graph."""
        return input_shapes(self.definition, self._interior(), self.output_names)

    def weights(self) -> Arrays:
        """Return {name: value} of the constants."""
        import tensorflow as tf

        return {
            node.name: tf.make_ndarray(node.attr["value"].tensor)
            for node in self.definition.node
            if node.op == "Const"
        }

    def refuse_chance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Look through the graph, with what it is always fed."""
        fed = {_node(name): None for name in inputs}
        fed |= {_node(name): value for name, value in self.constants.items()}
        refuse_chance(self.definition, outputs, self.path, self.allowed, fed)

    def _runner(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Runner:
        from pytest_freezecheck.models.session import Runner

        key = (*sorted(feeds), "->", *outputs)
        if key not in self._runners:
            refuse(self.definition, outputs, self.path, self.allowed)
            self._check_functions(outputs)
            tensor = self._session.graph.get_tensor_by_name
            self._runners[key] = Runner(
                self._session,
                {name: tensor(_full(name)) for name in feeds},
                {name: tensor(_full(name)) for name in outputs},
            )
        return self._runners[key]

    def _check_functions(self, outputs: Sequence[str]) -> None:
        lost = missing_functions(self.definition, outputs)
        if lost:
            raise ArtifactError(
                f"{self.path}: the graph calls {counted(len(lost), 'function')} that it does not "
                f"have: {listed(lost)}; tools that write it anew (strip_unused, "
                "remove_training_nodes, "
                "optimize_for_inference, fold_batch_norms) leave the functions of loops and "
                "branches out: leave the tool out, or build the graph after "
                "tf.compat.v1.disable_control_flow_v2()"
            )

    def close(self) -> None:
        """Free the session."""
        self._session.close()


def _node(name: str) -> str:
    return operation_of(name)


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:0"


def _short(name: str) -> str:
    return name.removesuffix(":0")
