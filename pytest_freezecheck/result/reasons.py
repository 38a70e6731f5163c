"""The verdict: one function from what a check found to an outcome and a reason. Plain Python.

Nothing else decides, and nothing reads a verdict from words: text, table, reports and exit status
all have it from here.
"""

from __future__ import annotations

import dataclasses

from pytest_freezecheck.errors import (
    ArtifactError,
    CrashedError,
    FreezecheckError,
    FreezeError,
    InapplicableError,
    MatchError,
    ModelError,
    OutOfMemoryError,
    SettingError,
    TimedOutError,
    UnavailableError,
)

PASSED, FAILED, ERROR, SKIPPED = OUTCOMES = ("passed", "failed", "error", "skipped")

#: {reason: (outcome, what the table says, what it means)}, the order in which they are looked for.
REASONS: dict[str, tuple[str, str, str]] = {
    "self-comparison": (FAILED, "FAILED", "the artifact could not be told from the live model"),
    "dtype": (FAILED, "DIFFERS", "an input or output has another dtype"),
    "shape": (FAILED, "DIFFERS", "an output has another shape"),
    "output-not-compared": (FAILED, "FAILED", "an output of the artifact was compared with none"),
    "non-finite": (FAILED, "DIFFERS", "a value is NaN or infinite on one side only"),
    "batch-dependent": (FAILED, "DIFFERS", "a row is answered otherwise with others beside it"),
    "differs": (FAILED, "DIFFERS", "an output is further apart than allowed"),
    "logits-differ": (FAILED, "DIFFERS", "the logits of an output are further apart than allowed"),
    "not-bit-identical": (FAILED, "FAILED", "close, where bit-identity is demanded"),
    "executor-differs": (FAILED, "DIFFERS", "it computes the same and answers otherwise"),
    "weights-differ": (FAILED, "DIFFERS", "its weights are others, though no input shows it"),
    "operation-differs": (FAILED, "DIFFERS", "its operations are others, though no input shows it"),
    "not-proved": (FAILED, "not proved", "it agrees, and a proof is required"),
    "unsteady": (FAILED, "FAILED", "the artifact does not answer the same when asked again"),
    "too-weak": (FAILED, "FAILED", "too few planted mistakes would have been noticed"),
    "identical": (PASSED, "agrees", "every output and every logit is bit-identical"),
    "equal": (PASSED, "agrees", "it computes the same for every input, but for rounding"),
    "agrees-lossy": (PASSED, "agrees, lossy", "as close as a way that loses precision may be"),
    "agrees-within-noise": (PASSED, "agrees within noise", "as close as the float noise allows"),
    "agrees": (PASSED, "agrees", "every output is as close as allowed"),
    "live-model": (ERROR, "ERROR", "the live model cannot be built, restored or run"),
    "artifact": (ERROR, "ERROR", "the artifact cannot be read or run"),
    "names": (ERROR, "ERROR", "an input or output has no counterpart of its name"),
    "freezing": (ERROR, "ERROR", "this way cannot freeze this model"),
    "setting": (ERROR, "ERROR", "a setting cannot be used"),
    "crashed": (ERROR, "ERROR", "it ended the process that checked it"),
    "timed-out": (ERROR, "ERROR", "it took longer than a check may take"),
    "out-of-memory": (ERROR, "ERROR", "it took more memory than a check may take"),
    "exception": (ERROR, "ERROR", "something else was raised"),
    "no-result": (ERROR, "ERROR", "it was collected, and ended without a result"),
    "unavailable": (SKIPPED, "skipped", "a package is not installed"),
    "inapplicable": (SKIPPED, "skipped", "this way is for models of another kind"),
}
_OF_ERRORS: tuple[tuple[type[FreezecheckError], str], ...] = (
    (InapplicableError, "freezing"),
    (FreezeError, "freezing"),
    (ModelError, "live-model"),
    (ArtifactError, "artifact"),
    (MatchError, "names"),
    (SettingError, "setting"),
    (CrashedError, "crashed"),
    (TimedOutError, "timed-out"),
    (OutOfMemoryError, "out-of-memory"),
)


@dataclasses.dataclass(frozen=True)
class Judgement:
    """How a check ended.

    Attributes:
        outcome: `passed`, `failed`, `error` or `skipped`.
        reason: one of `REASONS`.
    """

    outcome: str
    reason: str

    @classmethod
    def of(cls, reason: str) -> Judgement:
        """Return the judgement that has this reason."""
        return cls(REASONS[reason][0], reason)


def of_error(error: BaseException) -> Judgement:
    """Return how a check ended that raised an error.

    Args:
        error: what was raised.
    """
    if isinstance(error, UnavailableError):
        inapplicable = isinstance(error.__cause__, FreezeError)
        return Judgement.of("inapplicable" if inapplicable else "unavailable")
    found = (reason for kind, reason in _OF_ERRORS if isinstance(error, kind))
    return Judgement.of(next(found, "exception"))
