"""Real inputs of several sizes. NumPy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class Ragged:
    """Rows of several shapes, in their order.

    Args:
        rows: each an array of its own shape.
    """

    def __init__(self, rows: Sequence[npt.NDArray[Any]]) -> None:
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> npt.NDArray[Any]:
        return self.rows[place]


Collection = npt.NDArray[Any] | Ragged


def of_shape(collection: Collection, shape: tuple[int, ...]) -> npt.NDArray[Any] | None:
    """Return the real inputs of one shape, (n, *shape), or None if there are none."""
    if isinstance(collection, Ragged):
        rows = [row for row in collection.rows if row.shape == shape]
        return np.stack(rows) if rows else None
    return collection if collection.shape[1:] == shape else None


def together(
    collections: Mapping[str, Collection], most: int
) -> Iterator[tuple[int, dict[str, npt.NDArray[Any]]]]:
    """Yield the real inputs in batches of one size.

    The n-th of several collections belong together, and the shorter ones start again.

    Args:
        collections: {input name: its rows}, at least one.
        most: rows of a batch.

    Yields:
        The place of the first row, and {input name: array (rows, *shape)}.
    """
    count = max(map(len, collections.values()))

    def rows(place: int) -> dict[str, npt.NDArray[Any]]:
        return {name: held[place % len(held)] for name, held in collections.items()}

    start = 0
    while start < count:
        batch = [rows(start)]
        shapes = _shapes(batch[0])
        while len(batch) < most and start + len(batch) < count:
            following = rows(start + len(batch))
            if _shapes(following) != shapes:
                break
            batch.append(following)
        yield start, {name: np.stack([row[name] for row in batch]) for name in batch[0]}
        start += len(batch)


def _shapes(row: Mapping[str, npt.NDArray[Any]]) -> list[tuple[int, ...]]:
    return [np.shape(array) for array in row.values()]
