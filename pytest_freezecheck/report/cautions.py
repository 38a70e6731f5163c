"""Warnings of a result: what a reader should know although it is no failure."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_freezecheck.messages.wording import counted, listed, shown
from pytest_freezecheck.report import details, explained
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Blamed

#: As many floors as are allowed for float noise: checking/noise_tolerance.py.
_FLOORS = 8

#: Whole warnings; braces are for what was found.
ANSWERS_OTHERWISE = (
    "freezecheck_cache: the live model does not answer as {} has it: what it says was worked out "
    "anew, and replaces that file"
)
DAMAGED = "freezecheck_cache: {} is not used, and replaced: {}"
IDLE = "the answer does not depend on the input {}"
LEFT_OVER = "export wrote this too, of no known format: {}"
NOT_KEPT = "freezecheck_cache: nothing is kept in {}: {}"
NOT_TRIED = "a failing input of an earlier run is not tried again: {}"
NO_FLOOR = "the noise floor is that of batch sizes alone: {}"
NO_POWER = "power could not be measured: {}"
OLDER = "the artifact's file is older than the checkpoint's"
POWERLESS = "power was not measured: the live model is not the same from one answer to the next"
UNSAVED = "the failing input cannot be saved: {}: {}"
UNREADABLE = "freezecheck_cache: {} cannot be read: {}"
UNSTEADY = (
    "the live model answers differently when asked the same twice: a random operation, or "
    "variables that change while they are read"
)


#: What passes only because somebody allowed a difference.
ALLOWED = (
    "its weights or operations are not the live model's, which the tolerance that was chosen "
    "allows: the report has them, under proof"
)


def of_verdict(agreement: Agreement, dropped: Sequence[str]) -> list[str]:
    """Return the warnings of a result that has its verdict.

    Args:
        agreement: the result.
        dropped: inputs that the artifact has not, and that change no answer.
    """
    said = []
    if agreement and agreement.bit_exact and not agreement.exact:
        said.append(_inexact(agreement))
    if agreement.within_noise:
        said.append(_within_noise(agreement))
    if agreement and agreement.proof is not None and agreement.proof.result == "differs":
        said.append(ALLOWED)
    if agreement.row_dependence is not None:
        said.append(_row_dependent(agreement))
    if dropped:
        said.append(
            f"the artifact has no input {listed(dropped)}, which the live model's answer does not "
            "depend on"
        )
    return said


def _inexact(agreement: Agreement) -> str:
    """Return the warning of a pass that TensorFlow itself should have made bit-identical."""
    what = details.weights(agreement)
    return (
        f"{agreement.artifact} is within {agreement.atol:g} but not bit-identical, which a correct "
        f"freeze run by TensorFlow is: {what[0].strip() if what else 'no weight could be compared'}"
    )


def unrepeated(agreement: Agreement, batches: int) -> str:
    """Return the warning of answers that were bit-identical only when asked for again."""
    return (
        f"{agreement.artifact} answered as the live model does only when both were asked again, "
        f"{counted(batches, 'time')}: within {agreement.atol:g} at first and bit-identical then, "
        "so a kernel of TensorFlow summed in another order"
    )


def _within_noise(agreement: Agreement) -> str:
    """Return the warning of a pass that is one because of the live model's own float noise."""
    said, chosen = [], []
    outputs, logits = agreement.needed
    if outputs and agreement.unraised is not None:
        said.append(f"more than {agreement.unraised:g} apart; allowed are {agreement.atol:g}")
        chosen.append("an atol")
    if logits and agreement.unraised_rtol is not None:
        said.append(
            f"logits more than {agreement.unraised_rtol:g} of their size apart; allowed are "
            f"{agreement.logit_rtol:g}"
        )
        chosen.append("a logit_rtol")
    why = []
    if chosen:
        why.append(
            f"{'; '.join(said)}, {_FLOORS} times what the live model is apart from itself in one "
            f"thread, with graph optimisation or row by row, since nobody chose "
            f"{' and '.join(chosen)}"
        )
    if agreement.excused:
        inputs = counted(agreement.excused, "input")
        why.append(
            f"{inputs} further apart than allowed, by no more than the live model moves there when "
            f"weights and inputs move by {_FLOORS} units in the last place, or where every "
            f"operation rounds at random"
        )
    if agreement.undecided:
        values = counted(agreement.undecided, "value")
        where = listed([repr(c.output) for c in agreement.compared if c.undecided])
        why.append(
            f"undecided: {values} of {where} differ where float noise alone decides which it is"
        )
    return "; ".join(why)


def _row_dependent(agreement: Agreement) -> str:
    """Return the warning of a live model whose rows see each other."""
    return (
        "the live model is batch-dependent: a row is answered otherwise alone than among others, "
        f"by {shown(agreement.row_dependence)} of the size of its answer; both sides were asked "
        "about the same rows at a time"
    )


def why_inexact(agreement: Agreement, blamed: Blamed) -> str:
    """Return the warning of what keeps an artifact from being bit-identical."""
    return (
        f"what keeps {agreement.artifact} from being bit-identical: {blamed.id}: "
        f"{explained.explanation(blamed)}"
    )


def below_floor(agreement: Agreement, floor: float) -> str:
    """Return the warning of a tolerance that float noise alone can exceed."""
    return (
        f"atol = {agreement.atol:g} is below the noise floor of this format, {shown(floor)}: a "
        f"correct artifact may fail; atol = {details.passing(floor)} is above it"
    )


def drifting(changed: Sequence[str], variables: int) -> str:
    """Return the warning of variables of the live model that change while it is asked."""
    return (
        f"drifting: {len(changed)} of the live model's {variables} variables change while it is "
        f"asked: {listed(changed, 3)}; does its graph run UPDATE_OPS or an assignment?"
    )


def led(output: str, rows: int, left: float, error: str | None) -> str:
    """Return the warning of inputs that all fall into one class, and were led to another.

    Args:
        output: whose classes.
        rows: how many were led.
        left: how far their two largest logits are apart now, at most.
        error: why there was no gradient to lead them by, or None.
    """
    how = "by the gradient of the margin"
    if error is not None:
        how = f"by trial, since there is no gradient ({error})"
    return (
        f"every drawn input falls into one class of {output!r}; {rows} inputs were led towards "
        f"the decision boundary {how}: at most {left:.2g} apart in the top two logits"
    )
