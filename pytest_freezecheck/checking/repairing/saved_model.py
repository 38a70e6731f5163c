"""A SavedModel with other values in its variables or constants; signatures and names stay."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.checking.repairing.graph import names_in, replace_constants
from pytest_freezecheck.checking.repairing.plan import Plan, not_found
from pytest_freezecheck.errors import RepairError
from pytest_freezecheck.formats.saved_model.file import read_graphs, write_graphs
from pytest_freezecheck.formats.saved_model.signatures import SignedModel
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.report.causes import CAUSES

#: The key under which a checkpoint of objects has its names.
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_PREFIX = "variables"
#: A digest of the whole, which is of no use beside other contents.
_FINGERPRINT = "fingerprint.pb"


def mend_saved_model(frozen: SignedModel, plan: Plan, target: Path) -> list[str]:
    """Copy the folder, with the right values in its variables or constants.

    Args:
        frozen: the artifact.
        plan: what to change.
        target: the folder to write.

    Returns:
        What was changed, a line for each.

    Raises:
        RepairError: other operations would be needed, or a weight is in the folder under no name.
    """
    if plan.operations or plan.fed:
        raise RepairError(
            "cannot be mended: operations differ, and those of a SavedModel are not rewritten\n"
            f"  fix, in the exporting script: {CAUSES[plan.causes[0]].fix}"
        )
    shutil.copytree(frozen.path, target)
    variables, constants = _divided(frozen, plan)
    changed = []
    if variables:
        changed += _write_variables(target / _PREFIX, variables, plan)
    if constants:
        changed += _write_constants(target, Plan(plan.causes, constants))
    (target / _FINGERPRINT).unlink(missing_ok=True)
    return changed


def _divided(frozen: SignedModel, plan: Plan) -> tuple[dict[str, tuple[Any, Any]], dict[str, Any]]:
    """Return {variable: its value now and the right one}, and {constant: the right value}."""
    held = frozen.weights()
    named = names_in(held)
    variables: dict[str, tuple[Any, Any]] = {}
    constants: dict[str, Any] = {}
    for name, value in plan.weights.items():
        there = named(name)
        if there is None:
            constants[name] = value
        elif held[there].shape == value.shape and held[there].dtype == value.dtype:
            variables[there] = held[there], value
        else:
            raise not_found([name], plan.causes)
    return variables, constants


def _write_variables(folder: Path, values: Mapping[str, tuple[Any, Any]], plan: Plan) -> list[str]:
    """Write the checkpoint anew: every key as it was, but for these values.

    Raises:
        RepairError: it is not certain which key holds a variable.
    """
    import tensorflow as tf

    prefix = folder / _PREFIX
    reader = tf.train.load_checkpoint(str(prefix))
    content = {key: reader.get_tensor(key) for key in sorted(reader.get_variable_to_shape_map())}
    keys = _keys(content)
    changed, lost = [], []
    for name, (now, right) in values.items():
        key = keys.get(name, name)
        if key not in content or not _same(content[key], now):
            # A loader may call a variable otherwise; a value that only one key has is that one's.
            among = [k for k, value in content.items() if _same(value, now)]
            if len(among) != 1:
                lost.append(name)
                continue
            key = among[0]
        content[key] = right
        changed.append(f"variable {name}")
    if lost:
        raise not_found(lost, plan.causes)
    _save(folder, content)
    return changed


def _keys(content: Arrays) -> dict[str, str]:
    """Return {variable's name: key}, as far as a checkpoint of objects tells; no name twice."""
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    if _OBJECTS not in content:
        return {}
    objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(content[_OBJECTS])
    pairs = [(a.full_name, a.checkpoint_key) for node in objects.nodes for a in node.attributes]
    names = [name for name, _ in pairs]
    return {name: key for name, key in pairs if names.count(name) == 1}


def _save(folder: Path, content: Mapping[str, Any]) -> None:
    import numpy as np
    import tensorflow as tf

    v1 = tf.compat.v1
    for old in folder.glob(f"{_PREFIX}.*"):
        old.unlink()
    # In a session, which also works in a process whose team has disabled TensorFlow 2's behaviour;
    # and fed, since constants of a graph hold no more than 2 GB.
    # Bytes as objects: NumPy's own strings lose the zeros at their end.
    values = [
        np.asarray(value, object if isinstance(value, bytes) else None)
        for value in content.values()
    ]
    with v1.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        kinds = [tf.string if value.dtype.kind in "OS" else value.dtype for value in values]
        fed = [v1.placeholder(k, v.shape) for k, v in zip(kinds, values, strict=True)]
        save = tf.raw_ops.SaveV2(
            prefix=str(folder / _PREFIX),
            tensor_names=list(content),
            shape_and_slices=[""] * len(content),
            tensors=fed,
        )
        session.run(save, dict(zip(fed, values, strict=True)))


def _write_constants(target: Path, plan: Plan) -> list[str]:
    """Replace constants of the graph, or of the functions that stand for the signature.

    Raises:
        RepairError: one is not there, or in several functions of which one is of another shape.
    """
    saved = read_graphs(target)
    changed: dict[str, None] = {}
    done: set[str] = set()
    for meta_graph in saved.meta_graphs:
        graph = meta_graph.graph_def
        for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
            constants = {node.name: node for node in nodes if node.op == "Const"}
            named = names_in(constants)
            here = {n: value for n, value in plan.weights.items() if named(n) is not None}
            lines = replace_constants(constants, Plan(plan.causes, here), named)
            changed.update(dict.fromkeys(lines))
            done.update(here)
    lost = [name for name in plan.weights if name not in done]
    if lost:
        raise not_found(lost, plan.causes)
    write_graphs(target, saved)
    return list(changed)


def _same(one: Any, other: Any) -> bool:
    if not hasattr(one, "tobytes"):
        return False
    return bool(
        one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    )
