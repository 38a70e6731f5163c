"""The transpose of a convolution, as a convolution of what has zeros between its cells."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_freezecheck.computation.kernels import same_pads
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.words import Words


def transposed_convolution(
    b: Words,
    x: Node,
    weight: Node,
    *,
    strides: Sequence[int],
    dilations: Sequence[int],
    crops: Sequence[tuple[int, int]],
    origin: str = "",
) -> Node | None:
    """Return the transpose of a convolution: y[i stride + k dilation - before] += x[i] w[k].

    Args:
        b: makes nodes.
        x: (rows, *spatial, in).
        weight: (*kernel, in, out), a constant.
        strides: for each spatial axis.
        dilations: likewise.
        crops: cells that are cut off before and after, for each spatial axis; a negative number is
            of cells that are added, which only stand after.
        origin: what its file calls it.
    """
    if not weight.is_constant or x.shape is None or None in x.shape[1:-1]:
        return None
    kernel = [size or 0 for size in (weight.shape or ())[:-2]]
    reach = [(size - 1) * d for size, d in zip(kernel, dilations, strict=True)]
    pads = tuple((r - c[0], r - c[1]) for r, c in zip(reach, crops, strict=True))
    if any(n < 0 for pair in pads for n in pair) or any(c[0] < 0 for c in crops):
        return None
    turned = b.op("reverse", weight, axes=tuple(range(len(kernel))))
    if any(stride != 1 for stride in strides):
        x = b.op("spread", x, steps=(1, *strides, 1), origin=origin)
    ones = (1,) * len(kernel)
    return b.convolution(
        x, turned, strides=ones, pads=pads, dilations=tuple(dilations), origin=origin
    )


def undone(
    b: Words,
    x: Node,
    weight: Node,
    *,
    sizes: Sequence[int | None],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: str,
    origin: str = "",
) -> Node | None:
    """Return the gradient of a convolution by what it read: its transpose, of these sizes.

    Args:
        b: makes nodes.
        x: (rows, *spatial, in).
        weight: (*kernel, in, out), a constant.
        sizes: of what comes out, along each spatial axis.
        strides: of the convolution that is undone.
        dilations: likewise.
        pads: "SAME" or "VALID", likewise.
        origin: what its file calls it.
    """
    here, kernel = (x.shape or ())[1:-1], (weight.shape or ())[:-2]
    if pads not in ("SAME", "VALID") or None in here or not len(here) == len(kernel) == len(sizes):
        return None
    crops = []
    for to, size, k, step, d in zip(sizes, here, kernel, strides, dilations, strict=True):
        if to is None:
            return None
        before = same_pads(to, k or 0, step, d)[0] if pads == "SAME" else 0
        whole = ((size or 0) - 1) * step + ((k or 0) - 1) * d + 1
        crops.append((before, whole - before - to))
    return transposed_convolution(
        b, x, weight, strides=strides, dilations=dilations, crops=crops, origin=origin
    )
