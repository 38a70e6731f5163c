"""Keeps the live model's answers: in memory, and what does not fit there in a temporary file.

All of them are needed before the first can be judged (what is allowed of a score follows from the
size of all), and again for every artifact. A segmentation network answers with megabytes a row.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import IO, Any, Generic, NamedTuple, TypeVar, overload

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.numeric.raw import aligned, bytes_of

Key = TypeVar("Key", bound=Hashable)
#: Bytes that are kept in memory, and what is kept there in any case.
_ROOM, _SMALL = 2**28, 2**12
#: Bytes that a disk is left with: others write to it, too.
_LEFT = 2**30


class Stored(NamedTuple):
    """Where an array lies."""

    file: IO[bytes]
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Kept(Mapping[Key, Answer], Generic[Key]):
    """Answers by key, in the order in which they came.

    What lies in the file is mapped each time that it is asked for, so that no more of it is in
    memory than is being looked at. The file has no name, and ends with the process.

    Args:
        room: bytes of answers that stay in memory; text stays there in any case.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._answers: dict[Key, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._file: IO[bytes] | None = None
        self._end = 0

    def keep(self, key: Key, answer: Answer) -> None:
        """Keep an answer."""
        self._answers[key] = self._put(answer.outputs), self._put(answer.logits)

    def __getitem__(self, key: Key) -> Answer:
        """Return an answer; its arrays may be mapped, and can be written to without a trace."""
        outputs, logits = self._answers[key]
        return Answer(outputs=self._got(outputs), logits=self._got(logits))

    def __iter__(self) -> Iterator[Key]:
        """Yield the keys."""
        return iter(self._answers)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._answers)

    def _put(self, arrays: Arrays) -> dict[str, Any]:
        return {name: self._placed(array) for name, array in arrays.items()}

    def _placed(self, array: npt.NDArray[Any]) -> npt.NDArray[Any] | Stored:
        if array.nbytes <= max(self._room, _SMALL) or array.dtype.hasobject:
            self._room -= array.nbytes
            return array
        return self._stored(array) or array

    def _stored(self, array: npt.NDArray[Any]) -> Stored | None:
        """Write an array to the file; return None, and have it kept in memory, if it is full."""
        try:
            if shutil.disk_usage(tempfile.gettempdir()).free < array.nbytes + _LEFT:
                return None
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="freezecheck-")  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            offset = aligned(self._end)
            self._file.seek(offset)
            self._file.write(bytes_of(array))
            self._file.flush()
        except OSError:
            return None
        self._end = offset + array.nbytes
        return Stored(self._file, offset, array.shape, array.dtype)

    def _got(self, arrays: Mapping[str, Any]) -> Arrays:
        return {name: _read(array) for name, array in arrays.items()}


def _read(array: npt.NDArray[Any] | Stored) -> npt.NDArray[Any]:
    if not isinstance(array, Stored):
        return array
    mapped: npt.NDArray[Any] = np.memmap(
        array.file, array.dtype, mode="c", offset=array.offset, shape=array.shape
    )
    return np.asarray(mapped)


class Sequenced(Sequence[Answer]):
    """Some of them by number, each read when it is asked for.

    Args:
        kept: the answers.
        keys: of those.
    """

    def __init__(self, kept: Mapping[Any, Answer], keys: Sequence[Any]) -> None:
        self._kept, self._keys = kept, keys

    @overload
    def __getitem__(self, number: int) -> Answer: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Answer]: ...
    def __getitem__(self, number: int | slice) -> Answer | Sequence[Answer]:
        """Return one of them, or a part."""
        if isinstance(number, slice):
            return Sequenced(self._kept, self._keys[number])
        return self._kept[self._keys[number]]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._keys)
