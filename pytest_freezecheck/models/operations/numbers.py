"""Functions of single numbers, of two operands, and summaries over axes."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.models.operations.translation import TABLE, Call, Translate, operation

#: Of floating-point numbers alone; of others, TensorFlow rounds or overflows in its own way.
_OF_REALS = {
    "Sqrt": "sqrt",
    "Rsqrt": "rsqrt",
    "Reciprocal": "reciprocal",
    "Inv": "reciprocal",
    "Exp": "exp",
    "Expm1": "expm1",
    "Log": "log",
    "Log1p": "log1p",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Sin": "sin",
    "Cos": "cos",
    "Erf": "erf",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Selu": "selu",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Rint": "round",
}
_SAME_NAME = {
    "Square": "square",
    "Abs": "abs",
    "Sign": "sign",
    "LogicalNot": "logical_not",
    "AddV2": "add",
    "Sub": "sub",
    "Mul": "mul",
    "RealDiv": "div",
    "Div": "div",
    "FloorDiv": "floor_div",
    "FloorMod": "floor_mod",
    "Pow": "pow",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Equal": "equal",
    "NotEqual": "not_equal",
    "Less": "less",
    "LessEqual": "less_equal",
    "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or",
    "SelectV2": "select",
}
_EXCHANGED = {"Greater": "less", "GreaterEqual": "less_equal"}
_REDUCTIONS = {
    "Mean": "reduce_mean",
    "Sum": "reduce_sum",
    "Max": "reduce_max",
    "Min": "reduce_min",
    "Prod": "reduce_prod",
    "Any": "reduce_any",
    "All": "reduce_all",
}
_REAL = ("float16", "bfloat16", "float32", "float64")
_CAST = frozenset(
    {*_REAL, "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
)


def _named(name: str) -> Translate:
    return lambda call: call.op(name, *call.x)


def _of_reals(name: str) -> Translate:
    return lambda call: call.op(name, *call.x) if call.x[0].dtype in _REAL else None


def _exchanged(name: str) -> Translate:
    return lambda call: call.op(name, call.x[1], call.x[0])


def _reduction(name: str) -> Translate:
    def translate(call: Call) -> Node | None:
        axes, rank = call.integers(1), call.rank()
        if axes is None or rank is None:
            return None
        keep = bool(call.attribute("keep_dims", False))
        if name == "reduce_mean" and call.x[0].dtype not in _REAL:
            return None  # of whole numbers it is rounded
        if keep and (call.x[0].shape or ()).count(None) > 1 and axes:
            return None  # a reshape tells one unknown size at most
        return call.b.reduced(name, call.x[0], axes, keep=keep, origin=call.name)

    return translate


TABLE.update({f"tf:{there}": _named(here) for there, here in _SAME_NAME.items()})
TABLE.update({f"tf:{there}": _of_reals(here) for there, here in _OF_REALS.items()})
TABLE.update({f"tf:{there}": _exchanged(here) for there, here in _EXCHANGED.items()})
TABLE.update({f"tf:{there}": _reduction(here) for there, here in _REDUCTIONS.items()})


@operation("Add")
def _sum(call: Call) -> Node | None:
    # Of texts it joins them, in their order.
    return call.op("add", *call.x) if call.x[0].dtype not in ("", "string") else None


@operation("Neg")
def _negated(call: Call) -> Node | None:
    return call.b.negative(call.x[0], call.name)


@operation("Bucketize")
def _bucketized(call: Call) -> Node | None:
    boundaries = tuple(call.attribute("boundaries") or ())
    return call.op("bucketize", call.x[0], boundaries=boundaries) if real(call.x[0]) else None


@operation("AddN")
def _added(call: Call) -> Node | None:
    total, *others = call.x
    for other in others:
        total = call.op("add", total, other)
    return total


@operation("Erfc")
def _complement(call: Call) -> Node | None:
    inner = call.op("erf", call.x[0])
    return call.b.subtract(call.b.number(1.0, inner), inner, call.name)


@operation("SquaredDifference")
def _squared_difference(call: Call) -> Node | None:
    return call.op("square", call.b.subtract(call.x[0], call.x[1], call.name))


@operation("Relu")
def _relu(call: Call) -> Node | None:
    if call.x[0].dtype not in _REAL:
        return None
    return call.op("clip", call.x[0], low=0.0, high=math.inf)


@operation("Relu6")
def _relu6(call: Call) -> Node | None:
    if call.x[0].dtype not in _REAL:
        return None
    return call.op("clip", call.x[0], low=0.0, high=6.0)


@operation("ClipByValue")
def _clipped(call: Call) -> Node | None:
    bounds = [x.value.number() if x.value is not None else None for x in call.x[1:]]
    if None in bounds or call.x[0].dtype not in _REAL:
        return None
    return call.op("clip", call.x[0], low=bounds[0], high=bounds[1])


@operation("LeakyRelu")
def _leaky(call: Call) -> Node | None:
    alpha = float(np.float32(call.attribute("alpha", 0.2)))
    return call.op("leaky_relu", call.x[0], alpha=alpha)


@operation("Elu")
def _elu(call: Call) -> Node | None:
    return call.op("elu", call.x[0], alpha=1.0)


@operation("Cast")
def _cast(call: Call) -> Node | None:
    to = call.attribute("DstT")
    if not call.x[0].dtype or call.attribute("Truncate") or to not in _CAST:
        return None
    return call.op("cast", call.x[0], to=to)


@operation("Select")
def _select(call: Call) -> Node | None:
    # Of the first version a vector chooses whole rows, which is no broadcasting.
    same = call.x[0].shape is not None and call.x[0].shape == call.x[1].shape
    return call.op("select", *call.x) if same else None


@operation("Softmax")
def _softmax(call: Call) -> Node | None:
    rank = call.rank()
    return call.op("softmax", call.x[0], axis=rank - 1) if rank else None


@operation("LogSoftmax")
def _log_softmax(call: Call) -> Node | None:
    rank = call.rank()
    return call.op("log_softmax", call.x[0], axis=rank - 1) if rank else None


def _best(name: str) -> Translate:
    def translate(call: Call) -> Node | None:
        axes, rank = call.integers(1), call.rank()
        if axes is None or rank is None:
            return None
        made = call.op(name, call.x[0], axis=axes[0] % rank)
        return call.op("cast", made, to=call.attribute("output_type", "int64"))

    return translate


operation("ArgMax")(_best("argmax"))
operation("ArgMin")(_best("argmin"))


@operation("Cumsum")
def _cumsum(call: Call) -> Node | None:
    axes, rank = call.integers(1), call.rank()
    if axes is None or rank is None or call.attribute("exclusive") or call.attribute("reverse"):
        return None
    return call.op("cumsum", call.x[0], axis=axes[0] % rank)
