"""A session that a team set up, taken over: its variables and tables, in a session of our own.

Mostly on the same graph. A graph that was loaded from a SavedModel of TensorFlow 2 or Keras has
variables that are in no collection, with nothing in it that assigns them; lookup tables are filled
from files that need not be what they were. A graph with either is copied, as far as the outputs
need it, and its variables and tables are given what the team's session holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.models.graphdef import only
from pytest_freezecheck.models.session import plain_config
from pytest_freezecheck.models.tables import contents, fill, initializers

REFERENCES = frozenset({"Variable", "VariableV2"})
HANDLES = frozenset({"VarHandleOp"})
_NAMES = "freezecheck_adopted"


class Adopted(NamedTuple):
    """A session of our own.

    Attributes:
        session: without graph optimisation, with the values of the team's.
        inputs: {input name: tensor} of its graph.
        outputs: {output name: tensor} of its graph.
        copied: whether its graph is a copy.
    """

    session: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    copied: bool


def adopt(
    session: Any,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    kept: Sequence[str],
    name: str,
) -> Adopted:
    """Take over a session; it is only read.

    Args:
        session: a `tf.compat.v1.Session` whose variables are restored.
        inputs: {input name: tensor}.
        outputs: {output name: tensor}.
        kept: names of other operations that a copy has to have, where the graph has them.
        name: what messages call the model.

    Raises:
        ModelError: a variable or table has no value, or the graph cannot be copied.
    """
    import tensorflow as tf

    graph = session.graph
    needed = _needed(list(outputs.values()))
    loose = [op for op in _variables(graph) if op.name in needed and op.name not in _listed(graph)]
    values, tables = _held(session, loose, needed, name)
    config = plain_config()
    try:
        if not loose and not tables:
            plain = tf.compat.v1.Session(graph=graph, config=config)
            with graph.as_default():
                _assign(plain, values)
            plain.run(initializers(graph))
            return Adopted(plain, dict(inputs), dict(outputs), copied=False)
        copy = _copy(graph, [*inputs.values(), *outputs.values()], kept, values, tables)
        plain = tf.compat.v1.Session(graph=copy, config=config)
        with copy.as_default():
            _assign(plain, values)
        plain.run(initializers(copy))
        tensor = copy.get_tensor_by_name
        return Adopted(
            plain,
            {key: tensor(there.name) for key, there in inputs.items()},
            {key: tensor(there.name) for key, there in outputs.items()},
            copied=True,
        )
    except (ValueError, KeyError, tf.errors.OpError) as error:
        raise ModelError(f"{name}: its session cannot be taken over: {reason(error)}") from None


def _listed(graph: Any) -> dict[str, Any]:
    """Return {operation name: variable} of what is in collections."""
    import tensorflow as tf

    with graph.as_default():
        variables = [*tf.compat.v1.global_variables(), *tf.compat.v1.local_variables()]
    return {variable.op.name: variable for variable in variables}


def _variables(graph: Any) -> list[Any]:
    """Return the operations that hold a variable."""
    return [op for op in graph.get_operations() if op.type in REFERENCES | HANDLES]


def _needed(outputs: Sequence[Any]) -> set[str]:
    """Return the names of the operations that the outputs are computed from."""
    found: dict[str, None] = {}
    waiting = [tensor.op for tensor in outputs]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = None
            waiting += [read.op for read in operation.inputs]
            waiting += operation.control_inputs
    return set(found)


def _held(
    session: Any, loose: Sequence[Any], needed: set[str], name: str
) -> tuple[Arrays, dict[str, tuple[Any, Any]]]:
    """Return {operation name: value} of all variables, and keys and values of tables."""
    import tensorflow as tf

    fetches = {**_listed(session.graph), **{op.name: _read(op, name) for op in loose}}
    try:
        values = dict(session.run(fetches)) if fetches else {}
        return values, contents(session, needed, _NAMES)
    except (tf.errors.FailedPreconditionError, tf.errors.AbortedError) as error:
        raise ModelError(
            f"{name}: a variable has no value, or a lookup table: {reason(error)}"
        ) from None


def _read(operation: Any, name: str) -> Any:
    """Return a tensor with the value of a variable."""
    import tensorflow as tf

    if operation.type in REFERENCES:
        return operation.outputs[0]
    handle = operation.outputs[0]
    reads = [reader for reader in handle.consumers() if reader.type == "ReadVariableOp"]
    if reads:
        return reads[0].outputs[0]
    dtype = tf.dtypes.as_dtype(operation.get_attr("dtype"))
    if operation.graph.finalized:
        raise ModelError(
            f"{name}: the variable {operation.name!r} is in no collection, and its graph, which is "
            "finalized, has nothing that reads it: return the session before it is finalized"
        )
    with operation.graph.as_default(), tf.compat.v1.name_scope(_NAMES):
        return tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)


def _assign(session: Any, values: Arrays) -> None:
    """Give the variables of a session's graph their values."""
    for name, variable in _listed(session.graph).items():
        # Feeding the initial value adds no operation to the team's graph.
        session.run(variable.initializer, {variable.initializer.inputs[1]: values[name]})


def _copy(
    graph: Any,
    tensors: Sequence[Any],
    kept: Sequence[str],
    values: Arrays,
    tables: Mapping[str, tuple[Any, Any]],
) -> Any:
    """Return a graph with what these tensors need, its variables in the usual collection."""
    import tensorflow as tf

    v1 = tf.compat.v1
    whole = graph.as_graph_def()
    there = {node.name for node in whole.node}
    fills = [] if tables else initializers(graph)
    wanted = [*(tensor.op.name for tensor in tensors), *(op.name for op in fills)]
    wanted += [name for name in kept if name in there]
    copy = tf.Graph()
    with copy.as_default():
        tf.import_graph_def(only(whole, wanted), name="")
        for operation in list(copy.get_operations()):
            if operation.type in REFERENCES | HANDLES:
                variable = _variable(operation, values[operation.name])
                v1.add_to_collection(v1.GraphKeys.GLOBAL_VARIABLES, variable)
        filled = [copy.get_operation_by_name(operation.name) for operation in fills]
        with v1.name_scope(_NAMES):
            filled += [fill(copy.get_operation_by_name(n), *held) for n, held in tables.items()]
        for operation in filled:
            v1.add_to_collection(v1.GraphKeys.TABLE_INITIALIZERS, operation)
    return copy


def _named_read(operation: Any, dtype: Any) -> Any:
    """Return what reads a variable, under the name that TensorFlow's converter asks for."""
    import tensorflow as tf

    name = f"{operation.name}/Read/ReadVariableOp"
    try:
        return operation.graph.get_tensor_by_name(f"{name}:0")
    except KeyError:
        with tf.compat.v1.name_scope(f"{operation.name}/Read/"):
            return tf.raw_ops.ReadVariableOp(resource=operation.outputs[0], dtype=dtype)


def _variable(operation: Any, value: Any) -> Any:
    """Return a `tf.Variable` of an operation that holds one, with what assigns and reads it."""
    import tensorflow as tf
    from tensorflow.core.framework import variable_pb2
    from tensorflow.python.ops.resource_variable_ops import ResourceVariable

    raw, held = tf.raw_ops, operation.outputs[0]
    with tf.compat.v1.name_scope(f"{_NAMES}/{operation.name}/"):
        initial = tf.zeros(value.shape, tf.dtypes.as_dtype(operation.get_attr("dtype")))
        if operation.type in HANDLES:
            assign = raw.AssignVariableOp(resource=held, value=initial)
            read = _named_read(operation, initial.dtype)
        else:
            assign = raw.Assign(ref=held, value=initial, validate_shape=False).op
            read = tf.identity(held)
    definition = variable_pb2.VariableDef(
        variable_name=held.name,
        initial_value_name=initial.name,
        initializer_name=assign.name,
        snapshot_name=read.name,
        is_resource=operation.type in HANDLES,
        trainable=True,
    )
    # The class that TensorFlow offers reads each of them as one of TensorFlow 1's kind.
    kind = ResourceVariable if definition.is_resource else tf.compat.v1.Variable
    return kind.from_proto(definition)
