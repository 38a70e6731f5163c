"""What is known of a live model's outputs before anything is compared with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.models.outputs import source_of
from pytest_freezecheck.numeric.difference import (
    centred_log_probabilities,
    centred_logits,
    is_real,
    wide,
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


def outputs_of(live: LiveModel, answers: Sequence[Answer]) -> dict[str, Output]:
    """Return what is known of each output.

    Args:
        live: the model.
        answers: of it, to the inputs of the check.
    """
    found = {}
    for name, tensor in live.outputs.items():
        arrays = [np.asarray(answer.outputs[name]) for answer in answers]
        logits = [answer.logits[name] for answer in answers if name in answer.logits]
        source = source_of(tensor)
        recover = source in ("softmax", "call")
        if not logits and recover:
            told = (centred_log_probabilities(array, array) for array in arrays)
            logits = [pair[0] for pair in told if pair is not None]
        found[name] = Output(
            kind=_kind(arrays, source, live.output_specs.get(name)),
            size=_size(arrays),
            logit_size=max((_logit_size(array) for array in logits), default=0.0),
            recover=recover,
        )
    return found


def _kind(arrays: Sequence[Any], source: str, spec: OutputSpec | None) -> str:
    """Return what an output holds: as declared, or as dtype, graph, or the range of values tell."""
    first = arrays[0]
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
    values = [wide(array) for array in arrays if array.size]
    inside = all(bool(((v >= 0.0) & (v <= 1.0)).all()) for v in values)
    return PROBABILITIES if inside and values else SCORES


def _size(arrays: Sequence[Any]) -> float:
    sizes = [
        np.ravel(largest_by_row(array))
        for array in arrays
        if array.size and array.dtype.kind in "fVc"
    ]
    return float(np.median(np.concatenate(sizes))) if sizes else 0.0


def _logit_size(logits: Any) -> float:
    finite = logits.size and np.isfinite(wide(logits)).all()
    return float(np.abs(centred_logits(logits)).max()) if finite else 0.0


def is_row_by_row(sizes: Sequence[int], answers: Sequence[Answer]) -> bool:
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
