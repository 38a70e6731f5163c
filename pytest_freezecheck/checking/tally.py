"""Adds up what the batches of one check showed, output by output, and the logits beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from pytest_freezecheck.numeric.classes import Classes
from pytest_freezecheck.numeric.difference import (
    Array,
    Difference,
    Floats,
    centred_log_probabilities,
    centred_logits,
    compare,
    identical,
    wide,
)
from pytest_freezecheck.numeric.tolerance import Answered, Tolerances
from pytest_freezecheck.result.findings import Compared


@dataclasses.dataclass
class Output:
    """What was seen of one output.

    Attributes:
        worst: the worst difference so far.
        where: which batch showed it, in words.
        max_abs: the largest absolute difference so far.
        compared: how many values were compared.
        undecided: how many differ where float noise decides.
        raised: the largest difference as a multiple of what is allowed without noise.
    """

    worst: Difference
    where: str = ""
    max_abs: float = 0.0
    compared: int = 0
    undecided: int = 0
    raised: float = 0.0


@dataclasses.dataclass
class Tally:
    """Running result of a check.

    Attributes:
        tolerances: what is allowed.
        names: {live output name: the artifact's}.
        outputs: {live output name: what was seen of it}.
        examples: batches compared.
        inputs: rows compared.
        largest: the most rows that were fed at once.
        identical: whether every output and every pre-softmax tensor was bit-identical.
        sees_logits: whether both sides showed what went into a softmax, of any output.
        centred: {output: largest absolute difference of its centred logits}.
        histogram: how many values differ by how much.
    """

    tolerances: Tolerances
    names: Mapping[str, str]
    outputs: dict[str, Output] = dataclasses.field(default_factory=dict)
    examples: int = 0
    inputs: int = 0
    largest: int = 0
    identical: bool = True
    sees_logits: bool = False
    centred: dict[str, float] = dataclasses.field(default_factory=dict)
    histogram: Classes = dataclasses.field(default_factory=Classes)

    def count(self, rows: int) -> None:
        """Count one batch of so many rows."""
        self.examples += 1
        self.inputs += rows
        self.largest = max(self.largest, rows)

    def forget_count(self) -> None:
        """Keep what was seen, and count it for nothing."""
        self.inputs = self.examples = self.largest = 0
        self.histogram = Classes()
        for seen in self.outputs.values():
            seen.compared = 0

    def output(
        self,
        name: str,
        live: Array,
        frozen: Array,
        where: str,
        allowed: float | Floats | None = None,
    ) -> bool:
        """Compare one output of one batch; return whether it was bit-identical.

        Args:
            name: of the live output.
            live: its answer.
            frozen: the artifact's.
            where: the batch, in words.
            allowed: what is allowed of each value of this very answer, None for what the tolerance
                says; infinite where float noise decides.
        """
        plain = self.tolerances[name].allowed(live)
        difference = compare(name, live, frozen, plain if allowed is None else allowed)
        seen = self.outputs.setdefault(name, Output(difference, where))
        seen.raised = max(seen.raised, difference.ratio)
        if allowed is not None and difference.problem is None:
            seen.raised = max(seen.raised, compare(name, live, frozen, plain).ratio)
            apart = np.isinf(np.broadcast_to(np.asarray(allowed), live.shape))
            seen.undecided += int((apart & (live != frozen)).sum())
        seen.compared += difference.size
        if not difference.non_finite:
            seen.max_abs = max(seen.max_abs, difference.max_abs)
        # Zeros of either sign compare as equal, and are not identical.
        same = identical(live, frozen)
        self.identical = self.identical and same
        if difference.problem is None:
            self.histogram.add(live, frozen, same=same)
        if difference.rank > seen.worst.rank:
            seen.worst, seen.where = difference, where
        return same

    def logits(
        self,
        name: str,
        outputs: tuple[Array, Array],
        before_softmax: tuple[Array | None, Array | None],
        allowed: Floats | None = None,
    ) -> bool:
        """Compare the logits of one output of one batch.

        Args:
            name: of the output.
            outputs: the live and the frozen probabilities.
            before_softmax: what went into their softmax, where the graphs show it. Where one side
                does not, the logits are recovered from the probabilities of both.
            allowed: what float noise allows of each row of logits, (rows of logits,), or None.

        Returns:
            Whether they were bit-identical, as far as both graphs show them.
        """
        same = True
        live, frozen = before_softmax
        if live is not None and frozen is not None and comparable(live, frozen):
            self.sees_logits = True
            same = _identical_logits(live, frozen)
            self.identical = self.identical and same
            if live.size == 0 or not (_finite(live) and (same or _finite(frozen))):
                return same  # non-finite logits show as non-finite or saturated probabilities
            if same:
                self.centred.setdefault(name, 0.0)
                return True
            pair = (centred_logits(live), centred_logits(frozen))
        else:
            recovered = (
                centred_log_probabilities(*outputs) if self.tolerances[name].recover else None
            )
            if recovered is None:
                return same
            pair = recovered
        apart = np.abs(pair[1] - pair[0]).max(axis=-1, initial=0.0)
        if allowed is not None and allowed.shape == apart.shape:
            apart = np.where(apart <= allowed, 0.0, apart)
        self.centred[name] = max(self.centred.get(name, 0.0), float(apart.max(initial=0.0)))
        return same

    def found(self) -> list[Compared]:
        """Return what was seen of each output, the one furthest apart for what is allowed first."""
        every = [self._found(name, seen) for name, seen in self.outputs.items()]
        return sorted(every, key=lambda one: (one.problem is None, not one.non_finite, -one.ratio))

    def _found(self, name: str, seen: Output) -> Compared:
        worst, tolerance = seen.worst, self.tolerances[name]
        return Compared(
            output=name,
            artifact_output=self.names[name],
            kind=tolerance.kind,
            shape=worst.shape,
            dtype=worst.dtype,
            allowed=worst.allowed or tolerance.limit,
            rtol=tolerance.rtol,
            size=tolerance.size,
            max_abs_diff=None
            if worst.problem
            else float("nan")
            if worst.non_finite
            else seen.max_abs,
            ratio=worst.ratio,
            apart=worst.apart,
            index=worst.index,
            live=worst.live,
            frozen=worst.frozen,
            too_far=worst.too_far,
            values=worst.size,
            compared=seen.compared,
            undecided=seen.undecided,
            non_finite=worst.non_finite,
            problem=worst.problem,
            logit_rel_diff=self.logit_ratios.get(name),
            where=seen.where,
        )

    @property
    def worst(self) -> Difference | None:
        """The worst difference of any output."""
        every = [seen.worst for seen in self.outputs.values()]
        return max(every, key=lambda difference: difference.rank, default=None)

    @property
    def largest_difference(self) -> float | None:
        """The largest difference of any output so far; infinite if one is not finite."""
        every = self.outputs.values()
        if any(seen.worst.non_finite for seen in every):
            return float("inf")
        return max((seen.max_abs for seen in every), default=None)

    @property
    def logit_ratios(self) -> dict[str, float]:
        """{output: largest difference of its centred logits over its largest one}.

        The largest is of the whole check: near the decision boundary all logits of one batch can be
        close to 0, and dividing by that would cry wolf.
        """
        sizes = {name: self.tolerances[name].logit_size for name in self.centred}
        return {
            name: apart / sizes[name] if sizes[name] else (0.0 if apart == 0.0 else float("inf"))
            for name, apart in self.centred.items()
        }

    @property
    def logit_worst(self) -> tuple[str, float] | None:
        """The output whose centred logits are furthest apart, relative to its largest one."""
        return max(self.logit_ratios.items(), key=lambda item: item[1], default=None)


def comparable(live: Array, frozen: Array) -> bool:
    """Return whether two arrays of logits have as many classes, and as many rows."""
    return live.size == frozen.size and live.shape[-1:] == frozen.shape[-1:]


def alike(live: Answered, frozen: Answered, names: Mapping[str, str]) -> bool:
    """Return whether two answers are bit-identical, in outputs and in what both show of logits.

    Args:
        live: the live model's answer.
        frozen: the other answer to the same inputs.
        names: {live output name: name in the other answer}.
    """
    for name, there in names.items():
        if not identical(np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])):
            return False
        one, other = live.logits.get(name), frozen.logits.get(there)
        if one is None or other is None or not comparable(one, other):
            continue
        if not _identical_logits(one, other):
            return False
    return True


def _finite(logits: Array) -> bool:
    return bool(np.isfinite(logits if logits.dtype.kind == "f" else wide(logits)).all())


def _identical_logits(one: Array, other: Array) -> bool:
    classes = one.shape[-1]
    return identical(one.reshape(-1, classes), other.reshape(-1, classes))
