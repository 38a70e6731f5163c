"""Weights that are views into a file: its pages are read when they are needed, and given back."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np

#: Linux has it.
_ADVICE = getattr(mmap, "MADV_DONTNEED", None)


def mapped(path: Path) -> Any:
    """Return the content of a file, which is read where it is looked at.

    Args:
        path: the file.
    """
    if _ADVICE is None:
        return path.read_bytes()
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):  # it is empty, or lies where nothing can be mapped
            return file.read()


def give_back(array: Any) -> None:
    """Let go of the pages of a file that an array is a view into; they are read again if need be.

    Args:
        array: any array; one that is no view into a mapped file stays as it is.
    """
    held: Any = array
    while isinstance(held, (np.ndarray, memoryview)):
        held = held.base if isinstance(held, np.ndarray) else held.obj
    if not isinstance(held, mmap.mmap) or _ADVICE is None or not array.size:
        return
    first = array.ctypes.data - np.frombuffer(held, np.uint8).ctypes.data
    steps = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    low = first + sum(step for step in steps if step < 0)
    high = first + sum(step for step in steps if step > 0) + array.itemsize
    start = low // mmap.PAGESIZE * mmap.PAGESIZE
    # The mapping is of a file and never written to: what is given back is still there.
    held.madvise(_ADVICE, start, high - start)
