"""What a weight must be in a file, where the constant that it was folded into is another.

A factor for each channel is kept beside the weight that it was folded into, so it can be divided
out again; what comes out is no weight to the last bit. So it is held against what people do to
weights: the live value negated, in another order, pruned, rounded, times a number, or altered in a
few places; where one of these gives the file's constant, to within rounding, that is the value.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.computation.apart import apart
from pytest_freezecheck.computation.edits import Edit
from pytest_freezecheck.computation.values import Value
from pytest_freezecheck.diagnosis.rounded import ROUNDINGS, int8_of

Array = npt.NDArray[Any]
#: How far values may be apart that are one, of the largest: what dividing out leaves.
_CLOSE = 2e-6
#: Fewer elements than this share are called a few.
_FEW = 0.05
#: The largest axis whose order is looked for, the most axes that are exchanged, and decimals of a
#: factor that somebody wrote.
_LONGEST, _AXES, _DECIMALS = 4096, 4, 4
#: Of what is larger than this, nothing is tried.
_LARGEST = 1 << 22
#: Weights that are added up, each as it is.
_ADDED = ("beta", "bias", "biases", "b", "offset")


@dataclasses.dataclass(frozen=True)
class Inferred:
    """What a constant tells of a weight.

    Attributes:
        name: of the weight.
        value: that it has in the file.
        sure: whether that is certain: nothing was folded into it, or the value is one that people
            make of the live one.
    """

    name: str
    value: Array
    sure: bool


def inferred(edit: Edit, held: Mapping[str, Array]) -> Inferred | None:
    """Return the weight that another constant points to, and the value that it has in the file.

    Args:
        edit: a constant that differs.
        held: {weight: value} of the computation that it is held against.

    Returns:
        None where several weights may be the reason.
    """
    one, other = edit.live.value, edit.frozen.value
    if one is None or other is None or one.shape != other.shape:
        return None
    names = [name for name in one.origin if name in held]
    for name in names:
        if one.is_real and held[name].shape == one.shape and np.array_equal(one.array, held[name]):
            return _divided(name, one, other, held)
    if len(names) == 1 and held[names[0]].shape == one.shape:
        return _of_one(names[0], one, other, held)
    added = [n for n in names if n.rsplit("/", 1)[-1] in _ADDED and held[n].shape == one.shape]
    if len(added) == 1 and one.is_real and other.is_real:
        return Inferred(added[0], _shifted(one, other, held[added[0]]), sure=False)
    return None


def _of_one(name: str, one: Value, other: Value, weights: Mapping[str, Array]) -> Inferred | None:
    """Return the value of a weight that nothing was folded into but constants."""
    held = weights[name]
    if not (one.is_real and other.is_real):
        return Inferred(name, other.array.astype(held.dtype, copy=False), sure=True)
    with np.errstate(all="ignore"):
        factors = one.wide() / held.astype(np.float64)
        found = other.wide() / factors
    known = np.isfinite(found)
    if not known.all() or np.ptp(factors) > _CLOSE * np.abs(factors).max():
        return None
    told = Value(held, scale=np.full(held.shape[-1:], factors.flat[0]), folded=True, unit=one.unit)
    value, _ = _snapped(name, told, other, found.astype(held.dtype), weights)
    return Inferred(name, value, sure=True)


def _divided(name: str, one: Value, other: Value, weights: Mapping[str, Array]) -> Inferred:
    """Return what the weight is in the file: its factors taken out."""
    held = weights[name]
    if one.scale is None:
        plain = other.wide() if other.is_real else other.array
        if not (one.folded or other.folded):
            return Inferred(name, np.asarray(plain).astype(held.dtype, copy=False), sure=True)
        value, _ = _snapped(name, one, other, np.asarray(plain).astype(held.dtype), weights)
        return Inferred(name, value, sure=True)
    with np.errstate(all="ignore"):
        found = np.nan_to_num(other.wide() / one.scale)
    return Inferred(name, *_snapped(name, one, other, found.astype(held.dtype), weights))


def _shifted(one: Value, other: Value, held: Array) -> Array:
    """Return what a term of a sum is in the file, the other terms as they are."""
    found = (held.astype(np.float64) + other.wide() - one.wide()).astype(held.dtype)
    close = np.abs(found - held) <= _CLOSE * max(1.0, float(np.abs(held).max(initial=0.0)))
    return np.where(close, held, found)


def _snapped(
    name: str, one: Value, other: Value, found: Array, weights: Mapping[str, Array]
) -> tuple[Array, bool]:
    """Return the value that people make of a weight that is the one that was found, if any is.

    Args:
        name: of the weight.
        one: the live constant: the weight, and the factors that it was multiplied by.
        other: the constant in the file.
        found: what the weight must be in the file, roughly.
        weights: {weight: value}.

    Returns:
        It, or what was found, and whether there is one.
    """
    if found.size > _LARGEST:
        return found, False
    clones = (v for n, v in weights.items() if n != name and v.shape == found.shape)
    for value in itertools.chain(clones, _made_of(one.array, found)):
        made = dataclasses.replace(one, array=value.astype(one.array.dtype), folded=True)
        if apart(made, other).excess <= 1.0:
            return value.astype(weights[name].dtype), True
    return found, False


def _made_of(held: Array, found: Array) -> Iterator[Array]:
    """Yield what people make of a weight."""
    yield -held
    largest = float(np.abs(held).max(initial=0.0)) or 1.0
    yield np.where(np.abs(found) <= _CLOSE * largest, held.dtype.type(0), held)
    for rounding in ROUNDINGS.values():
        if held.dtype == np.float32:
            yield rounding(held)
    if held.dtype == np.float32:
        yield from int8_of(held)
    close = np.abs(found - held) <= _CLOSE * largest
    if 0 < (~close).mean() <= _FEW or (~close).sum() == 1:
        yield np.where(close, held, found)
    if held.ndim <= _AXES:
        for perm in itertools.permutations(range(held.ndim)):
            if list(perm) != sorted(perm) and held.transpose(perm).shape == held.shape:
                yield held.transpose(perm)
        for axes in itertools.product((False, True), repeat=held.ndim):
            if any(axes):
                yield np.flip(held, tuple(n for n, flipped in enumerate(axes) if flipped))
    for axis in range(held.ndim):
        order = order_of(held, found, axis)
        if order is not None:
            yield np.take(held, order, axis)
    known = np.abs(held) > 1e-3 * largest
    if known.sum() > 1:
        factor = float(np.median(found[known] / held[known]))
        yield held * held.dtype.type(round(factor, _DECIMALS))
        yield held * held.dtype.type(factor)


def order_of(one: Array, other: Array, axis: int) -> list[int] | None:
    """Return in which order one array's slices along an axis stand in the other, or None.

    Args:
        one: the array.
        other: the same with its slices in another order, up to rounding.
        axis: which.
    """
    width = one.shape[axis]
    if not 1 < width <= _LONGEST:
        return None
    mine, theirs = (np.moveaxis(a, axis, 0).reshape(width, -1) for a in (one, other))
    mine, theirs = mine.astype(np.float64), theirs.astype(np.float64)
    near = _CLOSE * max(float(np.abs(mine).max(initial=0.0)), 1e-30) * 4.0
    # One number for each slice, then the slice itself: no table of all pairs of slices.
    weights = np.linspace(1.0, 2.0, mine.shape[1])
    keys, sought = mine @ weights, theirs @ weights
    sorted_places = np.argsort(keys, kind="stable")
    ranks = np.argsort(np.argsort(sought, kind="stable"), kind="stable")
    order = sorted_places[ranks]
    if not np.allclose(mine[order], theirs, rtol=0.0, atol=near):
        return None
    return None if (order == np.arange(width)).all() else [int(n) for n in order]
