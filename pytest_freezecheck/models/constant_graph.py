"""One side of a check as a GraphDef of constants, to be taken apart, repaired and run again."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.batching import pieces
from pytest_freezecheck.models.frames import inside
from pytest_freezecheck.models.graphdef import ancestors, only, operation_of
from pytest_freezecheck.models.session import Runner, plain_config
from pytest_freezecheck.models.tables import initializers


@dataclasses.dataclass(frozen=True)
class ConstantGraph:
    """A GraphDef whose weights are constants, and which of its tensors are what.

    Attributes:
        definition: the `GraphDef`, with nothing but what the outputs are computed from.
        inputs: {live input name: tensor name}.
        outputs: {live output name: tensor name}.
        constants: {tensor name: value to feed}, of inputs that the live model has not.
        rows: how many rows it is fed at a time, or None for as many as there are.
        values: {node name: value} of variables that are none of its constants, where it is only
            read and not run.
    """

    definition: Any
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    constants: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    rows: int | None = None
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def constant_graph(
    session: Any, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> ConstantGraph:
    """Return what a session runs, its variables as constants of their names.

    Args:
        session: a `tf.compat.v1.Session`.
        inputs: {live input name: tensor name}.
        outputs: {live output name: tensor name}.

    Raises:
        ModelError: TensorFlow cannot convert the graph.
    """
    import tensorflow as tf

    names = sorted({operation_of(name) for name in outputs.values()})
    # What fills a lookup table answers nothing, and without it the table answers nothing.
    names += [operation.name for operation in initializers(session.graph)]
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it says at each call that the function is deprecated
    try:
        definition = tf.compat.v1.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), names
        )
    except (ValueError, KeyError, IndexError, tf.errors.OpError) as error:
        raise ModelError(f"its graph cannot be made one of constants: {reason(error)}") from None
    finally:
        logger.setLevel(level)
    return ConstantGraph(only(definition, names), inputs, outputs)


#: Constants of more numbers are fed, and not in the graph that is run.
_LARGE = 1024


class EditableGraph:
    """Runs a graph of constants, with others in their place if need be.

    TensorFlow keeps all constants of a graph once more for each set of tensors that is fed or
    fetched, and a repair is such a set. So large ones are fed, all of them in each run.

    Args:
        graph: what to run.

    Raises:
        ModelError: TensorFlow cannot import it.
    """

    def __init__(self, graph: ConstantGraph) -> None:
        import tensorflow as tf

        self.graph = graph
        self.definition = graph.definition
        self.nodes = {node.name: node for node in graph.definition.node}
        self._graph = tf.Graph()
        self._fed = {
            name: value for name, value in self.weights.items() if self._is_fed(self.nodes[name])
        }
        try:
            with self._graph.as_default():
                tf.import_graph_def(_fed_instead(graph.definition, self._fed), name="")
            self.session = tf.compat.v1.Session(graph=self._graph, config=plain_config())
            self._fill_tables()
            self._runner = Runner(
                self.session,
                {name: self.tensor(there) for name, there in graph.inputs.items()},
                {name: self.tensor(there) for name, there in graph.outputs.items()},
                graph.rows,
            )
        except (ValueError, KeyError, tf.errors.OpError) as error:
            raise ModelError(f"its graph cannot be imported: {reason(error)}") from None

    def _is_fed(self, node: Any) -> bool:
        """Return whether a constant is fed; one that waits for others, or in a loop, cannot be."""
        value = self.weights[node.name]
        return (
            value.size > _LARGE
            and value.dtype.kind in "biufO"
            and not node.input
            and node.name not in self.inside
        )

    def _fill_tables(self) -> None:
        """Fill lookup tables; one that is read from a file that is gone answers with an error."""
        import tensorflow as tf

        for operation in initializers(self._graph):
            with contextlib.suppress(tf.errors.OpError):
                self.session.run(operation, {self.tensor(n): v for n, v in self._fed.items()})

    def tensor(self, name: str) -> Any:
        """Return a tensor by the name of its operation, or by its own."""
        return self._graph.get_tensor_by_name(name if ":" in name else f"{name}:0")

    def operation(self, name: str) -> Any:
        """Return an operation by its name."""
        return self._graph.get_operation_by_name(name)

    @functools.cached_property
    def weights(self) -> Arrays:
        """{name: value} of the constants, in the order of the graph."""
        import tensorflow as tf

        return {
            node.name: tf.make_ndarray(node.attr["value"].tensor)
            for node in self.definition.node
            if node.op == "Const"
        }

    def answer(
        self,
        feeds: Mapping[str, Any],
        weights: Mapping[str, npt.NDArray[Any]] | None = None,
        others: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Return outputs and logits for one batch, under the live names.

        Args:
            feeds: {input name: array (rows, *shape)}.
            weights: {constant: other value}.
            others: {tensor: value} to feed besides.

        Raises:
            ModelError: it cannot be run.
        """
        import tensorflow as tf

        weights = weights or {}
        within = {name: value for name, value in weights.items() if name in self.inside}
        if within:  # what is fed stands outside of loops and branches
            outside = {name: value for name, value in weights.items() if name not in within}
            with contextlib.closing(self._rebuilt(within)) as editable:
                return editable.answer(feeds, outside, others)
        fed = {self.tensor(name): value for name, value in {**self._fed, **weights}.items()}
        for name, value in {**self.graph.constants, **(others or {})}.items():
            fed[self.tensor(name)] = value
        try:
            return self._runner.run(feeds, fed)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise ModelError(f"cannot be run: {reason(error)}") from None

    @functools.cached_property
    def inside(self) -> set[str]:
        """The nodes of TensorFlow 1's loops and branches, which are neither fed nor fetched."""
        return inside(self.definition)

    def _rebuilt(self, weights: Mapping[str, npt.NDArray[Any]]) -> EditableGraph:
        """Return another one, of a graph with other constants."""
        import tensorflow as tf

        definition = type(self.definition)()
        definition.CopyFrom(self.definition)
        for node in definition.node:
            if node.name in weights:
                made = tf.make_tensor_proto(weights[node.name])
                node.attr["value"].tensor.CopyFrom(made)
        editable = EditableGraph(dataclasses.replace(self.graph, definition=definition))
        editable.inside = self.inside
        return editable

    def fetch(self, names: Sequence[str], feeds: Mapping[str, Any]) -> Arrays:
        """Return the values of tensors, {name: array}, in one run.

        Args:
            names: of the tensors.
            feeds: one batch; of more rows than the graph takes at a time, the first are fed.

        Raises:
            ModelError: it cannot be run.
        """
        import tensorflow as tf

        piece = next(pieces(feeds, self.graph.rows))
        fed = {self.tensor(self.graph.inputs[name]): value for name, value in piece.items()}
        fed |= {self.tensor(name): value for name, value in self._fed.items()}
        for name, value in self.graph.constants.items():
            fed[self.tensor(name)] = value
        try:
            values: Arrays = self.session.run({name: self.tensor(name) for name in names}, fed)
        except tf.errors.OpError as error:
            raise ModelError(f"its graph cannot be run: {reason(error)}") from None
        return values

    def shape(self, name: str) -> Any:
        """Return the static shape of a tensor."""
        return self.tensor(name).shape

    def before(self, name: str) -> set[str]:
        """Return the names of the operations that a node is computed from, itself included."""
        return ancestors(self.definition, [name])

    def close(self) -> None:
        """Free the session."""
        self.session.close()


def _fed_instead(definition: Any, fed: Mapping[str, npt.NDArray[Any]]) -> Any:
    """Return a GraphDef with placeholders in place of these constants."""
    import tensorflow as tf

    made = type(definition)(versions=definition.versions, library=definition.library)
    for node in definition.node:
        if node.name not in fed:
            made.node.add().CopyFrom(node)
            continue
        placeholder = made.node.add(name=node.name, op="Placeholder", device=node.device)
        placeholder.attr["dtype"].CopyFrom(node.attr["dtype"])
        shape = tf.TensorShape(fed[node.name].shape).as_proto()
        placeholder.attr["shape"].shape.CopyFrom(shape)
    return made
