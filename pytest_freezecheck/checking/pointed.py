"""Inputs that a difference between two computations points to.

A row of a table is looked up by its number; a threshold that was moved shows between both places; a
bound that was lost shows where the layer before it is as large as legal inputs make it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.locally import Parting
from pytest_freezecheck.computation.matching import Constants
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.proof import Proof
from pytest_freezecheck.messages.wording import counted
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.models.operations.attributes import decoded

#: Values that are tried in each input, units of a layer that are driven, and elements looked at.
_VALUES, _UNITS, _ELEMENTS = 32, 32, 64


def pointed(sides: Sides, proof: Proof, ordinary: Arrays) -> Iterator[tuple[str, Arrays]]:
    """Yield batches that may show what differs, each with what it is, in words.

    Args:
        sides: live and frozen.
        proof: what the comparison of both computations came to.
        ordinary: inputs to put values into, {input name: array (rows, *shape)}.
    """
    values = [v for found in proof.constants for v in _of_constant(found)]
    values += [v for parting in proof.partings for v in _of_operation(parting)]
    for name, spec in sides.live.specs.items():
        legal = _legal(values, ordinary[name], *spec.bounds)
        if legal:
            base = {n: np.repeat(array[:1], len(legal), axis=0) for n, array in ordinary.items()}
            base[name] = np.stack([np.full_like(ordinary[name][0], value) for value in legal])
            yield f"{counted(len(legal), 'row')} of values that differ in the computation", base
    for parting in proof.partings:
        yield from _driven(sides, parting, ordinary)


def _of_constant(found: Constants) -> Iterator[float]:
    if found.reader.op == "gather" and found.apart.index:
        axis = int(found.reader["axis"])
        if axis < len(found.apart.index):
            yield float(found.apart.index[axis])
    one, other = found.live.value, found.frozen.value
    if one is not None and other is not None and one.array.size <= _ELEMENTS:
        yield from _between(one.wide().ravel().tolist(), other.wide().ravel().tolist())


def _of_operation(parting: Parting) -> Iterator[float]:
    live, frozen = dict(parting.live.attributes), dict(parting.frozen.attributes)
    for name in {*live} & {*frozen}:
        if live[name] != frozen[name]:
            yield from _between(_numbers(live[name]), _numbers(frozen[name]))


def _numbers(value: Any) -> list[float]:
    told = decoded(value) if isinstance(value, bytes) else value
    listed = told if isinstance(told, (list, tuple)) else [told]
    return [float(n) for n in listed if isinstance(n, (int, float)) and not isinstance(n, bool)]


def _between(one: Sequence[Any], other: Sequence[Any]) -> Iterator[float]:
    """Yield what lies between two numbers in the same place, and both, where they are apart."""
    for mine, theirs in itertools.zip_longest(one, other):
        numbers = [float(n) for n in (mine, theirs) if isinstance(n, (int, float, np.number))]
        if len(numbers) == 2 and numbers[0] != numbers[1]:
            yield (numbers[0] + numbers[1]) / 2.0
        if len(set(numbers)) == len(numbers):
            yield from numbers


def _legal(values: Sequence[float], array: Any, low: Any, high: Any) -> list[Any]:
    if array.dtype.kind not in "fiu":
        return []
    finite = [value for value in dict.fromkeys(values) if np.isfinite(value)]
    if array.dtype.kind != "f":
        finite = [whole for value in finite for whole in (np.floor(value), np.ceil(value))]
    legal = [value for value in dict.fromkeys(finite) if low <= value <= high]
    return [array.dtype.type(value) for value in legal[:_VALUES]]


def _driven(sides: Sides, parting: Parting, ordinary: Arrays) -> Iterator[tuple[str, Arrays]]:
    """Yield inputs for which the layer before an operation is as large, or as small, as can be."""
    layer = next((read for read in parting.live.inputs if read.op in ("matmul", "conv")), None)
    if layer is None or layer.inputs[1].value is None:
        return
    leaf = _leaf(layer.inputs[0])
    if leaf is None or ordinary[leaf].dtype.kind != "f":
        return
    spec, weight = sides.live.specs[leaf], layer.inputs[1].value.wide()
    low, high = (np.asarray(bound, np.float64) for bound in spec.bounds)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return
    shape = ordinary[leaf].shape[1:]
    rows = []
    for unit in range(min(_UNITS, weight.shape[-1])):
        for sign in (1.0, -1.0):
            pattern = np.where(sign * weight[..., unit] > 0.0, high, low)
            whole = _filled(pattern, shape)
            if whole is not None:
                rows.append(whole.astype(ordinary[leaf].dtype))
    if rows:
        batch = {n: np.repeat(array[:1], len(rows), axis=0) for n, array in ordinary.items()}
        yield f"{len(rows)} rows that drive {parting.live.origin}", {**batch, leaf: np.stack(rows)}


def _leaf(node: Node) -> str | None:
    """Return the input that a layer reads, with nothing but a change of shape between."""
    while node.op in ("reshape", "transpose", "cast"):
        node = node.inputs[0]
    return str(node["name"]) if node.op == "input" else None


def _filled(pattern: Any, shape: tuple[int, ...]) -> Any:
    """Return an input that is full of a pattern, or None if it does not fit."""
    if pattern.size == np.prod(shape):
        return pattern.reshape(shape)
    if pattern.ndim != len(shape) or pattern.shape[-1] != shape[-1]:
        return None
    times = [-(-size // part) for size, part in zip(shape, pattern.shape, strict=True)]
    return np.tile(pattern, times)[tuple(slice(size) for size in shape)]
