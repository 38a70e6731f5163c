"""Reshapes and transpositions move towards the outputs, and cancel on the way.

A format may keep channels second, flatten before a product or add axes of size 1: none of that is
arithmetic. What is left of it at the end is left on both sides.
"""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.computation import shapes
from pytest_freezecheck.computation.builder import Builder, Draft, Rule
from pytest_freezecheck.computation.node import Node, Shape
from pytest_freezecheck.computation.vocabulary import VOCABULARY

_ONE = tuple(
    name
    for name, entry in VOCABULARY.items()
    if entry.elementwise and name not in ("select",) and entry.shape is shapes.same
)
_TWO = tuple(name for name, entry in VOCABULARY.items() if entry.shape is shapes.broadcasted)
_REDUCTIONS = tuple(name for name in VOCABULARY if name.startswith("reduce_"))


def inverse(perm: tuple[int, ...]) -> tuple[int, ...]:
    """Return the permutation that undoes another."""
    return tuple(int(axis) for axis in np.argsort(perm))


def _known(b: Builder, draft: Draft) -> Node | None:
    """Say a shape in one way: the batch is the size that is not known."""
    shape, before = draft.given["shape"], draft.x.shape
    if before is None or not shape:
        return None
    told = shape
    if shape.count(None) == 1 and None not in before:
        product = int(np.prod([n for n in before if n is not None]))
        others = int(np.prod([n for n in shape if n is not None]))
        told = tuple(product // others if n is None and others else n for n in shape)
    elif None not in shape and before.count(None) == 1 and b.rows is not None:
        rest = int(np.prod([n for n in before if n is not None]))
        if int(np.prod(shape)) == b.rows * rest and shape[0] % b.rows == 0:
            told = (None, *shape[1:])
    return None if told == shape else b.op("reshape", draft.x, shape=told, origin=draft.origin)


def _idle_reshape(_: Builder, draft: Draft) -> Node | None:
    shape = draft.given["shape"]
    return draft.x if draft.x.shape == shape and shape.count(None) <= 1 else None


def _reshape_of_reshape(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "reshape":
        return None
    return b.op("reshape", draft.x.inputs[0], shape=draft.given["shape"], origin=draft.origin)


def _one_of_reshape(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "reshape":
        return None
    made = b.op(draft.op, draft.x.inputs[0], origin=draft.origin, **draft.given)
    return b.op("reshape", made, shape=draft.x["shape"], origin=draft.x.origin)


def _one_of_transpose(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "transpose":
        return None
    made = b.op(draft.op, draft.x.inputs[0], origin=draft.origin, **draft.given)
    return b.op("transpose", made, perm=draft.x["perm"], origin=draft.x.origin)


def _two_of_reshape(b: Builder, draft: Draft) -> Node | None:
    moved = [node for node in draft.inputs if not (node.is_constant and node.shape == ())]
    if not moved or any(node.op != "reshape" for node in moved):
        return None
    inner = [node.inputs[0] if node.op == "reshape" else node for node in draft.inputs]
    shapes = {node.inputs[0].shape for node in moved}
    if len(shapes) != 1 or None in shapes or len({node["shape"] for node in moved}) != 1:
        return None
    if next(iter(shapes)).count(None) > 1:  # type: ignore[union-attr]
        return None
    made = b.op(draft.op, *inner, origin=draft.origin, **draft.given)
    return b.op("reshape", made, shape=moved[0]["shape"], origin=moved[0].origin)


def _two_of_transpose(b: Builder, draft: Draft) -> Node | None:
    """Move a transposition behind an operation on several, if it is none of the others' then."""
    moved = _untransposed(b, draft.inputs)
    if moved is None:
        return None
    perm, inner = moved
    made = b.op(draft.op, *inner, origin=draft.origin, **draft.given)
    return b.op("transpose", made, perm=perm, origin=draft.origin)


def _untransposed(
    b: Builder, inputs: tuple[Node, ...]
) -> tuple[tuple[int, ...], list[Node]] | None:
    """Return a transposition that all of these go through, and what is before it."""
    perm = next((node["perm"] for node in inputs if node.op == "transpose"), None)
    if perm is None:
        return None
    inner = []
    for node in inputs:
        if node.op == "transpose" and node["perm"] == perm:
            inner.append(node.inputs[0])
            continue
        if node.shape is None or len(node.shape) > len(perm):
            return None
        wide = (1,) * (len(perm) - len(node.shape)) + node.shape
        if node.is_constant or wide == node.shape or node.shape.count(None) <= 1:
            node = b.op("reshape", node, shape=wide) if wide != node.shape else node
            back = b.op("transpose", node, perm=inverse(perm))
            if back.op != "transpose":
                inner.append(back)
                continue
        return None
    return perm, inner


def _idle_transpose(_: Builder, draft: Draft) -> Node | None:
    perm = draft.given["perm"]
    return draft.x if perm == tuple(range(len(perm))) else None


def _transpose_of_transpose(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "transpose":
        return None
    first = draft.x["perm"]
    perm = tuple(first[axis] for axis in draft.given["perm"])
    return b.op("transpose", draft.x.inputs[0], perm=perm, origin=draft.origin)


def _only_ones(b: Builder, draft: Draft) -> Node | None:
    shape, perm = draft.x.shape, draft.given["perm"]
    if shape is None or shape.count(None) > 1:
        return None
    moved = [axis for axis in perm if shape[axis] != 1]
    if moved != sorted(moved):
        return None
    made: Shape = tuple(shape[axis] for axis in perm)
    return b.op("reshape", draft.x, shape=made, origin=draft.origin)


def _reduced_transpose(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "transpose":
        return None
    perm = draft.x["perm"]
    axes = tuple(sorted(perm[axis] for axis in draft.given["axes"]))
    left = [axis for axis in perm if axis not in axes]
    order = tuple(sorted(left).index(axis) for axis in left)
    made = b.op(draft.op, draft.x.inputs[0], axes=axes, origin=draft.origin)
    return b.op("transpose", made, perm=order, origin=draft.x.origin)


def _along_transpose(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "transpose":
        return None
    perm = draft.x["perm"]
    axis = perm[draft.given["axis"]]
    made = b.op(draft.op, draft.x.inputs[0], origin=draft.origin, axis=axis)
    return b.op("transpose", made, perm=perm, origin=draft.x.origin)


def _along_last(b: Builder, draft: Draft) -> Node | None:
    x, axis = draft.x, draft.given["axis"]
    if x.op != "reshape" or not keeps_last(x) or axis != len(x["shape"]) - 1:
        return None
    inner = x.inputs[0]
    made = b.op(draft.op, inner, origin=draft.origin, axis=len(inner.shape or ()) - 1)
    return b.op("reshape", made, shape=x["shape"], origin=x.origin)


def keeps_last(reshape: Node) -> bool:
    """Return whether a reshape leaves the last axis as it is."""
    before, after = reshape.inputs[0].shape, reshape["shape"]
    return bool(before and after and before[-1] is not None and before[-1] == after[-1])


def _joined_transposes(b: Builder, draft: Draft) -> Node | None:
    moved = _untransposed(b, draft.inputs)
    if moved is None:
        return None
    perm, inner = moved
    made = b.op("concat", *inner, origin=draft.origin, axis=perm[draft.given["axis"]])
    return b.op("transpose", made, perm=perm, origin=draft.origin)


def _joined_twice(b: Builder, draft: Draft) -> Node | None:
    axis = draft.given["axis"]
    if not any(node.op == "concat" and node["axis"] == axis for node in draft.inputs):
        return None
    flat: list[Node] = []
    for node in draft.inputs:
        nested = node.op == "concat" and node["axis"] == axis
        flat.extend(node.inputs if nested else [node])
    return b.op("concat", *flat, axis=axis, origin=draft.origin)


def _joined_alone(_: Builder, draft: Draft) -> Node | None:
    return draft.x if len(draft.inputs) == 1 else None


def _per_axis_of_transpose(b: Builder, draft: Draft) -> Node | None:
    """Move a transposition behind what says something of each axis: `pads`, or `parts`."""
    if draft.x.op != "transpose":
        return None
    perm = draft.x["perm"]
    key = "pads" if draft.op == "pad" else "parts"
    each = tuple(draft.given[key][place] for place in inverse(perm))
    made = b.op(draft.op, draft.x.inputs[0], origin=draft.origin, **{**draft.given, key: each})
    return b.op("transpose", made, perm=perm, origin=draft.x.origin)


def _idle_slice(_: Builder, draft: Draft) -> Node | None:
    shape = draft.x.shape
    if shape is None:
        return None
    for size, (start, stop, step) in zip(shape, draft.given["parts"], strict=True):
        if step != 1 or start not in (None, 0):
            return None
        if stop is not None and (size is None or stop < size):
            return None
    return draft.x


def _idle_pad(_: Builder, draft: Draft) -> Node | None:
    return None if any(any(pair) for pair in draft.given["pads"]) else draft.x


def _padded_twice(b: Builder, draft: Draft) -> Node | None:
    x = draft.x
    rest = {key: value for key, value in draft.given.items() if key != "pads"}
    if x.op != "pad" or "mode" in rest or {k: v for k, v in x.attributes if k != "pads"} != rest:
        return None
    pairs = zip(x["pads"], draft.given["pads"], strict=True)
    pads = tuple((one[0] + two[0], one[1] + two[1]) for one, two in pairs)
    return b.op("pad", x.inputs[0], origin=draft.origin, **{**rest, "pads": pads})


_MOVES = "it moves elements and computes none"
RULES = (
    Rule("a shape in one way", ("reshape",), _known, "the number of elements stays"),
    Rule("a reshape to the same shape", ("reshape",), _idle_reshape, _MOVES),
    Rule("two reshapes are one", ("reshape",), _reshape_of_reshape, _MOVES),
    Rule("a transposition that moves nothing", ("transpose",), _idle_transpose, _MOVES),
    Rule("two transpositions are one", ("transpose",), _transpose_of_transpose, _MOVES),
    Rule("a transposition of axes of size 1", ("transpose",), _only_ones, _MOVES),
    Rule("each element, then reshaped", _ONE, _one_of_reshape, _MOVES),
    Rule("each element, then transposed", _ONE, _one_of_transpose, _MOVES),
    Rule("two operands, then reshaped", _TWO, _two_of_reshape, _MOVES),
    Rule("operands, then transposed", _TWO, _two_of_transpose, _MOVES),
    Rule("reduced, then transposed", _REDUCTIONS, _reduced_transpose, _MOVES),
    Rule(
        "along an axis, then transposed",
        ("softmax", "log_softmax", "cumsum"),
        _along_transpose,
        _MOVES,
    ),
    Rule("along the last axis, then reshaped", ("softmax", "log_softmax"), _along_last, _MOVES),
    Rule("joined, then transposed", ("concat",), _joined_transposes, _MOVES),
    Rule("joined within joined", ("concat",), _joined_twice, _MOVES),
    Rule("joined alone", ("concat",), _joined_alone, _MOVES),
    Rule("padded or cut, then transposed", ("pad", "slice"), _per_axis_of_transpose, _MOVES),
    Rule("a slice of everything", ("slice",), _idle_slice, _MOVES),
    Rule("a padding by nothing", ("pad",), _idle_pad, _MOVES),
    Rule("padded twice alike", ("pad",), _padded_twice, _MOVES),
)
