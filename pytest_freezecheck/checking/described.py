"""What the comparison of two computations came to, in names and plain values."""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.computation import proof as proofs
from pytest_freezecheck.computation.matching import Constants
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.models.operations.attributes import decoded
from pytest_freezecheck.result.proof import Constant, Operation, Proof

#: Constants and operations that a result names at most.
_MOST = 100


def described(proof: proofs.Proof, weights: frozenset[str]) -> Proof:
    """Return a proof as a result has it: plain values and names.

    Args:
        proof: what was found.
        weights: names of the live model's: of what a constant is made of, they are named.
    """
    constants = sorted(proof.constants, key=lambda found: -found.apart.excess)
    return Proof(
        result=proof.result,
        furthest=proof.furthest,
        bound=proof.bound,
        at=proof.at,
        grid=proof.grid,
        weights_accounted=proof.accounted,
        constants=tuple(_constant(found, weights) for found in constants[:_MOST]),
        operations=tuple(
            Operation(words(p.live, p.frozen), words(p.frozen, p.live), p.proven)
            for p in proof.partings[:_MOST]
        ),
        why=proof.why,
    )


def names_of(constant: Node, weights: frozenset[str]) -> tuple[str, ...]:
    """Return the weights that a constant is made of; if there are none, the other constants."""
    origin = constant.value.origin if constant.value is not None else ()
    return tuple(name for name in origin if name in weights) or origin


def _constant(found: Constants, weights: frozenset[str]) -> Constant:
    other = found.frozen.value
    return Constant(
        names=names_of(found.live, weights),
        frozen_names=other.origin if other is not None else (),
        index=found.apart.index,
        live=found.apart.live,
        frozen=found.apart.frozen,
        relative=found.apart.relative,
        bound=found.apart.bound,
        differing=found.apart.count,
        size=found.apart.size,
    )


def words(node: Node, other: Node) -> str:
    """Return an operation in words: its name, and the attributes that the other has not.

    Args:
        node: the operation.
        other: the one in its place on the other side.
    """
    theirs = dict(other.attributes)
    own = [
        f"{name} = {_value(value)}"
        for name, value in node.attributes
        if theirs.get(name) != value and (node.op == other.op or not node.opaque)
    ]
    op = node.op.partition(":")[2] if node.opaque else node.op
    if node.value is not None:
        op = "a constant"
    given = f" with {', '.join(own)}" if own else ""
    return f"{node.origin}: {op}{given}" if node.origin else f"{op}{given}"


def _value(value: Any) -> str:
    shown = decoded(value) if isinstance(value, bytes) else value
    return f"{shown:g}" if isinstance(shown, float) else str(shown)
