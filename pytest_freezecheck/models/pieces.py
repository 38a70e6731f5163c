"""Feed a batch to a model that takes only so many rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytest_freezecheck.models.session import Answer, Arrays

Ask = Callable[[Mapping[str, Any]], "Answer"]


def in_pieces(feeds: Mapping[str, Any], size: int | None, ask: Ask) -> Answer:
    """Ask about a batch, in pieces if need be.

    Args:
        feeds: {input name: array (rows, *shape)}.
        size: how many rows the model takes, exactly; None if any number.
        ask: asks the model.

    Returns:
        The answer to the whole batch.
    """
    rows = rows_of(feeds)
    if size is None or rows == size:
        return ask(feeds)
    from pytest_freezecheck.models.session import Answer

    answers = [ask(piece) for piece in pieces(feeds, size)]
    return Answer(
        outputs=joined([answer.outputs for answer in answers], rows, size),
        logits=joined([answer.logits for answer in answers], rows, size),
    )


def pieces(feeds: Mapping[str, Any], size: int | None) -> Iterator[Mapping[str, Any]]:
    """Yield a batch in pieces of so many rows; the last is filled up with the last row."""
    rows = rows_of(feeds)
    if size is None or rows == size:
        yield feeds
        return
    for start in range(0, rows, size):
        places = np.minimum(np.arange(start, start + size), rows - 1)
        yield {name: array[places] for name, array in feeds.items()}


def joined(parts: Sequence[Arrays], rows: int, size: int) -> Arrays:
    """Put together what was answered to the pieces, without what was answered to the filling.

    Args:
        parts: {name: array}, of each piece.
        rows: of the whole batch.
        size: rows of a piece.

    Returns:
        {name: array (rows, ...)}. What has no row for each input is given as it is where it is the
        same for all pieces, and stacked where it is not.
    """
    return {name: _joined([part[name] for part in parts], rows, size) for name in parts[0]}


def _joined(parts: Sequence[Any], rows: int, size: int) -> Any:
    if np.ndim(parts[0]) and len(parts[0]) == size:
        return np.concatenate(parts)[:rows]
    first = np.asarray(parts[0])
    if all(np.asarray(part).tobytes() == first.tobytes() for part in parts):
        return parts[0]
    return np.stack(parts)


def rows_of(feeds: Mapping[str, Any]) -> int:
    """Return how many rows a batch has."""
    return len(next(iter(feeds.values())))


def fixed_rows(shapes: Iterable[Sequence[int | None] | None]) -> int | None:
    """Return the only number of rows that a model takes, or None if it takes any.

    Args:
        shapes: of its inputs, with the batch; None for one of unknown rank.
    """
    return next((shape[0] for shape in shapes if shape and shape[0] is not None), None)


def static_shape(tensor: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a tensor as far as it is known, or None if not even its rank is."""
    return None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
