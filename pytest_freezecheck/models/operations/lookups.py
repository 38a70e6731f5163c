"""Rows and places that are looked up, and matrices that are made of them."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.node import Node, walk
from pytest_freezecheck.models.operations.translation import Call, operation

_LONGEST = 1 << 16
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


@operation("Fill")
def _fill(call: Call) -> Node | None:
    """Return a number many times over, where the only size that is not known is the batch."""
    sizes, value = call.sizes(0), call.x[1].value
    number = None if value is None or value.shape else value.number()
    if sizes is None or number is None or call.x[1].dtype not in (*_REAL, "int32", "int64"):
        return None
    if None not in sizes:
        return call.b.constant(np.full([n or 0 for n in sizes], value.array)) if value else None
    parts = list(walk([call.raw.inputs[0]]))
    asked = [call.translator(part.inputs[0]) for part in parts if part.op == "tf:Shape"]
    products = any(part.op == "tf:Prod" for part in parts)
    if sizes.count(None) != 1 or products or any(x is not asked[0] for x in asked):
        return None
    shape = asked[0].shape or ()
    if asked[0].op != "input" or shape[:1] != (None,) or shape.count(None) != 1:
        return None
    if any(n is not None and n < 0 for n in call.translator.as_written(call.raw.inputs[0]) or []):
        return None
    return call.op("full", asked[0], shape=tuple(sizes), value=number, to=call.x[1].dtype)


@operation("Range")
def _counted(call: Call) -> Node | None:
    """Return constant whole numbers in a row, such as the axes of a transposition."""
    bounds = [call.integers(place) for place in range(3)]
    numbers = [bound[0] for bound in bounds if bound is not None and len(bound) == 1]
    if len(numbers) < 3 or not numbers[2] or call.x[0].dtype not in ("int32", "int64"):
        return None
    if len(range(*numbers)) > _LONGEST:
        return None
    return call.b.constant(np.arange(*numbers, dtype=call.x[0].dtype))


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
