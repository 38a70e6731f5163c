"""Pictures whose channels become places, or the other way round, in the words of the vocabulary."""

from __future__ import annotations

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.words import Words


def depth_to_space(
    b: Words, x: Node, block: int, *, blocks_first: bool = True, origin: str = ""
) -> Node | None:
    """Return a picture with its channels last, of which blocks of channels become blocks of cells.

    Args:
        b: makes nodes.
        x: (rows, *spatial, channels).
        block: side of a block.
        blocks_first: whether channels count the cells of a block first, and what is in each last.
        origin: what its file calls it.
    """
    shape = x.shape
    if shape is None or None in shape[1:] or len(shape) < 3:
        return None
    rank = len(shape) - 2
    spatial = [size or 0 for size in shape[1:-1]]
    depth = (shape[-1] or 0) // block**rank
    channels = (*[block] * rank, depth) if blocks_first else (depth, *[block] * rank)
    parts = b.op("reshape", x, shape=(shape[0], *spatial, *channels), origin=origin)
    cells = 1 + rank + (0 if blocks_first else 1)
    order = [axis for n in range(rank) for axis in (1 + n, cells + n)]
    last = 1 + 2 * rank if blocks_first else 1 + rank
    moved = b.op("transpose", parts, perm=(0, *order, last), origin=origin)
    whole = (shape[0], *(size * block for size in spatial), depth)
    return b.op("reshape", moved, shape=whole, origin=origin)


def space_to_depth(
    b: Words, x: Node, block: int, *, blocks_first: bool = True, origin: str = ""
) -> Node | None:
    """Return the inverse of `depth_to_space`."""
    shape = x.shape
    if shape is None or None in shape[1:] or len(shape) < 3:
        return None
    rank = len(shape) - 2
    spatial = [size or 0 for size in shape[1:-1]]
    depth = shape[-1] or 0
    if any(size % block for size in spatial):
        return None
    pairs = [part for size in spatial for part in (size // block, block)]
    parts = b.op("reshape", x, shape=(shape[0], *pairs, depth), origin=origin)
    outer = [1 + 2 * n for n in range(rank)]
    inner, last = [2 + 2 * n for n in range(rank)], [1 + 2 * rank]
    tail = [*inner, *last] if blocks_first else [*last, *inner]
    moved = b.op("transpose", parts, perm=(0, *outer, *tail), origin=origin)
    whole = (shape[0], *(size // block for size in spatial), depth * block**rank)
    return b.op("reshape", moved, shape=whole, origin=origin)
