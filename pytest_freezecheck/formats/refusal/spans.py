"""What is known of a tensor without running anything: where its values lie, and who drew them.

Just enough of interval arithmetic to see that a dropout that is off (`floor(1.0 + drawn)`,
`drawn >= 0.0`, a factor of 0) is the same whatever is drawn.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pytest_freezecheck.models.graphdef import PASSING

#: The largest value that is followed, in every dtype a number.
_LARGE = 100.0


@dataclasses.dataclass(frozen=True)
class Span:
    """What is known of all values of a tensor.

    Attributes:
        low, high: the smallest and the largest that they may be.
        drawn: what drew the numbers that they depend on, in words; None if they are the same in
            each call.
        dead: whether it is never computed, as in a branch that is not taken.
    """

    low: float = -math.inf
    high: float = math.inf
    drawn: str | None = None
    dead: bool = False

    @property
    def known(self) -> bool:
        """Whether all values are one that is known."""
        return self.low == self.high and math.isfinite(self.low)

    def by(self, drawn: str | None) -> Span:
        """Return the same, drawn by somebody, unless it is known: then it does not matter.

        What may be large is not followed further: it may be infinite in a small dtype, and what is
        computed of that no number, of which no comparison is true.
        """
        if self.known or self.dead or drawn is None:
            return self
        if max(abs(self.low), abs(self.high)) > _LARGE:
            return Span(drawn=drawn)
        return dataclasses.replace(self, drawn=drawn)


ANYTHING, DEAD = Span(), Span(dead=True)
_NO, _YES, _EITHER = Span(0.0, 0.0), Span(1.0, 1.0), Span(0.0, 1.0)


def of_array(value: Any) -> Span:
    """Return the span of an array; of one without numbers, or of none, anything."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or not array.size:
        return ANYTHING
    low, high = float(array.min()), float(array.max())
    return ANYTHING if math.isnan(low + high) else Span(low, high)


def joined(spans: Iterable[Span]) -> Span:
    """Return what is known of a tensor that is one of these; nothing of those that are dead."""
    alive = [span for span in spans if not span.dead]
    if not alive:
        return DEAD
    low, high = min(s.low for s in alive), max(s.high for s in alive)
    return Span(low, high, next((s.drawn for s in alive if s.drawn), None))


def _ends(of: Callable[[float, float], float], a: Span, b: Span) -> Span:
    ends = [of(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return ANYTHING if any(map(math.isnan, ends)) else Span(min(ends), max(ends))


def _sum(a: Span, b: Span) -> Span:
    return Span(a.low + b.low, a.high + b.high)


def _difference(a: Span, b: Span) -> Span:
    return Span(a.low - b.high, a.high - b.low)


def _multiplied(a: Span, b: Span) -> Span:
    return _ends(lambda x, y: x * y, a, b)


def _divided(a: Span, b: Span) -> Span:
    if b.low <= 0.0 <= b.high:
        return ANYTHING
    return _ends(lambda x, y: x / y, a, b)


def _at_least(a: Span, b: Span) -> Span:
    return _YES if a.low >= b.high else _NO if a.high < b.low else _EITHER


def _above(a: Span, b: Span) -> Span:
    return _YES if a.low > b.high else _NO if a.high <= b.low else _EITHER


def _equal(a: Span, b: Span) -> Span:
    if a.known and b.known:
        return _YES if a.low == b.low else _NO
    return _NO if a.high < b.low or b.high < a.low else _EITHER


def _not(a: Span) -> Span:
    return Span(1.0 - a.high, 1.0 - a.low) if a.known else _EITHER


def _rounded(by: Callable[[float], int]) -> Callable[[Span], Span]:
    def of(a: Span) -> Span:
        low, high = (float(by(x)) if math.isfinite(x) else x for x in (a.low, a.high))
        return Span(low, high)

    return of


def _larger(a: Span, b: Span) -> Span:
    return Span(max(a.low, b.low), max(a.high, b.high))


def _smaller(a: Span, b: Span) -> Span:
    return Span(min(a.low, b.low), min(a.high, b.high))


_ONE: Mapping[str, Callable[[Span], Span]] = {
    "Floor": _rounded(math.floor),
    "Ceil": _rounded(math.ceil),
    "Neg": lambda a: Span(-a.high, -a.low),
    "LogicalNot": _not,
    "Relu": lambda a: Span(max(a.low, 0.0), max(a.high, 0.0)),
}
_TWO: Mapping[str, Callable[[Span, Span], Span]] = {
    "Add": _sum,
    "AddV2": _sum,
    "Sub": _difference,
    "Mul": _multiplied,
    "RealDiv": _divided,
    "Div": _divided,
    "GreaterEqual": _at_least,
    "Greater": _above,
    "LessEqual": lambda a, b: _at_least(b, a),
    "Less": lambda a, b: _above(b, a),
    "Equal": _equal,
    "NotEqual": lambda a, b: _not(_equal(a, b)),
    "LogicalAnd": _smaller,
    "LogicalOr": _larger,
    "Maximum": _larger,
    "Minimum": _smaller,
}
#: What hands on the values of its first input, or some of them, or in another shape.
_SAME = PASSING | {
    *("CheckNumericsV2", "Reshape", "ExpandDims", "Squeeze", "Transpose", "BroadcastTo", "Tile"),
    *("Enter", "Exit", "LoopCond", "NextIteration", "PlaceholderWithDefault", "DeepCopy"),
    *("StridedSlice", "Slice", "Gather", "GatherV2", "GatherNd", "Max", "Min"),
    *("RefEnter", "RefExit", "RefNextIteration", "RefIdentity", "ReadVariableOp"),
}
#: What tells of the shape of its input alone.
_OF_SHAPE = frozenset({"Shape", "ShapeN", "Size", "Rank"})
_INTEGERS = frozenset({"int32", "uint8", "int16", "int8", "int64", "uint16", "uint32", "uint64"})


def computed(kind: str, inputs: Sequence[Span], to: str = "") -> Span:
    """Return what is known of what an operation computes.

    Args:
        kind: its type.
        inputs: what is known of its inputs.
        to: name of the dtype, if it is a Cast.
    """
    drawn = next((span.drawn for span in inputs if span.drawn), None)
    if kind in ("Select", "SelectV2") and len(inputs) == 3:
        condition, *arms = inputs
        taken = joined(arms) if not condition.known else arms[0] if condition.low else arms[1]
        return taken.by(taken.drawn or condition.drawn)
    if kind in _OF_SHAPE:
        return ANYTHING
    if kind == "Fill" and len(inputs) == 2:
        return inputs[1]
    return _values(kind, inputs, to).by(drawn)


def _values(kind: str, inputs: Sequence[Span], to: str) -> Span:
    if kind in ("ZerosLike", "OnesLike"):
        return _NO if kind == "ZerosLike" else _YES
    if kind in _SAME and inputs:
        return Span(inputs[0].low, inputs[0].high)
    if kind == "Cast" and inputs:
        return _cast(inputs[0], to)
    if kind in _ONE and len(inputs) == 1:
        return _ONE[kind](inputs[0])
    if kind in _TWO and len(inputs) == 2:
        return _TWO[kind](*inputs)
    return ANYTHING


def _cast(span: Span, to: str) -> Span:
    if to == "bool":
        return _not(_equal(span, _NO))
    if to in _INTEGERS:
        return _rounded(math.trunc)(span)
    return Span(span.low, span.high)
