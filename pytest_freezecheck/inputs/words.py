"""Inputs of strings, as whole numbers: the places of the strings in a list. NumPy only."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.spec.inputs import InputSpec

Words = npt.NDArray[np.str_]


@functools.lru_cache(maxsize=64)
def vocabulary(spec: InputSpec) -> Words:
    """Return the strings that an input is fed: its choices, else those of its samples.

    Raises:
        SettingError: a file cannot be read, or there is no string in any of them.
    """
    if spec.choices:
        return np.array(spec.choices)
    from pytest_freezecheck.inputs.arrays import matching

    found: dict[str, None] = {}
    for pattern in spec.samples:
        for path in matching(pattern):
            found.update(dict.fromkeys(read_strings(path, f"sample {path}").reshape(-1).tolist()))
    if not found:
        raise SettingError(f"samples = {list(spec.samples)}: there is no string in them")
    return np.array(list(found))


def read_strings(path: str, who: str) -> Words:
    """Return the strings of a file: the lines of a `.txt`, or an array.

    Raises:
        SettingError: it cannot be read, or holds no strings.
    """
    try:
        if path.endswith(".txt"):
            return np.array(Path(path).read_text(encoding="utf-8").splitlines(), np.str_)
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SettingError(f"{who} cannot be read: {error}") from None
    if array.dtype.kind not in "US":
        raise SettingError(f"{who} has dtype {array.dtype}; expected strings")
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array


def sample_rows(path: str, who: str, spec: InputSpec) -> Words:
    """Return the strings of a file as rows of an input; none of one that is but a word list.

    Args:
        path: the file.
        who: what messages call it.
        spec: of the input.
    """
    strings = read_strings(path, who)
    if not path.endswith(".txt"):
        return strings
    cells = int(np.prod(spec.shape, dtype=int))
    return strings[: len(strings) // cells * cells].reshape(-1, *spec.shape)


def coded(spec: InputSpec) -> InputSpec:
    """Return the input as places in its vocabulary."""
    return InputSpec(spec.shape, "int64", 0, max(1, len(vocabulary(spec)) - 1))


def to_numbers(array: npt.NDArray[Any], spec: InputSpec) -> npt.NDArray[np.int64]:
    """Return the places of strings; 0 for one that is not in the vocabulary."""
    places = {word: place for place, word in enumerate(vocabulary(spec).tolist())}
    flat = [places.get(word, 0) for word in array.reshape(-1).tolist()]
    return np.array(flat, np.int64).reshape(array.shape)


def to_words(numbers: npt.NDArray[Any], spec: InputSpec) -> Words:
    """Return the strings at these places."""
    words = vocabulary(spec)
    return np.asarray(words[np.minimum(numbers.astype(np.int64), len(words) - 1)])


def coded_all(
    feeds: dict[str, npt.NDArray[Any]], specs: dict[str, InputSpec]
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, InputSpec]]:
    """Return feeds and specs with whole numbers in the place of strings."""
    words = {name for name, spec in specs.items() if spec.dtype == "string"}
    return (
        {n: to_numbers(array, specs[n]) if n in words else array for n, array in feeds.items()},
        {name: coded(spec) if name in words else spec for name, spec in specs.items()},
    )


def worded(
    feeds: dict[str, npt.NDArray[Any]], specs: dict[str, InputSpec]
) -> dict[str, npt.NDArray[Any]]:
    """Return feeds with strings where the specs have them."""
    return {
        name: to_words(array, specs[name]) if specs[name].dtype == "string" else array
        for name, array in feeds.items()
    }
