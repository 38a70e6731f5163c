"""What is known of each node of a graph, or of one call of a function; of branches, and loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.formats.refusal.reach import Place
from pytest_freezecheck.formats.refusal.spans import (
    ANYTHING,
    DEAD,
    Span,
    computed,
    joined,
    of_array,
)
from pytest_freezecheck.models.graphdef import operation_of

if TYPE_CHECKING:
    from pytest_freezecheck.formats.refusal.chance import Chance

_SWITCH = frozenset({"Switch", "RefSwitch"})
_MERGE = frozenset({"Merge", "RefMerge"})
_NEXT = frozenset({"NextIteration", "RefNextIteration"})
_IF = frozenset({"If", "StatelessIf", "_If"})
_WHILE = frozenset({"While", "StatelessWhile", "_While"})
_CASE = frozenset({"Case", "StatelessCase"})
_CALL = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
#: Where the numbers lie that these draw; what is drawn otherwise may be any.
_DRAWN = {
    "RandomUniform": (0.0, 1.0 - 2.0**-24),
    "RandomStandardNormal": (-10.0, 10.0),
    "TruncatedNormal": (-2.0, 2.0),
}
#: An output of a node by its name in a function.
_OUTPUTS = {"output_false": 0, "output_true": 1, "value_index": 1}


class Frame:
    """The nodes of the graph, or of one call of a function, with what is known of each.

    Args:
        chance: what is followed through.
        nodes: {name: `NodeDef`}.
        arguments: {name: what is known of it}.
        function: name of the function.
    """

    def __init__(
        self,
        chance: Chance,
        nodes: Mapping[str, Any],
        arguments: Mapping[str, Span],
        function: str | None,
    ) -> None:
        self._chance, self._nodes, self._arguments = chance, nodes, arguments
        self._function = function
        self._known: dict[str, list[Span]] = {}
        #: What comes back to the beginning of a loop of TensorFlow 1's.
        self._back: dict[str, Span] = {}

    def of(self, outputs: Sequence[str]) -> list[Span]:
        """Return what is known of these tensors."""
        order = list(self._ordered(outputs))
        loops = [name for name in order if self._nodes[name].op in _NEXT]
        while True:
            for name in order:
                self._known[name] = self._computed(self._nodes[name])
            changed = False
            for name in loops:
                before, now = self._back.get(name, DEAD), self._known[name][0]
                # Not a number more each time round, for ever: what changes may be any.
                widened = now if before.dead else joined([before, now])
                if widened != before:
                    changed = True
                    wide = not before.dead and (widened.low, widened.high) != (
                        before.low,
                        before.high,
                    )
                    self._back[name] = Span(drawn=widened.drawn) if wide else widened
            if not changed:
                return [self._span(name) for name in outputs]

    def _ordered(self, outputs: Sequence[str]) -> Iterator[str]:
        """Yield the names of nodes, each after what it is computed from, but for loops.

        What comes back to the beginning of a loop follows what has begun there.
        """
        met: set[str] = set()
        roots = [_node(name) for name in outputs]
        for root in roots:  # grows as it is walked
            waiting = [(root, False)]
            while waiting:
                name, done = waiting.pop()
                if done:
                    yield name
                elif name in self._nodes and name not in met:
                    met.add(name)
                    waiting.append((name, True))
                    before = [_node(i) for i in self._nodes[name].input]
                    back = {b for b in before if b in self._nodes and self._nodes[b].op in _NEXT}
                    roots += sorted(back)
                    waiting += [(b, False) for b in before if b not in back]

    def _span(self, name: str) -> Span:
        """Return what is known of a tensor."""
        node, *rest = name.lstrip("^").split(":")
        if node not in self._nodes:
            return self._arguments.get(node, ANYTHING)
        if self._nodes[node].op in _NEXT and node in self._back:
            return self._back[node]
        spans = self._known.get(node)
        if spans is None:  # of the other end of a loop, the first time round
            return DEAD
        number = _OUTPUTS.get(rest[0], 0) if len(rest) > 1 else 0
        if rest and rest[-1].isdigit():
            number = max(number, int(rest[-1]))
        return spans[min(number, len(spans) - 1)]

    def _computed(self, node: Any) -> list[Span]:
        """Return what is known of the outputs of a node; of several, one for all if alike."""
        fed = self._chance.fed(node.name) if self._function is None else None
        if fed is not None:
            return [fed]
        inputs = [self._span(name) for name in node.input if not name.startswith("^")]
        waits = [self._span(name) for name in node.input if name.startswith("^")]
        if node.op in _MERGE:
            return [joined(inputs)]
        if any(span.dead for span in [*inputs, *waits]):
            return [DEAD]
        place = Place(node, self._function)
        first = self._nodes.get(_node(node.input[0])) if node.input else None
        self._chance.keep(place, "" if first is None else first.op)
        drawn = self._chance.source(place)
        if drawn is not None:
            low, high = _DRAWN.get(node.op, (ANYTHING.low, ANYTHING.high))
            return [Span(low, high, drawn)]
        if node.op in _SWITCH and len(inputs) == 2:
            return _switched(*inputs)
        if node.op == "Const":
            return [_constant(node)]
        called = _functions(node)
        if called or self._chance.holds(node.op):
            return self._called(node, inputs, called) or [joined([ANYTHING])]
        to = node.attr["DstT"].type if node.op == "Cast" and "DstT" in node.attr else 0
        return [computed(node.op, inputs, _name_of(to))]

    def _called(
        self, node: Any, inputs: Sequence[Span], called: Mapping[str, list[str]]
    ) -> list[Span]:
        """Return what is known of the results of what calls functions."""
        call = self._chance.call
        if self._chance.holds(node.op):
            return call(node.op, inputs)
        if node.op in _CALL and "f" in called:
            return call(called["f"][0], inputs)
        if node.op in _IF and inputs and {"then_branch", "else_branch"} <= called.keys():
            branches = [called["else_branch"][0], called["then_branch"][0]]
            return self._taken(inputs, branches)
        if node.op in _CASE and inputs and "branches" in called:
            return self._taken(inputs, called["branches"])
        if node.op in _WHILE and {"cond", "body"} <= called.keys():
            return self._looped(inputs, called["cond"][0], called["body"][0])
        drawn = next((span.drawn for span in inputs if span.drawn), None)
        for name in (name for names in called.values() for name in names):
            given = [ANYTHING.by(drawn)] * 64  # as many as it takes
            drawn = drawn or next((s.drawn for s in call(name, given) if s.drawn), None)
        return [ANYTHING.by(drawn)]

    def _taken(self, inputs: Sequence[Span], branches: Sequence[str]) -> list[Span]:
        """Return what is known of the results of one of several functions."""
        which, *given = inputs
        if which.known:
            number = int(which.low)
            known = 0 <= number < len(branches)
            branches = [branches[number] if known else branches[-1]]
        results = [self._chance.call(name, given) for name in branches]
        each = [joined(spans) for spans in zip(*results, strict=False)]
        return each if which.known else [span.by(span.drawn or which.drawn) for span in each]

    def _looped(self, inputs: Sequence[Span], cond: str, body: str) -> list[Span]:
        """Return what is known of the results of a loop of TensorFlow 2's."""
        spans = list(inputs)
        while True:
            asked = self._chance.call(cond, spans)
            if asked and asked[0].known and not asked[0].low:
                return spans  # it is not entered
            again = self._chance.call(body, spans)
            after = [
                _widened(old, new, asked[0].drawn if asked else None)
                for old, new in zip(spans, again, strict=False)
            ]
            if after == spans or len(after) != len(spans):
                return spans
            spans = after


def _widened(old: Span, new: Span, drawn: str | None) -> Span:
    both = joined([old, new])
    if (both.low, both.high) != (old.low, old.high):
        both = Span(drawn=both.drawn)
    return both.by(both.drawn or drawn)


def _switched(data: Span, which: Span) -> list[Span]:
    if which.known:
        return [DEAD, data] if which.low else [data, DEAD]
    return [data.by(data.drawn or which.drawn)] * 2


def _constant(node: Any) -> Span:
    from tensorflow.python.framework import tensor_util

    held = node.attr["value"].tensor
    if held.ByteSize() > 4096:  # weights: that they are steady is enough
        return ANYTHING
    try:
        return of_array(tensor_util.MakeNdarray(held))
    except (TypeError, ValueError):
        return ANYTHING


def _functions(node: Any) -> dict[str, list[str]]:
    """Return {attribute: functions that it names}."""
    found = {}
    for key, value in node.attr.items():
        names = [value.func.name] if value.HasField("func") else []
        names += [function.name for function in value.list.func]
        if names:
            found[key] = names
    return found


def _node(name: str) -> str:
    return operation_of(name)


def _name_of(number: int) -> str:
    from tensorflow.core.framework import types_pb2

    known = types_pb2.DataType.Name(number) if number in types_pb2.DataType.values() else ""
    return str(known).removeprefix("DT_").lower()
