"""What the larger operations of the vocabulary compute, in NumPy and float64: plain, not fast."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Pads = str | tuple[tuple[int, int], ...]
#: Klambauer et al., "Self-Normalizing Neural Networks" (2017).
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def each_axis(pads: Pads, rank: int) -> Sequence[str | tuple[int, int]]:
    """Return the padding of each spatial axis: cells before and after, or "SAME"."""
    return [pads] * rank if isinstance(pads, str) else pads


def window_count(
    size: int | None, kernel: int, stride: int, dilation: int, pads: str | tuple[int, int]
) -> int | None:
    """Return how many windows fit along an axis, or None where its size is not known."""
    if size is None:
        return None
    if isinstance(pads, str):
        return -(-size // stride)
    return (size + sum(pads) - (kernel - 1) * dilation - 1) // stride + 1


def same_pads(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return what `SAME` pads an axis by: an odd cell comes after (tf.nn, "padding")."""
    extent = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def known_pads(
    shape: tuple[int | None, ...] | None,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    pads: Hashable,
) -> Hashable:
    """Return "SAME" as cells, where they depend on no size, or the sizes are known.

    Args:
        shape: of what is padded: (rows, *spatial, channels).
        kernel: size of the window along each spatial axis.
        strides: likewise.
        dilations: likewise.
        pads: (before, after) for each spatial axis, "SAME" or "VALID".
    """
    if not isinstance(pads, str):
        return pads
    if pads == "VALID":
        return ((0, 0),) * len(kernel)
    sizes = (shape or ())[1:-1]
    if all(step == 1 for step in strides):
        sizes = (1,) * len(kernel)  # whatever they are
    elif len(sizes) != len(kernel) or None in sizes:
        return "SAME"
    return tuple(
        same_pads(size or 0, k, s, d)
        for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
    )


def windows(x: Array, given: Mapping[str, Any], fill: float) -> Array:
    """Return the windows of (rows, *spatial, channels): (rows, *counts, channels, *kernel)."""
    kernel, strides = given["kernel"], given["strides"]
    rank = len(kernel)
    dilations = given.get("dilations", (1,) * rank)
    pads = [
        same_pads(x.shape[1 + axis], kernel[axis], strides[axis], dilations[axis])
        if isinstance(pad, str)
        else pad
        for axis, pad in enumerate(each_axis(given["pads"], rank))
    ]
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(x, extents, axis=tuple(range(1, rank + 1)))
    steps = [slice(None), *(slice(None, None, s) for s in strides), slice(None)]
    return view[tuple(steps + [slice(None, None, d) for d in dilations])]


def convolve(x: Array, weight: Array, given: Mapping[str, Any]) -> Array:
    """Return a cross-correlation: x (rows, *spatial, in), weight (*kernel, in / groups, out)."""
    groups = given["groups"]
    view = windows(x, given, 0.0)
    rank = len(given["kernel"])
    into, out = weight.shape[-2], weight.shape[-1] // groups
    parts = []
    for group in range(groups):
        part = np.moveaxis(view, 1 + rank, 0)[group * into : (group + 1) * into]
        part = np.moveaxis(part, 0, 1 + rank)
        flat = part.reshape(*part.shape[: 1 + rank], -1)
        columns = weight[..., group * out : (group + 1) * out]
        moved = np.moveaxis(columns, -2, 0).reshape(-1, out)
        parts.append(flat @ moved)
    return np.concatenate(parts, axis=-1)


def pool(x: Array, given: Mapping[str, Any], reduce: Callable[..., Any], fill: float) -> Array:
    """Return the largest, or another summary, of each window."""
    view = windows(x, given, fill)
    rank = len(given["kernel"])
    return np.asarray(reduce(view, axis=tuple(range(-rank, 0))))


def lone_padding(pads: Pads, kernel: Sequence[int]) -> bool:
    """Return whether a window may have padded cells alone; "SAME" has none of those."""
    if isinstance(pads, str):
        return False
    return any(max(pair) >= size for pair, size in zip(pads, kernel, strict=True))


def average(x: Array, given: Mapping[str, Any]) -> Array:
    """Return the mean of each window; cells that were padded count only if `padded` says so."""
    total = pool(x, given, np.sum, 0.0)
    if given.get("padded"):
        return total / float(np.prod(given["kernel"]))
    return np.asarray(total / pool(np.ones_like(x), given, np.sum, 0.0))


def softmax(x: Array, axis: int) -> Array:
    """Return the softmax along an axis."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def log_softmax(x: Array, axis: int) -> Array:
    """Return its logarithm."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def sigmoid(x: Array) -> Array:
    """Return the logistic function."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def elu(x: Array, alpha: float) -> Array:
    """Return the exponential linear unit (Clevert et al., 2015)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def leaky(x: Array, alpha: float) -> Array:
    """Return x, or a part of it where it is negative."""
    return np.where(x > 0, x, alpha * x)


def select(condition: Array, x: Array, y: Array) -> Array:
    """Return x where a condition holds, and y elsewhere."""
    return np.where(condition.astype(bool), x, y)


def selu(x: Array) -> Array:
    """Return the scaled exponential linear unit."""
    return np.asarray(SELU_SCALE * elu(x, SELU_ALPHA))


def gelu_tanh(x: Array) -> Array:
    """Return the approximation of the Gaussian error linear unit by tanh (Hendrycks, 2016)."""
    return np.asarray(0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))))


def divide(x: Array, y: Array) -> Array:
    """Return a quotient; of whole numbers, rounded towards zero."""
    if np.asarray(x).dtype.kind in "iu":
        return np.asarray(np.trunc(x / y).astype(np.asarray(x).dtype))
    return np.asarray(x / y)


def cast(x: Array, to: str) -> Array:
    """Return values as another dtype; of floating-point ones all are float64 here."""
    if to in ("float64", "float32", "float16", "bfloat16"):
        return x.astype(np.float64)
    return np.asarray(x.astype(to))


def reshape(x: Array, shape: tuple[int | None, ...]) -> Array:
    """Return values in another shape, of which one size may be unknown."""
    return x.reshape([-1 if size is None else size for size in shape])


def pad(x: Array, given: Mapping[str, Any]) -> Array:
    """Return values with cells around them."""
    mode = given.get("mode", "constant")
    if mode == "constant":
        return np.asarray(np.pad(x, given["pads"], constant_values=given.get("value", 0.0)))
    return np.asarray(np.pad(x, given["pads"], mode=mode))


def spread(x: Array, steps: Sequence[int]) -> Array:
    """Return values with zeros between: along each axis one at every so manieth cell."""
    made = np.zeros([(n - 1) * s + 1 for n, s in zip(x.shape, steps, strict=True)], x.dtype)
    made[tuple(slice(None, None, s) for s in steps)] = x
    return made


def gather(x: Array, places: Array, given: Mapping[str, Any]) -> Array:
    """Return slices along an axis; with `batch_dims`, of each row of a batch its own."""
    axis, batch = given["axis"], given["batch_dims"]
    if not batch:
        return np.take(x, places.astype(np.int64), axis=axis)
    parts = [
        gather(one, where, {"axis": axis - 1, "batch_dims": batch - 1})
        for one, where in zip(x, places, strict=True)
    ]
    return np.stack(parts)


def bucketize(x: Array, given: Mapping[str, Any]) -> Array:
    """Return how many of sorted boundaries each value has reached; all of them, of NaN."""
    return np.asarray(np.searchsorted(np.asarray(given["boundaries"]), x, side="right"))


def one_hot(places: Array, given: Mapping[str, Any]) -> Array:
    """Return vectors that are `on` in one place, and `off` in all others."""
    hot: Array = places[..., None] == np.arange(given["depth"])
    return np.asarray(np.where(hot, given["on"], given["off"]))


def top(x: Array, k: int) -> tuple[Array, Array]:
    """Return the k largest along the last axis and their places; of equal ones, the first first."""
    # Turned round, since whole numbers have no negative of their own; what is no number is largest.
    last = x.shape[-1] - 1
    places = last - np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1][..., :k]
    return np.take_along_axis(x, places, axis=-1), places


def fill(x: Array, like: Array, rest: tuple[int, ...]) -> Array:
    """Return a value as often as it takes: as many rows as another has, each of this shape."""
    return np.broadcast_to(x, (like.shape[0], *rest))
