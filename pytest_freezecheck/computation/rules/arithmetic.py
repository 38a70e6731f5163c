"""Sums, products and functions of single numbers."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.builder import Builder, Draft, Rule, real
from pytest_freezecheck.computation.kernels import SELU_ALPHA, SELU_SCALE
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.shapes import broadcast


def _constant_last(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    if x.is_constant and not y.is_constant:
        return b.op(draft.op, y, x, origin=draft.origin)
    return None


def _difference(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    if not real(x, y):
        return None
    return b.op("add", x, b.scaled(y, -1.0, draft.origin), origin=draft.origin)


def _quotient(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    if not real(x, y):
        return None
    inverse = b.op("reciprocal", y, origin=draft.origin)
    if x.value is not None and x.value.number() == 1.0 and len(x.shape or ()) == 0:
        return inverse
    return b.op("mul", x, inverse, origin=draft.origin)


def _sum_with_constant(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    if not _channels(x, y):
        return None
    return b.op("affine", x, b.number(1.0, x), vector(b, y), origin=draft.origin)


def _product_with_constant(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    if not _channels(x, y):
        return None
    return b.op("affine", x, vector(b, y), b.number(0.0, x), origin=draft.origin)


def _channels(x: Node, y: Node) -> bool:
    """Return whether y is a constant: one number, or one for each index of the last axis of x."""
    if not y.is_constant or x.is_constant or not real(x, y) or x.shape is None or y.shape is None:
        return False
    if len(y.shape) > len(x.shape):
        return False
    size = math.prod(n or 0 for n in y.shape)
    if size != 1 and (not y.shape or size != y.shape[-1]):
        return False
    if not finite(y):
        return False
    return size == 1 or (size == y.shape[-1] == x.shape[-1])


def vector(b: Builder, y: Node) -> Node:
    """Return a constant of one number, or of one for each channel, without axes before."""
    size = math.prod(n or 0 for n in y.shape or ())
    return b.op("reshape", y, shape=() if size == 1 else (size,))


def _affine_of_affine(b: Builder, draft: Draft) -> Node | None:
    x, scale, shift = draft.inputs
    if x.op != "affine" or not finite(*x.inputs[1:], scale, shift):
        return None
    inner, first, offset = x.inputs
    return b.op(
        "affine",
        inner,
        times(b, first, scale),
        plus(b, times(b, offset, scale), shift),
        origin=draft.origin or x.origin,
    )


def finite(*nodes: Node) -> bool:
    """Return whether constants are finite: what is infinite is not linear."""
    return all(n.value is not None and bool(np.isfinite(n.value.wide()).all()) for n in nodes)


def times(b: Builder, one: Node, other: Node) -> Node:
    """Return a product of constants; with 1, the other, as exact as it was."""
    if is_number(other, 1.0):
        return one
    return other if is_number(one, 1.0) else b.op("mul", one, other)


def plus(b: Builder, one: Node, other: Node) -> Node:
    """Return a sum of constants; with 0, the other, as exact as it was."""
    if is_number(other, 0.0):
        return one
    return other if is_number(one, 0.0) else b.op("add", one, other)


def is_number(node: Node, number: float) -> bool:
    """Return whether a constant is one number that nothing was folded into."""
    value = node.value
    return value is not None and not value.folded and value.number() == number


def _affine_of_nothing(_: Builder, draft: Draft) -> Node | None:
    x, scale, shift = draft.inputs
    return x if is_number(scale, 1.0) and is_number(shift, 0.0) else None


def _product_with_itself(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    return b.op("square", x, origin=draft.origin) if x is y and real(x) else None


def _factor_out(b: Builder, draft: Draft) -> Node | None:
    """Take a constant factor out of a product of two computed operands."""
    for x, y in (draft.inputs, draft.inputs[::-1]):
        if x.op != "affine" or y.is_constant or not is_number(x.inputs[2], 0.0):
            continue
        inner, scale, shift = x.inputs
        product = broadcast(inner.shape, y.shape)
        if product is None or (scale.shape != () and scale.shape != (product[-1],)):
            continue
        made = b.op("mul", inner, y, origin=draft.origin)
        return b.op("affine", made, scale, shift, origin=x.origin)
    return None


def _power(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    exponent = y.value.number() if y.value is not None and y.value.array.size == 1 else None
    name = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}.get(exponent or 0.0)
    if name is None or not real(x) or len(y.shape or ()) > len(x.shape or ()):
        return None
    return b.op(name, x, origin=draft.origin)


def _inverse_of_root(b: Builder, draft: Draft) -> Node | None:
    x = draft.x
    pairs = {"sqrt": "rsqrt", "rsqrt": "sqrt"}
    if x.op not in pairs:
        return None
    return b.op(pairs[x.op], x.inputs[0], origin=draft.origin)


def _root_of_inverse(b: Builder, draft: Draft) -> Node | None:
    x = draft.x
    return b.op("rsqrt", x.inputs[0], origin=draft.origin) if x.op == "reciprocal" else None


def _log_of_softmax(b: Builder, draft: Draft) -> Node | None:
    x = draft.x
    if x.op != "softmax":
        return None
    return b.op("log_softmax", x.inputs[0], axis=x["axis"], origin=draft.origin)


def _log_of_one_more(b: Builder, draft: Draft) -> Node | None:
    x = draft.x
    if x.op != "affine" or not (is_number(x.inputs[1], 1.0) and is_number(x.inputs[2], 1.0)):
        return None
    return b.op("log1p", x.inputs[0], origin=draft.origin)


def _scaled_elu(b: Builder, draft: Draft) -> Node | None:
    """Write the scaled exponential linear unit as the cases that formats without it have."""
    x = draft.x
    above = b.op("less", b.number(0.0, x), x)
    steep = b.constant(np.float64(SELU_SCALE * SELU_ALPHA))
    slope = b.op("mul", x, b.constant(np.float64(SELU_SCALE)))
    below = b.op("sub", b.op("mul", b.op("exp", x), steep), steep)
    return b.op("select", above, slope, below, origin=draft.origin)


def _soft(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "exp":
        return None
    return b.op("softplus", draft.x.inputs[0], origin=draft.origin)


_REALS = "arithmetic of the reals"
RULES = (
    Rule(
        "a constant operand stands last",
        ("add", "mul", "maximum", "minimum"),
        _constant_last,
        "they are commutative",
    ),
    Rule("a difference is a sum", ("sub",), _difference, _REALS),
    Rule("a quotient is a product", ("div",), _quotient, _REALS),
    Rule("adding a constant to each channel", ("add",), _sum_with_constant, _REALS),
    Rule("multiplying each channel by a constant", ("mul",), _product_with_constant, _REALS),
    Rule("two affine maps are one", ("affine",), _affine_of_affine, _REALS),
    Rule("the affine map that does nothing", ("affine",), _affine_of_nothing, _REALS),
    Rule("a factor of a product", ("mul",), _factor_out, _REALS),
    Rule("times itself", ("mul",), _product_with_itself, "definition of the square"),
    Rule("powers that have a name", ("pow",), _power, "definition of roots and inverses"),
    Rule("the inverse of a root", ("reciprocal",), _inverse_of_root, _REALS),
    Rule("the root of an inverse", ("sqrt",), _root_of_inverse, _REALS),
    Rule("the logarithm of a softmax", ("log",), _log_of_softmax, "definition of log-softmax"),
    Rule("the logarithm of 1 + x", ("log",), _log_of_one_more, "definition of log1p"),
    Rule(
        "a scaled exponential linear unit", ("selu",), _scaled_elu, "its definition, by sign of x"
    ),
    Rule("the logarithm of 1 + exp(x)", ("log1p",), _soft, "definition of softplus"),
)
