"""A result in words: a first line that stands alone, the numbers, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.agreement import Agreement, shown
from pytest_freezecheck.compare import Difference
from pytest_freezecheck.diagnosis.values import WeightDifferences
from pytest_freezecheck.errors import counted, listed

_MOST_TENSORS = 4
UNSTEADY = (
    "the live model answers differently when asked the same twice: a random operation, or "
    "variables that change while they are read"
)


def passed(agreement: Agreement) -> str:
    """Return the text of a pass: it has its numbers too."""
    exact = "bit-identical" if agreement.exact else f"up to {shown(agreement.max_abs_diff)} apart"
    return (
        f"{_title(agreement)} agrees with the live model: {exact} on "
        f"{counted(agreement.inputs, 'input')} ({_allowed(agreement)})"
    )


def not_told_apart(agreement: Agreement, reason: str) -> str:
    """Return the text of an artifact that may be the live model itself."""
    return "\n".join(
        [
            f"{_title(agreement)} could not be told apart from the live model: {reason}",
            "  an artifact has to run in a graph and session of its own, on its own weights",
            "  load it with pytest_freezecheck.load(path), which sees to that",
        ]
    )


def self_comparison(reason: str) -> dict[str, Any]:
    """Return the cause of an artifact that may be the live model itself."""
    return {
        "id": "self-comparison",
        "proven": True,
        "tensors": [],
        "explanation": reason,
        "fix": "load the artifact into a graph and session of its own",
    }


def mismatch(
    agreement: Agreement,
    worst: Difference,
    where: str,
    seed: int,
    logit_output: str | None,
    outputs: Mapping[str, str],
    weights: WeightDifferences,
    *,
    showing: int,
) -> str:
    """Return the text of a failure, as far as the comparison itself tells it.

    Args:
        agreement: the numbers of the whole check.
        worst: the worst difference found, in one output of one batch.
        where: the example that showed it, in words.
        seed: seed of everything drawn.
        logit_output: the output whose logits are furthest apart, if any.
        outputs: {live output name: name in the artifact}.
        weights: what the comparison of weights found.
        showing: how many inputs were further apart than is allowed.
    """
    lines = [_headline(agreement, worst, logit_output), *_numbers(agreement, worst, where, seed)]
    if showing:
        verb = "shows" if showing == 1 else "show"
        lines.append(f"  {showing} of {counted(agreement.inputs, 'input')} {verb} it")
    if outputs[worst.output] != worst.output:
        lines.append(f"  compared with the artifact's output {outputs[worst.output]!r}")
    lines += _weights(weights)
    return "\n".join(lines)


def inexact(agreement: Agreement, weights: WeightDifferences) -> str:
    """Return the warning of a pass that TensorFlow itself should have made bit-identical."""
    what = _weights(weights)
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


def within_noise(agreement: Agreement, floors: float) -> str:
    """Return the warning of a pass that is one because of the live model's own float noise."""
    said, chosen = [], []
    outputs, logits = agreement.needed
    if outputs:
        said.append(f"more than {agreement.unraised:g} apart; allowed are {agreement.atol:g}")
        chosen.append("an atol")
    if logits:
        said.append(
            f"logits more than {agreement.unraised_rtol:g} of their size apart; allowed are "
            f"{agreement.logit_rtol:g}"
        )
        chosen.append("a logit_rtol")
    return (
        f"{'; '.join(said)}, {floors:g} times what the live model is apart from itself in one "
        "thread, with graph optimisation or row by row, since nobody chose "
        f"{' and '.join(chosen)}"
    )


def _allowed(agreement: Agreement) -> str:
    why = f", the default of {agreement.way}, which loses precision" if agreement.lossy else ""
    return f"allowed {agreement.atol:g}{_raised(agreement.unraised) or why}"


def _raised(default: float | None) -> str:
    if default is None:
        return ""
    return f" for the float noise of this model, instead of {default:g}"


def _title(agreement: Agreement) -> str:
    return f"freezecheck: {agreement.model}, {agreement.artifact}"


def _headline(agreement: Agreement, worst: Difference, logit_output: str | None) -> str:
    title, output = _title(agreement), worst.output
    if worst.problem is not None:
        return f"{title}: output {output!r} {worst.problem}"
    if worst.non_finite:
        return (
            f"{title}: output {output!r} answers {worst.frozen:g} where the live model answers "
            f"{worst.live:g}"
        )
    if not worst.within(agreement.atol):
        return (
            f"{title} differs from the live model by {shown(worst.max_abs)} in {output!r} "
            f"({_allowed(agreement)})"
        )
    rtol = agreement.logit_rtol
    if rtol is not None and not (agreement.logit_rel_diff or 0.0) <= rtol:
        return (
            f"{title} differs from the live model by {shown(agreement.logit_rel_diff)} of the "
            f"logits of {logit_output!r} (allowed {rtol:g}{_raised(agreement.unraised_rtol)})"
        )
    return (
        f"{title} is not bit-identical to the live model: {shown(worst.max_abs)} apart in "
        f"{output!r} (freezecheck_exact allows no difference)"
    )


def _numbers(agreement: Agreement, worst: Difference, where: str, seed: int) -> list[str]:
    lines = []
    if worst.problem is None:
        lines.append(
            f"  output {worst.output} {worst.shape} {worst.dtype}: {worst.too_far} of {worst.size} "
            f"values too far; worst at {worst.index}: live {worst.live:.6g}, "
            f"frozen {worst.frozen:.6g}"
        )
        if agreement.logit_rel_diff is not None:
            rtol = agreement.logit_rtol
            judged = "not judged" if rtol is None else f"allowed {rtol:g}"
            far = rtol is not None and agreement.logit_rel_diff > rtol
            hidden = "; the probabilities alone would have hidden it"
            lines.append(
                f"  logits: {shown(agreement.logit_rel_diff)} of their size apart ({judged})"
                f"{hidden if far and worst.within(agreement.atol) else ''}"
            )
    lines.append(
        f"  worst of {counted(agreement.inputs, 'input')} in "
        f"{counted(agreement.examples, 'example')}, seed {seed}: {where}"
    )
    return lines


def _weights(weights: WeightDifferences) -> list[str]:
    lines = []
    if weights.differing:
        named = [
            f"{name} ({'another shape or dtype' if math.isnan(size) else f'by {shown(size)}'})"
            for name, size in weights.differing
        ]
        lines.append(
            f"  weights: {len(named)} of {weights.compared} differ from the live model's, "
            f"from the input on: {listed(named, _MOST_TENSORS)}"
        )
    elif weights.compared:
        lines.append(
            f"  weights: all {weights.compared} that have the live model's names equal it bit for "
            "bit; what differs is the graph"
        )
    if weights.absent:
        lines.append(
            f"  weights: the artifact lacks {len(weights.absent)} of the live model's under their "
            f"names: {listed(weights.absent, _MOST_TENSORS)}"
        )
    return lines
