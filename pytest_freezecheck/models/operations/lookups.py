"""Rows and places that are looked up, and matrices that are made of them."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.models.operations.translation import Call, operation

_REAL = ("float16", "bfloat16", "float32", "float64")


@operation("GatherV2", "Gather")
def _gather(call: Call) -> Node | None:
    axes = call.integers(2) if len(call.x) > 2 else (0,)
    rank = call.rank()
    if axes is None or rank is None or call.x[1].shape is None:
        return None
    batch = int(call.attribute("batch_dims", 0))
    batch = batch + len(call.x[1].shape) if batch < 0 else batch
    return call.op("gather", call.x[0], call.x[1], axis=axes[0] % rank, batch_dims=batch)


@operation("OneHot")
def _one_hot(call: Call) -> Node | None:
    depth, rank = call.integers(1), call.rank()
    values = [x.value.number() if x.value is not None else None for x in call.x[2:4]]
    axis = int(call.attribute("axis", -1))
    if depth is None or rank is None or None in values or axis not in (-1, rank):
        return None
    if any(value is None or not math.isfinite(value) for value in values):
        return None
    made = call.op("one_hot", call.x[0], depth=depth[0], on=values[0], off=values[1])
    to = call.x[2].dtype
    return made if to in _REAL else call.op("cast", made, to=to)


@operation("MatrixDiag", "MatrixDiagV2", "MatrixDiagV3")
def _diagonal(call: Call) -> Node | None:
    """Return a constant matrix with a constant main diagonal, such as the identity."""
    numbers = [node.value.number() if node.value is not None else None for node in call.x[1:]]
    value = call.x[0].value
    if value is None or len(value.shape) != 1 or value.scale is not None:
        return None
    # Which diagonal, rows, columns, and what stands beside it.
    if numbers and not (
        numbers[0] == numbers[3] == 0.0 and {*numbers[1:3]} <= {-1.0, len(value.array)}
    ):
        return None
    return call.b.constant(np.diag(value.array), *value.origin)
