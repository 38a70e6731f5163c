"""BatchNorm that was folded into a convolution: which weights went into it, by algebra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.diagnosis.repair import Suspicion
from pytest_freezecheck.diagnosis.weights import Origins, keys_of
from pytest_freezecheck.models.graphdef import PASSING, operation_of

if TYPE_CHECKING:
    from pytest_freezecheck.models.constant_graph import EditableGraph

Array = npt.NDArray[Any]
_PASSING = PASSING | {"ReadVariableOp"}
#: Folding rounds once in float32: measured up to 1e-6 of the largest weight.
_CLOSE = 1e-5


def folded(
    live: EditableGraph, frozen: EditableGraph, origins: Origins | None
) -> Iterator[Suspicion]:
    """Suspect BatchNorms of the live graph that the frozen one has folded away.

    Args:
        live: the live side.
        frozen: the frozen side.
        origins: what weights can come from; None to tell only where something was folded.
    """
    for name, node in live.nodes.items():
        other = frozen.nodes.get(name)
        if not node.op.startswith("FusedBatchNorm") or other is None or other.op == node.op:
            continue
        layer = _source(live, node.input[0])
        if layer is None or layer.op not in ("Conv2D", "DepthwiseConv2dNative"):
            continue
        readers = [n.name for n in live.nodes.values() if _reads(n, layer.name)]
        if len(readers) > 1 or origins is None:
            yield Suspicion(
                "batch-norm-folding",
                (name, layer.name),
                f"{layer.name} is read by {len(readers)} operations, and {name} was folded into it",
                nodes=(name, layer.name, *readers),
            )
        else:
            yield from _weights(live, frozen, node, layer, origins)


def _weights(
    live: EditableGraph, frozen: EditableGraph, norm: Any, layer: Any, origins: Origins
) -> Iterator[Suspicion]:
    there = frozen.nodes.get(layer.name)
    kernel = None if there is None else _constant(frozen, there.input[1])
    offset = next(
        (c for c in (_constant(frozen, i) for i in frozen.nodes[norm.name].input) if c), None
    )
    names = [_constant(live, read) for read in (layer.input[1], *norm.input[1:5])]
    if kernel is None or offset is None or None in names:
        return
    epsilon = float(norm.attr["epsilon"].f)
    held = [live.weights[str(n)] for n in names]
    depthwise = layer.op != "Conv2D"
    right = _fold(held, epsilon, depthwise=depthwise)
    if _close(right, (frozen.weights[kernel], frozen.weights[offset])):
        return
    for cause, source in _combinations([str(n) for n in names], held, origins):
        if _close(
            _fold(source, epsilon, depthwise=depthwise),
            (frozen.weights[kernel], frozen.weights[offset]),
        ):
            yield Suspicion(
                cause,
                tuple(str(n) for n in names),
                f"{kernel} is what folding them gives",
                weights={kernel: right[0], offset: right[1]},
            )
            return


def _combinations(
    names: list[str], held: list[Array], origins: Origins
) -> Iterator[tuple[str, list[Array]]]:
    """Yield what may have been folded instead, and what that is called."""
    if origins.checkpoint is None:
        return
    raw = [origins.checkpoint(keys_of(name)[0]) for name in names]
    shadow = [
        next((v for key in keys_of(n)[1:] if (v := origins.checkpoint(key)) is not None), None)
        for n in names
    ]
    choices: Mapping[str, list[Array | None]] = {
        "raw-weights": [*raw[:3], *held[3:]],
        "averaged-weights": [*shadow[:3], *held[3:]],
        "averaged-statistics": [*held[:3], *shadow[3:]],
        "raw-statistics": [*held[:3], *raw[3:]],
    }
    for cause, values in choices.items():
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            yield cause, known


def _fold(values: list[Array], epsilon: float, *, depthwise: bool) -> tuple[Array, Array]:
    kernel, gamma, beta, mean, variance = (v.astype(np.float64) for v in values)
    scale = gamma / np.sqrt(variance + epsilon)
    spread = scale.reshape(*kernel.shape[2:]) if depthwise else scale
    return (
        (kernel * spread).astype(values[0].dtype),
        (beta - mean * scale).astype(values[0].dtype),
    )


def _close(one: tuple[Array, Array], other: tuple[Array, Array]) -> bool:
    return all(
        a.shape == b.shape and np.abs(a - b).max() <= _CLOSE * max(1e-6, float(np.abs(a).max()))
        for a, b in zip(one, other, strict=True)
    )


def _source(side: EditableGraph, read: str) -> Any:
    node = side.nodes.get(operation_of(read))
    while node is not None and node.op in _PASSING and node.input:
        node = side.nodes.get(operation_of(node.input[0]))
    return node


def _constant(side: EditableGraph, read: str) -> str | None:
    node = _source(side, read)
    return str(node.name) if node is not None and node.op == "Const" else None


def _reads(node: Any, name: str) -> bool:
    return any(operation_of(read) == name for read in node.input)
