"""Lookup tables of a graph: what has to be run before they answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from pytest_freezecheck.models.graphdef import called

_TABLES = frozenset({"HashTableV2", "HashTable", "MutableHashTableV2", "MutableHashTable"})
#: What these hold can be read, and filled in again.
_READ = frozenset({"HashTableV2", "MutableHashTableV2"})
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


def contents(session: Any, names: Collection[str], scope: str) -> dict[str, tuple[Any, Any]]:
    """Return {operation name: keys and values} of lookup tables, as a session holds them.

    What fills a table is read from a file that may be another one by now, or stands elsewhere: a
    SavedModel has a copy of its own. So what counts is what the session holds.

    Args:
        session: a `tf.compat.v1.Session` whose tables are filled.
        names: of the operations whose tables are asked for.
        scope: a name for what has to be added to the session's graph to read them.

    Returns:
        Of those tables that can be read, sorted by keys: TensorFlow gives them in any order; of
        none where the graph is finalized.

    Raises:
        AbortedError: of TensorFlow's: a table was never filled.
    """
    import tensorflow as tf

    graph = session.graph
    found = [op for op in graph.get_operations() if op.type in _READ and op.name in names]
    if not found or graph.finalized:
        return {}
    with graph.as_default(), tf.compat.v1.name_scope(scope):
        reads = {
            op.name: tuple(
                tf.raw_ops.LookupTableExportV2(
                    table_handle=op.outputs[0],
                    Tkeys=tf.dtypes.as_dtype(op.get_attr("key_dtype")),
                    Tvalues=tf.dtypes.as_dtype(op.get_attr("value_dtype")),
                )
            )
            for op in found
        }
    return {name: _sorted(*held) for name, held in session.run(reads).items()}


def _sorted(keys: Any, values: Any) -> tuple[Any, Any]:
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


def fill(table: Any, keys: Any, values: Any) -> Any:
    """Add, to the graph of a table, the operation that fills it with these; return that.

    Args:
        table: the operation whose answer is the table's handle.
        keys: an array, (n,).
        values: an array, (n,).
    """
    import tensorflow as tf

    given = {
        "table_handle": table.outputs[0],
        "keys": tf.constant(keys, tf.dtypes.as_dtype(table.get_attr("key_dtype"))),
        "values": tf.constant(values, tf.dtypes.as_dtype(table.get_attr("value_dtype"))),
    }
    once = table.type == "HashTableV2"
    return (tf.raw_ops.InitializeTableV2 if once else tf.raw_ops.LookupTableImportV2)(**given)


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
