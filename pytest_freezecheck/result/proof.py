"""What the comparison of two computations came to, as a result has it. Plain Python data."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_freezecheck.result.findings import finite


@dataclasses.dataclass(frozen=True)
class Constant:
    """A constant of the computation that is not the same on both sides.

    Attributes:
        names: of the live weights and constants that it is made of.
        frozen_names: of those of the artifact.
        index: where it is furthest apart for what rounding explains.
        live: the live value there.
        frozen: the artifact's value there.
        relative: the largest difference, of the largest value in its channel.
        bound: what rounding explains of that.
        differing: how many elements are further apart than that.
        size: how many elements there are.
    """

    names: tuple[str, ...]
    frozen_names: tuple[str, ...]
    index: tuple[int, ...]
    live: Any
    frozen: Any
    relative: float
    bound: float
    differing: int
    size: int

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; what is not finite is null."""
        return {name: finite(value) for name, value in dataclasses.asdict(self).items()}


@dataclasses.dataclass(frozen=True)
class Operation:
    """Where the computations part.

    Attributes:
        live: what the live model does there, with its name.
        frozen: what the artifact does there.
        proven: whether the two are shown to be different functions of what they are applied to.
    """

    live: str
    frozen: str
    proven: bool

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Proof:
    """What the comparison of both computations came to, beside that of answers.

    Attributes:
        result: "identical", "equal", "differs" or "not-matched".
        furthest: the largest difference of two constants, of the largest in its channel.
        bound: what may be there.
        at: the constant that is furthest apart.
        grid: what the file rounds its weights to; empty if it keeps them.
        weights_accounted: share of the live model's weights that were compared, 0 to 1.
        constants: those that are not the same.
        operations: where the computations part.
        why: why no more is known; may be empty.
    """

    result: str
    furthest: float = 0.0
    bound: float = 0.0
    at: str = ""
    grid: str = ""
    weights_accounted: float = 0.0
    constants: tuple[Constant, ...] = ()
    operations: tuple[Operation, ...] = ()
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether both sides compute the same."""
        return self.result in ("identical", "equal")

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        stopped = None
        if self.result == "not-matched":
            first = self.operations[0] if self.operations else None
            stopped = {
                "live": first.live if first else None,
                "frozen": first.frozen if first else None,
                "why": self.why or None,
            }
        return {
            "result": self.result,
            "furthest": finite(self.furthest),
            "bound": finite(self.bound),
            "at": self.at or None,
            "grid": self.grid or None,
            "weights_accounted": round(self.weights_accounted, 4),
            "constants": [constant.as_json() for constant in self.constants],
            "operations": [operation.as_json() for operation in self.operations],
            "stopped_at": stopped,
        }
