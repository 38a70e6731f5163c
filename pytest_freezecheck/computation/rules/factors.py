"""Where constant factors and terms of sums and products stand.

They leave sums and products, so that it does not matter which operand they came with; a factor goes
into weights where there are some.
"""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.builder import FLOATS, Builder, Draft, Rule
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.rules.arithmetic import finite, is_number, vector
from pytest_freezecheck.computation.rules.layers import scaled_weight
from pytest_freezecheck.computation.rules.layout import keeps_last
from pytest_freezecheck.computation.shapes import broadcast

_LINEAR = ("conv", "matmul")


def _fits(part: Node, shape: Shape | None) -> bool:
    """Return whether a constant is one number, or has one for each index of the last axis."""
    if not finite(part):
        return False
    return part.shape == () or (bool(shape) and part.shape == (shape or ())[-1:])


def _taken_apart(b: Builder, x: Node) -> tuple[Node, Node, Node] | None:
    """Return what an affine map is applied to, its factor and its term; it may be reshaped."""
    if x.op == "affine":
        inner, scale, shift = x.inputs
        return inner, scale, shift
    if x.op != "reshape" or x.inputs[0].op != "affine":
        return None
    inner, scale, shift = x.inputs[0].inputs
    if not (scale.shape == shift.shape == () or keeps_last(x)):
        return None
    return b.op("reshape", inner, shape=x["shape"], origin=x.origin), scale, shift


def _factor_leaves(b: Builder, draft: Draft) -> Node | None:
    """Take a constant factor out of a product, from within a reshape or another product."""
    for x, y in (draft.inputs, draft.inputs[::-1]):
        if y.is_constant or x.dtype not in FLOATS or y.dtype not in FLOATS:
            continue
        if x.op == "mul" and x.inputs[1].is_constant:
            inner, scale = x.inputs
            size = math.prod(n or 0 for n in scale.shape or ())
            if size != 1 and (scale.shape is None or size != scale.shape[-1]):
                continue
            scale = vector(b, scale)
        elif x.op == "reshape":
            parts = _taken_apart(b, x)
            if parts is None or not is_number(parts[2], 0.0):
                continue
            inner, scale, _ = parts
        else:
            continue
        product = broadcast(inner.shape, y.shape)
        if product is None or product != broadcast(x.shape, y.shape) or not _fits(scale, product):
            continue
        made = b.op("mul", inner, y, origin=draft.origin)
        return b.op("affine", made, scale, b.number(0.0, made), origin=x.origin)
    return None


def _term_leaves(b: Builder, draft: Draft) -> Node | None:
    """Take a constant term out of a sum."""
    total = broadcast(*(node.shape for node in draft.inputs))
    for x, y in (draft.inputs, draft.inputs[::-1]):
        parts = None if y.is_constant else _taken_apart(b, x)
        if parts is None or is_number(parts[2], 0.0) or not _fits(parts[2], total):
            continue
        inner, scale, shift = parts
        if not is_number(scale, 1.0):
            inner = b.op("affine", inner, scale, b.number(0.0, inner), origin=x.origin)
        made = b.op("add", inner, y, origin=draft.origin)
        return b.op("affine", made, b.number(1.0, made), shift, origin=x.origin)
    return None


def _factor_into_weights(b: Builder, draft: Draft) -> Node | None:
    """Take a factor of a product into the layer in it, if there is one alone."""
    x, scale, shift = draft.inputs
    if x.op != "mul" or is_number(scale, 1.0) or not _fits(scale, x.shape):
        return None
    one, other = sorted(x.inputs, key=lambda node: node.op not in _LINEAR)
    if one.op not in _LINEAR or other.op in _LINEAR or other.is_constant:
        return None
    if one.inputs[1].value is None or (one.shape or (None,))[-1] != (x.shape or (None,))[-1]:
        return None
    scaled = b.op("affine", one, scale, b.number(0.0, one), origin=draft.origin)
    made = b.op("mul", scaled, other, origin=x.origin)
    return b.op("affine", made, b.number(1.0, made), shift, origin=draft.origin)


def _factor_before(b: Builder, draft: Draft) -> Node | None:
    """Take one factor of all that a layer is applied to into its weights."""
    x, weight, bias = draft.inputs
    parts = _taken_apart(b, x)
    if parts is None or weight.value is None or not is_number(parts[2], 0.0):
        return None
    inner, scale, _ = parts
    if scale.shape != () or scale.value is None or not finite(scale):
        return None
    factors = np.full(weight.value.shape[-1:], float(scale.value.wide()))
    made = b.constant(scaled_weight(weight.value, factors, scale.value))
    return b.op(draft.op, inner, made, bias, origin=draft.origin, **draft.given)


RULES = (
    Rule("a constant factor leaves a product", ("mul",), _factor_leaves, "associativity"),
    Rule("a constant term leaves a sum", ("add",), _term_leaves, "associativity"),
    Rule(
        "a factor of a product goes into a layer",
        ("affine",),
        _factor_into_weights,
        "associativity, and linearity of the layer",
    ),
    Rule("a factor before a layer", _LINEAR, _factor_before, "linearity of the layer"),
)
