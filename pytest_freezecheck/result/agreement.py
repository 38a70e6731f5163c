"""The result of one check, in numbers and in words. Plain Python: no NumPy, no pytest."""

from __future__ import annotations

import dataclasses
from typing import Any

from pytest_freezecheck.result.exhibit import Exhibit
from pytest_freezecheck.result.findings import (
    Compared,
    Counterexample,
    Explanation,
    Power,
    Reached,
    Replayed,
    Weights,
    finite,
)
from pytest_freezecheck.result.proof import Proof


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
        reason: why, one of `reasons.REASONS`.
        max_abs_diff: largest absolute difference, of the output that is furthest apart for what is
            allowed; None if nothing was compared, NaN if a value is NaN or infinite on one side
            only.
        atol: largest absolute difference allowed there.
        exact: whether every output and logit was bit-identical.
        logit_rel_diff: largest difference of the centred logits over the largest centred logit;
            None where no output is a softmax.
        logit_rtol: largest `logit_rel_diff` allowed, None if not judged.
        inputs: rows that were fed to both sides.
        examples: batches that were drawn and fed to both sides.
        seed: seed of everything drawn.
        seconds: how long the check took, freezing and building the live model not included.
        non_finite: whether a value was NaN or infinite on one side only.
        cause: cause of the difference where it is known.
        warnings: what a reader should know although it is no failure.
        text: the result in words; its first line stands alone.
        nodeid: pytest's name of the test that made the check, if any.
        compared: what was compared with what, output by output.
        not_compared: outputs of the artifact that were compared with none.
        ignored: outputs of the artifact that were to be ignored.
        allow_ops: patterns of operations for which it was not refused.
        showing: inputs that were further apart than allowed.
        weights: which weights differ, where both sides have them by name.
        explanation: what the difference is put down to, if it was looked into.
        bit_exact: whether a correct artifact of this kind answers bit for bit as the live model.
        exact_demanded: whether it failed unless it did.
        lossy: whether `atol` is the default of a way that is declared to lose precision.
        unraised: the default that `atol` was raised from, to the float noise of the live model;
            None if it was not raised.
        unraised_rtol: likewise, of `logit_rtol`.
        needed: whether `atol`, and whether `logit_rtol`, had to be raised for it to pass.
        excused: inputs that were further apart than allowed, by what float noise does to that very
            input.
        unsteady: the side that answers differently when asked the same twice, in words, or None.
        moved: names of the artifact's variables that changed while it was asked.
        suspicion: why live and frozen could not be told apart, or None.
        noise_floor: how far a side is from itself when nothing but its execution changes; 0 for
            what TensorFlow runs, unless an operation is random.
        row_dependence: how far the live model's answer to a row depends on the other rows of its
            batch, relative to the size of the answer; None if it does not, or was not asked.
        largest_batch: the most rows that were fed at once.
        reached: how much of small ranges of whole numbers, and of tables, the inputs reached.
        proof: what the comparison of both computations came to, or None if it was not made.
        require: "agreement" of the answers, or "proof".
        power: how many planted mistakes the inputs would have caught.
        min_power: least share of them to catch.
        counterexample: the smallest input found that shows the difference.
        exhibit: what a page shows of a failure, or None.
        replay: command that repeats it.
        command: what made the check without pytest, or None.
        replayed: how a saved failing input does now, if that is what was fed.
        checkpoint: prefix of the checkpoint that the live model was restored from, or None.
        ema: which variables the live model reads from shadows, or None where that was not chosen.
        remembered: whether what the live model answered before was used (`freezecheck_cache`).
        sha256: {"artifact", "checkpoint": digest, in hexadecimal}, of files; a folder's is that of
            its files, in the order of their names.
        declared_at: {"file": path from pytest's rootdir, "line"} of the declaration that asked for
            the check, or of the test that made it; the gate adds it to its reports, and it is None
            here.
    """

    model: str
    artifact: str
    format: str
    way: str | None
    outcome: str
    reason: str = "agrees"
    max_abs_diff: float | None = None
    atol: float = 1e-5
    exact: bool | None = None
    logit_rel_diff: float | None = None
    logit_rtol: float | None = None
    inputs: int = 0
    examples: int = 0
    seed: int = 0
    seconds: float = 0.0
    non_finite: bool = False
    cause: dict[str, Any] | None = None
    warnings: list[str] = dataclasses.field(default_factory=list)
    text: str = ""
    nodeid: str | None = None
    compared: list[Compared] = dataclasses.field(default_factory=list)
    not_compared: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    allow_ops: tuple[str, ...] = ()
    showing: int = 0
    weights: Weights = dataclasses.field(default_factory=Weights)
    explanation: Explanation | None = None
    bit_exact: bool = True
    exact_demanded: bool = False
    lossy: bool = False
    unraised: float | None = None
    unraised_rtol: float | None = None
    needed: tuple[bool, bool] = (False, False)
    excused: int = 0
    unsteady: str | None = None
    moved: tuple[str, ...] = ()
    suspicion: str | None = None
    noise_floor: float | None = None
    row_dependence: float | None = None
    largest_batch: int = 0
    reached: list[Reached] = dataclasses.field(default_factory=list)
    proof: Proof | None = None
    require: str = "agreement"
    power: Power | None = None
    min_power: float = 0.0
    counterexample: Counterexample | None = None
    exhibit: Exhibit | None = None
    replay: str | None = None
    command: str | None = None
    replayed: Replayed | None = None
    checkpoint: str | None = None
    ema: str | None = None
    remembered: bool = False
    sha256: dict[str, str] = dataclasses.field(default_factory=dict)
    declared_at: dict[str, Any] | None = None
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
        """Whether it passed only by what float noise was allowed."""
        return self.reason == "agrees-within-noise"

    @property
    def worst(self) -> Compared | None:
        """The output that is furthest apart for what is allowed, if anything was compared."""
        return self.compared[0] if self.compared else None

    @property
    def first_difference(self) -> dict[str, Any] | None:
        """{"tensor", "max_abs_diff"} of the first tensor that differs; None if not finite."""
        if self.explanation is None or self.explanation.first is None:
            return None
        name, apart = self.explanation.first
        return {"tensor": name, "max_abs_diff": finite(apart)}

    @property
    def undecided(self) -> int:
        """How many values differ where float noise alone decides which it is."""
        return sum(output.undecided for output in self.compared)

    def raise_on_mismatch(self) -> None:
        """Raise if the two sides disagree.

        Raises:
            FrozenMismatch: with the full text.
        """
        __tracebackhide__ = True
        if not self:
            raise FrozenMismatch(self)

    def as_json(self) -> dict[str, Any]:
        """Return the result as the report's schema 2 has it; numbers are Python numbers.

        Reporting a result is not reading it.
        """
        read = self.read
        try:
            return self._as_json()
        finally:
            self.read = read

    def _as_json(self) -> dict[str, Any]:
        found, replayed = self.counterexample, self.replayed
        logits = {"max_rel_diff": finite(self.logit_rel_diff), "rtol": self.logit_rtol}
        return {
            "model": self.model,
            "artifact": self.artifact,
            "format": self.format,
            "way": self.way,
            "nodeid": self.nodeid,
            "declared_at": self.declared_at,
            "checkpoint": self.checkpoint,
            "ema": self.ema,
            "sha256": dict(self.sha256),
            "outcome": self.outcome,
            "reason": self.reason,
            "max_abs_diff": finite(self.max_abs_diff),
            "atol": self.atol,
            "noise_floor": finite(self.noise_floor),
            "exact": self.exact,
            "lossy": self.lossy,
            "within_noise": self.within_noise,
            "logits": None if self.logit_rel_diff is None else logits,
            "compared": [output.as_json() for output in self.compared],
            "not_compared": list(self.not_compared),
            "ignored": list(self.ignored),
            "allow_ops": list(self.allow_ops),
            "inputs": self.inputs,
            "examples": self.examples,
            "largest_batch": self.largest_batch,
            "reached": [part.as_json() for part in self.reached],
            "showing": self.showing,
            "excused": self.excused,
            "undecided": self.undecided,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "remembered": self.remembered,
            "non_finite": self.non_finite,
            "unsteady": self.unsteady,
            "moved": list(self.moved),
            "row_dependence": finite(self.row_dependence),
            "weights": self.weights.as_json(),
            "proof": None if self.proof is None else self.proof.as_json(),
            "power": None if self.power is None else self.power.as_json(),
            "cause": self.cause,
            "first_difference": self.first_difference,
            "counterexample": None if found is None else found.as_json(),
            "exhibit": None if self.exhibit is None else self.exhibit.as_json(),
            "warnings": list(self.warnings),
            "message": self.text or None,
            "replay": self.replay,
            "replayed": None if replayed is None else replayed.as_json(),
        }


#: Attributes that tell whoever reads them how the check went.
_TELLING = frozenset(
    {
        "outcome",
        "reason",
        "text",
        "max_abs_diff",
        "logit_rel_diff",
        "exact",
        "cause",
        "counterexample",
    }
)


class FrozenMismatch(AssertionError):  # noqa: N818 - the name is part of the public contract
    """The frozen model does not compute what the live model computes.

    Attributes:
        agreement: the result in numbers; `str(error)` is its full text.
    """

    def __init__(self, agreement: Agreement) -> None:
        super().__init__(agreement.text)
        self.agreement = agreement


FrozenMismatch.__module__ = "pytest_freezecheck"  # where users import it from
