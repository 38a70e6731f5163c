"""Layers: convolutions, products with weights, normalisations, pools, and what is fused of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pytest_freezecheck.computation.contraction import contracted
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.shapes import unknown
from pytest_freezecheck.models.operations.translation import Call, Translate, operation

_ACTIVATIONS = {"Relu": (0.0, math.inf), "Relu6": (0.0, 6.0)}
_NORM_EPSILON = 1e-4
#: A BatchNorm in training mode reads its input, scale and offset.
_OWN = 3
_REAL = ("float16", "bfloat16", "float32", "float64")


def _pads(call: Call, rank: int) -> Any:
    mode = call.attribute("padding")
    if mode != "EXPLICIT":
        return mode
    given = call.attribute("explicit_paddings") or [0] * (2 * (rank + 2))
    pairs = tuple((given[2 * n], given[2 * n + 1]) for n in range(rank + 2))
    first = str(call.attribute("data_format", "NHWC")).startswith("NC")
    return pairs[2:] if first else pairs[1:-1]


def _convolved(call: Call, bias: Node | None = None) -> Node | None:
    weight = call.x[1]
    rank = len(weight.shape or ()) - 2
    if not weight.is_constant or rank < 1:
        return None
    x = call.channels_last(call.x[0])
    groups = 1
    width = (x.shape or (None,))[-1]
    if "Depthwise" in call.raw.op:
        *kernel, into, times = weight.shape or ()
        weight = call.b.op("reshape", weight, shape=(*kernel, 1, (into or 0) * (times or 0)))
        groups = into or 0
    elif width and (weight.shape or ())[-2] != width:
        groups = width // ((weight.shape or ())[-2] or 1)
    return call.b.convolution(
        x,
        weight,
        bias,
        strides=call.spatial(call.attribute("strides"), rank),
        pads=_pads(call, rank),
        dilations=call.spatial(call.attribute("dilations"), rank),
        groups=groups,
        origin=call.name,
    )


@operation("Conv2D", "DepthwiseConv2dNative", "Conv3D")
def _convolution(call: Call) -> Node | None:
    made = _convolved(call)
    return None if made is None else call.as_it_was(made)


@operation("BatchToSpaceND")
def _dilated(call: Call) -> Node | None:
    """Return a convolution of cells that were dealt out to a batch as a dilated one.

    Each of the parts that `SpaceToBatchND` makes has every so manieth cell: a kernel that goes over
    one of them meets cells that far apart (tf.nn.with_space_to_batch).
    """
    row = _of_one_row(call)
    made = call.x[0] if row is None else row[0]
    dealt = made.inputs[0] if row is None else row[1]
    if made.op != "conv" or dealt.op != "tf:SpaceToBatchND":
        return None
    x, *told = dealt.inputs
    values = [node.value for node in (*told, *call.x[1:])]
    if x.shape is None or len(values) != 4 or any(value is None for value in values):
        return None
    block, pads, again, crops = ([int(n) for n in v.array.ravel()] for v in values if v is not None)
    rank = len(block)
    if block != again or len(x.shape) != rank + 2:
        return None
    around = tuple(
        (pads[2 * n] - crops[2 * n], pads[2 * n + 1] - crops[2 * n + 1]) for n in range(rank)
    )
    if min(min(pair) for pair in around) < 0:
        return None
    if row is not None:
        if rank != 1 or unknown(x.shape) > 1:
            return None
        x = call.op("reshape", x, shape=(x.shape[0], 1, *x.shape[1:]))
        block, around = [1, *block], ((0, 0), *around)
    plain = {1} == {*made["strides"], *made["dilations"]} and {*made["pads"]} == {(0, 0)}
    if not plain or len(made["pads"]) != len(block):
        return None
    given = {**dict(made.attributes), "dilations": tuple(block), "pads": around}
    found = call.op("conv", x, *made.inputs[1:], **given)
    if row is None:
        return found
    shape = found.shape
    return None if shape is None else call.op("reshape", found, shape=(shape[0], *shape[2:]))


def _of_one_row(call: Call) -> tuple[Node, Node] | None:
    """Return the convolution of a sequence, made as one of pictures of one row, and what it reads.

    `tf.nn.conv1d` adds an axis of size 1 before it and takes it away behind it.
    """
    squeezed = call.raw.inputs[0] if call.raw.inputs else None  # none of another format's
    if squeezed is None or squeezed.op != "tf:Squeeze" or squeezed.inputs[0].op != "tf:Conv2D":
        return None
    convolution = squeezed.inputs[0]
    expanded = convolution.inputs[0]
    if expanded.op != "tf:ExpandDims" or expanded.inputs[1].value is None:
        return None
    gone = Call(call.translator, squeezed, []).attribute("squeeze_dims")
    axes = [*(gone or ()), *expanded.inputs[1].value.array.ravel().tolist()]
    if len(axes) != 2 or not {*axes} <= {1, -3}:
        return None
    return call.translator(convolution), call.translator(expanded.inputs[0])


@operation("_FusedConv2D", "_FusedDepthwiseConv2dNative")
def _fused_convolution(call: Call) -> Node | None:
    made = _convolved(call)
    return None if made is None else _with_fused(call, made, call.as_it_was)


@operation("_FusedMatMul")
def _fused_product(call: Call) -> Node | None:
    made = _product(call)
    return None if made is None else _with_fused(call, made, lambda node: node)


def _with_fused(call: Call, made: Node, back: Any) -> Node | None:
    """Return a layer with what Grappler has fused into it (grappler/optimizers/remapper.cc)."""
    names = list(call.attribute("fused_ops") or [])
    rest = call.x[2:]
    if names[:1] == ["BiasAdd"]:
        made = call.op("add", made, rest[0])
        names = names[1:]
    elif names[:1] == ["FusedBatchNorm"] and len(rest) >= 4:
        epsilon = float(call.attribute("epsilon", _NORM_EPSILON))
        made = call.b.normalised(made, rest[:4], epsilon, call.name)
        names = names[1:]
    for name in names:
        activated = _activated(call, made, name)
        if activated is None:
            return None
        made = activated
    result: Node = back(made)
    return result


def _activated(call: Call, x: Node, name: str) -> Node | None:
    if name in _ACTIVATIONS:
        low, high = _ACTIVATIONS[name]
        return call.op("clip", x, low=low, high=high)
    if name == "LeakyRelu":
        alpha = float(np.float32(call.attribute("leakyrelu_alpha", 0.2)))
        return call.op("leaky_relu", x, alpha=alpha)
    if name == "Elu":
        return call.op("elu", x, alpha=1.0)
    return call.op(name.lower(), x) if name in ("Sigmoid", "Tanh") else None


def _product(call: Call) -> Node | None:
    x, weight = call.x[:2]
    if call.attribute("transpose_a"):
        x = call.b.op("transpose", x, perm=(1, 0))
    if call.attribute("transpose_b"):
        weight = call.b.op("transpose", weight, perm=(1, 0))
    return call.op("dot", x, weight)


@operation("MatMul")
def _matmul(call: Call) -> Node | None:
    return _product(call)


@operation("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def _batch_product(call: Call) -> Node | None:
    operands = []
    if len({node.dtype for node in call.x}) > 1 or call.x[0].dtype in ("int8", "uint8"):
        return None  # what comes out may be of another dtype
    for node, flag in zip(call.x, ("adj_x", "adj_y"), strict=True):
        rank = len(node.shape or ())
        if node.shape is None or rank < 2:
            return None
        perm = (*range(rank - 2), rank - 1, rank - 2)
        if call.attribute(flag) and node.dtype not in _REAL:
            return None  # of complex numbers it is the conjugate
        operands.append(call.b.op("transpose", node, perm=perm) if call.attribute(flag) else node)
    return call.op("dot", *operands)


@operation("BiasAdd")
def _bias(call: Call) -> Node | None:
    return call.as_it_was(call.op("add", call.channels_last(call.x[0]), call.x[1]))


@operation("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx")
def _normalisation(call: Call) -> Node | None:
    if call.attribute("is_training", default=True):
        return _of_the_batch(call)
    if call.port:
        return None
    epsilon = float(call.attribute("epsilon", _NORM_EPSILON))
    x, *rest = call.x
    made = call.b.normalised(call.channels_last(x), rest[:4], epsilon, call.name)
    if call.attribute("num_side_inputs"):
        made = call.op("add", made, call.channels_last(rest[4]))
    mode = call.attribute("activation_mode", "Identity")
    if mode != "Identity":
        activated = _activated(call, made, mode)
        if activated is None:
            return None
        made = activated
    return call.as_it_was(made)


def _of_the_batch(call: Call) -> Node | None:
    """Return a BatchNorm in training mode without the moving statistics, which it does not read.

    Those that it would update it reads only where it averages (`exponential_avg_factor` below 1).
    """
    averages = call.attribute("exponential_avg_factor", 1.0) != 1.0
    if averages or call.attribute("num_side_inputs") or len(call.x) <= _OWN:
        return None
    return call.b.opaque(
        call.raw.op,
        call.x[:_OWN],
        dict(call.raw.attributes),
        shape=None if call.port else call.x[0].shape,
        dtype="" if call.port else call.x[0].dtype,
        origin=call.name,
    )


def _pooling(kind: str) -> Translate:
    def translate(call: Call) -> Node | None:
        shape = call.x[0].shape
        if shape is None:
            return None
        rank = len(shape) - 2
        whole = [list(call.attribute(name) or []) for name in ("ksize", "strides")]
        first = str(call.attribute("data_format", "NHWC")).startswith("NC")
        channels = 1 if first else -1
        if call.x[0].dtype not in _REAL or any(n[0] != 1 or n[channels] != 1 for n in whole if n):
            return None  # channels are pooled as well, or whole numbers
        made = call.b.pooled(
            kind,
            call.channels_last(call.x[0]),
            kernel=call.spatial(call.attribute("ksize"), rank),
            strides=call.spatial(call.attribute("strides"), rank),
            pads=_pads(call, rank),
            origin=call.name,
        )
        return call.as_it_was(made)

    return translate


operation("MaxPool", "MaxPool3D")(_pooling("max_pool"))
operation("AvgPool", "AvgPool3D")(_pooling("avg_pool"))


@operation("Einsum")
def _einsum(call: Call) -> Node | None:
    equation = str(call.attribute("equation", ""))
    return contracted(call.b, call.x, equation, call.name)
