"""Feed a batch to a model that takes only so many rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytest_freezecheck.models.session import Answer, Arrays

Ask = Callable[[Mapping[str, Any]], "Answer"]


def in_pieces(feeds: Mapping[str, Any], size: int | None, ask: Ask) -> Answer:
    """Ask about a batch, in pieces if need be.

    Args:
        feeds: {input name: array (rows, *shape)}.
        size: how many rows the model takes, exactly; None if any number. The last piece is filled
            up with its last row, and what is answered to the filling is dropped.
        ask: asks the model.

    Returns:
        The answer to the whole batch.
    """
    rows = len(next(iter(feeds.values())))
    if size is None or rows == size:
        return ask(feeds)
    from pytest_freezecheck.models.session import Answer

    answers = []
    for start in range(0, rows, size):
        places = np.minimum(np.arange(start, start + size), rows - 1)
        answers.append(ask({name: array[places] for name, array in feeds.items()}))
    return Answer(
        outputs=_joined([answer.outputs for answer in answers], rows),
        logits=_joined([answer.logits for answer in answers], rows),
    )


def _joined(pieces: list[Arrays], rows: int) -> Arrays:
    return {name: np.concatenate([piece[name] for piece in pieces])[:rows] for name in pieces[0]}
