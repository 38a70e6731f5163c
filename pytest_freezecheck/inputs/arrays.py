"""Arrays from files that may be damaged: whatever is wrong with one is a single line."""

from __future__ import annotations

import contextlib
import os
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.raised import in_short

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
