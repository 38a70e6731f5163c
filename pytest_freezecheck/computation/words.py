"""What formats write as one operation, and the vocabulary as a few, or in a way of its own."""

from __future__ import annotations

import abc
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.computation.kernels import known_pads
from pytest_freezecheck.computation.node import Node


class Words(abc.ABC):
    """Says larger operations in the words of the vocabulary."""

    @abc.abstractmethod
    def op(self, name: str, *inputs: Node, origin: str = "", **given: Hashable) -> Node:
        """Return the normal form of an operation."""

    @abc.abstractmethod
    def constant(self, value: Any, *origin: str) -> Node:
        """Return the node of a constant."""

    @abc.abstractmethod
    def number(self, value: float, like: Node) -> Node:
        """Return the node of one number, in the dtype of another node."""

    def negative(self, x: Node, origin: str = "") -> Node:
        """Return -x."""
        return self.scaled(x, -1.0, origin)

    def scaled(self, x: Node, factor: float, origin: str = "") -> Node:
        """Return x times a number."""
        return self.op("mul", x, self.number(factor, x), origin=origin)

    def subtract(self, x: Node, y: Node, origin: str = "") -> Node:
        """Return x - y."""
        return self.op("sub", x, y, origin=origin)

    def linear(self, x: Node, weight: Node, bias: Node | None = None, origin: str = "") -> Node:
        """Return x (..., in) times a constant weight (in, out), plus a bias (out,)."""
        return self.op("matmul", x, weight, bias or self._zeros(weight), origin=origin)

    def convolution(
        self,
        x: Node,
        weight: Node,
        bias: Node | None = None,
        *,
        strides: tuple[int, ...],
        pads: Hashable,
        dilations: tuple[int, ...] | None = None,
        groups: int = 1,
        origin: str = "",
    ) -> Node:
        """Return a cross-correlation.

        Args:
            x: (rows, *spatial, in).
            weight: (*kernel, in / groups, out), a constant.
            bias: (out,), a constant, or None.
            strides: for each spatial axis.
            pads: (before, after) for each spatial axis, or "SAME".
            dilations: for each spatial axis.
            groups: number of groups of channels; of a depthwise one, as many as channels.
            origin: what its file calls it.
        """
        shape = weight.shape or ()
        kernel = tuple(size or 0 for size in shape[:-2])
        return self.op(
            "conv",
            x,
            weight,
            bias or self._zeros(weight),
            origin=origin,
            kernel=kernel,
            strides=strides,
            pads=known_pads(x.shape, kernel, strides, dilations or (1,) * len(kernel), pads),
            dilations=dilations or (1,) * len(kernel),
            groups=groups,
        )

    def pooled(
        self,
        kind: str,
        x: Node,
        *,
        kernel: tuple[int, ...],
        strides: tuple[int, ...],
        pads: Hashable,
        padded: bool = False,
        origin: str = "",
    ) -> Node:
        """Return `max_pool` or `avg_pool` of (rows, *spatial, channels).

        Args:
            kind: which of them.
            x: what is pooled.
            kernel: size of the window along each spatial axis.
            strides: likewise.
            pads: (before, after) for each spatial axis, or "SAME".
            padded: whether padded cells count in an average.
            origin: what its file calls it.
        """
        pads = known_pads(x.shape, kernel, strides, (1,) * len(kernel), pads)
        given = {"padded": True} if padded and kind == "avg_pool" and _any(pads) else {}
        return self.op(kind, x, origin=origin, kernel=kernel, strides=strides, pads=pads, **given)

    def reduced(
        self, kind: str, x: Node, axes: Iterable[int], *, keep: bool, origin: str = ""
    ) -> Node:
        """Return a reduction, such as `reduce_mean`, over axes of a known rank."""
        shape = x.shape or ()
        over = tuple(sorted({axis % len(shape) for axis in axes}))
        made = self.op(kind, x, axes=over, origin=origin) if over else x
        if not keep:
            return made
        kept = tuple(1 if axis in over else size for axis, size in enumerate(shape))
        return self.op("reshape", made, shape=kept, origin=origin)

    def normalised(
        self, x: Node, parameters: Sequence[Node], epsilon: float, origin: str = ""
    ) -> Node:
        """Return BatchNorm of the last axis with constant statistics, as inference has it.

        Args:
            x: what is normalised.
            parameters: scale, offset, mean and variance, each (channels,).
            epsilon: what is added to the variance.
            origin: what its file calls it.
        """
        scale, offset, mean, variance = parameters
        shift = self.number(epsilon, variance)
        factor = self.op("mul", self.op("rsqrt", self.op("add", variance, shift)), scale)
        rest = self.subtract(offset, self.op("mul", mean, factor))
        return self.op("affine", x, factor, rest, origin=origin)

    def _zeros(self, weight: Node) -> Node:
        width = (weight.shape or (0,))[-1] or 0
        return self.constant(np.zeros(width, np.float32))


def _any(pads: Hashable) -> bool:
    return pads == "SAME" or any(any(pair) for pair in pads)  # type: ignore[attr-defined]
