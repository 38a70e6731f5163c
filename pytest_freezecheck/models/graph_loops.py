"""Loops as one operation each; of TensorFlow 1, `Enter`, `Merge`, `Switch` and `Exit` together.

A loop hands values on to its next turn through `NextIteration`, which makes its graph a circle
(https://arxiv.org/abs/1805.01772, section 4.1). Read from an exit, each `Merge` becomes a variable,
and the loop what it starts from, its condition and what a turn makes of the variables: what `While`
of TensorFlow 2 says outright.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.models.graphdef import operation_of

_MERGE = ("Merge", "RefMerge")
_NEXT = ("NextIteration", "RefNextIteration")
_SWITCH = ("Switch", "RefSwitch")
#: What stands in a branch that is never taken.
_NEVER = "tf:never"


def read_loop(reader: Any, exit_node: Any) -> Node:
    """Return what a loop leaves at an exit.

    Args:
        reader: of the graph that it is in.
        exit_node: its `NodeDef`.

    Raises:
        ArtifactError: it is not built as `tf.while_loop` builds one.
    """
    switch = _only(reader, exit_node.input[0], _SWITCH)
    merge = _only(reader, switch.input[0], _MERGE)
    condition_node = switch.input[1]
    merges = _merges(reader, merge, condition_node)
    inner = reader.inside()
    places = [loop_variable(reader.arena, reader.depth, n) for n in range(len(merges))]
    for node, place in zip(merges, places, strict=True):
        inner.found[f"{node.name}:0"] = place
        for other in reader.nodes.values():
            if other.op in _SWITCH and operation_of(other.input[0]) == node.name:
                inner.found[f"{other.name}:1"] = place
    starts, nexts = [], []
    for node in merges:
        back = [r for r in node.input if reader.nodes[operation_of(r)].op in _NEXT]
        ahead = [r for r in node.input if r not in back]
        if len(back) != 1 or len(ahead) != 1:
            raise ArtifactError(f"{node.name} is no beginning of a loop")
        starts.append(reader.node(ahead[0]))
        nexts.append(inner.node(reader.nodes[operation_of(back[0])].input[0]))
    loop_condition = reader.nodes[operation_of(condition_node)]
    condition = inner.node(loop_condition.input[0])
    order = loop_order(condition, nexts, places, list(range(len(places))), merges.index(merge))
    return loop(reader.arena, reader.depth, condition, nexts, places, starts, order, exit_node.name)


def _only(reader: Any, name: str, kinds: tuple[str, ...]) -> Any:
    node = reader.nodes.get(operation_of(name))
    while node is not None and node.op in ("Identity", "RefIdentity"):
        node = reader.nodes.get(operation_of(node.input[0]))
    if node is None or node.op not in kinds:
        raise ArtifactError(f"{name} belongs to a loop that is built in a way of its own")
    return node


def _merges(reader: Any, first: Any, condition: str) -> list[Any]:
    """Return the beginnings of all variables of the loop with this condition."""
    name = operation_of(condition)
    found = [first]
    for node in reader.nodes.values():
        if node.op not in _SWITCH or operation_of(node.input[1]) != name:
            continue
        merge = reader.nodes.get(operation_of(node.input[0]))
        if merge is not None and merge.op in _MERGE and merge not in found:
            found.append(merge)
    return found


def decided(arena: Arena, op: str, reads: list[Node], port: int) -> Node | None:
    """Return what a branch of TensorFlow 1 comes to whose condition is a constant.

    What stands in the branch that is never taken has no value, nor has what reads it; where the two
    meet is the value of the other one.

    Args:
        arena: where nodes are made.
        op: type of the operation.
        reads: what it reads.
        port: which of its outputs.

    Returns:
        None of what stands in no such branch, and does not part or join two.
    """
    if op in _MERGE:
        taken = [read for read in reads if read.op != _NEVER]
        return taken[0] if len(taken) == 1 and len(reads) > 1 and not port else None
    never = arena.make(_NEVER)
    if never in reads:
        return never
    chosen = reads[1].value if op in _SWITCH else None
    if chosen is None or chosen.array.dtype != bool or chosen.array.size != 1:
        return None
    return reads[0] if bool(chosen.array.all()) == bool(port) else never


def loop_variable(arena: Arena, depth: int, number: int) -> Node:
    """Return what stands for one of the values that a loop hands on to its next turn."""
    return arena.make("tf:Turn", (), {"depth": depth, "number": number})


class Replacer:
    """Writes expressions anew with other nodes in the place of some.

    Args:
        arena: where they are made.
        others: {id of a node: the node in its place}.
        given: returns the operation that a node is to be, and attributes that it is to have in
            place of its own, None for one that it is not to have; or None to leave it.
    """

    def __init__(
        self,
        arena: Arena,
        others: Mapping[int, Node],
        given: Callable[[Node], tuple[str, Mapping[str, Any]] | None] | None = None,
    ) -> None:
        self.arena, self.done = arena, dict(others)
        self.given = given or (lambda _: None)

    def __call__(self, node: Node) -> Node:
        """Return an expression with the others in place."""
        if id(node) in self.done:
            return self.done[id(node)]
        for part in walk([node]):
            if id(part) in self.done:
                continue
            inputs = tuple(self.done[id(read)] for read in part.inputs)
            same = all(a is b for a, b in zip(inputs, part.inputs, strict=True))
            given = self.given(part)
            if same and given is None:
                self.done[id(part)] = part
                continue
            op, others = given or (part.op, {})
            attributes = {**dict(part.attributes), **others}
            self.done[id(part)] = self.arena.make(
                op,
                inputs,
                {name: value for name, value in attributes.items() if value is not None},
                shape=part.shape,
                dtype=part.dtype,
                origin=part.origin,
            )
        return self.done[id(node)]


def loop_order(
    condition: Node, body: list[Node], places: list[Node], kept: list[int], port: int
) -> list[int]:
    """Return the numbers of a loop's variables, in the order in which they are met.

    The same loop may list them in another order, and more of them than its answer needs.
    """
    numbers = {id(places[n]): n for n in kept}
    order = [port]
    waiting = [port]
    for node in walk([condition]):
        number = numbers.get(id(node))
        if number is not None and number not in order:
            order.append(number)
            waiting.append(number)
    while waiting:
        for node in walk([body[waiting.pop(0)]]):
            number = numbers.get(id(node))
            if number is not None and number not in order:
                order.append(number)
                waiting.append(number)
    return order


def loop(
    arena: Arena,
    depth: int,
    condition: Node,
    body: list[Node],
    places: list[Node],
    starts: list[Node],
    order: list[int],
    origin: str,
) -> Node:
    """Return a loop as one operation: what it starts from, its condition, and what a turn makes."""
    others = {
        id(places[number]): loop_variable(arena, depth, place) for place, number in enumerate(order)
    }
    replaced = Replacer(arena, others)
    parts = [replaced(condition), *(replaced(body[n]) for n in order)]
    return arena.make(
        "tf:Loop", (*parts, *(starts[n] for n in order)), {"depth": depth}, origin=origin
    )
