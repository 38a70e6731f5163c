"""Arrays from files that may be damaged: whatever is wrong with one is a single line."""

from __future__ import annotations

import contextlib
import glob
import os
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.raised import in_short

_NPY = b"\x93NUMPY"
#: An archive that says it holds more bytes is not opened: what deflates to nothing fills memory.
_MOST_BYTES = 2**30


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever NumPy, zlib or JSON raise of a damaged file into one line.

    They raise many types, a MemoryError or RecursionError of a header or text that was made up
    among them.

    Args:
        what: the file, and what is wrong with it in general.

    Raises:
        SettingError: in place of any other error.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that an old NumPy wrote
            yield
    except SettingError:
        raise
    except Exception as error:  # noqa: BLE001 - of many types, and none is ours
        raise SettingError(f"{what}: {in_short(error)}") from None


def read_array(path: str | os.PathLike[str], what: str) -> npt.NDArray[Any]:
    """Read a `.npy` file.

    Args:
        path: the file.
        what: what to call it in messages.

    Raises:
        SettingError: it cannot be read, is damaged or of another kind, or holds Python objects.
    """
    with reading(f"{what} cannot be read"), Path(path).open("rb") as file:
        magic = file.read(len(_NPY))
        if magic != _NPY:
            raise SettingError(f"{what} cannot be read: no .npy file, it begins with {magic!r}")
        file.seek(0)
        array: npt.NDArray[Any] = np.load(file, allow_pickle=False)
        return array


def read_archive(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of an `.npz` file; what a damaged one raises is for `reading`.

    Raises:
        ValueError: it says that it holds more than 1 GiB.
    """
    # Opened here, since np.load leaves a broken archive open.
    with path.open("rb") as stream:
        with zipfile.ZipFile(stream) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_BYTES:
            raise ValueError(f"it says that it holds {size} bytes")
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}


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
