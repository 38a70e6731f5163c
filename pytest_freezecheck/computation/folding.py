"""Operations on constants alone are worked out at once, in float64."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.computation.values import Array, Value, computed
from pytest_freezecheck.computation.vocabulary import VOCABULARY

#: They move values and round none.
_MOVES = frozenset({"reshape", "transpose", "slice", "reverse", "concat", "tile", "gather", "pad"})
_SUMS = frozenset({"add", "sub"})
#: What is larger than this stays an operation.
_LARGEST = 1 << 24


def folded(op: str, values: Sequence[Value | None], given: Mapping[str, Any]) -> Value | None:
    """Return what an operation on constants computes, or None if one is no constant.

    Args:
        op: entry of the vocabulary.
        values: the constants that it is applied to.
        given: its attributes.
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    if op not in _MOVES and sum(value.array.size for value in known) > _LARGEST:
        return None
    if op in _MOVES:
        return _moved(op, known, given)
    with np.errstate(all="ignore"):
        found = VOCABULARY[op].evaluate([value.wide() for value in known], given)
    terms = None
    if op in _SUMS and found.dtype.kind == "f":
        terms = np.broadcast_to(sum(_terms(value) for value in known), found.shape)
    elif op == "mul" and found.dtype.kind == "f":
        terms = np.broadcast_to(_terms(known[0]) * _terms(known[1]), found.shape)
    return computed(np.asarray(found), *known, terms=terms)


def _terms(value: Value) -> Array:
    return np.abs(value.wide()) if value.terms is None else value.terms


def _moved(op: str, known: Sequence[Value], given: Mapping[str, Any]) -> Value:
    """Return constants that were moved: as exact as they were."""
    first = known[0]
    # Where the last axis stays, so do its factors and half steps: nothing is widened.
    kept = len(known) == 1 and first.terms is None and _keeps_last(op, first.array, given)
    whole = kept or all(v.scale is None and v.terms is None and not np.any(v.half) for v in known)
    arrays = [v.array if whole else v.wide() for v in known]
    evaluate = VOCABULARY[op].evaluate
    moved = np.asarray(evaluate(arrays, given))
    if not whole:
        terms = None
        if any(v.terms is not None for v in known):  # what was summed up is moved with the sums
            sums = [_terms(v) if v.is_real else v.array for v in known]
            terms = np.asarray(evaluate(sums, given))
        return dataclasses.replace(
            computed(moved, *known, terms=terms),
            folded=any(value.folded for value in known),
            half=_moved_half(op, known, given),
        )
    origin = tuple(dict.fromkeys(name for value in known for name in value.origin))
    return dataclasses.replace(
        first, array=moved, folded=any(v.folded for v in known), origin=origin
    )


def _keeps_last(op: str, array: Array, given: Mapping[str, Any]) -> bool:
    """Return whether each index of the last axis stays what it is."""
    last = array.ndim - 1
    if last < 1:
        return False
    if op == "reshape":
        return bool(given["shape"]) and given["shape"][-1] == array.shape[-1]
    if op == "transpose":
        return bool(given["perm"][-1] == last)
    return op == "reverse" and last not in given["axes"]


def _moved_half(op: str, known: Sequence[Value], given: Mapping[str, Any]) -> Any:
    """Return half steps of what was moved: each index's own where the last axis stayed."""
    halves = [value.half for value in known]
    if not any(np.any(half) for half in halves):
        return 0.0
    kept = op == "transpose" and given["perm"][-1] == known[0].array.ndim - 1
    return halves[0] if kept else max(float(np.max(half)) for half in halves)
