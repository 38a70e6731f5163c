"""ONNX's layers: convolutions, products with weights, normalisations and pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import real
from pytest_freezecheck.computation.contraction import contracted
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.transposed import transposed_convolution
from pytest_freezecheck.computation.values import Value
from pytest_freezecheck.formats.onnx.call import Call, operation
from pytest_freezecheck.formats.readers import channels_first as first
from pytest_freezecheck.formats.readers import grids

_AUTO = {"SAME_UPPER": "SAME", "SAME_LOWER": "SAME_LOWER", "VALID": "VALID"}


def _spatial(call: Call, name: str, rank: int) -> tuple[int, ...]:
    given = call.attribute(name)
    return tuple(int(n) for n in given) if given else (1,) * rank


def _pads(call: Call, rank: int) -> Any:
    """Return pads; the file has all that are before, then all that are after."""
    mode = call.attribute("auto_pad", "NOTSET")
    if mode != "NOTSET":
        return _AUTO.get(mode)
    given = call.attribute("pads") or [0] * (2 * rank)
    return tuple((int(given[n]), int(given[rank + n])) for n in range(rank))


def _negative(pads: Any) -> bool:
    return not isinstance(pads, str) and any(n < 0 for pair in pads for n in pair)


@operation("Conv")
def _convolution(call: Call) -> Node | None:
    kernel = call.at(1)
    rank = len(kernel.shape or ()) - 2
    pads = _pads(call, rank) if rank > 0 else None
    if pads is None or _negative(pads):
        return None
    made = first.convolution(
        call.b, call.at(0), kernel, strides=_spatial(call, "strides", rank), pads=pads,
        dilations=_spatial(call, "dilations", rank), groups=int(call.attribute("group", 1)),
        origin=call.name,
    )  # fmt: skip
    if made is None or not call.has(2):
        return made
    return first.channelwise(call.b, "add", made, call.at(2), call.name)


@operation("ConvTranspose")
def _transposed(call: Call) -> Node | None:
    x, kernel = call.at(0), call.at(1)
    rank = len(kernel.shape or ()) - 2
    if rank < 1 or call.attribute("group", 1) != 1 or len(x.shape or ()) != rank + 2:
        return None
    if call.attribute("auto_pad", "NOTSET") != "NOTSET" or call.attribute("output_shape"):
        return None
    pads, more = _pads(call, rank), call.attribute("output_padding") or [0] * rank
    turned = grids.weight(call.b, kernel, (*range(2, rank + 2), 0, 1))
    if turned is None or _negative(pads):
        return None
    made = transposed_convolution(
        call.b,
        first.channels_last(call.b, x),
        turned,
        strides=_spatial(call, "strides", rank),
        dilations=_spatial(call, "dilations", rank),
        crops=[(pair[0], pair[1] - n) for pair, n in zip(pads, more, strict=True)],
        origin=call.name,
    )
    if made is None:
        return None
    made = first.channels_second(call.b, made)
    return first.channelwise(call.b, "add", made, call.at(2), call.name) if call.has(2) else made


@operation("MatMul")
def _product(call: Call) -> Node | None:
    x, y = call.at(0), call.at(1)
    if min(len(x.shape or ()), len(y.shape or ())) < 2 or not real(x, y):
        return None
    return call.op("dot", x, y)


@operation("Gemm")
def _product_and_sum(call: Call) -> Node | None:
    x, y = call.at(0), call.at(1)
    if len(x.shape or ()) != 2 or len(y.shape or ()) != 2 or not real(x, y):
        return None
    if call.flag("transA", default=False):
        x = call.b.op("transpose", x, perm=(1, 0))
    if call.flag("transB", default=False):
        y = call.b.op("transpose", y, perm=(1, 0))
    made = call.op("dot", x, y)
    alpha, beta = (float(call.attribute(name, 1.0)) for name in ("alpha", "beta"))
    if alpha != 1.0:
        made = call.b.scaled(made, alpha, call.name)
    if not call.has(2):
        return made
    rest = call.at(2) if beta == 1.0 else call.b.scaled(call.at(2), beta, call.name)
    return call.op("add", made, rest)


@operation("BatchNormalization")
def _normalisation(call: Call) -> Node | None:
    if (
        call.flag("training_mode", default=False)
        or call.outputs > 1
        or call.attribute("spatial", 1) != 1
    ):
        return None
    parameters = [call.at(place) for place in (1, 2, 3, 4)]
    epsilon = float(np.float32(call.attribute("epsilon", 1e-5)))
    return first.normalised(call.b, call.at(0), parameters, epsilon, call.name)


@operation("InstanceNormalization")
def _of_each_instance(call: Call) -> Node | None:
    rank = call.rank
    if rank is None or rank < 3:
        return None
    x = first.channels_last(call.b, call.at(0))
    epsilon = float(np.float32(call.attribute("epsilon", 1e-5)))
    made = first.standardised(call.b, x, tuple(range(1, rank - 1)), epsilon, call.name)
    if made is None:
        return None
    made = call.op("add", call.op("mul", made, call.at(1)), call.at(2))
    return first.channels_second(call.b, made)


@operation("LayerNormalization")
def _of_each_layer(call: Call) -> Node | None:
    rank = call.rank
    if rank is None or call.outputs > 1:
        return None
    axes = tuple(range(int(call.attribute("axis", -1)) % rank, rank))
    epsilon = float(np.float32(call.attribute("epsilon", 1e-5)))
    made = first.standardised(call.b, call.at(0), axes, epsilon, call.name)
    if made is None:
        return None
    made = call.op("mul", made, call.at(1))
    return call.op("add", made, call.at(2)) if call.has(2) else made


@operation("MaxPool", "AveragePool")
def _pool(call: Call) -> Node | None:
    kernel = tuple(int(n) for n in call.attribute("kernel_shape"))
    rank = len(kernel)
    pads = _pads(call, rank)
    dilated = any(n != 1 for n in _spatial(call, "dilations", rank))
    if pads is None or _negative(pads) or dilated or call.outputs > 1:
        return None
    return first.pooled(
        call.b, "max_pool" if call.node.op_type == "MaxPool" else "avg_pool", call.at(0),
        kernel=kernel, strides=_spatial(call, "strides", rank), pads=pads,
        padded=call.flag("count_include_pad", default=False),
        up=call.flag("ceil_mode", default=False), origin=call.name,
    )  # fmt: skip


@operation("GlobalAveragePool", "GlobalMaxPool")
def _of_all(call: Call) -> Node | None:
    rank = call.rank
    if rank is None or rank < 3 or not real(call.at(0)):
        return None
    name = "reduce_mean" if call.node.op_type == "GlobalAveragePool" else "reduce_max"
    return call.b.reduced(name, call.at(0), range(2, rank), keep=True, origin=call.name)


@operation("DequantizeLinear")
def _from_whole(call: Call) -> Node | None:
    """Return a constant that is stored in whole numbers, with half of its step."""
    constants = [None if node is None else node.value for node in call.all]
    if constants[0] is None or constants[1] is None or call.attribute("block_size", 0):
        return None
    stored, step = constants[0], constants[1]
    zero = constants[2] if call.has(2) else Value(np.zeros((), stored.array.dtype))
    if zero is None or stored.array.dtype.kind not in "iu" or stored.dtype == "int32":
        return None
    rank, axis = stored.array.ndim, int(call.attribute("axis", 1))
    steps, zeros = (_along(v.array, rank, axis) for v in (step, zero))
    if steps is None or zeros is None:
        return None
    steps = steps.astype(np.float64)
    array = ((stored.array.astype(np.float64) - zeros) * steps).astype(np.float32)
    half: Any = steps.ravel()[0] / 2 if steps.size == 1 else float(steps.max()) / 2
    if steps.size > 1 and axis % rank == rank - 1:
        half = steps.ravel() / 2
    return call.b.constant(
        Value(array, half=half, grid=stored.dtype, origin=stored.origin, folded=True)
    )


def _along(array: Any, rank: int, axis: int) -> Any:
    if array.size == 1:
        return array.reshape(())
    if array.ndim != 1 or not rank:
        return None
    shape: Sequence[int] = [array.size if n == axis % rank else 1 for n in range(rank)]
    return array.reshape(shape)


@operation("Einsum")
def _contraction(call: Call) -> Node | None:
    return (
        contracted(call.b, call.x, str(call.attribute("equation", "")), call.name)
        if real(*call.x)
        else None
    )
