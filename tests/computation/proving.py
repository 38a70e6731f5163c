"""The computations of a live model and of an artifact, compared as a check compares them."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_freezecheck import LiveModel
from pytest_freezecheck.checking.proving import Computation, prove
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.proof import Proof
from pytest_freezecheck.errors import ArtifactError, FreezecheckError
from pytest_freezecheck.formats.base import FrozenModel


class LiveSide:
    """What a live model computes, read once.

    Raises:
        FreezecheckError: it cannot be read.
    """

    def __init__(self, live: LiveModel) -> None:
        self.live = live
        self._computation = Computation(live, frozenset(live.weights()))
        if self._computation.error is not None:
            raise FreezecheckError(self._computation.error)

    @property
    def outputs(self) -> Mapping[str, Node]:
        """{name: its expression}."""
        return self._computation.normal

    def proof(self, frozen: FrozenModel) -> Proof:
        """Return what the comparison with an artifact comes to.

        Raises:
            ArtifactError: it cannot be read.
        """
        found = prove(Sides(self.live, frozen), self._computation)
        if found.theirs is None and not found.proof.holds:
            raise ArtifactError(found.proof.why)
        return found.proof


def stops(proof: Proof) -> str:
    """Return where a comparison stopped, or what differs, in a few words."""
    parts = [
        f"{part.live.origin} ({part.live.op}) / {part.frozen.origin} ({part.frozen.op})"
        for part in proof.partings
    ]
    parts += [
        f"{', '.join(c.live.value.origin[:2]) if c.live.value else ''} x {c.apart.excess:.2g}"
        for c in proof.constants
    ]
    return "; ".join([proof.why, *parts[:3]] if proof.why else parts[:3])
