"""The verdict: one function from what a check found to an outcome and a reason.

Nothing else decides, and nothing reads a verdict from words: text, table, reports and exit status
all have it from here.
"""

from __future__ import annotations

import dataclasses

from pytest_freezecheck.result.reasons import Judgement


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What a check found, as far as the verdict depends on it.

    Attributes:
        suspicion: why live and frozen could not be told apart, or None.
        problem: "shape" or "dtype" of an output that could not be compared, or None.
        lone: whether that output is the only end of the artifact, and has a name of its own: it may
            be no counterpart at all.
        not_compared: outputs of the artifact that were compared with none, and that nobody said to
            ignore.
        compared: how many values were compared.
        non_finite: whether a value is NaN or infinite on one side only.
        ratio: the largest difference of an output, as a multiple of what is allowed.
        logit_ratio: likewise, of logits.
        batch_dependent: whether only the artifact answers a row otherwise with others beside it.
        exact: whether everything was bit-identical.
        exact_demanded: whether it has to be.
        steady: whether the artifact answers the same when asked the same again.
        noise: whether it is close only by what float noise allows.
        lossy: whether the way to freeze is declared to lose precision.
        proof: what the comparison of both computations came to: "identical", "equal", "differs",
            "not-matched", or None if it was not made.
        operations: whether operations differ there, and not constants alone.
        permitted: whether answers show a difference that only a tolerance that somebody chose
            allows: then weights or operations that are others are allowed too.
        rounded: whether the file rounds its weights to a grid of its own.
        proof_required: whether a check without a proof fails.
        power: share of planted mistakes that would have been noticed, or None if not measured.
        min_power: least share demanded.
    """

    suspicion: str | None = None
    problem: str | None = None
    lone: bool = False
    not_compared: tuple[str, ...] = ()
    compared: int = 0
    non_finite: bool = False
    ratio: float = 0.0
    logit_ratio: float = 0.0
    batch_dependent: bool = False
    exact: bool = False
    exact_demanded: bool = False
    steady: bool = True
    noise: bool = False
    lossy: bool = False
    proof: str | None = None
    operations: bool = False
    permitted: bool = False
    rounded: bool = False
    proof_required: bool = False
    power: float | None = None
    min_power: float = 0.0

    @property
    def apart(self) -> bool:
        """Whether what was compared differs too much."""
        return (
            self.problem is not None
            or self.non_finite
            or not self.ratio <= 1.0
            or not self.logit_ratio <= 1.0
            or (self.exact_demanded and not self.exact)
        )


def judge(found: Evidence) -> Judgement:
    """Return the verdict.

    Args:
        found: what the check found.
    """
    return Judgement.of(_failure(found) or _pass(found))


def _failure(found: Evidence) -> str | None:
    if found.suspicion is not None:
        return "self-comparison"
    if found.problem is not None:
        return "output-not-compared" if found.lone else found.problem
    if found.non_finite:
        return "non-finite"
    if not found.ratio <= 1.0:
        if found.batch_dependent:
            return "batch-dependent"
        return "executor-differs" if _of_the_executor(found) else "differs"
    if not found.logit_ratio <= 1.0:
        return "executor-differs" if _of_the_executor(found) else "logits-differ"
    if found.exact_demanded and not found.exact:
        return "not-bit-identical"
    if found.not_compared or not found.compared:
        return "output-not-compared"
    if not found.steady:
        return "unsteady"
    if found.proof == "differs" and not found.permitted:
        return "operation-differs" if found.operations else "weights-differ"
    if found.proof_required and found.proof not in ("identical", "equal"):
        return "not-proved"
    return "too-weak" if _weak(found) else None


def _of_the_executor(found: Evidence) -> bool:
    """Return whether both sides compute the same, so that only what runs them can differ."""
    return found.proof in ("identical", "equal") and not found.rounded and found.steady


def _weak(found: Evidence) -> bool:
    """A check that notices none of the mistakes planted proves nothing, whatever was asked for."""
    if found.power is None:
        return found.min_power > 0.0
    return found.power == 0.0 or found.power < found.min_power


def _pass(found: Evidence) -> str:
    if found.exact:
        return "identical"
    if found.lossy:
        return "agrees-lossy"
    if found.proof in ("identical", "equal"):
        return "equal"
    return "agrees-within-noise" if found.noise else "agrees"
