"""What a page shows of a failure: answers side by side, the input, the layers, the differences.

Plain Python data of a bounded size: it travels in the report.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any


@dataclasses.dataclass(frozen=True)
class Answers:
    """What both sides answer to the smallest failing input, in the row that is furthest apart.

    Attributes:
        output: name of the live model's output.
        live: values of that row, in C order, from place `first` on.
        frozen: the artifact's, likewise.
        first: place of the first of them in the row.
        of: how many values the row has.
        worst: place in the row of the value that is furthest apart.
    """

    output: str
    live: tuple[Any, ...]
    frozen: tuple[Any, ...]
    first: int
    of: int
    worst: int

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; a number that is not finite is its name."""
        sides = {"live": list(map(named, self.live)), "frozen": list(map(named, self.frozen))}
        return {**dataclasses.asdict(self), **sides}


@dataclasses.dataclass(frozen=True)
class Shown:
    """One input of the smallest failing input, made small enough to be shown.

    Attributes:
        name: of the input.
        form: "image" ([channel][row][column]), "series" ([channel][step]), "text" (a list of
            strings) or "values" (a list of numbers).
        shape: of the row.
        dtype: of the input.
        values: the cells, nested as the form says.
        step: of how many cells, along each axis of the row, one is shown: the one that is furthest
            from the background.
        background: the value that most cells have, or None.
        away: how many cells of the row have another one.
    """

    name: str
    form: str
    shape: tuple[int, ...]
    dtype: str
    values: list[Any]
    step: tuple[int, ...]
    background: float | None
    away: int

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; a number that is not finite is its name."""
        return {
            **dataclasses.asdict(self),
            "shape": list(self.shape),
            "step": list(self.step),
            "values": _nested(self.values),
            "background": named(self.background),
        }


@dataclasses.dataclass(frozen=True)
class Layer:
    """How far both sides are apart in one tensor that both have by name.

    Attributes:
        tensor: its name.
        difference: the largest absolute difference; infinite for another shape, or NaN on one side.
        size: the largest absolute value of the live side.
    """

    tensor: str
    difference: float
    size: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; what is not finite is null."""
        numbers = {"difference": self.difference, "size": self.size}
        return {
            "tensor": self.tensor,
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
        }


@dataclasses.dataclass(frozen=True)
class Histogram:
    """How many of the values that were compared differ by how much.

    Attributes:
        edges: decimal logarithms of the bounds of the classes, ascending; one more than `counts`.
        counts: how many values lie in each class.
        zeros: how many do not differ.
        non_finite: how many are NaN or infinite on one side only.
        allowed: what the worst output may be apart.
        floor: the noise floor, or None if it was not measured.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    zeros: int
    non_finite: int
    allowed: float | None = None
    floor: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            **dataclasses.asdict(self),
            "edges": list(self.edges),
            "counts": list(self.counts),
            "allowed": _finite(self.allowed),
            "floor": _finite(self.floor),
        }


@dataclasses.dataclass(frozen=True)
class Edit:
    """A change of one line of the team's own code, which mends what was found.

    Attributes:
        file: its path, from the current folder if it is below.
        line: its number, from 1.
        old: the line as it is.
        new: the line as it should be.
    """

    file: str
    line: int
    old: str
    new: str


@dataclasses.dataclass
class Exhibit:
    """What a page shows of one failure.

    Attributes:
        answers: of each output, the one that is furthest apart first.
        inputs: of the smallest failing input.
        layers: from the input to the output; empty where no tensor is in both sides by name.
        histogram: of all differences of the check, or None if nothing could be compared.
        edit: the line that the first cause comes from, and what mends it, or None if not known.
    """

    answers: tuple[Answers, ...] = ()
    inputs: tuple[Shown, ...] = ()
    layers: tuple[Layer, ...] = ()
    histogram: Histogram | None = None
    edit: Edit | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "answers": [one.as_json() for one in self.answers],
            "inputs": [one.as_json() for one in self.inputs],
            "layers": [one.as_json() for one in self.layers],
            "histogram": None if self.histogram is None else self.histogram.as_json(),
            "edit": None if self.edit is None else dataclasses.asdict(self.edit),
        }


def named(value: Any) -> Any:
    """Return a value as JSON can hold it: what is not finite by its name, "nan", "inf", "-inf"."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _nested(values: Any) -> Any:
    return [_nested(each) for each in values] if isinstance(values, list) else named(values)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
