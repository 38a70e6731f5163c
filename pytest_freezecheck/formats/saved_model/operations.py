"""What loading and serving a SavedModel would run, looked at before either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.formats.refusal.judged import READS, RESTORES
from pytest_freezecheck.formats.refusal.operations import LOADING, OUTPUT, refuse_places
from pytest_freezecheck.formats.refusal.reach import Reach
from pytest_freezecheck.models.graphdef import operation_of

_INIT = "__saved_model_init_op"
#: Names of an object's functions that `tf.saved_model.load` calls.
_CALLED = frozenset({"_create_resource", "_initialize", "_destroy_resource"})


def refuse_saved_model(meta_graph: Any, key: str, path: Path, allowed: Sequence[str] = ()) -> None:
    """Make sure that loading a SavedModel restores its own values and files, and no more.

    And that serving the signature is arithmetic.

    Args:
        meta_graph: the `MetaGraphDef` that is served.
        key: of the signature that is served.
        path: the folder, for messages.
        allowed: patterns of types that are not refused.

    Raises:
        ArtifactError: something else would run; the message names it.
    """
    definition = meta_graph.graph_def
    assets = frozenset(_assets(meta_graph))
    objects = meta_graph.object_graph_def
    # A session runs what the signature names, and `tf.saved_model.load` the function of that key.
    behind = list(signed(objects, key))
    bound = _bound(meta_graph, behind)
    served = Reach(definition)
    outputs = [info.name for info in meta_graph.signature_def[key].outputs.values()]
    refuse_places(
        served.places(outputs, behind),
        path,
        OUTPUT,
        allowed,
        lambda place, does: does == READS and served.comes_from(place, assets, bound),
    )
    called = list(_called(objects))
    bound = _bound(meta_graph, called)
    started = Reach(definition)
    refuse_places(
        started.places(_initial(meta_graph), called),
        path,
        LOADING,
        allowed,
        lambda place, does: does == READS and started.comes_from(place, assets, bound),
    )
    saver = meta_graph.saver_def
    restored = Reach(definition)
    filename = frozenset({_node(saver.filename_tensor_name)})
    refuse_places(
        restored.places([saver.restore_op_name]),
        path,
        LOADING,
        allowed,
        lambda place, does: does == RESTORES and restored.comes_from(place, filename),
    )


def asset_files(meta_graph: Any) -> Iterator[tuple[str, Path]]:
    """Yield (what it is, path from the folder) of each asset, for `refuse_outside`."""
    for asset in _asset_definitions(meta_graph):
        yield "its asset", Path("assets", asset.filename)


def _assets(meta_graph: Any) -> Iterator[str]:
    """Yield the names of the nodes that are fed with the paths of the folder's own files."""
    for asset in _asset_definitions(meta_graph):
        yield _node(asset.tensor_info.name)


def _asset_definitions(meta_graph: Any) -> Iterator[Any]:
    from tensorflow.core.protobuf import meta_graph_pb2

    yield from meta_graph.asset_file_def
    if "saved_model_assets" in meta_graph.collection_def:  # of TensorFlow 1's builder
        for held in meta_graph.collection_def["saved_model_assets"].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            held.Unpack(asset)
            yield asset


def _initial(meta_graph: Any) -> list[str]:
    """Return the names of the operations that both loaders run after restoring."""
    from tensorflow.core.framework import variable_pb2

    names = []
    if _INIT in meta_graph.signature_def:
        names += [info.name for info in meta_graph.signature_def[_INIT].outputs.values()]
    collections = meta_graph.collection_def
    for key in ("saved_model_main_op", "legacy_init_op", "table_initializer"):
        if key in collections:
            names += collections[key].node_list.value
    if "local_variables" in collections:
        for content in collections["local_variables"].bytes_list.value:
            names.append(variable_pb2.VariableDef.FromString(content).initializer_name)
    return names


def _bound(meta_graph: Any, functions: Iterable[str]) -> dict[str, set[str]]:
    """Return {function: its arguments that are bound to assets}."""
    objects = meta_graph.object_graph_def
    arguments = {
        f.signature.name: [a.name for a in f.signature.input_arg]
        for f in meta_graph.graph_def.library.function
    }
    bound: dict[str, set[str]] = {}
    for name in functions:
        captured = objects.concrete_functions[name].bound_inputs
        given = arguments.get(name, [])[-len(captured) :] if captured else []
        bound[name] = {
            argument
            for argument, number in zip(given, captured, strict=False)
            if objects.nodes[number].WhichOneof("kind") == "asset"
        }
    return bound


def signed(objects: Any, key: str) -> Iterator[str]:
    """Yield the names of the concrete functions behind a signature of an object."""
    for root in objects.nodes[:1]:
        for child in root.children:
            if child.local_name == "signatures":
                for each in objects.nodes[child.node_id].children:
                    if each.local_name == key:
                        yield from _concrete(objects, each.node_id)


def _called(objects: Any) -> Iterator[str]:
    """Yield the names of the concrete functions that `tf.saved_model.load` calls."""
    for held in objects.nodes:
        numbers: Sequence[int] = [c.node_id for c in held.children if c.local_name in _CALLED]
        for saveable in held.saveable_objects.values():
            numbers = [*numbers, saveable.save_function, saveable.restore_function]
        for number in numbers:
            yield from _concrete(objects, number)


def _concrete(objects: Any, number: int) -> Iterator[str]:
    """Yield the names of the concrete functions of an object."""
    node = objects.nodes[number]
    names = [*node.function.concrete_functions, node.bare_concrete_function.concrete_function_name]
    yield from (name for name in names if name in objects.concrete_functions)


def _node(name: str) -> str:
    return operation_of(name)
