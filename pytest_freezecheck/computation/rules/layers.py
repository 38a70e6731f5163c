"""Convolutions, products with weights and pools: what is folded into them."""

from __future__ import annotations

import dataclasses

import numpy as np

from pytest_freezecheck.computation.builder import FLOATS, Builder, Draft, Rule
from pytest_freezecheck.computation.kernels import lone_padding
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rules.arithmetic import finite, is_number, plus, times
from pytest_freezecheck.computation.rules.layout import keeps_last
from pytest_freezecheck.computation.values import Value

_LINEAR = ("conv", "matmul")


def _into_the_weights(b: Builder, draft: Draft) -> Node | None:
    """Fold an affine map of channels into the layer before it."""
    x, scale, shift = draft.inputs
    if x.op not in _LINEAR:
        return None
    inner, weight, bias = x.inputs
    width = (x.shape or (None,))[-1]
    if weight.value is None or bias.value is None or scale.value is None or width is None:
        return None
    if not finite(scale):
        return None
    made = weight
    if not is_number(scale, 1.0):
        factors = np.broadcast_to(scale.value.wide(), (width,)).astype(np.float64)
        made = b.constant(scaled_weight(weight.value, factors, scale.value))
    offset = plus(b, times(b, bias, scale), shift)
    if offset.shape != (width,):
        offset = b.op("add", b.constant(np.zeros(width, np.float32)), offset)
    origin = draft.origin or x.origin
    return b.op(x.op, inner, made, offset, origin=origin, **dict(x.attributes))


def scaled_weight(weight: Value, factors: np.ndarray, scale: Value) -> Value:
    """Return a weight times one factor for each output channel."""
    made = weight.scaled(factors, scale.origin)
    if not scale.rounded:
        return made
    # The factor lies on a grid as well: what that may move it by is in proportion to the weight.
    halves, wide = scale.halves(), scale.wide()
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(wide == 0.0, 0.0, halves / np.abs(wide))
    share = np.broadcast_to(share, factors.shape)
    half = np.asarray(made.half)
    if not wide.all():
        half = half + np.where(factors == 0.0, weight.largest() * halves, 0.0)
    return dataclasses.replace(made, half=half, share=np.asarray(made.share) + share)


def _affine_of_reshape(b: Builder, draft: Draft) -> Node | None:
    x, scale, shift = draft.inputs
    if x.op != "reshape" or not ((_scalar(scale) and _scalar(shift)) or keeps_last(x)):
        return None
    made = b.op("affine", x.inputs[0], scale, shift, origin=draft.origin)
    return b.op("reshape", made, shape=x["shape"], origin=x.origin)


def _affine_of_transpose(b: Builder, draft: Draft) -> Node | None:
    x, scale, shift = draft.inputs
    if x.op != "transpose":
        return None
    perm = x["perm"]
    inner = x.inputs[0]
    if not (_scalar(scale) and _scalar(shift)) and perm[-1] != len(perm) - 1:
        ones = [1] * (len(perm) - 1 - perm[-1])
        factor, offset = (
            part if _scalar(part) else b.op("reshape", part, shape=(*(part.shape or ()), *ones))
            for part in (scale, shift)
        )
        product = inner if is_number(factor, 1.0) else b.op("mul", inner, factor)
        made = product if is_number(offset, 0.0) else b.op("add", product, offset)
    else:
        made = b.op("affine", inner, scale, shift, origin=draft.origin)
    return b.op("transpose", made, perm=perm, origin=x.origin)


def _scalar(node: Node) -> bool:
    return node.shape == ()


def _product_of_reshape(b: Builder, draft: Draft) -> Node | None:
    x, weight, bias = draft.inputs
    if x.op != "reshape" or not keeps_last(x) or len(x.inputs[0].shape or ()) < 2:
        return None
    made = b.op("matmul", x.inputs[0], weight, bias, origin=draft.origin)
    shape = (*x["shape"][:-1], (weight.shape or (None,))[-1])
    return b.op("reshape", made, shape=shape, origin=x.origin)


def _product_of_transpose(b: Builder, draft: Draft) -> Node | None:
    x, weight, bias = draft.inputs
    if x.op != "transpose" or x["perm"][-1] != len(x["perm"]) - 1:
        return None
    made = b.op("matmul", x.inputs[0], weight, bias, origin=draft.origin)
    return b.op("transpose", made, perm=x["perm"], origin=x.origin)


def _dot_with_a_constant(b: Builder, draft: Draft) -> Node | None:
    x, y = draft.inputs
    if y.value is None or x.is_constant or len(y.shape or ()) != 2 or x.dtype not in FLOATS:
        return None
    return b.linear(x, y, origin=draft.origin)


def _one_by_one(b: Builder, draft: Draft) -> Node | None:
    x, weight, bias = draft.inputs
    given = draft.given
    plain = set(given["kernel"]) == {1} and set(given["strides"]) == {1} and given["groups"] == 1
    if not plain or given["pads"] == "SAME" or any(any(pair) for pair in given["pads"]):
        return None
    flat = b.op("reshape", weight, shape=(weight.shape or ())[-2:])
    return b.op("matmul", x, flat, bias, origin=draft.origin)


def _padding(b: Builder, draft: Draft) -> Node | None:
    """Take a padding by zeros into the convolution."""
    x, weight, bias = draft.inputs
    if x.op != "pad" or draft.given["pads"] == "SAME":
        return None
    pads = x["pads"]
    if x.get("mode") is not None or x.get("value", 0.0) != 0.0 or any((*pads[0], *pads[-1])):
        return None
    pairs = zip(pads[1:-1], draft.given["pads"], strict=True)
    both = tuple((one[0] + two[0], one[1] + two[1]) for one, two in pairs)
    given = {**draft.given, "pads": both}
    return b.op("conv", x.inputs[0], weight, bias, origin=draft.origin, **given)


def _largest_of_clipped(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "clip" or lone_padding(draft.given["pads"], draft.given["kernel"]):
        return None  # a window of padding alone is not clipped
    made = b.op("max_pool", draft.x.inputs[0], origin=draft.origin, **draft.given)
    return b.op("clip", made, origin=draft.x.origin, **dict(draft.x.attributes))


def _mean_of_all(b: Builder, draft: Draft) -> Node | None:
    """An average over the whole picture is a mean."""
    shape, given = draft.x.shape, draft.given
    if shape is None or given["kernel"] != shape[1:-1] or given["pads"] == "SAME":
        return None
    if any(any(pair) for pair in given["pads"]):
        return None
    axes = tuple(range(1, len(shape) - 1))
    return b.reduced("reduce_mean", draft.x, axes, keep=True, origin=draft.origin)


def _mean_of_one(b: Builder, draft: Draft) -> Node | None:
    """A summary over axes of size 1 is a reshape."""
    shape, axes = draft.x.shape, draft.given["axes"]
    if shape is None or any(shape[axis] != 1 for axis in axes) or shape.count(None) > 1:
        return None
    if draft.op == "reduce_mean" and draft.x.dtype not in FLOATS:
        return None
    left = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    return b.op("reshape", draft.x, shape=left, origin=draft.origin)


def _factor_out(b: Builder, draft: Draft) -> Node | None:
    """Take a factor out of a product of two computed operands."""
    for place, node in enumerate(draft.inputs):
        if node.op != "affine" or not _scalar(node.inputs[1]) or not finite(node.inputs[1]):
            continue
        if not is_number(node.inputs[2], 0.0):
            continue
        inputs = list(draft.inputs)
        inputs[place] = node.inputs[0]
        made = b.op("dot", *inputs, origin=draft.origin)
        return b.op("affine", made, node.inputs[1], node.inputs[2], origin=node.origin)
    return None


_LINEARITY = "linearity in each output channel"
RULES = (
    Rule("an affine map goes into the layer before it", ("affine",), _into_the_weights, _LINEARITY),
    Rule(
        "an affine map, then reshaped",
        ("affine",),
        _affine_of_reshape,
        "the last axis, or every element alike",
    ),
    Rule(
        "an affine map, then transposed",
        ("affine",),
        _affine_of_transpose,
        "it moves elements and computes none",
    ),
    Rule("a product, then reshaped", ("matmul",), _product_of_reshape, "it is over the last axis"),
    Rule(
        "a product, then transposed", ("matmul",), _product_of_transpose, "it is over the last axis"
    ),
    Rule("a product with a constant", ("dot",), _dot_with_a_constant, "definition of the product"),
    Rule("a factor of a product of matrices", ("dot",), _factor_out, "bilinearity"),
    Rule("a convolution of single cells", ("conv",), _one_by_one, "definition of the convolution"),
    Rule(
        "a padding before a convolution", ("conv",), _padding, "padding is cells of 0 on both ways"
    ),
    Rule(
        "the largest of clipped values",
        ("max_pool",),
        _largest_of_clipped,
        "clipping is monotone, and what is padded is never the largest",
    ),
    Rule("an average of everything", ("avg_pool",), _mean_of_all, "definition of the mean"),
    Rule(
        "a summary of one value",
        ("reduce_mean", "reduce_max", "reduce_min", "reduce_sum", "reduce_prod"),
        _mean_of_one,
        "definition of each",
    ),
)
