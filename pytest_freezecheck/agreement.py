"""The result of one check, in numbers and in words. Plain Python: no NumPy, no pytest."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from pytest_freezecheck.errors import FrozenMismatch
from pytest_freezecheck.findings import Counterexample, Power


@dataclasses.dataclass(repr=False)
class Agreement:
    """Whether a frozen model computes what the live model computes; falsy if it does not.

    Attributes:
        model: name of the live model.
        artifact: the file or folder that was checked, or the way it was frozen.
        format: `graph_def` or `saved_model`.
        way: the way it was frozen by this run, or None for a file that was there.
        outcome: `passed` or `failed`; a check that could not be made is an `error` (or was
            `skipped`), and has no numbers.
        max_abs_diff: largest absolute difference in any output; None if nothing was compared,
            NaN if a value is NaN or infinite on one side only.
        atol: largest absolute difference allowed.
        exact: whether every output and logit was bit-identical.
        logit_rel_diff: largest difference of the centred logits over the largest centred logit;
            None where the model has no distribution among its outputs.
        logit_rtol: largest `logit_rel_diff` allowed, None if not judged.
        inputs: rows that were fed to both sides.
        examples: batches that were fed to both sides.
        seconds: how long the check took, freezing and building the live model not included.
        non_finite: whether a value was NaN or infinite on one side only.
        cause: cause of the difference where it is known.
        warnings: what a reader should know although it is no failure.
        text: the result in words; its first line stands alone.
        nodeid: pytest's name of the test that made the check, if any.
        first_difference: {"tensor", "max_abs_diff"} of the first tensor that differs.
        bit_exact: whether a correct artifact of this kind answers bit for bit as the live model.
        lossy: whether `atol` is the default of a way that is declared to lose precision.
        unraised: the default that `atol` was raised from, to the float noise of the live model;
            None if it was not raised.
        unraised_rtol: likewise, of `logit_rtol`.
        unsteady: the side that answers differently when asked the same twice, in words, or None.
        noise_floor: how far a side is from itself when nothing but its execution changes; 0 for
            what TensorFlow runs, unless an operation is random.
        power: how many planted mistakes the inputs would have caught.
        counterexample: the smallest input found that shows the difference.
        replay: command that repeats it.
    """

    model: str
    artifact: str
    format: str
    way: str | None
    outcome: str
    max_abs_diff: float | None = None
    atol: float = 1e-5
    exact: bool | None = None
    logit_rel_diff: float | None = None
    logit_rtol: float | None = None
    inputs: int = 0
    examples: int = 0
    seconds: float = 0.0
    non_finite: bool = False
    cause: dict[str, Any] | None = None
    warnings: list[str] = dataclasses.field(default_factory=list)
    text: str = ""
    nodeid: str | None = None
    first_difference: dict[str, Any] | None = None
    bit_exact: bool = True
    lossy: bool = False
    unraised: float | None = None
    unraised_rtol: float | None = None
    unsteady: str | None = None
    noise_floor: float | None = None
    power: Power | None = None
    counterexample: Counterexample | None = None
    replay: str | None = None
    read: bool = dataclasses.field(default=False, compare=False)

    def __repr__(self) -> str:
        # What pytest shows of `assert freezecheck(live, frozen)`.
        return self.text.partition("\n")[0] or f"<{self.outcome}: {self.model}, {self.artifact}>"

    def __bool__(self) -> bool:
        return self.outcome == "passed"

    def __getattribute__(self, name: str) -> Any:
        # The gate fails a test that dropped a failed result without looking at it.
        if name in _TELLING:
            object.__setattr__(self, "read", True)
        return object.__getattribute__(self, name)

    @property
    def within_noise(self) -> bool:
        """Whether it passed only because `atol` or `logit_rtol` was raised to float noise."""
        return self.outcome == "passed" and any(self.needed)

    @property
    def needed(self) -> tuple[bool, bool]:
        """Whether `atol`, and whether `logit_rtol`, had to be raised to float noise."""
        pairs = (self.max_abs_diff, self.unraised), (self.logit_rel_diff, self.unraised_rtol)
        outputs, logits = (
            apart is not None and least is not None and apart > least for apart, least in pairs
        )
        return outputs, logits

    def raise_on_mismatch(self) -> None:
        """Raise if the two sides disagree.

        Raises:
            FrozenMismatch: with the full text.
        """
        __tracebackhide__ = True
        if not self:
            raise FrozenMismatch(self)

    def as_json(self) -> dict[str, Any]:
        """Return the result as the report's schema 1 has it; numbers are Python numbers.

        Reporting a result is not reading it.
        """
        read = self.read
        try:
            return self._as_json()
        finally:
            self.read = read

    def _as_json(self) -> dict[str, Any]:
        found = self.counterexample
        logits = {"max_rel_diff": _finite(self.logit_rel_diff), "rtol": self.logit_rtol}
        return {
            "model": self.model,
            "artifact": self.artifact,
            "format": self.format,
            "way": self.way,
            "nodeid": self.nodeid,
            "outcome": self.outcome,
            "max_abs_diff": _finite(self.max_abs_diff),
            "atol": self.atol,
            "noise_floor": _finite(self.noise_floor),
            "exact": self.exact,
            "lossy": self.lossy,
            "within_noise": self.within_noise,
            "logits": None if self.logit_rel_diff is None else logits,
            "inputs": self.inputs,
            "examples": self.examples,
            "seconds": round(self.seconds, 3),
            "non_finite": self.non_finite,
            "power": None if self.power is None else self.power.as_json(),
            "cause": self.cause,
            "first_difference": self.first_difference,
            "counterexample": None if found is None else found.as_json(),
            "warnings": list(self.warnings),
            "message": self.text or None,
            "replay": self.replay,
        }


#: Attributes that tell whoever reads them how the check went.
_TELLING = frozenset(
    {"outcome", "text", "max_abs_diff", "logit_rel_diff", "exact", "cause", "counterexample"}
)
_records: list[list[Agreement]] = []


@contextlib.contextmanager
def recording() -> Iterator[list[Agreement]]:
    """Collect the results of every check made meanwhile, for the gate."""
    record: list[Agreement] = []
    _records.append(record)
    try:
        yield record
    finally:
        _records.pop()


def record(agreement: Agreement) -> None:
    """Hand a finished check, unread as yet, to whoever is recording."""
    agreement.read = False
    for made in _records:
        made.append(agreement)


def _finite(number: float | None) -> float | None:
    """JSON has no NaN and no infinity: they become null (`non_finite` says so)."""
    return number if number is not None and math.isfinite(number) else None


def shown(number: float | None) -> str:
    """Return a difference as people read it: `0`, `3.2e-04`, `NaN or infinity`, `-`."""
    if number is None:
        return "-"
    if not math.isfinite(number):
        return "NaN or infinity"
    return "0" if number == 0 else f"{number:.1e}"
