"""What shape each operation of the vocabulary has, from its inputs and attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_freezecheck.computation import kernels
from pytest_freezecheck.computation.node import Node, Shape


def broadcast(*shapes: Shape | None) -> Shape | None:
    """Return the shape of operands that are broadcast, as far as it is known."""
    if any(shape is None for shape in shapes):
        return None
    known = [shape for shape in shapes if shape is not None]
    rank = max(map(len, known), default=0)
    sizes: list[int | None] = []
    for axis in range(rank):
        here = [s[axis - rank + len(s)] for s in known if axis - rank + len(s) >= 0]
        fixed = [size for size in here if size is not None and size != 1]
        unknown = any(size is None for size in here)
        sizes.append(fixed[0] if fixed else None if unknown else 1)
    return tuple(sizes)


def unknown(shape: Iterable[int | None]) -> int:
    """Return how many sizes are not known."""
    return sum(size is None for size in shape)


def part(size: int | None, start: int | None, stop: int | None, step: int) -> Any:
    """Return one axis of a slice, in one way; bounds are Python's."""
    if step == 1 and start in (None, 0) and (stop is None or (size is not None and stop >= size)):
        return None, None, 1
    if size is None:
        return start, stop, step
    start, stop, step = slice(start, stop, step).indices(size)
    if not range(start, stop, step):
        return 0, 0, 1
    return start, stop if stop >= 0 else None, step


def same(inputs: Sequence[Node], _: Mapping[str, Any]) -> Shape | None:
    """Return the shape of the first."""
    return inputs[0].shape


def broadcasted(inputs: Sequence[Node], _: Mapping[str, Any]) -> Shape | None:
    """Return the shape of all, broadcast."""
    return broadcast(*(node.shape for node in inputs))


def given(_: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape that is given."""
    return tuple(given["shape"])


def transposed(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of what is transposed."""
    shape = inputs[0].shape
    return None if shape is None else tuple(shape[axis] for axis in given["perm"])


def windowed(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of one value for each window."""
    shape = inputs[0].shape
    if shape is None:
        return None
    kernel = given["kernel"]
    dilations = given.get("dilations", (1,) * len(kernel))
    sizes = [
        kernels.window_count(size, k, stride, dilation, pads)
        for size, k, stride, dilation, pads in zip(
            shape[1:-1],
            kernel,
            given["strides"],
            dilations,
            kernels.each_axis(given["pads"], len(kernel)),
            strict=True,
        )
    ]
    last = inputs[1].shape[-1] if len(inputs) > 1 and inputs[1].shape else shape[-1]
    return (shape[0], *sizes, last)


def product(inputs: Sequence[Node], _: Mapping[str, Any]) -> Shape | None:
    """Return the shape of a product."""
    one, other = inputs[0].shape, inputs[1].shape
    if one is None or other is None:
        return None
    if len(other) == 2:
        return (*one[:-1], other[-1])
    batch = broadcast(one[:-2], other[:-2])
    return None if batch is None else (*batch, one[-2], other[-1])


def reduced(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape without the axes that are summed up."""
    shape = inputs[0].shape
    if shape is None:
        return None
    return tuple(size for axis, size in enumerate(shape) if axis not in given["axes"])


def joined(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of what is joined along an axis."""
    shapes = [node.shape for node in inputs]
    if any(shape is None for shape in shapes):
        return None
    known = [list(shape or ()) for shape in shapes]
    sizes = [shape[given["axis"]] for shape in known]
    for axis in range(len(known[0])):
        if axis != given["axis"]:
            known[0][axis] = next((s[axis] for s in known if s[axis] is not None), None)
    known[0][given["axis"]] = None if None in sizes else sum(s for s in sizes if s is not None)
    return tuple(known[0])


def padded(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of what is padded."""
    shape = inputs[0].shape
    if shape is None:
        return None
    pairs = zip(shape, given["pads"], strict=True)
    return tuple(None if size is None else size + sum(pads) for size, pads in pairs)


def sliced(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of a slice."""
    shape = inputs[0].shape
    if shape is None:
        return None
    sizes: list[int | None] = []
    for size, part in zip(shape, given["parts"], strict=True):
        if part == (None, None, 1):
            sizes.append(size)
        else:
            sizes.append(None if size is None else len(range(*slice(*part).indices(size))))
    return tuple(sizes)


def gathered(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of what is looked up."""
    shape, places = inputs[0].shape, inputs[1].shape
    if shape is None or places is None:
        return None
    axis, batch = given["axis"], given["batch_dims"]
    return (*shape[:axis], *places[batch:], *shape[axis + 1 :])


def hot(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape with one axis more, of so many places."""
    shape = inputs[0].shape
    return None if shape is None else (*shape, given["depth"])


def one_axis(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape without one axis."""
    return reduced(inputs, {"axes": (given["axis"],)})


def spread(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of what is set apart."""
    shape = inputs[0].shape
    if shape is None:
        return None
    pairs = zip(shape, given["steps"], strict=True)
    return tuple(None if n is None else n if s == 1 else (n - 1) * s + 1 for n, s in pairs)


def tiled(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape of what is repeated."""
    shape = inputs[0].shape
    if shape is None:
        return None
    pairs = zip(shape, given["times"], strict=True)
    return tuple(None if size is None else size * times for size, times in pairs)


def top(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape with so many along the last axis."""
    shape = inputs[0].shape
    return None if shape is None else (*shape[:-1], given["k"])


def filled(inputs: Sequence[Node], given: Mapping[str, Any]) -> Shape | None:
    """Return the shape with as many rows as the second."""
    rows = inputs[1].shape
    return None if not rows else (rows[0], *given["rest"])
