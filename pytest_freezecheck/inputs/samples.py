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
from pytest_freezecheck.inputs.render import Batch, render
from pytest_freezecheck.spec import InputSpec

#: Rows taken of a collection, evenly spread over it; fewer of large ones, to stay below so many
#: bytes. A check draws some 430 rows besides.
MOST_ROWS, MOST_BYTES = 256, 64 * 2**20
_BATCH = 8


def collect(specs: Mapping[str, InputSpec]) -> dict[str, npt.NDArray[Any]]:
    """Read the real inputs, {input name: array (n, *shape)}, of the inputs that have any.

    Raises:
        SettingError: no file matches a pattern, or one holds something else than the input takes.
    """
    return {name: _collect(name, spec) for name, spec in specs.items() if spec.samples}


def sample_batches(
    specs: Mapping[str, InputSpec], collections: Mapping[str, npt.NDArray[Any]] | None = None
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
    count = max(map(len, collections.values()), default=0)
    for start in range(0, count, _BATCH):
        places = np.arange(start, min(start + _BATCH, count))
        noise = Batch(size=len(places), kind=3, centre=8, scale=14, seed=start)
        yield {
            name: collections[name][places % len(collections[name])]
            if name in collections
            else render(noise.rows(place), spec)
            for place, (name, spec) in enumerate(specs.items())
        }


def _collect(name: str, spec: InputSpec) -> npt.NDArray[Any]:
    arrays = []
    for pattern in spec.samples:
        paths = sorted(matching(pattern))
        if not paths:
            raise SettingError(f"input {name!r}: no file matches samples = {pattern!r}")
        arrays += [_rows(name, path, spec) for path in paths]
    row_bytes = max(1, arrays[0].nbytes // max(1, len(arrays[0])))
    rows = np.concatenate(arrays)
    most = max(_BATCH, min(MOST_ROWS, MOST_BYTES // row_bytes))
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    return rows


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
    array = read_array(path, who)
    if array.shape == spec.shape:
        array = array[None]
    if array.shape[1:] != spec.shape or array.ndim != len(spec.shape) + 1 or not len(array):
        raise SettingError(f"{who} has shape {array.shape}; expected {spec.shape}, or (n, ...)")
    if not np.can_cast(array.dtype, spec.dtype, casting="same_kind"):
        raise SettingError(f"{who} has dtype {array.dtype}; expected {spec.dtype}")
    low, high = spec.bounds
    if not ((array >= low) & (array <= high)).all():
        raise SettingError(
            f"{who} has values from {array.min():g} to {array.max():g}; legal are {low:g} to "
            f"{high:g}"
        )
    return array.astype(spec.dtype)
