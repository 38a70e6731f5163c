"""Real inputs from `.npy` files, as batches. NumPy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.inputs.arrays import matching, read_array
from pytest_freezecheck.inputs.descriptions import Batch, render
from pytest_freezecheck.inputs.ragged import Collection, Ragged, together
from pytest_freezecheck.inputs.sizes import MIDDLE, names_of, sized
from pytest_freezecheck.inputs.words import sample_rows
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.spec.inputs import InputSpec

#: Rows taken of a collection, evenly spread over it; fewer of large ones, to stay below so many
#: bytes. A check draws some 430 rows besides.
MOST_ROWS, MOST_BYTES = 256, 64 * 2**20
_BATCH = 8


def collect(specs: Mapping[str, InputSpec]) -> dict[str, Collection]:
    """Read the real inputs, {input name: array (n, *shape)}, of the inputs that have any.

    Those of an input of several sizes are `Ragged`.

    Raises:
        SettingError: no file matches a pattern, or one holds something else than the input takes.
    """
    found = {name: _collect(name, spec) for name, spec in specs.items() if spec.samples}
    return {name: held for name, held in found.items() if len(held)}  # a word list has no rows


def sample_batches(
    specs: Mapping[str, InputSpec], collections: Mapping[str, Collection] | None = None
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield batches of real inputs; nothing if no input has any.

    The n-th samples of several inputs belong together, and the shorter collections start again.
    An input without samples gets noise.

    Args:
        specs: the inputs' names and specs.
        collections: what `collect` read, if it has.

    Yields:
        {input name: array of shape (rows, *shape)}, of at most 8 rows.
    """
    collections = collect(specs) if collections is None else collections
    if not collections:
        return
    for start, rows in together(collections, _BATCH):
        size = rows_of(rows)
        known = names_of(specs, {name: array.shape[1:] for name, array in rows.items()})
        others = sized(specs, MIDDLE, start, known)
        noise = Batch(size=size, kind=3, centre=8, scale=14, seed=start)
        yield {
            name: rows[name] if name in rows else render(noise.rows(place), others[name])
            for place, name in enumerate(specs)
        }


def _collect(name: str, spec: InputSpec) -> Collection:
    arrays = []
    for pattern in spec.samples:
        paths = sorted(matching(pattern))
        if not paths:
            raise SettingError(f"input {name!r}: no file matches samples = {pattern!r}")
        arrays += [_rows(name, path, spec) for path in paths]
    row_bytes = max(1, arrays[0].nbytes // max(1, len(arrays[0])))
    most = max(_BATCH, min(MOST_ROWS, MOST_BYTES // row_bytes))
    if spec.sized:
        return _thinned(Ragged([row for array in arrays for row in array]), most)
    return _thinned(np.concatenate(arrays), most)


def _thinned(rows: Collection, most: int) -> Collection:
    """Return so many rows at the most, evenly spread over all."""
    if len(rows) <= most:
        return rows
    places = np.linspace(0, len(rows) - 1, most).astype(int)
    return Ragged([rows[n] for n in places]) if isinstance(rows, Ragged) else rows[places]


def _rows(name: str, path: str, spec: InputSpec) -> npt.NDArray[Any]:
    """Read one file as rows of the input's dtype.

    Raises:
        SettingError: it is no array of that shape, of a dtype that fits, in the legal range.
    """
    who = f"input {name!r}: sample {path}"
    if spec.dtype == "string":
        return _fitting(sample_rows(path, who, spec), spec, who, empty=path.endswith(".txt"))
    array = _fitting(read_array(path, who), spec, who)
    if not np.can_cast(array.dtype, spec.dtype, casting="same_kind"):
        raise SettingError(f"{who} has dtype {array.dtype}; expected {spec.dtype}")
    low, high = spec.bounds
    if not ((array >= low) & (array <= high)).all():
        raise SettingError(
            f"{who} has values from {array.min():g} to {array.max():g}; legal are {low:g} to "
            f"{high:g}"
        )
    return array.astype(spec.dtype)


def _fitting(
    array: npt.NDArray[Any], spec: InputSpec, who: str, *, empty: bool = False
) -> npt.NDArray[Any]:
    """Return what a file holds as rows.

    Raises:
        SettingError: it has another shape, or no rows.
    """
    if array.ndim == len(spec.shape) and spec.takes(array.shape):
        array = array[None]
    if not spec.takes(array.shape[1:]) or not array.ndim or not (len(array) or empty):
        expected = spec.declared if spec.sized else spec.shape
        raise SettingError(f"{who} has shape {array.shape}; expected {expected}, or (n, ...)")
    return array
