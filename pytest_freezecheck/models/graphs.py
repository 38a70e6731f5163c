"""Reading a GraphDef: what an output is computed from. Needs no TensorFlow of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def ancestors(definition: Any, outputs: Sequence[str]) -> set[str]:
    """Return the names of the operations that the outputs are computed from.

    Args:
        definition: a `GraphDef`.
        outputs: names of operations or tensors.
    """
    inputs = {n.name: [x.split(":")[0].lstrip("^") for x in n.input] for n in definition.node}
    found: set[str] = set()
    waiting = [name.split(":")[0] for name in outputs]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(inputs[name])
    return found


def only(definition: Any, outputs: Sequence[str]) -> Any:
    """Return a copy of a GraphDef that holds what these outputs are computed from.

    Wishes to lie on the device of another operation are dropped, which may be gone.
    """
    needed = ancestors(definition, outputs)
    kept = type(definition)(versions=definition.versions, library=definition.library)
    for node in definition.node:
        if node.name in needed:
            copy = kept.node.add()
            copy.CopyFrom(node)
            copy.attr.pop("_class", None)
    return kept
