"""What a check found besides its verdict: output by output, the smallest failing input, its power.

Plain Python data, so that reports need neither NumPy nor TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.result.exhibit import Layer


@dataclasses.dataclass(frozen=True)
class Compared:
    """What was compared with what, and how far it was apart.

    Attributes:
        output: name of the live model's output.
        artifact_output: name of the artifact's.
        kind: what it holds: "probabilities", "scores", "classes", "pixels" or "text".
        shape: of the live answer that differs most.
        dtype: of the live answer.
        allowed: largest absolute difference allowed there; for scores, of an answer of that size.
        rtol: largest difference relative to the size of an answer, of scores; 0 else.
        size: the size of a usual answer of scores; 0 else.
        max_abs_diff: largest absolute difference; NaN if `non_finite`, None if nothing could be
            compared.
        ratio: largest difference as a multiple of what is allowed there.
        apart: the difference where that is.
        index: the place where that is.
        live: the live value there.
        frozen: the artifact's value there.
        too_far: how many values of that batch differ by more than is allowed.
        values: how many values that batch has.
        compared: how many values were compared in the whole check.
        undecided: how many values differ where float noise alone decides which it is.
        non_finite: whether a value is NaN or infinite on one side only.
        problem: why nothing could be compared, or None.
        logit_rel_diff: largest difference of the centred logits over the largest centred logit;
            None if the output is no softmax.
        where: the batch that showed it, in words.
    """

    output: str
    artifact_output: str
    kind: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    allowed: float = 0.0
    rtol: float = 0.0
    size: float = 0.0
    max_abs_diff: float | None = None
    ratio: float = 0.0
    apart: float = 0.0
    index: tuple[int, ...] = ()
    live: Any = None
    frozen: Any = None
    too_far: int = 0
    values: int = 0
    compared: int = 0
    undecided: int = 0
    non_finite: bool = False
    problem: str | None = None
    logit_rel_diff: float | None = None
    where: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; what is not finite is null."""
        values = dataclasses.asdict(self)
        return {name: finite(value) for name, value in values.items()}


@dataclasses.dataclass(frozen=True)
class Reached:
    """How much of a range of whole numbers, or of the rows of a table, the inputs reached.

    Attributes:
        name: of an input, or of a weight that rows are looked up in.
        kind: "input" or "weight".
        values: how many values or rows there are.
        reached: how many of them were fed or looked up.
    """

    name: str
    kind: str
    values: int
    reached: int

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return dataclasses.asdict(self)


def finite(value: Any) -> Any:
    """Return a value as JSON can have it: it has no NaN, no infinity and no tuple."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value


@dataclasses.dataclass(frozen=True)
class Weights:
    """What a comparison of weights, by name and bit for bit, found.

    Attributes:
        compared: how many weights both sides have under one name.
        differing: (name, largest absolute difference), from the network's input to its output; NaN
            where shape or dtype differ.
        absent: names of needed live weights that the artifact has not under that name.
    """

    compared: int = 0
    differing: tuple[tuple[str, float], ...] = ()
    absent: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "compared": self.compared,
            "differing": [{"name": n, "max_abs_diff": finite(d)} for n, d in self.differing],
            "absent": list(self.absent),
        }


@dataclasses.dataclass(frozen=True)
class Blamed:
    """One cause that a difference is put down to.

    Attributes:
        id: of the cause.
        tensors: names of what is wrong.
        evidence: what speaks for it, without a full stop.
        proven: whether the live model is the artifact's like with it and what shares the blame, and
            not without it.
        share: how many weights it concerns, of how many, as the evidence counts them; None where
            it does not.
    """

    id: str
    tensors: tuple[str, ...]
    evidence: str
    proven: bool
    share: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What a difference is put down to.

    Attributes:
        causes: the one with the largest effect first; empty if none is suspected.
        ruled_out: what was looked at in vain.
        simulated: whether the live model makes the mistake, and is the artifact's like then: it
            computes the same, if computations were compared, or else answers the same.
        first: name and difference of the first tensor that differs, or None.
        computed: whether the computations were compared, and nothing was asked.
        layers: how far tensors of both sides are apart, from the input to the output; a page shows
            them.
    """

    causes: tuple[Blamed, ...]
    ruled_out: tuple[str, ...] = ()
    simulated: bool = False
    first: tuple[str, float] | None = None
    computed: bool = False
    layers: tuple[Layer, ...] = ()


@dataclasses.dataclass(frozen=True)
class Replayed:
    """How a saved failing input does now, beside when it was saved.

    Attributes:
        changed: the sides, "live" and "frozen", that answer otherwise than then, bit for bit.
        versions: {package: version} of then.
    """

    changed: tuple[str, ...]
    versions: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {"changed": list(self.changed), "versions": dict(self.versions)}


@dataclasses.dataclass(frozen=True)
class Counterexample:
    """The smallest input found that shows the difference.

    Attributes:
        feeds: {input name: array (batch, *shape)}.
        away: number of cells away from an even background.
        background: {input name: value of the background}; empty if it has none.
        size: number of cells.
        max_abs_diff: largest difference that it shows in any output; NaN or infinite if a value
            is on one side only.
        seconds: how long it took to find.
        path: file that it was saved in, from the folder that pytest was called in, or None.
    """

    feeds: Mapping[str, Any] = dataclasses.field(repr=False)
    away: int
    background: Mapping[str, float]
    size: int
    max_abs_diff: float
    seconds: float
    path: str | None = None

    @property
    def batch(self) -> int:
        """Number of rows: 1, unless it takes several together to show the difference."""
        return rows_of(self.feeds)

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "path": self.path,
            "batch": self.batch,
            "nonzero": self.away,
            "size": self.size,
            "background": {name: finite(level) for name, level in self.background.items()},
            "max_abs_diff": finite(self.max_abs_diff),
        }


@dataclasses.dataclass(frozen=True)
class Power:
    """How many of the mistakes planted in the live model the inputs would have caught.

    Attributes:
        caught: how many were, by the answers.
        planted: how many there were.
        survivors: (mistake, why it was not caught) of the others.
        weights: how many weights the answer is computed from.
        altered: how many of them a mistake was planted in.
        proved: whether the artifact is proved to compute the same, with all of its weights: then a
            mistake in any of them would have been found by the comparison of computations.
        orders: how many of those caught put classes in another order: a check that sees nothing
            else says nothing of weights.
    """

    caught: int
    planted: int
    survivors: tuple[tuple[str, str], ...]
    weights: int = 0
    altered: int = 0
    orders: int = 0
    proved: bool = False

    @property
    def score(self) -> float:
        """Share that was caught by answers, 0 to 1."""
        return self.caught / self.planted

    @property
    def in_all(self) -> int:
        """How many were caught by answers or by the comparison of computations."""
        return self.planted if self.proved else self.caught

    @property
    def telling(self) -> float | None:
        """The share caught in all; None if nothing but orders of classes was caught."""
        if self.proved:
            return 1.0
        return None if self.caught and self.caught == self.orders else self.score

    def as_json(self) -> dict[str, Any]:
        """Return what the report says of it."""
        return {
            "caught": self.caught,
            "in_all": self.in_all,
            "planted": self.planted,
            "score": round(self.score, 4),
            "weights": self.weights,
            "altered": self.altered,
            "survivors": [{"mistake": name, "reason": why} for name, why in self.survivors],
        }
