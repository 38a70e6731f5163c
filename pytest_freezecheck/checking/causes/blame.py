"""What two computations that differ are put down to, where no answer shows it."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_freezecheck.checking.causes.origins import origins_of
from pytest_freezecheck.checking.described import names_of, words
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.locally import Parting
from pytest_freezecheck.computation.matching import Constants
from pytest_freezecheck.computation.proof import Proof
from pytest_freezecheck.diagnosis.weights import grouped
from pytest_freezecheck.result.findings import Blamed, Explanation

#: Causes that say that a value is of no key: only a checkpoint can tell.
OF_NO_KEY = ("initial-values", "initial-statistics", "partial-restore")


def blame(sides: Sides, proof: Proof) -> Explanation:
    """Return the causes of a difference between computations.

    That constants or operations differ is proven where this is asked; why they do is said where
    a checkpoint tells it, bit for bit.

    Args:
        sides: live and frozen.
        proof: what the comparison came to; its result is `differs`.
    """
    causes = [*of_weights(sides, proof.constants), *_of_operations(proof.partings)]
    return Explanation(tuple(causes), computed=True)


def _of_operations(partings: Sequence[Parting]) -> list[Blamed]:
    return [
        Blamed(
            "changed-operation",
            tuple(name for name in (parting.frozen.origin,) if name),
            f"{words(parting.frozen, parting.live)}, in the live model "
            f"{words(parting.live, parting.frozen)}",
            proven=True,
        )
        for parting in partings
    ]


def of_weights(sides: Sides, constants: Sequence[Constants]) -> list[Blamed]:
    """Return the causes of constants that differ.

    What was folded together with others is named, and no more is said of it: the weights may be the
    same, and what they were folded with another.
    """
    held = sides.live.weights()
    frozen = dict(held)
    single: list[str] = []
    others: list[Constants] = []
    for found in constants:
        one, two = found.live.value, found.frozen.value
        name = one.origin[0] if one is not None and len(one.origin) == 1 else None
        plain = one is not None and two is not None and not (one.folded or two.folded)
        if name in held and plain and two is not None and two.shape == held[name].shape:
            frozen[name] = two.array.astype(held[name].dtype, copy=False)
            single.append(name)
        else:
            others.append(found)
    origins = origins_of(sides)
    # How much was initialised or left out is not seen where weights were folded, nor whether it
    # was without a checkpoint.
    unseen = OF_NO_KEY if others or origins.checkpoint is None else ()
    causes = [
        Blamed(_told(cause, unseen), tuple(found), evidence_of(found), proven=True)
        for cause, found in grouped(single, held, frozen, origins).items()
    ]
    for found in others:
        origin = names_of(found.live, frozenset(held))
        count, size = found.apart.count, found.apart.size
        evidence = f"{count} of {size} elements of what is made of it differ"
        weight = len(origin) == 1 and origin[0] in held
        own = any(name in held for name in origin)
        other = "other-weights" if own else "changed-operation"
        causes.append(Blamed(other, origin, evidence, proven=weight or not own))
    return causes


def _told(cause: str, unseen: Sequence[str]) -> str:
    first = cause.split(" ")[0]
    return "other-weights" if first in unseen else first


def evidence_of(found: dict[str, str], share: tuple[int, int] | None = None) -> str:
    """Return what speaks for a cause of weights, in a line.

    Args:
        found: {weight: evidence}.
        share: how many weights, of how many.
    """
    first, evidence = next(iter(found.items()))
    if share is not None:
        return f"{share[0]} of {share[1]} weights; {first} {evidence}"
    return f"{first} {evidence}" if len(found) == 1 else f"{len(found)} weights; {first} {evidence}"
