"""Arrays as bytes of a file."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.numeric.difference import Array

#: What arrays in a file are aligned to, in bytes.
_ALIGNED = 64


def aligned(offset: int) -> int:
    """Return the first place from an offset on, in bytes, where an array may begin."""
    return -(-offset // _ALIGNED) * _ALIGNED


def bytes_of(array: Array) -> memoryview:
    """Return the bytes of an array of numbers, in the order of C; of any dtype but objects."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
