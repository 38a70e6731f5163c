"""What the comparison of computations came to, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.proof import Constant, Proof

_MOST, _NAMES = 4, 3


def column(proof: Mapping[str, Any] | None) -> str:
    """Return what the table says: `identical`, `equal 2.4e-07`, `differs`, `sampled`, `-`.

    Args:
        proof: as the report has it.
    """
    if proof is None:
        return "-"
    if proof["result"] == "equal":
        grid = f" {proof['grid']}" if proof["grid"] else ""
        return f"equal {proof['furthest']:.1e}{grid}" if proof["furthest"] else f"equal{grid}"
    return "sampled" if proof["result"] == "not-matched" else str(proof["result"])


def passed(proof: Proof | None) -> str:
    """Return the part of a passing check's first line: for which inputs it holds."""
    if proof is None or not proof.holds:
        return ""
    if proof.result == "identical":
        return "; proved for every input: the same operations on the same constants"
    rounded = f" to {proof.grid}" if proof.grid else ""
    if not proof.furthest:
        return "; proved for every input: the same function, with the same constants"
    return (
        f"; proved for every input up to rounding{rounded}: the same function, constants at most "
        f"{proof.furthest:.1e} of their channel's largest apart"
    )


def constants(agreement: Agreement) -> list[str]:
    """Return the text of a file whose constants are others although no input shows it."""
    proof = agreement.proof
    found = proof.constants if proof is not None else ()
    first, *others = found
    lines = [
        f"has other weights than the live model, although none of {agreement.inputs} inputs shows "
        f"it: {_constant(first)}",
        *(f"  and {_constant(other)}" for other in others[: _MOST - 1]),
    ]
    if len(found) > _MOST:
        lines.append(f"  and {len(found) - _MOST} more")
    names = list(dict.fromkeys(name for one in found for name in one.names))
    quoted = ", ".join(f'"{name}"' for name in names[:_MOST])
    return [*lines, f"  if that is meant: ignore_weights = [{quoted}] in the model's table"]


def _constant(found: Constant) -> str:
    place = f"[{', '.join(map(str, found.index))}]" if found.index else ""
    of = f"{found.differing} of {found.size} elements" if found.size > 1 else "one element"
    allowed = f", rounding explains {found.bound:.1e}" if found.bound else ""
    by = f"; {found.relative:.1e} of its channel's largest{allowed}" if found.relative < 1e9 else ""
    several = "what is made of " if len(found.names) > 1 else ""
    what = listed(found.names, _NAMES) or "a constant"
    return (
        f"{several}{what}{place} is {_number(found.frozen)}, in the live model "
        f"{_number(found.live)} ({of}{by})"
    )


def _number(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else repr(value)


def operations(agreement: Agreement) -> list[str]:
    """Return the text of a file whose operations are others although no input shows it."""
    proof = agreement.proof
    found = proof.operations if proof is not None else ()
    lines = [
        f"computes otherwise than the live model, although none of {agreement.inputs} inputs shows "
        f"it: {found[0].frozen}; in the live model {found[0].live}"
    ]
    lines += [f"  and {one.frozen}; in the live model {one.live}" for one in found[1:_MOST]]
    if proof is not None and proof.constants:
        lines += [f"  and {_constant(one)}" for one in proof.constants[:_MOST]]
    return lines


def missing(agreement: Agreement) -> list[str]:
    """Return the text of a file that agrees, and is not proved to compute the same."""
    proof = agreement.proof
    why = proof.why if proof is not None else "nothing was compared"
    if proof is not None and proof.operations and not why:
        first = proof.operations[0]
        why = f"it stops at {first.frozen}; in the live model {first.live}"
    share = "" if proof is None else f"; {proof.weights_accounted:.0%} of the weights are the same"
    return [
        f"agrees on {agreement.inputs} inputs, and is not proved to compute the same, which was "
        f"asked for: {why}{share}",
        '  with require = "agreement", the answers alone decide',
    ]


def same(agreement: Agreement) -> list[str]:
    """Return the line of a failing file that computes the same."""
    proof = agreement.proof
    if proof is None or agreement.reason != "executor-differs":
        return []
    what = "the same operations" if proof.result == "identical" else "the same function"
    return [
        f"  it computes {what} on the same weights: what runs it makes the difference, another "
        "version or another device may not",
    ]
