"""Lookup tables of a graph: what has to be run before they answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_freezecheck.models.graphs import called

_TABLES = frozenset({"HashTableV2", "HashTable", "MutableHashTableV2", "MutableHashTable"})
_FILLS = frozenset(
    {
        "InitializeTable",
        "InitializeTableV2",
        "InitializeTableFromTextFile",
        "InitializeTableFromTextFileV2",
        "InitializeTableFromDataset",
        "LookupTableImport",
        "LookupTableImportV2",
    }
)


def initializers(graph: Any) -> list[Any]:
    """Return the operations that fill the lookup tables of a graph.

    Those of the collection TABLE_INITIALIZERS, and, of tables that none of those fills, whatever
    reads the table and fills it: a SavedModel of TensorFlow 2, loaded into a session, has such
    operations in functions, and in no collection.

    Args:
        graph: a `tf.Graph`.
    """
    import tensorflow as tf

    listed = list(graph.get_collection(tf.compat.v1.GraphKeys.TABLE_INITIALIZERS))
    tables = [op for op in graph.get_operations() if op.type in _TABLES]
    if not tables:
        return listed
    filled = {read.op.name for op in _with_groups(listed) for read in op.inputs}
    library = {f.signature.name: f for f in graph.as_graph_def().library.function}
    found = [
        reader
        for table in tables
        if table.name not in filled
        for reader in table.outputs[0].consumers()
        if _fills(reader.node_def, library)
    ]
    return [*listed, *found]


def _with_groups(operations: Iterable[Any]) -> list[Any]:
    """Return operations, and those that they wait for: a group is filled by its members."""
    every: list[Any] = []
    waiting = list(operations)
    while waiting:
        operation = waiting.pop()
        if operation not in every:
            every.append(operation)
            waiting.extend(operation.control_inputs)
    return every


def _fills(node: Any, library: dict[str, Any]) -> bool:
    """Return whether an operation, or a function that it calls, fills a table."""
    waiting, met = [node], set()
    while waiting:
        current = waiting.pop()
        if current.op in _FILLS:
            return True
        for name in called(current):
            if name in library and name not in met:
                met.add(name)
                waiting.extend(library[name].node_def)
    return False
