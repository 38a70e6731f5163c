"""What a difference is put down to: in words, and as the JSON has it."""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Blamed, Explanation

_TENSORS = 3


def cause(agreement: Agreement) -> dict[str, Any] | None:
    """Return the cause of a result, as the JSON has it."""
    if agreement.suspicion is not None:
        entry = _entry(Blamed("self-comparison", (), agreement.suspicion, proven=True))
        return {**entry, "explanation": agreement.suspicion}
    if agreement.explanation is None:
        return None
    first, *others = map(_entry, _blamed(agreement.explanation))
    others = [other for other in others if other["proven"]]
    return {**first, **({"others": others} if others else {})}


def short(agreement: Agreement) -> tuple[str, str] | None:
    """Return the id of the first cause and what it says in a few words; None if none is proven."""
    found = agreement.explanation
    if found is None or not found.causes or not found.causes[0].proven:
        return None
    first = found.causes[0]
    return first.id, CAUSES[first.id].short.format(weights=_weights(agreement, first))


def fixes(agreement: Agreement) -> list[str]:
    """Return a line for each cause that is told: what to do about it."""
    first, *rest = [_fix(blamed) for blamed in _shown(agreement)] or [""]
    edit = None if agreement.exhibit is None else agreement.exhibit.edit
    there = (
        []
        if edit is None
        else [
            f"    look at {edit.file}, line {edit.line}: {edit.old.strip()}",
            f"    with the fix: {edit.new.strip()}",
        ]
    )
    return [line for line in (first, *there, *rest) if line]


def _fix(blamed: Blamed) -> str:
    lead = "fix" if blamed.proven else "next" if blamed.id == "unknown" else f"if {blamed.id}"
    return f"  {lead}: {CAUSES[blamed.id].fix}"


def causes(agreement: Agreement) -> list[str]:
    """Return the lines on each cause: what is wrong, and what speaks for it."""
    said: list[str] = []
    for number, blamed in enumerate(_shown(agreement)):
        said += _told(blamed, "  and " if number else "  ")
    return said


def proofs(agreement: Agreement) -> list[str]:
    """Return the lines on how causes were proven, and on the first tensor that differs."""
    found, said = agreement.explanation, []
    if found is None:
        return []
    shown = _shown(agreement)
    first = shown[0]
    for blamed in shown:
        sources = CAUSES[blamed.id].sources
        if blamed.proven and sources:
            said.append(f"  {blamed.id} was met before in {listed(sources)}")
    # Without a simulation, that both differ is all that is claimed, and the text says where.
    if found.simulated and first.proven:
        them = "these" if len(shown) > 1 else "this"
        said.append(
            f"  with {them}, the live model computes what the file does, for every input"
            if found.computed
            else "  the live model answers the same when it makes this mistake"
        )
    if agreement.first_difference is not None:
        name, apart = agreement.first_difference.values()
        by = "in its shape, or in where it is finite" if apart is None else f"by {apart:.1e}"
        said.append(f"  first tensor that differs: {name}, {by}")
    return said


def explanation(blamed: Blamed) -> str:
    """Return what is wrong and what speaks for it, in a line."""
    return f"the frozen model {CAUSES[blamed.id].meaning}: {blamed.evidence}"


def _blamed(found: Explanation) -> tuple[Blamed, ...]:
    return found.causes or (Blamed("unknown", (), "; ".join(found.ruled_out), proven=False),)


def _entry(blamed: Blamed) -> dict[str, Any]:
    return {
        "id": blamed.id,
        "proven": blamed.proven,
        "tensors": list(blamed.tensors),
        "explanation": explanation(blamed),
        "fix": CAUSES[blamed.id].fix,
    }


def _told(blamed: Blamed, lead: str) -> list[str]:
    """Return the lines on one cause."""
    if blamed.id == "unknown":
        first = f"{lead}cause: unknown: none of the known causes could be proven"
        return [first, f"    {blamed.evidence}"]
    certain = "cause" if blamed.proven else "suspected, not proven"
    tensors = f" ({listed(blamed.tensors, _TENSORS)})" if blamed.tensors else ""
    return [
        f"{lead}{certain}: {blamed.id}: the frozen model {CAUSES[blamed.id].meaning}{tensors}",
        f"    {blamed.evidence}",
    ]


def _shown(agreement: Agreement) -> list[Blamed]:
    """Return the causes that are told: the first, and of the others those that are proven."""
    if agreement.explanation is None:
        return []
    first, *others = _blamed(agreement.explanation)
    return [first, *(other for other in others if other.proven)]


def _weights(agreement: Agreement, blamed: Blamed) -> str:
    count, every = blamed.share or (len(blamed.tensors), 0)
    if not every and agreement.power is not None and agreement.power.weights >= count:
        every = agreement.power.weights
    of = f" of {every}" if every else ""
    verb = "is" if count == 1 else "are"
    return f"{count}{of} {'weight' if count == 1 and not of else 'weights'} {verb}"
