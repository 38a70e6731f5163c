"""What may be apart: one immutable value for each output, and rows measured by it. NumPy only.

A tolerance of 1e-5 means something for a probability, and nothing for a price of a million or a
class number. So every output has one of its own, made before anything is compared, and everything
that judges, ranks, shrinks or plants reads that one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from pytest_freezecheck.numeric.difference import (
    Array,
    Floats,
    distance,
    identical,
    is_number,
    multiples,
)
from pytest_freezecheck.numeric.rows import by_row, largest_by_row, logits_apart

#: What an output can be, for which differences mean different things.
PROBABILITIES, SCORES, CLASSES, PIXELS, TEXT = KINDS = (
    "probabilities",
    "scores",
    "classes",
    "pixels",
    "text",
)


class Answered(Protocol):
    """What a model answered: outputs, and what went into their softmax, by name."""

    @property
    def outputs(self) -> Mapping[str, Array]: ...  # noqa: D102
    @property
    def logits(self) -> Mapping[str, Array]: ...  # noqa: D102


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """What one output may be apart.

    Attributes:
        kind: what it holds, one of `KINDS`.
        atol: largest absolute difference allowed, whatever the size of the answer.
        rtol: largest difference allowed relative to the size of the answer.
        size: the size of a usual answer: the median over the inputs of the largest absolute value
            of each. An answer that is larger is measured by its own size.
        logit_rtol: largest difference of the centred logits, relative to `logit_size`; None if
            logits are not judged.
        logit_size: largest absolute centred logit of the live model, over the whole check; 0 if
            the output is no softmax.
        recover: whether logits may be told from the probabilities: the live graph ends in a
            softmax. What is divided or subtracted otherwise rounds where a logarithm shows it.
        unraised: (atol or rtol, logit_rtol) as they were before float noise raised them.
        chosen: whether somebody chose the tolerance of the values.
        logits_chosen: likewise, of the logits.
    """

    kind: str = PROBABILITIES
    atol: float = 1e-5
    rtol: float = 0.0
    size: float = 0.0
    logit_rtol: float | None = None
    logit_size: float = 0.0
    recover: bool = True
    unraised: tuple[float | None, float | None] = (None, None)
    chosen: bool = False
    logits_chosen: bool = False

    @property
    def limit(self) -> float:
        """Largest absolute difference allowed in an answer of the usual size."""
        return max(self.atol, self.rtol * self.size)

    def allowed(self, live: Array) -> float | Floats:
        """Return the largest absolute difference allowed, for each value of an answer or for all.

        Args:
            live: the live model's answer to one batch, (rows, ...).
        """
        if not self.rtol or not is_number(live) or not live.size:
            return self.limit
        sizes = np.maximum(self.size, largest_by_row(live))
        return np.maximum(self.atol, self.rtol * sizes)

    @property
    def unraised_limit(self) -> float | None:
        """The limit before float noise raised it, or None if it did not."""
        least = self.unraised[0]
        if least is None:
            return None
        return least * self.size if self.rtol else least

    def was_needed(self, max_abs: float) -> bool:
        """Return whether a difference is allowed only because float noise raised the limit."""
        least = self.unraised_limit
        return least is not None and max_abs > least

    def logits_allowed(self) -> float | None:
        """Return the largest difference of centred logits allowed, or None if not judged."""
        if self.logit_rtol is None or self.logit_size <= 0.0:
            return None
        return self.logit_rtol * self.logit_size

    def nothing(self) -> Tolerance:
        """Return this where nothing may be apart: bit-identity is demanded."""
        rtol = None if self.logit_rtol is None else 0.0
        return dataclasses.replace(self, atol=0.0, rtol=0.0, logit_rtol=rtol)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain Python values, from which it can be made again."""
        return dataclasses.asdict(self)

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Tolerance:
        """Make it again.

        Raises:
            TypeError: these are not its values.
        """
        before = tuple(values.get("unraised") or (None, None))
        return cls(**{**values, "unraised": before})


@dataclasses.dataclass(frozen=True)
class Tolerances:
    """The tolerances of all outputs of a model.

    Attributes:
        outputs: {output name: its tolerance}.
    """

    outputs: Mapping[str, Tolerance]

    def __getitem__(self, name: str) -> Tolerance:
        """Return that of one output."""
        return self.outputs[name]

    @property
    def key(self) -> tuple[tuple[str, Tolerance], ...]:
        """What tells these from others, to keep something by."""
        return tuple(sorted(self.outputs.items()))

    def without_logits(self) -> Tolerances:
        """Return these, for the outputs alone."""
        return self._each(lambda one: dataclasses.replace(one, logit_rtol=None))

    def nothing(self) -> Tolerances:
        """Return these where nothing may be apart."""
        return self._each(Tolerance.nothing)

    def _each(self, change: Any) -> Tolerances:
        return Tolerances({name: change(one) for name, one in self.outputs.items()})

    def rows(self, live: Answered, frozen: Answered, names: Mapping[str, str], rows: int) -> Floats:
        """Return how far each row is apart: 1 is what is allowed, shape (rows,).

        Args:
            live: the live model's answer.
            frozen: the other answer to the same inputs.
            names: {live output name: name in the other answer}.
            rows: how many there are.

        Returns:
            The largest ratio over all outputs and logits; infinite where one side alone is NaN or
            infinite, or answers in another shape or dtype.
        """
        return np.maximum(*self.parts(live, frozen, names, rows))

    def parts(
        self, live: Answered, frozen: Answered, names: Mapping[str, str], rows: int
    ) -> tuple[Floats, Floats]:
        """Return the same by outputs alone, and by logits alone."""
        by_outputs, by_logits = np.zeros(rows), np.zeros(rows)
        for name, there in names.items():
            one, other = np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])
            tolerance = self.outputs[name]
            by_outputs = np.maximum(by_outputs, output_ratios(tolerance, one, other, rows))
            allowed = tolerance.logits_allowed()
            if allowed is not None:
                pair = (live.logits.get(name), frozen.logits.get(there))
                apart = logits_apart((one, other), pair, rows, recover=tolerance.recover)
                by_logits = np.maximum(by_logits, multiples(apart, np.asarray(allowed)))
        return by_outputs, by_logits


def output_ratios(tolerance: Tolerance, one: Array, other: Array, rows: int) -> Floats:
    """Return how far each row of one output is apart, as a multiple of what is allowed."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return np.full(rows, np.inf)
    if identical(one, other):
        return np.zeros(rows)
    limits = np.asarray(tolerance.allowed(one), np.float64)
    if limits.size == 1:  # the largest difference is the largest multiple
        return multiples(by_row(distance(one, other), rows), limits.reshape(()))
    return by_row(multiples(distance(one, other), np.broadcast_to(limits, one.shape)), rows)
