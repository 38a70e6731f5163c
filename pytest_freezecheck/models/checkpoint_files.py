"""Reading a checkpoint's files, so that a damaged one is told in one line that names the file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import listed, reason
from pytest_freezecheck.models import partitions
from pytest_freezecheck.models.partitions import Slice

#: Looks a key up in a checkpoint; None if it has not got it.
Lookup = Callable[[str], npt.NDArray[Any] | None]

INDEX = ".index"
_SHARD = re.compile(r"\.data-(\d{5})-of-(\d{5})")


def is_file(path: str | Path) -> bool:
    """Return whether there is such a file; a name that no file can have is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: str | Path) -> bool:
    """Return whether there is such a folder, likewise."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def opened(checkpoint: str) -> Any:
    """Return the reader of a checkpoint, whose index is read.

    Args:
        checkpoint: a prefix.

    Raises:
        ModelError: the index is damaged.
    """
    import tensorflow as tf

    try:
        return tf.train.load_checkpoint(checkpoint)
    except Exception as error:  # noqa: BLE001 - errors of C++: RuntimeError, IndexError and so on
        raise _damaged(checkpoint, Path(f"{checkpoint}{INDEX}").name, reason(error)) from None


@contextlib.contextmanager
def reading(checkpoint: str) -> Iterator[None]:
    """Turn what TensorFlow raises about a checkpoint's values into one line.

    Args:
        checkpoint: a prefix, whose index can be read.

    Raises:
        ModelError: something was raised.
    """
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - likewise
        lost = missing(checkpoint)
        file = lost or listed(path.name for path in _shards(checkpoint))
        why = "there is no such file" if lost else reason(error)
        raise _damaged(checkpoint, file, why) from None


def at_fault(checkpoint: str, error: Exception) -> str | None:
    """Return which file makes reading a checkpoint fail, and why, if that is clear.

    Args:
        checkpoint: a prefix.
        error: what was raised.
    """
    import tensorflow as tf

    index = Path(f"{checkpoint}{INDEX}")
    if not is_file(index):
        return None
    try:
        tf.train.load_checkpoint(checkpoint)
    except Exception as fault:  # noqa: BLE001 - likewise
        return f"{index.name}: {reason(fault)}"
    lost = missing(checkpoint)
    if lost is not None:
        return f"{lost}: there is no such file"
    if isinstance(error, (IndexError, tf.errors.OutOfRangeError, tf.errors.DataLossError)):
        return f"{listed(path.name for path in _shards(checkpoint))}: {reason(error)}"
    return None


def values_of(checkpoint: str, parts: Mapping[str, Slice] | None = None) -> Lookup:
    """Return what reads a checkpoint's values, one at a time.

    Args:
        checkpoint: a prefix.
        parts: {name: where it lies} of parts of partitioned variables, whose values are cut out of
            the whole variable's.

    Raises:
        ModelError: the index is damaged; looking a value up raises it where its file is.
    """
    reader = opened(checkpoint)

    def look_up(key: str) -> npt.NDArray[Any] | None:
        with reading(checkpoint):
            if reader.has_tensor(key):
                return reader.get_tensor(key)  # type: ignore[no-any-return]
            for name, part in (parts or {}).items():
                whole = partitions.whole_key(key, name, part)
                if name in key and reader.has_tensor(whole):
                    value = reader.get_tensor(whole)
                    return part.of(value) if value.shape == part.shape else None
        return None

    return look_up


def values_beside(checkpoint: str, parts: Mapping[str, Slice] | None = None) -> Lookup:
    """Return the same of a checkpoint that nobody named, in which what is damaged is not there.

    Args:
        checkpoint: a prefix.
        parts: as `values_of` takes them.
    """
    try:
        values = values_of(checkpoint, parts)
    except ModelError:
        return lambda key: None  # noqa: ARG005

    def look_up(key: str) -> npt.NDArray[Any] | None:
        try:
            return values(key)
        except ModelError:
            return None

    return look_up


def _damaged(checkpoint: str, file: str, why: str) -> ModelError:
    path = Path(checkpoint)
    others = sorted(
        p.name.removesuffix(INDEX) for p in path.parent.glob(f"*{INDEX}") if p.stem != path.name
    )
    instead = f", or name another checkpoint: {listed(others)}" if others else ""
    return ModelError(
        f"checkpoint {checkpoint} cannot be read: {file}: {why}; copy it again, with all of its "
        f"files{instead}"
    )


def _shards(checkpoint: str) -> list[Path]:
    path = Path(checkpoint)
    beside = (p for p in path.parent.iterdir() if p.name.startswith(f"{path.name}.data-"))
    return sorted(beside)


def missing(checkpoint: str) -> str | None:
    """Return the name of a data file that is not there, or None."""
    prefix = Path(checkpoint).name
    there = {path.name for path in _shards(checkpoint)}
    found = [_SHARD.fullmatch(name.removeprefix(prefix)) for name in sorted(there)]
    number = next((int(match[2]) for match in found if match), 1)
    every = (f"{prefix}.data-{place:05d}-of-{number:05d}" for place in range(number))
    return next((name for name in every if name not in there), None)
