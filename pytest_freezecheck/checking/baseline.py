"""What is known of a live model's outputs before anything is compared with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.models.outputs import source_of
from pytest_freezecheck.numeric.difference import (
    centred_log_probabilities,
    is_real,
    largest_logit,
)
from pytest_freezecheck.numeric.rows import differences, largest_by_row
from pytest_freezecheck.numeric.tolerance import CLASSES, PIXELS, PROBABILITIES, SCORES, TEXT
from pytest_freezecheck.power.noise import row_by_row

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.spec.outputs import OutputSpec

#: A row that is answered so differently alone, relative to the size of the answer, sees the others
#: of its batch. Float noise of batch sizes stays below 1e-5 (docs/benchmarks.md).
_SEEN = 1e-4
_DISCRETE = (CLASSES, PIXELS, TEXT)
#: Where an output comes from whose logarithm is, up to a constant, what went into it.
_SOFTMAX = ("softmax", "call")


@dataclasses.dataclass(frozen=True)
class Output:
    """What is known of one output.

    Attributes:
        kind: what it holds, one of `tolerance.KINDS`.
        size: the median over the inputs of the largest absolute value of each.
        logit_size: the largest absolute centred logit, 0 if the graph shows none.
        recover: whether logits may be told from the probabilities.
    """

    kind: str
    size: float
    logit_size: float
    recover: bool


def outputs_of(live: LiveModel, answers: Iterable[Answer]) -> dict[str, Output]:
    """Return what is known of each output.

    Args:
        live: the model.
        answers: of it, to the inputs of the check; gone through once, one at a time.
    """
    sources = {name: source_of(tensor) for name, tensor in live.outputs.items()}
    seen = {name: _Seen(source in _SOFTMAX) for name, source in sources.items()}
    for answer in answers:
        for name, one in seen.items():
            one.add(np.asarray(answer.outputs[name]), answer.logits.get(name))
    return {
        name: Output(
            kind=_kind(one, sources[name], live.output_specs.get(name)),
            size=float(np.median(np.concatenate(one.sizes))) if one.sizes else 0.0,
            logit_size=max(one.logit_sizes or one.recovered, default=0.0),
            recover=one.recover,
        )
        for name, one in seen.items()
    }


@dataclasses.dataclass
class _Seen:
    """What was seen of one output, batch by batch.

    Attributes:
        recover: whether logits may be told from the probabilities.
        dtype: of the first batch.
        sizes: the largest absolute value of each row.
        logit_sizes: the largest centred logit of each batch, where the graph shows them.
        recovered: likewise, of those that are told from the probabilities.
        inside: whether all values lie between 0 and 1, and there are any.
    """

    recover: bool
    dtype: np.dtype[Any] | None = None
    sizes: list[Any] = dataclasses.field(default_factory=list)
    logit_sizes: list[float] = dataclasses.field(default_factory=list)
    recovered: list[float] = dataclasses.field(default_factory=list)
    inside: bool | None = None

    def add(self, array: Any, logits: Any | None) -> None:
        self.dtype = array.dtype if self.dtype is None else self.dtype
        if array.size and array.dtype.kind in "fVc":
            self.sizes.append(np.ravel(largest_by_row(array)))
        if array.size and is_real(array):
            self.inside = self.inside is not False and bool((array >= 0).all() & (array <= 1).all())
        if logits is not None:
            self.logit_sizes.append(largest_logit(logits))
        elif self.recover:
            told = centred_log_probabilities(array, array)
            self.recovered += [] if told is None else [largest_logit(told[0])]


def _kind(seen: _Seen, source: str, spec: OutputSpec | None) -> str:
    """Return what an output holds: as declared, or as dtype, graph, or the range of values tell."""
    first = np.zeros(0, seen.dtype)
    if first.dtype.kind in "OSU":
        return TEXT
    if spec is not None and spec.kind is not None:
        return SCORES if spec.kind == PIXELS and is_real(first) else spec.kind
    if first.dtype.kind in "biu":
        return PIXELS if first.dtype == np.uint8 else CLASSES
    if not is_real(first):
        return SCORES
    if source in ("softmax", "sigmoid"):
        return PROBABILITIES
    return PROBABILITIES if seen.inside else SCORES


def is_row_by_row(sizes: Sequence[int], answers: Iterable[Answer]) -> bool:
    """Return whether every output has as many answers for each input, whatever the batch.

    What has not (a scalar, detections, sequences as long as the longest of the batch) can be
    compared only where both sides were asked about the same batch.

    Args:
        sizes: rows of each batch.
        answers: to them.
    """
    shapes: dict[str, set[tuple[Any, ...]]] = {}
    for rows, answer in zip(sizes, answers, strict=True):
        for name, array in answer.outputs.items():
            shape = np.shape(array)
            whole = bool(shape) and shape[0] > 0 and shape[0] % rows == 0
            shapes.setdefault(name, set()).add((shape[0] // rows, *shape[1:]) if whole else ())
    return all(len(found) == 1 and () not in found for found in shapes.values())


def row_dependence(
    ask: Callable[[Arrays], Answer], feeds: Arrays, known: Mapping[str, Output]
) -> float:
    """Return how far the answers to rows alone and among others are apart, relative to their size.

    Args:
        ask: asks the model.
        feeds: a batch of at least two rows.
        known: of the model's outputs.
    """
    worst = 0.0
    for together, alone in row_by_row(ask, feeds):
        for name, one in together.outputs.items():
            other = alone.outputs.get(name)
            if other is None or np.shape(one) != np.shape(other) or known[name].kind in _DISCRETE:
                continue
            size = 1.0 if known[name].kind == PROBABILITIES else known[name].size
            apart = float(differences(np.asarray(one), np.asarray(other), 1).max())
            worst = max(worst, apart / size if size else 0.0)
    return worst


def sees_others(dependence: float) -> bool:
    """Return whether rows of a batch see each other, and not only float noise of batch sizes."""
    return dependence > _SEEN


@dataclasses.dataclass(frozen=True)
class Floor:
    """How far a live model is from itself when nothing but its execution changes.

    Attributes:
        apart: {output: the largest difference; of scores relative to the size of the answer}.
        logits: {output: the largest difference of the centred logits, over the largest one}.
        absolute: the largest absolute difference of any output.
        unmeasured: why nothing but batch sizes could be changed, or None.
        row_dependence: how far rows are answered otherwise alone, relative to the answers' size.
    """

    apart: Mapping[str, float]
    logits: Mapping[str, float]
    absolute: float
    unmeasured: str | None = None
    row_dependence: float = 0.0
