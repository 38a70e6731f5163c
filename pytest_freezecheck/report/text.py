"""A result in words: a first line that stands alone, the numbers, and what to do.

Rendered once, when everything is known, from the data of the result.
"""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.messages.wording import counted, listed, shown
from pytest_freezecheck.report import details, explained, proof
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Compared

#: Lines of a failure that are shown unless more is asked for.
BRIEF = 8


def render(agreement: Agreement) -> str:
    """Return the text of a result of a check that was made."""
    lines = _passed(agreement) if agreement else _failed(agreement)
    return "\n".join(lines)


def brief(text: str, verbosity: int) -> str:
    """Return as much of the text of a failure as is asked for.

    Args:
        text: the whole; what matters most stands first.
        verbosity: pytest's: below 0 for the first line alone, above 0 for all.
    """
    first, *rest = text.splitlines()
    if verbosity < 0:
        return first
    if verbosity > 0 or len(rest) < BRIEF:
        return text
    shown_too = rest[: BRIEF - 2]
    return "\n".join([first, *shown_too, f"  ({len(rest) - len(shown_too)} lines more: -v)"])


def _passed(agreement: Agreement) -> list[str]:
    exact = "bit-identical" if agreement.exact else f"up to {shown(agreement.max_abs_diff)} apart"
    power = agreement.power
    strength = "" if power is None else f"; it {details.noticed(power)}"
    return [
        f"freezecheck: {agreement.model}, {agreement.artifact} agrees with the live model: "
        f"{exact} on {counted(agreement.inputs, 'input')} ({_allowed(agreement)})"
        f"{proof.passed(agreement.proof)}{strength}",
        *_compared(agreement),
        *details.reached(agreement),
        *details.replayed(agreement),
    ]


def _failed(agreement: Agreement) -> list[str]:
    """Return the lines, what matters most first: `BRIEF` of them are shown by default."""
    if agreement.reason == "self-comparison":
        return _not_told_apart(agreement)
    about = f"  {agreement.model}, {agreement.artifact}"
    if agreement.reason == "too-weak":
        first, *rest = details.too_weak(agreement)
        return [f"too-weak: {first}", about, *rest, *details.repeat(agreement)]
    if agreement.reason in _OF_COMPUTATIONS:
        first, *rest = _OF_COMPUTATIONS[agreement.reason](agreement)
        lines = [_lead(agreement, first), *explained.fixes(agreement)]
        lines += [f"{about} {first}", *rest, *explained.causes(agreement)]
        lines += [*details.smallest(agreement), *details.repeat(agreement)]
        return [*lines, *explained.proofs(agreement), *_compared(agreement)]
    said, *then = _headline(agreement).split("\n")
    if agreement.reason not in _ABOUT_VALUES:
        lines = [_lead(agreement, said), *then, about]
        lines += [*_compared(agreement), *details.replayed(agreement)]
        return [*lines, *details.smallest(agreement), *details.repeat(agreement)]
    first, *numbers = _numbers(agreement)
    lines = [
        _lead(agreement, said),
        *explained.fixes(agreement),
        f"{about}: {first.strip()}",
        *then,
    ]
    lines += [*explained.causes(agreement), *details.replayed(agreement)]
    lines += [*details.smallest(agreement), *details.repeat(agreement)]
    lines += [f"  it {said}", *numbers, *proof.same(agreement)]
    if agreement.showing:
        verb = "shows" if agreement.showing == 1 else "show"
        lines.append(f"  {agreement.showing} of {counted(agreement.inputs, 'input')} {verb} it")
    lines += [*_compared(agreement), *details.weights(agreement), *explained.proofs(agreement)]
    if agreement.replayed is not None:
        return lines
    lines += details.noise(agreement)
    if agreement.power is not None and agreement.counterexample is not None:
        lines.append(f"  this check {details.noticed(agreement.power)}")
    return lines


def _lead(agreement: Agreement, said: str) -> str:
    """Return the first line, which stands alone: the reason first, then the numbers."""
    found, apart = explained.short(agreement), _apart(agreement)
    if found is None and apart is None:
        return f"{agreement.reason}: {said.removeprefix('has ')}"
    if found is None:
        unproven = "; no cause could be proven" if agreement.explanation is not None else ""
        return f"{agreement.reason}: {apart}{unproven}"
    cause, short = found
    if apart is not None:
        return f"{cause}: {short}; {apart}"
    if agreement.reason == "weights-differ":
        return f"{cause}: {short}, although none of {agreement.inputs} inputs shows it"
    return f"{cause}: {said}"


def _apart(agreement: Agreement) -> str | None:
    """Return how far answers are apart; None where that says nothing."""
    worst, reason = agreement.worst, agreement.reason
    if worst is None or worst.problem is not None or reason not in _APART:
        return None
    if reason == "logits-differ" or (reason == "executor-differs" and worst.ratio <= 1.0):
        return (
            f"logits {shown(agreement.logit_rel_diff)} of their size apart (allowed "
            f"{agreement.logit_rtol:g})"
        )
    company = " among other rows" if reason == "batch-dependent" else ""
    return (
        f"answers {shown(worst.apart)} apart in {worst.output!r}{company} (allowed "
        f"{worst.allowed:.3g})"
    )


#: Reasons that a number says enough of.
_APART = frozenset(
    {"batch-dependent", "differs", "executor-differs", "logits-differ", "not-bit-identical"}
)
#: Reasons that no answer speaks for.
_OF_COMPUTATIONS = {
    "weights-differ": proof.constants,
    "operation-differs": proof.operations,
    "not-proved": proof.missing,
}
#: Reasons that speak of values, and not of what was or was not compared.
_ABOUT_VALUES = frozenset(
    {
        "dtype",
        "shape",
        "non-finite",
        "batch-dependent",
        "differs",
        "executor-differs",
        "logits-differ",
        "not-bit-identical",
    }
)


def _not_told_apart(agreement: Agreement) -> list[str]:
    return [
        f"self-comparison: it could not be told apart from the live model: {agreement.suspicion}",
        f"  {agreement.model}, {agreement.artifact}",
        "  an artifact has to run in a graph and session of its own, on its own weights",
        "  load it with pytest_freezecheck.load(path), which sees to that",
    ]


# Parts of a text.


def _allowed(agreement: Agreement) -> str:
    worst = agreement.worst
    why = f", the default of {agreement.way}, which loses precision" if agreement.lossy else ""
    said = f"allowed {agreement.atol:.3g}{_raised(agreement.unraised) or why}"
    return said if worst is None or not worst.rtol else f"{said}{_of_its_size(worst)}"


def _of_its_size(worst: Compared) -> str:
    return f": {worst.rtol:g} of the size of {worst.output!r}, which is {worst.size:.3g}"


def _raised(default: float | None) -> str:
    if default is None:
        return ""
    return f" for the float noise of this model, instead of {default:g}"


def _headline(agreement: Agreement) -> str:
    """Return what is wrong, to be read after the artifact's name."""
    worst, reason = agreement.worst, agreement.reason
    if reason == "output-not-compared":
        return _uncompared(agreement)
    if reason == "unsteady":
        what = listed(agreement.moved) if agreement.moved else ""
        by = f": its variables {what} change while it is asked" if what else ""
        return f"does not answer the same when it is asked the same again{by}"
    if worst is None:
        return "nothing was compared"
    if worst.problem is not None:
        return f"output {worst.output!r} {worst.problem}"
    if reason == "non-finite":
        return (
            f"output {worst.output!r} answers {_value(worst.frozen, worst)} where the "
            f"live model answers {_value(worst.live, worst)}"
        )
    if reason in ("differs", "batch-dependent") or (
        reason == "executor-differs" and not worst.ratio <= 1.0
    ):
        company = " among other rows" if reason == "batch-dependent" else ""
        at = worst.allowed
        more = f"allowed {at:.3g}{_of_its_size(worst)}" if worst.rtol else _allowed(agreement)
        return (
            f"differs from the live model by {shown(worst.apart)} in {worst.output!r}"
            f"{company} ({more})"
        )
    if reason in ("logits-differ", "executor-differs"):
        most = max(agreement.compared, key=lambda one: one.logit_rel_diff or 0.0)
        return (
            f"differs from the live model by {shown(agreement.logit_rel_diff)} of the "
            f"logits of {most.output!r} (allowed {agreement.logit_rtol:g}"
            f"{_raised(agreement.unraised_rtol)})"
        )
    return (
        f"is not bit-identical to the live model: {shown(worst.max_abs_diff)} apart in "
        f"{worst.output!r} (freezecheck_exact allows no difference)"
    )


def _uncompared(agreement: Agreement) -> str:
    """Return which outputs were compared with none, and what to do."""
    worst = agreement.worst
    if worst is not None and worst.problem is not None:
        return (
            f"its only output {worst.artifact_output!r} cannot be the live model's "
            f"{worst.output!r}: it {worst.problem}\n"
            f"  export {worst.output!r} too, or name its counterpart: "
            f'outputs = {{ {worst.output} = "..." }} in the artifact\'s table; what is not to be '
            f'compared: ignore_outputs = ["{worst.artifact_output}"]'
        )
    empty = [one.output for one in agreement.compared if not one.compared]
    if empty:
        return (
            f"the answer {listed(map(repr, empty))} was empty for all "
            f"{counted(agreement.inputs, 'input')}: nothing of it was compared\n"
            "  give real samples of its inputs, for which it is not"
        )
    names = agreement.not_compared
    verb = "is" if len(names) == 1 else "are"
    quoted = ", ".join(f'"{name}"' for name in names)
    return (
        f"its {'output' if len(names) == 1 else 'outputs'} {listed(map(repr, names), 8)} {verb} "
        "compared with no output of the live model\n"
        "  let the live model answer it too, under that name or with outputs = { live = "
        f'"{names[0]}" }} in the artifact\'s table; or, if nobody reads it: '
        f"ignore_outputs = [{quoted}]"
    )


def _value(value: Any, worst: Compared) -> str:
    """Return a value to as many digits as its type has."""
    if isinstance(value, float):
        digits = {"float64": 17, "float32": 9}.get(worst.dtype, 6)
        return f"{value:.{digits}g}"
    return repr(value) if isinstance(value, str) else str(value)


def _numbers(agreement: Agreement) -> list[str]:
    worst, lines = agreement.worst, []
    if worst is None or agreement.reason not in _ABOUT_VALUES:
        return []
    if worst.problem is None:
        lines.append(
            f"  output {worst.output} {worst.shape} {worst.dtype}: {worst.too_far} of "
            f"{worst.values} values too far; worst at {worst.index}: "
            f"live {_value(worst.live, worst)}, frozen {_value(worst.frozen, worst)}"
        )
        if agreement.logit_rel_diff is not None:
            rtol = agreement.logit_rtol
            judged = "not judged" if rtol is None else f"allowed {rtol:g}"
            hidden = agreement.reason == "logits-differ"
            lines.append(
                f"  logits: {shown(agreement.logit_rel_diff)} of their size apart ({judged})"
                f"{'; the probabilities alone would have hidden it' if hidden else ''}"
            )
    lines.append(
        f"  worst of {counted(agreement.inputs, 'input')} in "
        f"{counted(agreement.examples, 'example')}, seed {agreement.seed}: {worst.where}"
    )
    return lines


def _compared(agreement: Agreement) -> list[str]:
    """Return what was compared with what, where names do not tell it."""
    others = [c for c in agreement.compared if c.artifact_output.removesuffix(":0") != c.output]
    lines = [
        f"  {one.output!r} was compared with the artifact's output {one.artifact_output!r}"
        for one in others
    ]
    if agreement.ignored:
        lines.append(f"  ignored, as was asked for: {listed(agreement.ignored, 8)}")
    if agreement.allow_ops:
        lines.append(f"  operations that were allowed: {listed(agreement.allow_ops, 8)}")
    return lines
