"""Why a file computes otherwise: the live computation makes the mistakes, and is compared again.

A converted file keeps neither names nor weights. But what the live model would compute with other
weights of its checkpoints can be written down, and compared with what the file computes: where the
two are equal then, that is the mistake, for every input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from pytest_freezecheck.comparing.blame import of_weights
from pytest_freezecheck.comparing.inquiry import origins_of
from pytest_freezecheck.comparing.proving import Compared
from pytest_freezecheck.comparing.sides import Sides
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.computation.proof import Proof
from pytest_freezecheck.computation.values import Value, unit_of
from pytest_freezecheck.diagnosis.rehearsal import Mistake, mistakes_of_weights
from pytest_freezecheck.findings import Blamed, Explanation
from pytest_freezecheck.models.graph_loops import Replacer
from pytest_freezecheck.models.operations.attributes import encoded

#: Mistakes that are made at once, at most.
_MOST = 3
#: Epsilons that people write into BatchNorm; the first is Keras' and slim's, the next TensorFlow's.
_EPSILONS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-2, 0.0)


@dataclasses.dataclass(frozen=True)
class _Made:
    """A mistake, what else was changed by it, and how much of a difference it leaves."""

    mistake: Mistake
    epsilon: float | None
    proof: Proof

    @property
    def left(self) -> int:
        return _left(self.proof)


def attribute(sides: Sides, compared: Compared) -> Explanation | None:
    """Return the mistakes with which the live model computes what the file computes.

    Args:
        sides: live and frozen.
        compared: what the comparison of both computations came to.

    Returns:
        None where no such mistakes are found.
    """
    if compared.theirs is None or compared.proof.holds:
        return None
    rewriter = _Rewriter(compared)
    found: list[_Made] = []
    proof = compared.proof
    candidates = list(_candidates(sides))
    while not proof.holds and len(found) < _MOST:
        known = [(made.mistake, made.epsilon) for made in found]
        tried = [_Made(*one, rewriter.proof([*known, one])) for one in candidates]
        best = min(tried, key=lambda made: made.left, default=None)
        if best is None or best.left >= _left(proof):
            break
        found.append(best)
        candidates.remove((best.mistake, best.epsilon))
        proof = best.proof
    rest = [] if proof.holds else _rest(sides, proof)
    if not found or rest is None:
        return None
    causes = [
        Blamed(made.mistake.cause, tuple(made.mistake.weights), made.mistake.evidence, proven=True)
        for made in found
    ]
    return Explanation((*causes, *rest), computed=True, rehearsed=True)


def _left(proof: Proof) -> int:
    return len(proof.constants) + len(proof.partings)


def _rest(sides: Sides, proof: Proof) -> list[Blamed] | None:
    """Return the causes of what no known mistake explains, or None if that cannot be told."""
    if proof.partings:
        return None
    causes = of_weights(sides, proof.constants)
    return causes if all(cause.proven for cause in causes) else None


def _candidates(sides: Sides) -> Iterator[tuple[Mistake, float | None]]:
    for mistake in mistakes_of_weights(sides.live.weights(), origins_of(sides)):
        yield mistake, None
    for epsilon in _EPSILONS:
        said = f"as if BatchNorm's epsilon were {epsilon:g}"
        yield Mistake("batch-norm-epsilon", said), epsilon


class _Rewriter:
    """Writes the live computation anew with mistakes in it, and compares it."""

    def __init__(self, compared: Compared) -> None:
        self.compared = compared
        self.nodes = list(walk(compared.live.raw.values()))

    def proof(self, mistakes: Sequence[tuple[Mistake, float | None]]) -> Proof:
        """Return what the comparison comes to with these mistakes made."""
        weights: dict[str, Value] = {}
        epsilon = None
        for mistake, other in mistakes:
            epsilon = other if other is not None else epsilon
            for name, value in mistake.weights.items():
                weights[name] = Value(value, origin=(name,), unit=unit_of(value.dtype.name))
        arena = Arena(self.compared.arena)
        replaced = Replacer(arena, self._constants(arena, weights, epsilon), _with(epsilon))
        raw = {name: replaced(node) for name, node in self.compared.live.raw.items()}
        return self.compared.again(arena, raw)

    def _constants(
        self, arena: Arena, weights: Mapping[str, Value], epsilon: float | None
    ) -> dict[int, Node]:
        """Return {id of a constant: what stands in its place}."""
        found = {}
        for node in self.nodes:
            value = node.value
            if value is None or len(value.origin) != 1:
                continue
            (name,) = value.origin
            other = weights.get(name)
            if other is None and epsilon is not None and name.endswith("batchnorm/add/y"):
                other = Value(np.asarray(epsilon), origin=value.origin)
            if other is not None and other.shape == value.shape:
                array = np.asarray(other.array, value.array.dtype)
                found[id(node)] = arena.constant(dataclasses.replace(other, array=array))
        return found


def _with(epsilon: float | None) -> Callable[[Node], Mapping[str, bytes]] | None:
    """Return what gives BatchNorms another epsilon."""
    if epsilon is None:
        return None
    changed = {"epsilon": encoded(epsilon)}
    return lambda node: changed if node.op.startswith("tf:FusedBatchNorm") else {}
