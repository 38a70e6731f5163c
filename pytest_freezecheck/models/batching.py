"""Feed a batch to a model that takes only so many rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.numeric.batches import rows_of

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays

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
    from pytest_freezecheck.models.answer import Answer

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
        {name: array (rows, ...)}; likewise where each piece has as many answers for each row. What
        has none for each row, or another number of them from piece to piece, is stacked, (pieces,
        ...), and filled up with what is no answer.
    """
    return {name: _joined([part[name] for part in parts], rows, size) for name in parts[0]}


def _joined(parts: Sequence[Any], rows: int, size: int) -> Any:
    arrays = [np.asarray(part) for part in parts]
    lengths = {array.shape[0] if array.ndim else -1 for array in arrays}
    length = lengths.pop()
    if not lengths and length > 0 and length % size == 0:
        return np.concatenate(_filled_up(arrays))[: rows * (length // size)]
    return np.stack(_filled_up(arrays))


def _filled_up(arrays: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
    """Return arrays of one rank in one shape, the largest; what is added is no answer of a model.

    How long each was stays to be seen, so another length is another answer.
    """
    if len({array.shape for array in arrays}) == 1 or len({array.ndim for array in arrays}) > 1:
        return arrays
    shape = np.max([array.shape for array in arrays], axis=0)
    filled = []
    for array in arrays:
        wide = array.astype(np.int8) if array.dtype.kind == "b" else array
        whole = np.full(shape, _no_answer(wide.dtype), wide.dtype)
        whole[tuple(slice(0, length) for length in array.shape)] = wide
        filled.append(whole)
    return filled


def _no_answer(dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "iu":
        return np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max
    return b"\0" if dtype.kind in "OS" else np.nan


def fixed_rows(shapes: Iterable[Sequence[int | None] | None]) -> int | None:
    """Return the only number of rows that a model takes, or None if it takes any.

    Args:
        shapes: of its inputs, with the batch; None for one of unknown rank.
    """
    return next((shape[0] for shape in shapes if shape and shape[0] is not None), None)


def static_shape(tensor: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a tensor as far as it is known, or None if not even its rank is."""
    return None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
