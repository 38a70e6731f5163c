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


def lines(agreement: Agreement) -> list[str]:
    """Return the lines on the cause, and on the first tensor that differs."""
    found, said = agreement.explanation, []
    if found is None:
        return []
    first, *others = _blamed(found)
    shown = [first, *(other for other in others if other.proven)]
    for number, blamed in enumerate(shown):
        said += _told(blamed, "  and " if number else "  ")
    if found.computed:
        # That both differ is all that is claimed otherwise, and the text says where.
        if found.simulated and first.proven:
            said.append(
                "    with this, the live model computes what the file does, for every input"
            )
    elif first.proven and found.simulated:
        said.append("    the live model answers the same when it makes this mistake")
    elif first.proven:
        them = "these" if len(shown) > 1 else "this"
        said.append(f"    with {them} repaired in memory, the difference is gone")
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
    cause = CAUSES[blamed.id]
    certain = "cause" if blamed.proven else "suspected, not proven"
    tensors = f" ({listed(blamed.tensors, _TENSORS)})" if blamed.tensors else ""
    met = [f"    met before in {listed(cause.sources)}"] if cause.sources else []
    return [
        f"{lead}{certain}: {blamed.id}: the frozen model {cause.meaning}{tensors}",
        f"    {blamed.evidence}",
        *(met if blamed.proven else []),
        f"    to fix it: {cause.fix}",
    ]
