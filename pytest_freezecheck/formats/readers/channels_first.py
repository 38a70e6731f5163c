"""What readers of ONNX and OpenVINO share: their pictures have the channels second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_freezecheck.computation.builder import Builder, real
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.shapes import unknown
from pytest_freezecheck.formats.readers.grids import weight

Pads = tuple[tuple[int, int], ...]


def channels_last(b: Builder, x: Node) -> Node:
    """Return a picture with its channels last."""
    rank = len(x.shape or ())
    return b.op("transpose", x, perm=(0, *range(2, rank), 1))


def channels_second(b: Builder, x: Node) -> Node:
    """Return a picture with its channels second."""
    rank = len(x.shape or ())
    return b.op("transpose", x, perm=(0, rank - 1, *range(1, rank - 1)))


def convolution(
    b: Builder,
    x: Node,
    kernel: Node,
    *,
    strides: tuple[int, ...],
    pads: Any,
    dilations: tuple[int, ...],
    groups: int,
    origin: str,
) -> Node | None:
    """Return a convolution of a picture with its channels second.

    Args:
        b: makes nodes.
        x: the picture.
        kernel: (out, in / groups, *kernel).
        strides: for each spatial axis.
        pads: (before, after) for each spatial axis, "SAME" or "SAME_LOWER".
        dilations: for each spatial axis.
        groups: number of groups of channels.
        origin: what its file calls it.

    Returns:
        The convolution, without a bias, or None if it cannot be said.
    """
    rank = len(kernel.shape or ())
    if x.shape is None or rank < 3 or len(x.shape) != rank:
        return None
    moved = weight(b, kernel, (*range(2, rank), 1, 0))
    if moved is None:
        return None
    sizes = (moved.shape or ())[:-2]
    told = lower(x.shape[2:], sizes, strides, dilations, pads)
    if told is None:
        return None
    made = b.convolution(
        channels_last(b, x), moved, strides=strides, pads=told, dilations=dilations,
        groups=groups, origin=origin,
    )  # fmt: skip
    return channels_second(b, made)


def lower(
    sizes: Shape, kernel: Shape, strides: Sequence[int], dilations: Sequence[int], pads: Any
) -> Any:
    """Return pads, those of "SAME_LOWER" as cells: an odd one comes before; None if unknown."""
    from pytest_freezecheck.computation.kernels import same_pads

    if pads != "SAME_LOWER":
        return pads
    if None in sizes:
        return None
    pairs = zip(sizes, kernel, strides, dilations, strict=True)
    return tuple(same_pads(n or 0, k or 0, s, d)[::-1] for n, k, s, d in pairs)


def pooled(
    b: Builder,
    kind: str,
    x: Node,
    *,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pads: Any,
    padded: bool,
    up: bool,
    origin: str,
) -> Node | None:
    """Return a pool of a picture with its channels second.

    Args:
        b: makes nodes.
        kind: `max_pool` or `avg_pool`.
        x: the picture.
        kernel: size of the window.
        strides: for each spatial axis.
        pads: (before, after) for each spatial axis, "SAME" or "SAME_LOWER".
        padded: whether padded cells count in an average.
        up: whether the number of windows is rounded up.
        origin: what its file calls it.

    Returns:
        The pool, or None if it cannot be said.
    """
    if x.shape is None or len(x.shape) != len(kernel) + 2 or not real(x):
        return None
    told = lower(x.shape[2:], kernel, strides, (1,) * len(kernel), pads)
    if told is None or (up and not isinstance(told, str) and not _fits(x, kernel, strides, told)):
        return None
    made = b.pooled(
        kind, channels_last(b, x), kernel=kernel, strides=strides, pads=told, padded=padded,
        origin=origin,
    )  # fmt: skip
    return channels_second(b, made)


def _fits(x: Node, kernel: Sequence[int], strides: Sequence[int], pads: Pads) -> bool:
    """Return whether windows end where the padded picture does, however they are counted."""
    pairs = zip((x.shape or ())[2:], kernel, strides, pads, strict=True)
    return all(n is not None and (n + sum(p) - k) % s == 0 for n, k, s, p in pairs)


def channelwise(b: Builder, kind: str, x: Node, vector: Node, origin: str = "") -> Node:
    """Return `add` or `mul` of a picture with its channels second and one number for each."""
    made = b.op(kind, channels_last(b, x), vector, origin=origin)
    return channels_second(b, made)


def normalised(
    b: Builder, x: Node, parameters: Sequence[Node], epsilon: float, origin: str
) -> Node | None:
    """Return BatchNorm of axis 1; parameters: scale, offset, mean, variance."""
    if x.shape is None or len(x.shape) < 2:
        return None
    return channels_second(b, b.normalised(channels_last(b, x), parameters, epsilon, origin))


def standardised(
    b: Builder, x: Node, axes: tuple[int, ...], epsilon: float, origin: str
) -> Node | None:
    """Return x less its mean over axes, by the root of its variance and a number."""
    shape = x.shape
    if shape is None or not real(x) or unknown(shape) > 1:
        return None
    mean = b.reduced("reduce_mean", x, axes, keep=True, origin=origin)
    rest = b.subtract(x, mean, origin)
    spread = b.reduced("reduce_mean", b.op("square", rest), axes, keep=True, origin=origin)
    inverse = b.op("rsqrt", b.op("add", spread, b.number(epsilon, x)), origin=origin)
    return b.op("mul", rest, inverse, origin=origin)
