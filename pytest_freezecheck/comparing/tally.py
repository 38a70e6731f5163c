"""Adds up what the batches of one check showed: the worst output, and the logits beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.compare import (
    Array,
    Difference,
    centred_log_probabilities,
    centred_logits,
    compare,
)
from pytest_freezecheck.severity import Answered, Yardstick


@dataclasses.dataclass
class Tally:
    """Running result of a check.

    Attributes:
        atol: largest absolute difference allowed.
        worst: the worst difference so far, in any output.
        where: which example showed it, in words.
        examples: batches compared.
        inputs: rows compared.
        identical: whether every output and every pre-softmax tensor was bit-identical.
        sees_logits: whether both sides showed what went into a softmax, of any output.
        centred: {output: (largest absolute difference of its centred logits, largest absolute
            centred logit of the live model)}.
    """

    atol: float
    worst: Difference | None = None
    where: str = ""
    examples: int = 0
    inputs: int = 0
    identical: bool = True
    sees_logits: bool = False
    centred: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)

    def count(self, rows: int) -> None:
        """Count one batch of so many rows."""
        self.examples += 1
        self.inputs += rows

    def output(self, name: str, live: Array, frozen: Array, where: str) -> bool:
        """Compare one output of one batch; return whether it was bit-identical."""
        difference = compare(name, live, frozen, self.atol)
        # Zeros of either sign compare as equal, and are not identical.
        identical = _identical(live, frozen)
        self.identical = self.identical and identical
        if self.worst is None or difference.rank > self.worst.rank:
            self.worst, self.where = difference, where
        return identical

    def logits(
        self,
        name: str,
        outputs: tuple[Array, Array],
        before_softmax: tuple[Array | None, Array | None],
    ) -> bool:
        """Compare the logits of one output of one batch.

        Args:
            name: of the output.
            outputs: the live and the frozen probabilities.
            before_softmax: what went into their softmax, where the graphs show it. Where one side
                does not, the logits are recovered from the probabilities of both.

        Returns:
            Whether they were bit-identical, as far as both graphs show them.
        """
        identical = True
        live, frozen = before_softmax
        if live is not None and frozen is not None and _comparable(live, frozen):
            self.sees_logits = True
            finite = np.isfinite(live).all() and np.isfinite(frozen).all()
            identical = _identical_logits(live, frozen)
            self.identical = self.identical and identical
            if live.size == 0 or not finite:
                return identical  # non-finite logits show as non-finite or saturated probabilities
            pair = (centred_logits(live), centred_logits(frozen))
        else:
            recovered = centred_log_probabilities(*outputs)
            if recovered is None:
                return identical
            pair = recovered
        # Probabilities tell the logits of the likeliest classes alone, which are not the largest.
        shown = live is not None and live.size > 0 and bool(np.isfinite(live).all())
        size = float(np.abs(centred_logits(live)).max()) if live is not None and shown else 0.0
        self._add(name, *pair, size)
        return identical

    def yardstick(self, rtol: float | None) -> Yardstick:
        """Return what is allowed of a single row.

        Args:
            rtol: largest relative difference of the centred logits, None if not judged.
        """
        return Yardstick(self.atol, rtol, {name: size for name, (_, size) in self.centred.items()})

    def bit_identity(self) -> Yardstick:
        """Return what is allowed of a single row where nothing is."""
        return dataclasses.replace(self.yardstick(0.0), atol=0.0)

    def _add(
        self,
        name: str,
        live: npt.NDArray[np.float64],
        frozen: npt.NDArray[np.float64],
        least: float,
    ) -> None:
        apart, size = self.centred.get(name, (0.0, 0.0))
        self.centred[name] = (
            max(apart, float(np.abs(frozen - live).max())),
            max(size, least, float(np.abs(live).max())),
        )

    @property
    def logit_worst(self) -> tuple[str, float] | None:
        """The output whose centred logits are furthest apart, relative to its largest one.

        Both are taken over the whole check: near the decision boundary all logits of one batch
        can be close to 0, and dividing by that would cry wolf. None without logits.
        """
        ratios = {
            name: apart / size if size else (0.0 if apart == 0.0 else float("inf"))
            for name, (apart, size) in self.centred.items()
        }
        return max(ratios.items(), key=lambda item: item[1]) if ratios else None


def _comparable(live: Array, frozen: Array) -> bool:
    return live.size == frozen.size and live.shape[-1:] == frozen.shape[-1:]


def alike(live: Answered, frozen: Answered, names: Mapping[str, str]) -> bool:
    """Return whether two answers are bit-identical, in outputs and in what both show of logits.

    Args:
        live: the live model's answer.
        frozen: the other answer to the same inputs.
        names: {live output name: name in the other answer}.
    """
    for name, there in names.items():
        if not _identical(np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])):
            return False
        one, other = live.logits.get(name), frozen.logits.get(there)
        if one is None or other is None or not _comparable(one, other):
            continue
        if not _identical_logits(one, other):
            return False
    return True


def _identical_logits(one: Array, other: Array) -> bool:
    classes = one.shape[-1]
    return _identical(one.reshape(-1, classes), other.reshape(-1, classes))


def _identical(one: Array, other: Array) -> bool:
    return (
        one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    )
