"""OpenVINO's layers: convolutions, products with weights, normalisations and pools."""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.contraction import contracted
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.transposed import transposed_convolution
from pytest_freezecheck.formats.openvino.call import Call, operation
from pytest_freezecheck.formats.readers import channels_first as first
from pytest_freezecheck.formats.readers import grids

_AUTO = {"same_upper": "SAME", "same_lower": "SAME_LOWER", "valid": "VALID"}


def _numbers(call: Call, name: str) -> tuple[int, ...]:
    return tuple(int(n) for n in call.given[name])


def _pads(call: Call) -> Any:
    mode = str(call.given.get("auto_pad", "explicit")).lower()
    if mode not in ("explicit", "notset"):
        return _AUTO.get(mode)
    pairs = zip(_numbers(call, "pads_begin"), _numbers(call, "pads_end"), strict=True)
    pads = tuple(pairs)
    return None if any(n < 0 for pair in pads for n in pair) else pads


@operation("Convolution", "GroupConvolution")
def _convolution(call: Call) -> Node | None:
    x, kernel = call.x
    groups, pads = 1, _pads(call)
    if pads is None or kernel.value is None:
        return None
    if call.kind == "GroupConvolution":
        groups, out, *rest = (size or 0 for size in kernel.shape or ())
        kernel = call.b.op("reshape", kernel, shape=(groups * out, *rest))
    return first.convolution(
        call.b, x, kernel, strides=_numbers(call, "strides"), pads=pads,
        dilations=_numbers(call, "dilations"), groups=groups, origin=call.name,
    )  # fmt: skip


@operation("ConvolutionBackpropData")
def _transposed(call: Call) -> Node | None:
    x, kernel = call.x[:2]
    rank = len(kernel.shape or ()) - 2
    turned = grids.weight(call.b, kernel, (*range(2, rank + 2), 0, 1)) if rank > 0 else None
    strides, dilations = _numbers(call, "strides"), _numbers(call, "dilations")
    more = _numbers(call, "output_padding")
    if turned is None or x.shape is None or None in x.shape[2:]:
        return None
    mode = str(call.given.get("auto_pad", "explicit")).lower()
    begin, end = _numbers(call, "pads_begin"), _numbers(call, "pads_end")
    if len(call.x) > 2:
        wanted = call.integers(2)
        if wanted is None or mode not in ("same_lower", "same_upper"):
            return None
        sizes = [(n or 0) - 1 for n in x.shape[2:]]
        kernels = [(n or 0) - 1 for n in (kernel.shape or ())[2:]]
        each = zip(sizes, strides, kernels, dilations, more, wanted, strict=True)
        total = [n * s + k * d + 1 + extra - to for n, s, k, d, extra, to in each]
        halves = tuple(n // 2 for n in total), tuple(n - n // 2 for n in total)
        # What the file has beside it is what the sizes tell, or nobody knows.
        if (begin, end) != (halves if mode == "same_lower" else halves[::-1]):
            return None
    elif mode != "explicit":
        return None
    if min(begin + end) < 0:
        return None
    made = transposed_convolution(
        call.b,
        first.channels_last(call.b, x),
        turned,
        strides=strides,
        dilations=dilations,
        crops=[(low, high - n) for low, high, n in zip(begin, end, more, strict=True)],
        origin=call.name,
    )
    return None if made is None else first.channels_second(call.b, made)


@operation("MatMul")
def _product(call: Call) -> Node | None:
    operands = []
    for node, flag in zip(call.x, ("transpose_a", "transpose_b"), strict=True):
        rank = len(node.shape or ())
        if rank < 2 or not real(node):
            return None
        perm = (*range(rank - 2), rank - 1, rank - 2)
        moved = call.b.op("transpose", node, perm=perm) if call.given[flag] else node
        operands.append(moved)
    return call.op("dot", *operands)


@operation("BatchNormInference")
def _normalisation(call: Call) -> Node | None:
    if call.version != "opset5":
        return None  # the first has its inputs in another order
    epsilon = float(call.given["epsilon"])
    return first.normalised(call.b, call.x[0], call.x[1:5], epsilon, call.name)


@operation("MVN")
def _standardised(call: Call) -> Node | None:
    rank = call.rank
    axes = call.integers(1) if len(call.x) > 1 else None
    mode = str(call.given.get("eps_mode", "")).lower()
    if axes is None or not rank or not call.given.get("normalize_variance"):
        return None
    if mode != "inside_sqrt":
        return None
    over = tuple(axis % rank for axis in axes)
    return first.standardised(call.b, call.x[0], over, float(call.given["eps"]), call.name)


@operation("MaxPool", "AvgPool")
def _pool(call: Call) -> Node | list[Node] | None:
    pads = _pads(call)
    if pads is None or any(n != 1 for n in call.given.get("dilations", ())):
        return None
    if any(port.get_target_inputs() for port in call.node.outputs()[1:]):
        return None  # somebody reads where the largest stood
    rounding = str(call.given.get("rounding_type", "floor")).lower()
    if rounding not in ("floor", "ceil"):
        return None
    kind = "max_pool" if call.kind == "MaxPool" else "avg_pool"
    made = first.pooled(
        call.b, kind, call.x[0], kernel=_numbers(call, "kernel"),
        strides=_numbers(call, "strides"), pads=pads,
        padded=kind == "avg_pool" and not call.given["exclude-pad"], up=rounding == "ceil",
        origin=call.name,
    )  # fmt: skip
    return None if made is None else [made]


@operation("ScaledDotProductAttention")
def _attention(call: Call) -> Node | None:
    """Return softmax(query key' scale + mask) value."""
    if len(call.x) != 5 or call.given.get("causal", True):
        return None
    query, key, value, mask, scale = call.x
    rank = len(key.shape or ())
    if rank < 3 or not real(*call.x) or len(query.shape or ()) != rank:
        return None
    turned = call.b.op("transpose", key, perm=(*range(rank - 2), rank - 1, rank - 2))
    scores = call.op("mul", call.op("dot", query, turned), scale)
    scores = call.op("add", scores, mask)
    return call.op("dot", call.op("softmax", scores, axis=rank - 1), value)


@operation("Einsum")
def _contraction(call: Call) -> Node | None:
    return (
        contracted(call.b, call.x, str(call.given.get("equation", "")), call.name)
        if real(*call.x)
        else None
    )
