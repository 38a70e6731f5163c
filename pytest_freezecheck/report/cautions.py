"""Warnings of a result: what a reader should know although it is no failure."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_freezecheck.agreement import Agreement, shown
from pytest_freezecheck.errors import counted, listed
from pytest_freezecheck.report import details

#: As many floors as are allowed for float noise: comparing/allowance.py.
_FLOORS = 8
UNSTEADY = (
    "the live model answers differently when asked the same twice: a random operation, or "
    "variables that change while they are read"
)


def inexact(agreement: Agreement) -> str:
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


def within_noise(agreement: Agreement) -> str:
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


def row_dependent(agreement: Agreement) -> str:
    """Return the warning of a live model whose rows see each other."""
    return (
        "the live model is batch-dependent: a row is answered otherwise alone than among others, "
        f"by {shown(agreement.row_dependence)} of the size of its answer; both sides were asked "
        "about the same rows at a time"
    )


def dropped(inputs: Sequence[str]) -> str:
    """Return the warning of inputs that the artifact has not, and that change no answer."""
    return (
        f"the artifact has no input {listed(inputs)}, which the live model's answer does not "
        "depend on"
    )
