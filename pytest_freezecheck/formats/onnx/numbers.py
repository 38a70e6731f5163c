"""ONNX's functions of single numbers, of several operands, and summaries over axes."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.formats.onnx.call import (
    TABLE,
    Call,
    Translate,
    dtype_name,
    finite,
    operation,
)

_SAME_NAME = {
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Exp": "exp",
    "Log": "log",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Sin": "sin",
    "Cos": "cos",
    "Erf": "erf",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Abs": "abs",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Not": "logical_not",
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "Pow": "pow",
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "And": "logical_and",
    "Or": "logical_or",
    "Where": "select",
}
_EXCHANGED = {"Greater": "less", "GreaterOrEqual": "less_equal"}
_SEVERAL = {"Max": "maximum", "Min": "minimum", "Sum": "add"}
_REDUCTIONS = {
    "ReduceMean": "reduce_mean",
    "ReduceSum": "reduce_sum",
    "ReduceMax": "reduce_max",
    "ReduceMin": "reduce_min",
    "ReduceProd": "reduce_prod",
}
#: Those that are a summary of another function: what is before it, what it is, what is after it.
_COMPOSED = {
    "ReduceL1": ("abs", "reduce_sum", ""),
    "ReduceL2": ("square", "reduce_sum", "sqrt"),
    "ReduceSumSquare": ("square", "reduce_sum", ""),
    "ReduceLogSum": ("", "reduce_sum", "log"),
    "ReduceLogSumExp": ("exp", "reduce_sum", "log"),
}


def _named(name: str) -> Translate:
    return lambda call: call.op(name, *call.x)


def _exchanged(name: str) -> Translate:
    return lambda call: call.op(name, call.x[1], call.x[0])


def _several(name: str) -> Translate:
    def translate(call: Call) -> Node:
        total, *others = call.x
        for other in others:
            total = call.op(name, total, other)
        return total

    return translate


def _axes(call: Call) -> tuple[int, ...] | None:
    """Return the axes of a summary: all if none is named, unless that is for none."""
    axes, rank = call.axes(), call.rank
    if axes is None or rank is None:
        return None
    if not axes:
        return () if call.flag("noop_with_empty_axes", default=False) else tuple(range(rank))
    return tuple(axis % rank for axis in axes)


def _reduction(name: str, before: str = "", after: str = "") -> Translate:
    def translate(call: Call) -> Node | None:
        axes, x = _axes(call), call.at(0)
        exact = name in ("reduce_max", "reduce_min") and x.dtype not in ("", "bool")
        if axes is None or not (real(x) or exact):
            return None
        if not axes and (before or after):
            return None
        x = call.op(before, x) if before else x
        made = call.b.reduced(
            name, x, axes, keep=call.flag("keepdims", default=True), origin=call.name
        )
        return call.op(after, made) if after else made

    return translate


TABLE.update({there: _named(here) for there, here in _SAME_NAME.items()})
TABLE.update({there: _exchanged(here) for there, here in _EXCHANGED.items()})
TABLE.update({there: _several(here) for there, here in _SEVERAL.items()})
TABLE.update({there: _reduction(here) for there, here in _REDUCTIONS.items()})
TABLE.update({there: _reduction(o, b, a) for there, (b, o, a) in _COMPOSED.items()})


@operation("Identity")
def _same(call: Call) -> Node:
    return call.at(0)


@operation("Dropout")
def _dropout(call: Call) -> Node | None:
    training = call.has(2) and call.number(2) != 0.0
    return None if training or call.outputs > 1 else call.at(0)


@operation("Neg")
def _negated(call: Call) -> Node:
    return call.b.negative(call.at(0), call.name)


@operation("Mean")
def _mean(call: Call) -> Node | None:
    if not real(*call.x):
        return None
    total = _several("add")(call)
    return call.b.scaled(total, 1.0 / len(call.x), call.name) if isinstance(total, Node) else None


@operation("Mod")
def _modulo(call: Call) -> Node | None:
    # With fmod the sign is the dividend's; of whole numbers it is the divisor's without.
    return (
        None
        if call.flag("fmod", default=False) or real(call.at(0))
        else call.op("floor_mod", *call.x)
    )


@operation("Cast")
def _cast(call: Call) -> Node | None:
    x, to = call.at(0), dtype_name(call.attribute("to", 0))
    if x.value is not None and to == "float16" and real(x):
        return call.b.constant(x.value.wide().astype(np.float16), *x.value.origin)
    if x.value is not None and to == "bfloat16":
        return None
    if not to or not x.dtype or to.startswith("float8") or "string" in (to, x.dtype):
        return None
    return call.op("cast", x, to=to)


@operation("ArgMax", "ArgMin")
def _best(call: Call) -> Node | None:
    rank, shape = call.rank, call.at(0).shape
    if not rank or shape is None or call.flag("select_last_index", default=False):
        return None
    axis = int(call.attribute("axis", 0)) % rank
    made = call.op(call.node.op_type.lower(), call.at(0), axis=axis)
    if not call.flag("keepdims", default=True):
        return made
    kept = tuple(1 if n == axis else size for n, size in enumerate(shape))
    return None if sum(n is None for n in kept) > 1 else call.op("reshape", made, shape=kept)


@operation("CumSum")
def _cumsum(call: Call) -> Node | None:
    axes, rank = call.integers(1), call.rank
    if (
        axes is None
        or not rank
        or call.flag("exclusive", default=False)
        or call.flag("reverse", default=False)
    ):
        return None
    return call.op("cumsum", call.at(0), axis=axes[0] % rank)


@operation("OneHot")
def _one_hot(call: Call) -> Node | None:
    """Return vectors with one place; a negative index counts from the end, so it must be none."""
    depth, rank, values = call.integers(1), call.rank, call.at(2).value
    axis = int(call.attribute("axis", -1))
    if depth is None or rank is None or values is None or axis not in (-1, rank):
        return None
    if not _never_negative(call.at(0)) or values.array.dtype != np.float32:
        return None
    off, on = (float(value) for value in values.wide().ravel())
    if not (finite(on) and finite(off)):
        return None
    return call.op("one_hot", call.at(0), depth=int(depth[0]), on=on, off=off)


def _never_negative(node: Node) -> bool:
    while node.op in ("reshape", "transpose", "slice"):
        node = node.inputs[0]
    return node.op in ("argmax", "argmin") or node.dtype.startswith("uint")
