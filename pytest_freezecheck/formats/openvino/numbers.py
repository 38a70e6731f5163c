"""OpenVINO's functions of single numbers, of two operands, and summaries over axes."""

from __future__ import annotations

import math

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.formats.openvino.call import TABLE, Call, Translate, operation
from pytest_freezecheck.formats.readers import activations

_OF_REALS = {
    "Sqrt": "sqrt",
    "Exp": "exp",
    "Log": "log",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Sin": "sin",
    "Cos": "cos",
    "Erf": "erf",
    "SoftPlus": "softplus",
    "SoftSign": "softsign",
    "Floor": "floor",
    "Ceiling": "ceil",
}
_UNARY = {"Abs": "abs", "Sign": "sign", "LogicalNot": "logical_not"}
_PAIRS = {
    "Add": "add",
    "Subtract": "sub",
    "Multiply": "mul",
    "Power": "pow",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "FloorMod": "floor_mod",
    "Equal": "equal",
    "NotEqual": "not_equal",
    "Less": "less",
    "LessEqual": "less_equal",
    "LogicalAnd": "logical_and",
    "LogicalOr": "logical_or",
}
_EXCHANGED = {"Greater": "less", "GreaterEqual": "less_equal"}
_REDUCTIONS = {
    "ReduceMean": "reduce_mean",
    "ReduceSum": "reduce_sum",
    "ReduceMax": "reduce_max",
    "ReduceMin": "reduce_min",
    "ReduceProd": "reduce_prod",
    "ReduceLogicalAnd": "reduce_all",
    "ReduceLogicalOr": "reduce_any",
}


def _unary(name: str, *, reals: bool) -> Translate:
    def translate(call: Call) -> Node | None:
        return None if reals and not real(call.x[0]) else call.op(name, call.x[0])

    return translate


def _pair(name: str, *, exchanged: bool = False) -> Translate:
    def translate(call: Call) -> Node | None:
        if not _as_numpy(call):
            return None
        return call.op(name, *(call.x[::-1] if exchanged else call.x))

    return translate


def _as_numpy(call: Call) -> bool:
    """Return whether operands are broadcast as NumPy does, or of one shape."""
    return call.given.get("auto_broadcast", "numpy") in ("numpy", "none")


def _reduction(name: str) -> Translate:
    def translate(call: Call) -> Node | None:
        axes, x = call.integers(1), call.x[0]
        known = real(x) or name in ("reduce_max", "reduce_min", "reduce_all", "reduce_any")
        if axes is None or call.rank is None or not known:
            return None
        keep = bool(call.given.get("keep_dims", False))
        if keep and (x.shape or ()).count(None) > 1:
            return None
        return call.b.reduced(name, x, axes, keep=keep, origin=call.name)

    return translate


TABLE.update({there: _unary(here, reals=True) for there, here in _OF_REALS.items()})
TABLE.update({there: _unary(here, reals=False) for there, here in _UNARY.items()})
TABLE.update({there: _pair(here) for there, here in _PAIRS.items()})
TABLE.update({there: _pair(here, exchanged=True) for there, here in _EXCHANGED.items()})
TABLE.update({there: _reduction(here) for there, here in _REDUCTIONS.items()})


@operation("Divide")
def _quotient(call: Call) -> Node | None:
    if not _as_numpy(call):
        return None
    if real(call.x[0]):
        return call.op("div", *call.x)
    floored = call.given.get("m_pythondiv", True)
    return call.op("floor_div" if floored else "div", *call.x)


@operation("SquaredDifference")
def _squared_difference(call: Call) -> Node | None:
    if not _as_numpy(call) or not real(*call.x):
        return None
    return call.op("square", call.b.subtract(call.x[0], call.x[1], call.name))


@operation("Negative")
def _negated(call: Call) -> Node:
    return call.b.negative(call.x[0], call.name)


@operation("Select")
def _select(call: Call) -> Node | None:
    return call.op("select", *call.x) if _as_numpy(call) else None


@operation("Relu")
def _relu(call: Call) -> Node:
    return call.op("clip", call.x[0], low=0.0, high=math.inf)


@operation("Clamp")
def _clipped(call: Call) -> Node | None:
    if not real(call.x[0]):
        return None
    low, high = float(call.given["min"]), float(call.given["max"])
    return call.op("clip", call.x[0], low=low, high=high)


@operation("PRelu")
def _learned_leaky(call: Call) -> Node | None:
    x, slope = call.x
    # A slope of one axis is for the second axis of x, which is the last of two.
    if x.shape is None or slope.shape is None:
        return None
    if math.prod(n or 0 for n in slope.shape) != 1 and len(x.shape) not in (2, len(slope.shape)):
        return None
    if math.prod(n or 0 for n in slope.shape) == 1:
        slope = call.b.op("reshape", slope, shape=())
        number = None if slope.value is None else slope.value.number()
        if number is not None:
            return call.op("leaky_relu", x, alpha=number)
    return activations.learned_leaky(call.b, x, slope, call.name)


@operation("Elu")
def _elu(call: Call) -> Node:
    return call.op("elu", call.x[0], alpha=float(call.given["alpha"]))


@operation("Selu")
def _selu(call: Call) -> Node | None:
    alpha, scale = call.number(1), call.number(2)
    if alpha is None or scale is None:
        return None
    return activations.selu(call.b, call.x[0], alpha, scale, call.name)


@operation("HSwish")
def _hard_swish(call: Call) -> Node:
    return activations.hard_swish(call.b, call.x[0], call.name)


@operation("HSigmoid")
def _hard_sigmoid(call: Call) -> Node:
    x = call.x[0]
    line = call.op("add", x, call.b.number(3.0, x))
    return call.b.scaled(call.op("clip", line, low=0.0, high=6.0), 1.0 / 6.0, call.name)


@operation("HardSigmoid")
def _any_hard_sigmoid(call: Call) -> Node | None:
    alpha, beta = call.number(1), call.number(2)
    if alpha is None or beta is None:
        return None
    return activations.hard_sigmoid(call.b, call.x[0], alpha, beta, call.name)


@operation("Swish")
def _swish(call: Call) -> Node:
    inner = call.x[0] if len(call.x) < 2 else call.op("mul", *call.x)
    return call.op("mul", call.x[0], call.op("sigmoid", inner))


@operation("Gelu")
def _gelu(call: Call) -> Node | None:
    mode = str(call.given.get("approximation_mode", "ERF")).upper()
    if mode not in ("ERF", "TANH"):
        return None
    return activations.gelu(call.b, call.x[0], by_tanh=mode == "TANH", origin=call.name)


@operation("Round")
def _rounded(call: Call) -> Node | None:
    even = str(call.given.get("mode", "")).lower() == "half_to_even"
    return call.op("round", call.x[0]) if even and real(call.x[0]) else None


@operation("Convert")
def _cast(call: Call) -> Node | None:
    x, to = call.x[0], call.dtype()
    value = x.value
    if value is not None and real(x) and to in ("float16", "bfloat16"):
        return None
    whole = value is not None and x.dtype in ("int8", "uint8") and len(x.shape or ()) > 1
    if whole and "float" in to:
        return None  # a weight that is stored in whole numbers, whose step is not told
    return call.op("cast", x, to=to) if to and x.dtype and "string" not in (to, x.dtype) else None


@operation("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Node | None:
    rank = call.rank
    if not rank:
        return None
    name = "softmax" if call.kind == "Softmax" else "log_softmax"
    return call.op(name, call.x[0], axis=int(call.given["axis"]) % rank)


@operation("Bucketize")
def _bucketized(call: Call) -> Node | None:
    """With its right bounds a bucket holds what equals them, which TensorFlow puts in the next."""
    boundaries = call.x[1].value
    if boundaries is None or call.given.get("with_right_bound", True) or not real(call.x[0]):
        return None
    told = tuple(float(n) for n in boundaries.wide().ravel())
    return call.op("bucketize", call.x[0], boundaries=told)


@operation("CumSum")
def _cumsum(call: Call) -> Node | None:
    rank = call.rank
    axes = call.integers(1) if len(call.x) > 1 else (0,)
    if axes is None or not rank or call.given.get("exclusive") or call.given.get("reverse"):
        return None
    return call.op("cumsum", call.x[0], axis=axes[0] % rank)
