"""Arrays by name as numbers of arrays in a file, those of text among them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.models.answer import Arrays

Array = npt.NDArray[Any]
#: How text lies in a file: its bytes one after the other, and where each ends.
_BYTES, _WORDS = "bytes", "words"


class PackingError(Exception):
    """An array holds what is neither a number nor text."""


class Packed:
    """Arrays to be written.

    Attributes:
        arrays: of numbers, in their order.
    """

    def __init__(self) -> None:
        self.arrays: list[Array] = []

    def all(self, arrays: Mapping[str, Any]) -> list[Any]:
        """Take arrays, and return what they are found by: of text also what it is, and its shape.

        Args:
            arrays: {name: array}.

        Raises:
            PackingError: one cannot be written.
        """
        return [[name, *self._one(np.asarray(value))] for name, value in arrays.items()]

    def _one(self, array: Array) -> list[Any]:
        if array.dtype.kind not in "OSU":
            return [self._add(array)]
        every = array.reshape(-1).tolist()
        if all(isinstance(each, bytes) for each in every):
            kind, texts = _BYTES, every
        elif all(isinstance(each, str) for each in every):
            kind, texts = _WORDS, [each.encode("utf-8", "surrogatepass") for each in every]
        else:
            raise PackingError("an answer holds what is neither a number nor text")
        ends = np.cumsum([len(each) for each in texts], dtype=np.int64)
        content = np.frombuffer(b"".join(texts), np.uint8)
        return [self._add(content), self._add(ends), kind, array.shape, array.dtype.str]

    def _add(self, array: Array) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1


class Unpacked:
    """Arrays that were read.

    Args:
        arrays: as `Packed` has them.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.arrays = arrays

    def all(self, places: Sequence[Any]) -> Arrays:
        """Return {name: array} of what `Packed.all` returned.

        Raises:
            LookupError, TypeError, ValueError: it is not that.
        """
        return {name: self._one(*place) for name, *place in places}

    def _one(
        self,
        place: int,
        ends: int | None = None,
        kind: str = "",
        shape: Sequence[int] = (),
        dtype: str = "",
    ) -> Any:
        array = self.arrays[place]
        if ends is None:
            return array if array.ndim else array[()]  # as a session answers with a scalar
        content, places = array.tobytes(), [0, *self.arrays[ends].tolist()]
        texts: list[Any] = [content[a:b] for a, b in itertools.pairwise(places)]
        if kind == _WORDS:
            texts = [each.decode("utf-8", "surrogatepass") for each in texts]
        made = np.empty(len(texts), dtype)
        made[:] = texts
        return made.reshape(tuple(shape))
