"""Activations that ONNX and OpenVINO have as one operation, and the vocabulary as a few."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation import kernels
from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Node

#: In float32, of the specification of Selu: what the vocabulary's has.
SELU_ALPHA, SELU_SCALE = (float(np.float32(n)) for n in (kernels.SELU_ALPHA, kernels.SELU_SCALE))


def learned_leaky(b: Builder, x: Node, slope: Node, origin: str) -> Node:
    """Return relu(x) - slope relu(-x)."""
    above = b.op("clip", x, low=0.0, high=math.inf, origin=origin)
    below = b.op("clip", b.negative(x, origin), low=0.0, high=math.inf, origin=origin)
    return b.op("add", above, b.op("mul", below, b.negative(slope)), origin=origin)


def selu(b: Builder, x: Node, alpha: float, scale: float, origin: str) -> Node:
    """Return the scaled exponential linear unit of these parameters."""
    if np.float32(alpha) == SELU_ALPHA and np.float32(scale) == SELU_SCALE:
        return b.op("selu", x, origin=origin)
    return b.scaled(b.op("elu", x, alpha=float(alpha), origin=origin), scale, origin)


def hard_sigmoid(b: Builder, x: Node, alpha: float, beta: float, origin: str) -> Node:
    """Return alpha x + beta, between 0 and 1."""
    line = b.scaled(x, alpha, origin)
    line = b.op("add", line, b.number(beta, line), origin=origin)
    return b.op("clip", line, low=0.0, high=1.0, origin=origin)


def hard_swish(b: Builder, x: Node, origin: str) -> Node:
    """Return x min(max(x + 3, 0), 6) / 6, as TensorFlow's models are written."""
    line = b.op("add", x, b.number(3.0, x), origin=origin)
    bounded = b.op("clip", line, low=0.0, high=6.0, origin=origin)
    return b.scaled(b.op("mul", x, bounded, origin=origin), 1.0 / 6.0, origin)


def gelu(b: Builder, x: Node, *, by_tanh: bool, origin: str) -> Node:
    """Return the Gaussian error linear unit, exact or with its approximation by tanh."""
    if by_tanh:
        cube = b.scaled(b.op("pow", x, b.number(3.0, x), origin=origin), 0.044715, origin)
        total = b.op("add", x, cube, origin=origin)
        inner = b.op("tanh", b.scaled(total, math.sqrt(2.0 / math.pi), origin), origin=origin)
    else:
        inner = b.op("erf", b.scaled(x, math.sqrt(0.5), origin), origin=origin)
    one_more = b.op("add", inner, b.number(1.0, x), origin=origin)
    return b.op("mul", b.scaled(x, 0.5, origin), one_more, origin=origin)
