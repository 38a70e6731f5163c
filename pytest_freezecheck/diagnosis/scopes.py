"""The same graph under another scope: `import/conv1/Conv2D` is `conv1/Conv2D`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_freezecheck.models.constant_graph import ConstantGraph

#: A scope is one of the whole graph if it stands before this share of the live graph's names.
_MOST = 0.3


def unscoped(graph: ConstantGraph, names: Collection[str]) -> ConstantGraph:
    """Return a graph without the scope that its nodes have and the live graph's have not.

    Args:
        graph: the frozen graph.
        names: of the nodes of the live graph.

    Returns:
        The graph with its nodes renamed, or as it is if no scope is on most of them.
    """
    here = {node.name for node in graph.definition.node}
    scopes = Counter(
        name.split("/", 1)[0]
        for name in here
        if "/" in name and name not in names and name.split("/", 1)[1] in names
    )
    if not scopes or scopes.most_common(1)[0][1] < _MOST * len(names):
        return graph
    scope = f"{scopes.most_common(1)[0][0]}/"
    renamed = {
        name: name.removeprefix(scope)
        for name in here
        if name.startswith(scope) and name.removeprefix(scope) not in here
    }
    definition = type(graph.definition)()
    definition.CopyFrom(graph.definition)
    for node in definition.node:
        node.name = renamed.get(node.name, node.name)
        read = [_renamed(name, renamed) for name in node.input]
        del node.input[:]
        node.input.extend(read)
    return dataclasses.replace(
        graph,
        definition=definition,
        inputs={name: _renamed(there, renamed) for name, there in graph.inputs.items()},
        outputs={name: _renamed(there, renamed) for name, there in graph.outputs.items()},
        constants={_renamed(name, renamed): value for name, value in graph.constants.items()},
    )


def _renamed(name: str, renamed: Mapping[str, str]) -> str:
    """Rename what a tensor's or a control input's name says."""
    mark = "^" if name.startswith("^") else ""
    node, colon, port = name.removeprefix("^").partition(":")
    return f"{mark}{renamed.get(node, node)}{colon}{port}"
