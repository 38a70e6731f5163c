"""A copy of the live model that may be tampered with: other weights, and gradients.

The live model is only ever asked. What has to change a variable or add an operation does so here,
in a graph and session of its own that hold the part of the live graph that is run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.models.adoption import HANDLES, REFERENCES
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.batching import joined, pieces
from pytest_freezecheck.models.constants import pinned
from pytest_freezecheck.models.embedded import weights_in
from pytest_freezecheck.models.graphdef import functional, only
from pytest_freezecheck.models.outputs import find_logits
from pytest_freezecheck.models.session import Runner, plain_config
from pytest_freezecheck.numeric.batches import rows_of

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel

_INPUT = "freezecheck_input"
#: A planted mistake that follows on another one changes two weights: it, and the other one back.
_FEW = 3


class Clone:
    """The live model's inference graph, copied, with its values.

    Attributes:
        weights: {name: value} of the variables that the outputs are computed from, in the order of
            the graph, and of constants that look like weights.
        assign: {variable name: operation that assigns it}.
        fed: {variable name: placeholder of what is assigned}.

    Args:
        live: the model to copy.

    Raises:
        ModelError: the live graph cannot be copied.
    """

    def __init__(self, live: LiveModel) -> None:
        import tensorflow as tf

        v1 = tf.compat.v1
        self._tables = tables = [op.name for op in live.table_initializers]
        wanted = [tensor.op.name for tensor in live.outputs.values()]
        self._graph = tf.Graph()
        try:
            definition = only(live.graph.as_graph_def(), [*wanted, *tables])
            definition = pinned(definition, live.constants)
            with self._graph.as_default():
                # Placeholders of the declared shapes, so that the shapes of the layers are known.
                self.inputs = {
                    name: v1.placeholder(
                        tensor.dtype,
                        [live.batch_size, *live.specs[name].dims],
                        name=f"{_INPUT}_{number}",
                    )
                    for number, (name, tensor) in enumerate(live.inputs.items())
                }
                fed = {tensor.name: self.inputs[name] for name, tensor in live.inputs.items()}
                read = {name for node in definition.node for name in node.input}
                mapped = {n: t for n, t in fed.items() if {n, n.removesuffix(":0")} & read}
                tf.import_graph_def(definition, input_map=mapped, name="")
            values = _values(live)
            self._variables: Arrays = {
                node.name: values[node.name]
                for node in definition.node
                if node.op in REFERENCES | HANDLES
            }
            self._constants = weights_in(definition, wanted)
            self.weights: Arrays = {**self._variables, **self._constants}
            self.assign, self.fed = self._assignments()
            self.session = v1.Session(graph=self._graph, config=plain_config())
            self.session.run([self._graph.get_operation_by_name(name) for name in tables])
            tensor = self._graph.get_tensor_by_name
            self.outputs = {name: tensor(t.name) for name, t in live.outputs.items()}
            self._runner = Runner(self.session, self.inputs, self.outputs, live.batch_size)
            self._held: dict[str, Any] = {}
            self.hold({})
        except (ValueError, KeyError, tf.errors.OpError) as error:
            raise ModelError(f"{live.name}: its graph cannot be copied: {reason(error)}") from None
        self._slopes: dict[str, tuple[Any, Any, dict[str, Any]]] = {}
        # Some are told by what built the graph, and are not in its definition.
        self._reshaped = {
            op.name: op.outputs[0].shape
            for op in live.graph.get_operations()
            if op.type == "Reshape"
        }

    def _assignments(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add an assignment to each variable; return them, and what to feed them."""
        import tensorflow as tf

        raw, assign, fed = tf.raw_ops, {}, {}
        with self._graph.as_default():
            for name, value in self._variables.items():
                variable = self._graph.get_tensor_by_name(f"{name}:0")
                given = tf.compat.v1.placeholder(value.dtype, value.shape)
                if variable.op.type in HANDLES:
                    assign[name] = raw.AssignVariableOp(resource=variable, value=given)
                else:
                    assign[name] = raw.Assign(ref=variable, value=given).op
                fed[name] = given
        return assign, fed

    def hold(self, changes: Mapping[str, npt.NDArray[Any]]) -> None:
        """Give these weights these values, and all others the live model's.

        Few that change are assigned one by one, each by a run that TensorFlow has prepared the
        second time; many in one run, whatever they are, so that this is prepared once.
        """
        held = {**self._variables, **changes}
        changed = [name for name, value in held.items() if self._held.get(name) is not value]
        if len(changed) <= _FEW:
            for name in changed:
                self.session.run(self.assign[name], {self.fed[name]: held[name]})
        else:
            self.session.run(
                list(self.assign.values()), {self.fed[name]: held[name] for name in self.fed}
            )
        self._held = held

    def answer(
        self, feeds: Mapping[str, Any], changes: Mapping[str, npt.NDArray[Any]] | None = None
    ) -> Answer:
        """Return outputs and logits for one batch.

        Args:
            feeds: {input name: array (rows, *shape)}.
            changes: {name of a weight: other value}.
        """
        given = changes or {}
        self.hold({name: value for name, value in given.items() if name in self._variables})
        fed = {
            self._graph.get_tensor_by_name(f"{name}:0"): value
            for name, value in given.items()
            if name in self._constants
        }
        return self._runner.run(feeds, fed)

    def otherwise(self, batches: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Answer]]:
        """Yield what the same graph answers as a default session runs it, and in one thread.

        Args:
            batches: each {input name: array (rows, *shape)}.

        Yields:
            The number of a batch, and an answer to it: all of a default session's, then all of one
            thread's.
        """
        import tensorflow as tf

        v1 = tf.compat.v1
        single = plain_config()
        single.intra_op_parallelism_threads = single.inter_op_parallelism_threads = 1
        single.use_per_session_threads = True
        for config in (v1.ConfigProto(), single):
            # Not as the default session: whoever asks goes on with its own in between.
            with contextlib.closing(v1.Session(graph=self._graph, config=config)) as session:
                session.run([self._graph.get_operation_by_name(name) for name in self._tables])
                session.run(
                    list(self.assign.values()),
                    {self.fed[name]: value for name, value in self._variables.items()},
                )
                runner = Runner(session, self.inputs, self.outputs, self._runner.rows)
                yield from ((number, runner.run(feeds)) for number, feeds in enumerate(batches))

    def slope(
        self, output: str, feeds: Mapping[str, Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp], Arrays]:
        """Return the lead of the largest logit over the second, and its gradient.

        Args:
            output: name of an output that is a distribution over its last axis, rank 2.
            feeds: {input name: array (rows, *shape)}.

        Returns:
            The lead, shape (rows,), the largest class, shape (rows,), and {input name: gradient of
            the lead, array (rows, *shape)} of the inputs that it depends on smoothly.

        Raises:
            ModelError: the graph has no gradient for any input, or it cannot be run.
        """
        import tensorflow as tf

        self.hold({})
        lead, classes, gradients = self.prepare_slope(output)
        rows = rows_of(feeds)
        try:
            parts = [
                self.session.run(
                    (lead, classes, gradients),
                    {self.inputs[name]: value for name, value in piece.items()},
                )
                for piece in pieces(feeds, self._runner.rows)
            ]
        except tf.errors.OpError as error:  # of a loop as TensorFlow 2 has it, for one
            raise ModelError(f"its gradient cannot be run: {reason(error)}") from None
        leads, kinds, slopes = zip(*parts, strict=True)
        return (
            np.concatenate(leads)[:rows].astype(np.float64),
            np.concatenate(kinds)[:rows].astype(np.intp),
            joined(slopes, rows, self._runner.rows or rows),
        )

    def prepare_slope(self, output: str) -> tuple[Any, Any, dict[str, Any]]:
        """Add the lead and its gradient to the graph, once for each output.

        Raises:
            ModelError: the graph has no gradient for any input.
        """
        import tensorflow as tf

        if output in self._slopes:
            return self._slopes[output]
        if found := functional(op.type for op in self._graph.get_operations()):
            # The gradient would add outputs to them, and no run of this graph would work any more.
            raise ModelError(f"{', '.join(found)} of a copied graph has none")
        with self._graph.as_default():
            tensor = self.outputs[output]
            logits = find_logits(tensor)
            if logits is None:
                tiny = np.finfo(tensor.dtype.as_numpy_dtype).tiny
                logits = tf.math.log(tf.maximum(tensor, tiny))
            top = tf.math.top_k(tf.reshape(logits, [-1, logits.shape[-1]]), 2)
            lead, classes = top.values[:, 0] - top.values[:, 1], top.indices[:, 0]
            floats = {n: t for n, t in self.inputs.items() if t.dtype.is_floating}
            try:
                found = tf.gradients(lead, list(floats.values())) if floats else []
            except AttributeError:  # TensorFlow looks for what importing a graph has lost
                raise ModelError("a loop of TensorFlow 1 has no gradient here") from None
            except (LookupError, ValueError, TypeError) as error:
                raise ModelError(f"an operation has no gradient: {reason(error)}") from None
        gradients = {n: g for n, g in zip(floats, found, strict=True) if g is not None}
        if not gradients:
            raise ModelError("no input is a floating-point number that the answer depends on")
        self._slopes[output] = (lead, classes, gradients)
        return self._slopes[output]

    def macs(self) -> int:
        """Return about how many multiplications one row takes, from the shapes of the graph."""
        total = 0
        for operation in self._graph.get_operations():
            if operation.type in ("Conv2D", "DepthwiseConv2dNative", "Conv3D", "MatMul"):
                total += _macs(operation, self._reshaped)
        return max(1, total)

    def close(self) -> None:
        """Free the session."""
        self.session.close()


def _values(live: LiveModel) -> Arrays:
    """Return {variable name: value}, local variables included."""
    import tensorflow as tf

    with live.graph.as_default():
        variables = [*tf.compat.v1.global_variables(), *tf.compat.v1.local_variables()]
    values = live.session.run(variables)
    return {v.op.name: value for v, value in zip(variables, values, strict=True)}


def _macs(operation: Any, reshaped: Mapping[str, Any]) -> int:
    """Return the multiplications of one layer for one row; 0 where its shapes are not known.

    Args:
        operation: the layer.
        reshaped: {name of a reshape: its static shape}.
    """
    kernel, out = operation.inputs[1].shape, operation.outputs[0].shape
    if not kernel.is_fully_defined():
        return 0
    if operation.type == "MatMul":
        return int(np.prod(kernel.as_list()) * _positions(operation, reshaped))
    places = [size for size in out.as_list()[1:-1] if size] if out.rank else []
    return int(np.prod(kernel.as_list()) * np.prod(places or [1]))


def _positions(operation: Any, reshaped: Mapping[str, Any]) -> int:
    """Return for how many positions of one row a matrix is multiplied.

    `tensordot` makes those of several axes one axis, and the reshape behind it tells how many.
    """
    found = 1
    for reader in operation.outputs[0].consumers():
        shape = reshaped.get(reader.name) if reader.type == "Reshape" else None
        if shape is not None and shape.rank is not None:
            found = max(found, int(np.prod([size or 1 for size in shape.as_list()[1:-1]])))
    return found
