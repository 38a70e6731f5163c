"""Operations on constants alone are worked out at once, in float64."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.computation.values import BITS, UNIT, Array, Value, computed
from pytest_freezecheck.computation.vocabulary import VOCABULARY

#: They move values and round none.
_MOVES = frozenset({"reshape", "transpose", "slice", "reverse", "concat", "tile", "gather", "pad"})
_SUMS = frozenset({"add", "sub"})
_WIDE = ("float32", "float64")
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
    narrow = known[0].array.dtype.name in BITS and not known[0].folded
    if op == "cast" and narrow and given["to"] in _WIDE:
        return widened(known[0])
    with np.errstate(all="ignore"):
        wide = [value.wide() for value in known]
        found = np.asarray(VOCABULARY[op].evaluate(wide, given))
        half = _half(op, known, wide, found, given)
    terms = None
    if op in _SUMS and found.dtype.kind == "f":
        terms = np.broadcast_to(sum(_terms(value) for value in known), found.shape)
    elif op == "mul" and found.dtype.kind == "f":
        terms = np.broadcast_to(_terms(known[0]) * _terms(known[1]), found.shape)
    return computed(found, *known, terms=terms, half=half)


def _half(
    op: str, known: Sequence[Value], wide: list[Array], found: Array, given: Mapping[str, Any]
) -> Any:
    """Return half steps of what is computed from each element in its place; None of others.

    Each operand is moved by its own half step both ways: what comes out moves by as much.
    """
    entry = VOCABULARY[op]
    if not any(value.rounded for value in known):
        return 0.0
    if not (entry.elementwise or op == "affine") or found.dtype.kind != "f":
        return None
    total = np.zeros(found.shape)
    for place, value in enumerate(known):
        if not value.rounded:
            continue
        halves = value.halves()
        moved = [
            np.abs(
                entry.evaluate([*wide[:place], wide[place] + step, *wide[place + 1 :]], given)
                - found
            )
            for step in (halves, -halves)
        ]
        total += np.nan_to_num(np.maximum(*moved), nan=0.0, posinf=0.0)
    return total


def widened(value: Value) -> Value:
    """Return a constant of few bits that is made wide: it stands for one that was rounded to them.

    It is kept as it was read, and worked in float32 from here on.
    """
    name = value.array.dtype.name
    return dataclasses.replace(value, bits=BITS[name], grid=name, unit=UNIT)


def _terms(value: Value) -> Array:
    return np.abs(value.wide()) if value.terms is None else value.terms


def _moved(op: str, known: Sequence[Value], given: Mapping[str, Any]) -> Value:
    """Return constants that were moved: as exact as they were."""
    first = known[0]
    # Where the last axis stays, so do its factors and half steps: nothing is widened.
    kept = len(known) == 1 and first.terms is None and _keeps_last(op, first.array, given)
    whole = kept or all(_plain(v) and v.bits == first.bits for v in known if v.is_real)
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
            bits=0,
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


def _plain(value: Value) -> bool:
    """Return whether all that is known of each element is told by itself."""
    held = (value.half, value.share)
    return value.scale is None and value.terms is None and not any(np.any(h) for h in held)


def _moved_half(op: str, known: Sequence[Value], given: Mapping[str, Any]) -> Any:
    """Return half steps of what was moved: they are moved with it."""
    if not any(value.rounded for value in known):
        return 0.0
    told = {name: value for name, value in given.items() if name != "value"}
    halves = [value.halves() if value.is_real else value.array for value in known]
    return np.asarray(VOCABULARY[op].evaluate(halves, told))
