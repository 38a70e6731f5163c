"""Shapes of what comes out of lists of tensors, which loops of TensorFlow 2 read and write."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.models.operations.attributes import decoded

#: A list is one value, whatever it holds.
_LISTS = {f"tf:TensorList{name}" for name in ("FromTensor", "Reserve", "SetItem", "PushBack")}
_LISTS |= {"tf:EmptyTensorList"}


def shape_by_list(raw: Node, inputs: Sequence[Node]) -> Shape | None:
    """Return the shape of what an operation makes of a list, or of the list itself, if it is told.

    A run that met another shape would end with an error (core/kernels/list_kernels.h).

    Args:
        raw: the operation.
        inputs: what it reads, in normal form.
    """
    if raw.op in _LISTS:
        return ()
    if raw.op not in ("tf:TensorListStack", "tf:TensorListGetItem"):
        return None
    given = inputs[-1].value  # the shape of an element
    if given is None or given.array.ndim != 1:
        return None
    element = tuple(None if n < 0 else int(n) for n in given.array.tolist())
    if raw.op == "tf:TensorListGetItem":
        return element
    number = raw.get("num_elements")
    count = -1 if number is None else int(decoded(number))
    return (None if count < 0 else count, *element)
