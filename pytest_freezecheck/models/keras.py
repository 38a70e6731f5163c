"""A Keras 3 model as a live model: its inference graph and its variables, in a session.

The graph is the one that Keras traces for inference, and the variables have the values that the
model holds when it is handed over. So everything that a live model of TensorFlow 1 is asked, this
one is asked too: its gradients, its weights, what it would answer with others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.models.batching import fixed_rows, static_shape
from pytest_freezecheck.models.placeholders import make_placeholders
from pytest_freezecheck.models.session import plain_config, plain_eager
from pytest_freezecheck.spec.inputs import Constant, InputSpec, divided


def is_keras(value: Any) -> bool:
    """Return whether this is a model of Keras 3, without importing Keras."""
    return any(
        kind.__module__.split(".")[0] == "keras" and kind.__name__ == "Model"
        for kind in type(value).__mro__
    )


def names_of(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return {input name: KerasTensor} and {output name: KerasTensor} of a functional model.

    Outputs have the names of the layers that they come from, as `model.export` has them.

    Raises:
        ModelError: the model was never built, or is not of layers with known inputs.
    """
    try:
        inputs, outputs = list(model.inputs), list(model.outputs)
        # A sequential model has none, and one output.
        names = list(getattr(model, "output_names", None) or [model.layers[-1].name])
    except (AttributeError, ValueError, TypeError) as error:
        raise ModelError(
            f"{model.name}: a Keras model whose inputs are not known cannot be checked; build it "
            f"with keras.Input: {reason(error)}"
        ) from None
    if len(set(names)) != len(names):
        names = [tensor.name for tensor in outputs]
    return {tensor.name: tensor for tensor in inputs}, dict(zip(names, outputs, strict=True))


def keys_of(model: Any) -> dict[str, str]:
    """Return {output name: key} of a model that answers a dictionary; else nothing.

    `model.export` and TFLite name outputs by those keys, archives by the layers that answer.
    """
    structure = getattr(model, "_outputs_struct", None)
    if not isinstance(structure, dict):
        return {}
    _, outputs = names_of(model)
    places = {id(tensor): key for key, tensor in structure.items()}
    found = {name: places.get(id(tensor)) for name, tensor in outputs.items()}
    return {name: key for name, key in found.items() if isinstance(key, str)}


def traced(model: Any, shapes: Mapping[str, tuple[int | None, ...]] | None = None) -> Any:
    """Return a `tf.function` of {input name: tensor} to {output name: tensor}, for inference.

    Args:
        model: a functional or sequential `keras.Model`.
        shapes: {input name: shape without the batch}, of inputs whose own shape leaves more open.
    """
    import tensorflow as tf

    inputs, outputs = names_of(model)
    known = shapes or {}
    signature = {
        n: tf.TensorSpec([t.shape[0], *known.get(n, t.shape[1:])], t.dtype, name=n)
        for n, t in inputs.items()
    }

    def infer(tensors: Mapping[str, Any]) -> dict[str, Any]:
        given = [tensors[name] for name in inputs]
        answer = model(_like(model.inputs, given), training=False)
        flat = tf.nest.flatten(answer)
        return dict(zip(outputs, flat, strict=True))

    return tf.function(infer, input_signature=[signature])


def _like(structure: Any, values: list[Any]) -> Any:
    return values[0] if len(structure) == 1 else values


def session_of(
    model: Any,
    specs: Mapping[str, InputSpec | Constant | Mapping[str, object]],
    *,
    name: str,
) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Take a Keras model as it is now, with inputs of the declared shapes.

    Args:
        model: a functional or sequential `keras.Model`, on TensorFlow.
        specs: {input name: InputSpec, or a mapping with its fields}.
        name: what messages and reports call it.

    Returns:
        A session, {input name: placeholder}, and {output name: tensor}.

    Raises:
        ModelError: Keras does not run on TensorFlow, the inputs are others, or the model's
            graph cannot be taken over.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    checked, fixed = divided(specs)
    _check(model, checked, fixed, name)
    with tf.init_scope(), plain_eager():
        shapes = {key: spec.dims for key, spec in checked.items()}
        concrete = traced(model, shapes).get_concrete_function()
        variables, constants, tables = _captured(model, concrete, name)
    graph = tf.Graph()
    with graph.as_default():
        # A dictionary is flattened in the order of its keys.
        fed = dict(zip(sorted(specs), _inputs(concrete), strict=True))
        placeholders = make_placeholders(checked, fixed_rows(map(static_shape, fed.values())))
        placeholders |= {
            key: v1.placeholder(fed[key].dtype, fed[key].shape, name=key) for key in fixed
        }
        mapped = {inner.name: placeholders[key] for key, inner in fed.items()}
        for inner, (path, value) in variables.items():
            variable = v1.get_variable(
                path, initializer=value, use_resource=True, trainable=value.dtype.kind == "f"
            )
            mapped[inner] = variable.handle
        for inner, value in constants.items():
            # Of a name that no other graph has by chance, as it would have `Const`.
            mapped[inner] = tf.constant(value, name=f"captured/{inner.split(':')[0]}")
        for inner, (keys, values) in tables.items():
            mapped[inner] = _table(keys, values)
        wanted = [tensor.name for tensor in concrete.structured_outputs.values()]
        try:
            tensors = tf.import_graph_def(
                concrete.graph.as_graph_def(), mapped, wanted, name="keras"
            )
            outputs = dict(zip(concrete.structured_outputs, tensors, strict=True))
            session = v1.Session(graph=graph, config=plain_config())
            session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        except (ValueError, tf.errors.OpError) as error:
            raise ModelError(f"{name}: its graph cannot be taken over: {reason(error)}") from None
    return session, placeholders, outputs


def _captured(
    model: Any, concrete: Any, name: str
) -> tuple[dict[str, tuple[str, Any]], dict[str, Any], dict[str, tuple[Any, Any]]]:
    """Return what a function reads besides its inputs, each {tensor: ...}.

    Variables with their path and value; constants, which is what a layer keeps as a tensor
    (`Normalization` its mean and variance); lookup tables (`StringLookup`) with keys and values.
    """
    held = {id(v.value.handle): (v.path, v.numpy()) for v in model.variables}
    looked_up = _tables(model)
    variables, constants, tables, unknown = {}, {}, {}, 0
    for outer, inner in concrete.graph.captures:
        if id(outer) in held:
            variables[inner.name] = held[id(outer)]
        elif id(outer) in looked_up:
            tables[inner.name] = looked_up[id(outer)]
        elif hasattr(outer, "numpy") and outer.dtype.name not in ("resource", "variant"):
            constants[inner.name] = outer.numpy()
        else:
            unknown += 1
    if unknown:
        raise ModelError(
            f"{name}: the model reads {unknown} things that are no variables of its own, such "
            "as generators of random numbers; Keras models with those are not supported"
        )
    return variables, constants, tables


def _tables(model: Any) -> dict[int, tuple[Any, Any]]:
    """Return {id of a handle: keys and values} of the lookup tables of a model's layers."""
    found = {}
    layers = model._flatten_layers() if hasattr(model, "_flatten_layers") else model.layers
    for layer in layers:
        for table in vars(layer).values():
            if hasattr(table, "resource_handle") and hasattr(table, "export"):
                found[id(table.resource_handle)] = table.export()
    return found


def _table(keys: Any, values: Any) -> Any:
    """Return the handle of a table with these keys and values, in the default graph."""
    import tensorflow as tf

    pairs = tf.lookup.KeyValueTensorInitializer(
        keys.numpy(), values.numpy(), keys.dtype, values.dtype
    )
    # What it answers to other keys is asked of it with each key.
    default = tf.zeros([], values.dtype)
    return tf.lookup.StaticHashTable(pairs, default).resource_handle


def _check(model: Any, specs: Mapping[str, InputSpec], fixed: Mapping[str, Any], name: str) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"{name}: Keras runs on {keras.backend.backend()} here; the live model has to run on "
            "TensorFlow (KERAS_BACKEND=tensorflow)"
        )
    inputs, _ = names_of(model)
    if set(inputs) != {*specs, *fixed}:
        raise ModelError(
            f"{name}: the Keras model's inputs are {sorted(inputs)}, but specs are declared for "
            f"{sorted({*specs, *fixed})}"
        )
    for key, spec in specs.items():
        shape = tuple(inputs[key].shape[1:])
        pairs = list(zip(shape, spec.dims, strict=False))
        if len(shape) != len(spec.shape) or any(a not in (None, b) for a, b in pairs):
            raise ModelError(
                f"{name}: the Keras model's input {key!r} takes {shape}, without the batch; "
                f"declared is {spec.declared}"
            )


def _inputs(concrete: Any) -> list[Any]:
    """Return the placeholders of a function that are no captures."""
    captured = {id(inner) for _, inner in concrete.graph.captures}
    return [tensor for tensor in concrete.graph.inputs if id(tensor) not in captured]
