"""What converters write otherwise: axes of size 1, the largest alone, whole numbers compared."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.computation import shapes
from pytest_freezecheck.computation.builder import WHOLE, Builder, Draft, Rule
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.vocabulary import VOCABULARY

_PAIRED = tuple(name for name, entry in VOCABULARY.items() if entry.shape is shapes.broadcasted)
#: Up to this, float32 has every whole number.
_EXACT = 2**24


def _constant_of_reshape(b: Builder, draft: Draft) -> Node | None:
    """Take a constant operand before a reshape that only adds or drops axes of size 1."""
    if len(draft.inputs) != 2:
        return None
    place = next((n for n, node in enumerate(draft.inputs) if node.op == "reshape"), None)
    if place is None or not draft.inputs[1 - place].is_constant:
        return None
    x, constant = draft.inputs[place], draft.inputs[1 - place]
    before, after = x.inputs[0].shape, x["shape"]
    if before is None or not same_but_ones(before, after) or len(constant.shape or ()) > len(after):
        return None
    sizes = (1,) * (len(after) - len(constant.shape or ())) + (constant.shape or ())
    if any(c not in (1, size) for c, size in zip(sizes, after, strict=True)):
        return None
    kept = iter(c for c, size in zip(sizes, after, strict=True) if size != 1)
    shape = tuple(1 if size == 1 else next(kept) for size in before)
    operands = list(draft.inputs)
    operands[place] = x.inputs[0]
    operands[1 - place] = b.op("reshape", constant, shape=shape)
    made = b.op(draft.op, *operands, origin=draft.origin, **draft.given)
    return b.op("reshape", made, shape=after, origin=x.origin)


def same_but_ones(one: Shape, other: Shape) -> bool:
    """Return whether two shapes are the same but for axes of size 1."""
    left = [[size for size in shape if size != 1] for shape in (one, other)]
    return left[0] == left[1] and left[0].count(None) <= 1


def _reshape_of_transpose(b: Builder, draft: Draft) -> Node | None:
    """Move a transposition behind a reshape that only adds or drops axes of size 1."""
    x, shape = draft.x, draft.given["shape"]
    if x.op != "transpose" or x.shape is None or not same_but_ones(x.shape, shape):
        return None
    inner, perm = x.inputs[0], x["perm"]
    sizes = inner.shape or ()
    long = [axis for axis, size in enumerate(sizes) if size != 1]
    ones = shape.count(1)
    # Behind the first axis, so that rows stay first and channels last.
    place = {axis: n if n == 0 else n + ones for n, axis in enumerate(long)}
    first = [sizes[axis] for axis in long]
    made = b.op("reshape", inner, shape=(*first[:1], *[1] * ones, *first[1:]), origin=draft.origin)
    moved = iter(place[axis] for axis in perm if sizes[axis] != 1)
    spare = iter(range(1, ones + 1) if long else range(ones))
    order = tuple(next(spare) if size == 1 else next(moved) for size in shape)
    return b.op("transpose", made, perm=order, origin=x.origin)


def _best_of_transpose(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "transpose":
        return None
    perm = draft.x["perm"]
    axis = perm[draft.given["axis"]]
    left = [other for other in perm if other != axis]
    order = tuple(sorted(left).index(other) for other in left)
    made = b.op(draft.op, draft.x.inputs[0], axis=axis, origin=draft.origin)
    return b.op("transpose", made, perm=order, origin=draft.x.origin)


def _compared_as_floats(b: Builder, draft: Draft) -> Node | None:
    """Compare whole numbers as they are, where a file has made floats of them."""
    place = next((n for n, node in enumerate(draft.inputs) if node.op == "cast"), None)
    if place is None:
        return None
    x, constant = draft.inputs[place].inputs[0], draft.inputs[1 - place]
    number = None if constant.value is None else constant.value.number()
    if number is None or draft.inputs[place]["to"] not in ("float32", "float64"):
        return None
    if x.dtype not in WHOLE or number % 1.0 or abs(number) >= _EXACT:
        return None
    if not np.iinfo(x.dtype).min <= number <= np.iinfo(x.dtype).max:
        return None
    operands = [x, x]
    operands[1 - place] = b.constant(np.full(constant.shape or (), number, x.dtype))
    return b.op(draft.op, *operands, origin=draft.origin)


def _fewer_axes(b: Builder, draft: Draft) -> Node | None:
    """Leave out first axes of size 1 of a constant that is broadcast."""
    for place, node in enumerate(draft.inputs):
        shape, other = node.shape, draft.inputs[1 - place].shape
        if len(draft.inputs) != 2 or not node.is_constant or not shape or other is None:
            continue
        if shape[0] != 1 or len(shape) > len(other) or draft.inputs[1 - place].is_constant:
            continue
        ones = next((n for n, size in enumerate(shape) if size != 1), len(shape))
        operands = list(draft.inputs)
        operands[place] = b.op("reshape", node, shape=shape[ones:])
        return b.op(draft.op, *operands, origin=draft.origin, **draft.given)
    return None


def _largest_alone(b: Builder, draft: Draft) -> Node | None:
    """The place of the largest alone is its place."""
    shape = draft.x.shape
    if draft.given["k"] != 1 or not shape or shape.count(None) > 1:
        return None
    if draft.op == "top_values":
        return b.reduced("reduce_max", draft.x, [len(shape) - 1], keep=True, origin=draft.origin)
    made = b.op("argmax", draft.x, axis=len(shape) - 1, origin=draft.origin)
    return b.op("reshape", made, shape=(*shape[:-1], 1), origin=draft.origin)


_MOVES = "it moves elements and computes none"
RULES = (
    Rule(
        "a constant operand, then axes of size 1",
        _PAIRED,
        _constant_of_reshape,
        "each element keeps its partner",
    ),
    Rule("a constant of fewer axes", _PAIRED, _fewer_axes, "definition of broadcasting"),
    Rule("the largest alone", ("top_values", "top_places"), _largest_alone, "definition"),
    Rule("axes of size 1, then transposed", ("reshape",), _reshape_of_transpose, _MOVES),
    Rule("the best, then transposed", ("argmax", "argmin"), _best_of_transpose, _MOVES),
    Rule(
        "whole numbers compared as floats",
        ("less", "less_equal", "equal", "not_equal"),
        _compared_as_floats,
        "rounding to float32 is monotone, and keeps all up to 2**24",
    ),
)
