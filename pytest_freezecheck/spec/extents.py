"""A declared shape: whole numbers, and ranges such as "8..32". Needs the standard library alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pytest_freezecheck.errors import SettingError

RANGE = re.compile(r"\s*(?:([A-Za-z_]\w*)\s*=\s*)?(\d+)\s*\.\.\s*(\d+)\s*")


class Extent(NamedTuple):
    """The sizes that one dimension may have.

    Attributes:
        low: the least, at least 1.
        high: the largest.
        name: dimensions of one name have one size in a batch, also those of other inputs; empty
            for a dimension on its own.
    """

    low: int
    high: int
    name: str = ""

    def __str__(self) -> str:
        sizes = str(self.low) if self.low == self.high else f"{self.low}..{self.high}"
        return f"{self.name}={sizes}" if self.name else sizes


def read(shape: object) -> tuple[Extent, ...]:
    """Return the dimensions of a shape as it is declared.

    Args:
        shape: whole numbers, and strings such as "8..32" and "length=8..32".

    Raises:
        SettingError: it is something else.
    """
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        raise _refusal(shape)
    return tuple(_dimension(size, shape) for size in shape)


def _dimension(size: object, shape: object) -> Extent:
    if type(size) is int and size >= 1:
        return Extent(size, size)
    if not isinstance(size, str):
        raise _refusal(shape)
    found = RANGE.fullmatch(size)
    low, high = (int(found[2]), int(found[3])) if found else (0, 0)
    if found is None or not 1 <= low <= high:
        raise SettingError(
            f"shape has {size!r}, which is not accepted; expected a range of whole numbers >= 1, "
            'such as "8..32", or "length=8..32" for dimensions that have one size'
        )
    return Extent(low, high, found[1] or "")


def _refusal(shape: object) -> SettingError:
    return SettingError(
        f"shape = {shape!r} is not accepted; expected whole numbers >= 1, "
        'without the batch dimension, such as [224, 224, 3], or ranges such as "8..32"'
    )


def same_names(shapes: Sequence[tuple[str, Sequence[Extent]]]) -> None:
    """Make sure that dimensions of one name have one range, whatever input they are of.

    Args:
        shapes: pairs of an input's name and its dimensions.

    Raises:
        SettingError: they have not.
    """
    known: dict[str, tuple[str, Extent]] = {}
    for owner, extents in shapes:
        for extent in extents:
            if not extent.name:
                continue
            first, other = known.setdefault(extent.name, (owner, extent))
            if other != extent:
                raise SettingError(
                    f"input {owner!r}: shape has '{extent}', and input {first!r} has '{other}': "
                    "dimensions of one name have one range"
                )
