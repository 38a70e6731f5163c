"""Sizes that a TFLite file works out while it runs, as far as they are known before."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rows import rows_of

if TYPE_CHECKING:
    from pytest_freezecheck.formats.tflite.operation import Operation
    from pytest_freezecheck.formats.tflite.reader import Reader

Known = list["int | None"]
#: Sizes are few; what is longer is no shape.
_MOST, _DEEPEST = 16, 64


class Sizes:
    """Works out vectors of sizes, None for each that is not known.

    Args:
        reader: reads the file.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._found: dict[int, Known | None] = {}
        self._depth = 0

    def __call__(self, tensor: int) -> Known | None:
        """Return the sizes in a tensor; a negative one, which takes what is left, is not known."""
        if tensor not in self._found:
            self._depth += 1
            self._found[tensor] = self._worked(tensor) if self._depth < _DEEPEST else None
            self._depth -= 1
        return self._found[tensor]

    def _worked(self, tensor: int) -> Known | None:
        constant = self._reader.weight(tensor, None)
        if constant is not None and constant.value is not None:
            array = constant.value.array
            if array.dtype.kind not in "iu" or array.size > _MOST:
                return None
            return [int(n) if n >= 0 else None for n in array.ravel()]
        operation = self._reader.operation(tensor)
        work = None if operation is None else _WORKS.get(operation.kind)
        return None if work is None or operation is None else work(operation)


def _shape(operation: Operation) -> Known | None:
    shape = operation.input(0).shape
    return None if shape is None else list(shape)


def _same(operation: Operation) -> Known | None:
    return operation.sizes(0)


def _joined(operation: Operation) -> Known | None:
    parts = [operation.sizes(place) for place in range(len(operation.tensors))]
    return None if None in parts else [n for part in parts for n in part or ()]


def _product(operation: Operation) -> Known | None:
    sizes = operation.sizes(0)
    if sizes is None:
        return None
    return [None if None in sizes else math.prod(n for n in sizes if n is not None)]


def _times(operation: Operation) -> Known | None:
    one, other = operation.sizes(0), operation.sizes(1)
    if one is None or other is None or len(one) != len(other):
        return None
    pairs = zip(one, other, strict=True)
    return [None if a is None or b is None else a * b for a, b in pairs]


def _picked(operation: Operation) -> Known | None:
    sizes, places = operation.sizes(0), operation.sizes(1)
    if sizes is None or places is None or any(n is None or n >= len(sizes) for n in places):
        return None
    return [sizes[n] for n in places if n is not None]


def _cut(operation: Operation) -> Known | None:
    sizes = operation.sizes(0)
    bounds = [operation.reader.weight(n, None) for n in operation.tensors[1:]]
    values = [bound.value for bound in bounds if bound is not None]
    if sizes is None or len(values) != 3 or any(v is None or v.array.size != 1 for v in values):
        return None
    start, stop, step = (int(v.array.ravel()[0]) for v in values if v is not None)
    masks = [operation.option(f"{name}Mask", 0) for name in ("newAxis", "ellipsis")]
    if any(masks) or operation.option("offset", default=False):
        return None
    if operation.option("shrinkAxisMask", 0):
        return [sizes[start]] if -len(sizes) <= start < len(sizes) else None
    low = None if operation.option("beginMask", 0) else start
    high = None if operation.option("endMask", 0) else stop
    return sizes[low:high:step] if step else None


def rows_told(reader: Reader, tensor: int) -> Node | None:
    """Return the input whose number of rows stands first in a vector of sizes, or None."""
    operation = reader.operation(tensor)
    while operation is not None and operation.kind in _KEEP_FIRST:
        operation = reader.operation(operation.tensors[0])
    if operation is not None and operation.kind == "STRIDED_SLICE":
        bounds = [reader.weight(n, None) for n in operation.tensors[1:]]
        values = [None if b is None or b.value is None else b.value.array for b in bounds]
        if [None if v is None else v.ravel().tolist() for v in values] != [[0], [1], [1]]:
            return None
        operation = reader.operation(operation.tensors[0])
    return rows_of(operation.input(0)) if operation and operation.kind == "SHAPE" else None


_KEEP_FIRST = frozenset({"PACK", "CONCATENATION", "CAST", "SQUEEZE", "EXPAND_DIMS", "RESHAPE"})
_WORKS: dict[str, Callable[[Operation], Known | None]] = {
    "SHAPE": _shape,
    **dict.fromkeys(("CAST", "SQUEEZE", "EXPAND_DIMS", "RESHAPE"), _same),
    **dict.fromkeys(("PACK", "CONCATENATION"), _joined),
    "REDUCE_PROD": _product,
    "MUL": _times,
    "GATHER": _picked,
    "STRIDED_SLICE": _cut,
}
