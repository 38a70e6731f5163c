"""A frozen GraphDef with other constants, attributes or operations; all names stay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.checking.repairing.grafting import attributes_apart, differing, graft
from pytest_freezecheck.checking.repairing.plan import Plan, not_found
from pytest_freezecheck.diagnosis.first_difference import bypassed, source
from pytest_freezecheck.errors import RepairError
from pytest_freezecheck.formats.graph_def.file import write_graph
from pytest_freezecheck.formats.graph_def.loader import FrozenGraphDef
from pytest_freezecheck.models.graphdef import ancestors, operation_of
from pytest_freezecheck.models.live import LiveModel

Named = Callable[[str], str | None]


def mend_graph(frozen: FrozenGraphDef, live: LiveModel, plan: Plan, target: Path) -> list[str]:
    """Write the file's own graph with what is planned changed.

    Args:
        frozen: the artifact.
        live: the live model, whose operations are taken.
        plan: what to change.
        target: the file to write.

    Returns:
        What was changed, a line for each.

    Raises:
        RepairError: something is not in the file under its name.
    """
    definition = type(frozen.definition)()
    definition.CopyFrom(frozen.definition)
    named = names_in({node.name for node in definition.node})
    changed = replace_constants({n.name: n for n in definition.node}, plan, named)
    changed += _defaults(definition, plan, named)
    if plan.operations:
        definition, more = _with_operations(definition, live, named, frozen.output_names)
        changed += more
    write_graph(target, definition, frozen.path)
    return changed


def names_in(there: Collection[str]) -> Named:
    """Return what gives the name that a node of the live graph has in a file.

    The whole graph may stand under a scope there, which a diagnosis leaves out.
    """
    ends: dict[str, list[str]] = {}
    for name in there:
        ends.setdefault(name.partition("/")[2], []).append(name)

    def named(name: str) -> str | None:
        if name in there:
            return name
        scoped = ends.get(name, [])
        return scoped[0] if len(scoped) == 1 else None

    return named


def replace_constants(nodes: dict[str, Any], plan: Plan, named: Named) -> list[str]:
    """Give constants their right values, in place.

    Args:
        nodes: {name: NodeDef}.
        plan: what to change.
        named: gives the name in the file.

    Raises:
        RepairError: there is no such constant, or it has another shape or dtype.
    """
    import tensorflow as tf

    changed, lost = [], []
    for name, value in plan.weights.items():
        node = nodes.get(named(name) or "")
        if node is None or node.op != "Const" or not _fits(node, value):
            lost.append(name)
            continue
        made = tf.make_tensor_proto(value, node.attr["dtype"].type, value.shape)
        node.attr["value"].tensor.CopyFrom(made)
        changed.append(f"constant {node.name}")
    if lost:
        raise not_found(lost, plan.causes)
    return changed


def _fits(node: Any, value: Any) -> bool:
    import tensorflow as tf

    tensor = node.attr["value"].tensor
    sizes = tuple(size.size for size in tensor.tensor_shape.dim)
    kind = tf.as_dtype(tensor.dtype).as_numpy_dtype
    return bool(sizes == value.shape and kind == value.dtype)


def _defaults(definition: Any, plan: Plan, named: Named) -> list[str]:
    """Give placeholders another default, each in a constant of its own."""
    import tensorflow as tf

    nodes = {node.name: node for node in definition.node}
    changed = []
    for tensor, value in plan.fed.items():
        node = nodes.get(named(operation_of(tensor)) or "")
        if node is None or node.op != "PlaceholderWithDefault":
            raise RepairError(
                f"cannot be mended: {operation_of(tensor)} has no default in the file; what it is "
                "fed is said in the artifact's table"
            )
        default = nodes[operation_of(node.input[0])]
        readers = [n for n in definition.node if default.name in map(operation_of, n.input)]
        if len(readers) > 1:
            mine = definition.node.add()
            mine.CopyFrom(default)
            mine.name = f"{node.name}/repaired_default"
            node.input[0], default = mine.name, mine
        made = tf.make_tensor_proto(value, default.attr["dtype"].type, value.shape)
        default.attr["value"].tensor.CopyFrom(made)
        changed.append(f"default of placeholder {node.name}")
    return changed


def _with_operations(
    definition: Any, live: LiveModel, named: Named, leaves: Sequence[str]
) -> tuple[Any, list[str]]:
    """Return a graph with operations as the live graph has them, and what was changed."""
    here = bypassed(live.constant_graph().definition)
    mine = {node.name: node for node in here.node}
    there = {node.name: node for node in definition.node}
    changed, others = [], []
    for name in differing(here, definition, named):
        node, wanted = there.get(named(name) or ""), mine.get(name)
        if node is None or wanted is None:
            others.append(name)
            continue
        apart = attributes_apart(_copy(wanted), _copy(node)) if node.op == wanted.op else ()
        reads = [named(operation_of(read)) for read in wanted.input]
        same = reads == [operation_of(source(read, there)) for read in node.input]
        if not apart or not same:
            others.append(name)
            continue
        for attribute in apart:
            _set_attribute(node, wanted, attribute)
            changed.append(f"attribute {attribute} of {node.name}")
    if not others:
        return definition, changed
    if any(named(name) not in (None, name) for name in mine):
        raise RepairError(
            "cannot be mended: operations differ, and the file has them under a scope of its own"
        )
    before = ancestors(definition, leaves)
    made = graft(here, definition, others, leaves)
    kept = {node.name for node in made.node}
    # What led nowhere before stays; what leads nowhere now would be an output.
    made.node.extend(n for n in definition.node if n.name not in kept and n.name not in before)
    return made, [*changed, *(f"operation {name}" for name in others)]


def _copy(node: Any) -> Any:
    made = type(node)()
    made.CopyFrom(node)
    return made


def _set_attribute(node: Any, wanted: Any, attribute: str) -> None:
    if attribute in wanted.attr:
        node.attr[attribute].CopyFrom(wanted.attr[attribute])
    elif attribute in node.attr:
        del node.attr[attribute]
