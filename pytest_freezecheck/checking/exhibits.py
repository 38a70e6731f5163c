"""What a page shows of a failure, picked out of arrays: a few values of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.numeric.classes import Classes
from pytest_freezecheck.numeric.difference import Array, is_number, wide
from pytest_freezecheck.result.exhibit import Answers, Histogram, Shown
from pytest_freezecheck.result.findings import Compared, Counterexample

#: Values of an answer, cells along an axis of an image, steps of a series, other values.
_ANSWERS, _PIXELS, _STEPS, _VALUES = 64, 48, 256, 128
#: Channels of an image or a series that are shown, and up to how many make an axis one of channels.
_CHANNELS, _FEW = 6, 16
#: Digits of a number on a page.
_DIGITS = 6


def answers(compared: Sequence[Compared], live: Arrays, frozen: Arrays) -> tuple[Answers, ...]:
    """Return what both sides answer to one input, where that can be laid side by side.

    Args:
        compared: what was compared, the output that is furthest apart first.
        live: {output: array (rows, *shape)}.
        frozen: likewise, under the live names.
    """
    found = []
    for one in compared:
        here, there = live[one.output], frozen[one.output]
        if here.shape == there.shape and here.ndim and here.size:
            found.append(_side_by_side(one.output, here, there))
    return tuple(found)


def _side_by_side(name: str, live: Array, frozen: Array) -> Answers:
    here, there = live.reshape(len(live), -1), frozen.reshape(len(live), -1)
    if is_number(live) and is_number(frozen):
        apart = np.abs(wide(here) - wide(there))
        apart = np.where(np.isnan(wide(here)) & np.isnan(wide(there)), 0.0, apart)
        apart = np.nan_to_num(apart, nan=np.inf)
    else:
        apart = (here != there).astype(np.float64)
    row, worst = divmod(int(np.argmax(apart)), here.shape[1])
    # The place that matters is in the middle, unless the row ends there.
    first = max(0, min(worst - _ANSWERS // 2, here.shape[1] - _ANSWERS))
    part = slice(first, first + _ANSWERS)
    return Answers(
        output=name,
        # To all their digits: their difference is what matters, and can be in the last of them.
        live=tuple(_whole(here[row, part])),
        frozen=tuple(_whole(there[row, part])),
        first=first,
        of=here.shape[1],
        worst=worst,
    )


def histogram(classes: Classes) -> Histogram | None:
    """Return how many values differ by how much, or None if no numbers were compared."""
    edges, counts = classes.found()
    if not counts and not classes.zeros and not classes.non_finite:
        return None
    return Histogram(edges, counts, classes.zeros, classes.non_finite)


def inputs(found: Counterexample) -> tuple[Shown, ...]:
    """Return the first row of the smallest failing input, small enough to be shown."""
    return tuple(
        _shown(name, np.asarray(array)[0], found.background.get(name))
        for name, array in found.feeds.items()
    )


def _shown(name: str, row: Array, background: float | None) -> Shown:
    text = not is_number(row)
    form, channels = _form(row)
    cells = row.reshape(-1) if form in ("text", "values") else row
    level = 0.0 if background is None or text else background
    away = int((cells != level).sum()) if background is not None and not text else int(cells.size)
    step: tuple[int, ...] = (1,)
    if form in ("image", "series"):
        drawn = cells[..., None] if channels is None else np.moveaxis(cells, channels, -1)
        most = _PIXELS if form == "image" else _STEPS
        thin, step = _thinned(drawn[..., :_CHANNELS], level, most)
        values = np.moveaxis(thin, -1, 0)
        if channels is not None:
            step = (*step[:channels], 1, *step[channels:])
    else:
        values = cells[:_VALUES]
    return Shown(
        name=name,
        form=form,
        shape=tuple(row.shape),
        dtype="string" if text else str(row.dtype),
        values=_plain(values),
        step=step,
        background=None if text else background,
        away=away,
    )


def _form(row: Array) -> tuple[str, int | None]:
    """Return how a row is shown, and which of its axes has the channels, if one has."""
    if not is_number(row):
        return "text", None
    floats = row.dtype.kind in "fV"
    if row.ndim == 3 and min(row.shape) >= 1:
        first = row.shape[0] <= 4 < min(row.shape[1:])
        return ("image", 0 if first else 2) if max(row.shape) > 1 else ("values", None)
    if row.ndim == 2 and min(row.shape) > _FEW:
        return "image", None
    if row.ndim == 2 and floats and row.shape[0] > 2:
        return "series", 1
    if row.ndim == 1 and floats and row.size > _FEW:
        return "series", None
    return "values", None


def _thinned(array: Array, level: float, most: int) -> tuple[Array, tuple[int, ...]]:
    """Return an array of at most so many cells along each axis but the last, and the steps.

    Of each block the cell is kept that is furthest from the background: one changed cell is what a
    reader looks for.
    """
    steps = tuple(-(-size // most) for size in array.shape[:-1])
    for axis, step in enumerate(steps):
        if step > 1:
            array = _furthest(array, axis, step, level)
    return array, steps


def _furthest(array: Array, axis: int, step: int, level: float) -> Array:
    moved = np.moveaxis(array, axis, 0)
    short = -len(moved) % step
    if short:
        moved = np.concatenate([moved, np.repeat(moved[-1:], short, axis=0)])
    blocks = moved.reshape(-1, step, *moved.shape[1:])
    apart = np.nan_to_num(np.abs(wide(blocks) - level), nan=np.inf)
    kept = np.take_along_axis(blocks, apart.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.moveaxis(kept, 0, axis)


def _plain(values: Any) -> Any:
    """Return an array as nested lists of Python values, numbers with as many digits as are read."""
    if not is_number(values):
        return [_text(value) for value in values.tolist()]
    return _rounded(wide(values).tolist() if values.dtype.kind in "fV" else values.tolist())


def _whole(values: Array) -> Any:
    """Return a row of an array as Python values, as they are."""
    if is_number(values) and values.dtype.kind in "fV":
        return wide(values).tolist()
    return _plain(values)


def _rounded(values: Any) -> Any:
    if isinstance(values, list):
        return [_rounded(value) for value in values]
    if isinstance(values, float):
        return float(f"{values:.{_DIGITS}g}")
    return values


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
