"""Real inputs from `.npy` files, as batches. NumPy only."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.inputs.arrays import read_array
from pytest_freezecheck.inputs.ragged import Collection, Ragged, together
from pytest_freezecheck.inputs.render import Batch, render
from pytest_freezecheck.inputs.sizes import MIDDLE, names_of, sized
from pytest_freezecheck.inputs.words import sample_rows
from pytest_freezecheck.spec import InputSpec

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
        size = len(next(iter(rows.values())))
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


def matching(pattern: str) -> list[str]:
    """Return the paths that a pattern matches, `**` being any number of folders.

    Links to folders are followed, and each folder is entered once for each `**`: `glob` follows a
    link to a folder above it some forty times, and two such links for ever.
    """
    parts = Path(pattern).parts
    entered: set[tuple[str, int]] = set()

    def expand(folder: str, place: int) -> Iterator[str]:
        rest = parts[place:]
        if "**" not in rest:
            # A pattern may be a whole path, which pathlib does not take.
            yield from glob.glob(os.path.join(glob.escape(folder), *rest))  # noqa: PTH118, PTH207
            return
        fixed = rest.index("**")
        start = os.path.join(glob.escape(folder), *rest[:fixed], "")  # noqa: PTH118
        for base in glob.glob(start) if fixed else [folder]:  # noqa: PTH207
            yield from descend(base, place + fixed)

    def descend(folder: str, place: int) -> Iterator[str]:
        if (os.path.realpath(folder), place) in entered:
            return
        entered.add((os.path.realpath(folder), place))
        yield from expand(folder, place + 1)
        for below in glob.glob(os.path.join(glob.escape(folder), "*", "")):  # noqa: PTH118, PTH207
            yield from descend(below, place)

    return list(dict.fromkeys(expand("", 0)))


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
