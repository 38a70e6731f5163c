"""ONNX's activations."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.formats.onnx.call import Call, operation
from pytest_freezecheck.formats.readers import activations


@operation("Relu")
def _relu(call: Call) -> Node:
    return call.op("clip", call.at(0), low=0.0, high=math.inf)


@operation("Clip")
def _clipped(call: Call) -> Node | None:
    x = call.at(0)
    if not real(x):
        return None
    if call.opset < 11:
        largest = float(np.finfo(np.float32).max)
        low, high = call.attribute("min", -largest), call.attribute("max", largest)
        low = -math.inf if low <= -largest else low
        high = math.inf if high >= largest else high
        return call.op("clip", x, low=float(low), high=float(high))
    for place, kind in ((1, "maximum"), (2, "minimum")):
        if call.has(place):
            x = call.op(kind, x, call.at(place))
    return x


@operation("LeakyRelu")
def _leaky(call: Call) -> Node:
    alpha = float(np.float32(call.attribute("alpha", 0.01)))
    return call.op("leaky_relu", call.at(0), alpha=alpha)


@operation("PRelu")
def _learned_leaky(call: Call) -> Node:
    return activations.learned_leaky(call.b, call.at(0), call.at(1), call.name)


@operation("Elu")
def _elu(call: Call) -> Node:
    return call.op("elu", call.at(0), alpha=float(np.float32(call.attribute("alpha", 1.0))))


@operation("Selu")
def _selu(call: Call) -> Node:
    alpha = float(call.attribute("alpha", activations.SELU_ALPHA))
    gamma = float(call.attribute("gamma", activations.SELU_SCALE))
    return activations.selu(call.b, call.at(0), alpha, gamma, call.name)


@operation("HardSigmoid")
def _hard_sigmoid(call: Call) -> Node:
    alpha, beta = float(call.attribute("alpha", 0.2)), float(call.attribute("beta", 0.5))
    return activations.hard_sigmoid(call.b, call.at(0), alpha, beta, call.name)


@operation("HardSwish")
def _hard_swish(call: Call) -> Node:
    return activations.hard_swish(call.b, call.at(0), call.name)


@operation("Gelu")
def _gelu(call: Call) -> Node | None:
    kind = call.attribute("approximate", "none")
    if kind not in ("none", "tanh"):
        return None
    return activations.gelu(call.b, call.at(0), by_tanh=kind == "tanh", origin=call.name)


@operation("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Node | None:
    shape, rank = call.at(0).shape, call.rank
    name = "softmax" if call.node.op_type == "Softmax" else "log_softmax"
    if shape is None or not rank:
        return None
    axis = int(call.attribute("axis", -1 if call.opset >= 13 else 1)) % rank
    # Until opset 13, all axes from this one on are one.
    if call.opset < 13 and axis != rank - 1:
        return None
    return call.op(name, call.at(0), axis=axis)
