"""For each rule, expressions that it is used on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.computation.grown import Graph, Item, constant_like, single

Fire = Callable[[Graph], Item]
FIRED: dict[str, Fire] = {}


def fires(rule: str) -> Callable[[Fire], Fire]:
    """Enter what a rule is used on."""

    def enter(function: Fire) -> Fire:
        FIRED[rule] = function
        return function

    return enter


def _any(g: Graph, low: int = 1, high: int = 4) -> Item:
    """Return an input of any rank, its batch included."""
    return g.input(g.d.shape(low - 1, high - 1))


def _positive(g: Graph, x: Item) -> Item:
    return g.op("add", g.op("abs", x), g.constant(np.float32(0.5)))


def _channels(g: Graph, x: Item) -> Item:
    width = x.shape[-1]
    # No number is 0 alone, which some rules take for nothing.
    return g.numbers(*g.d.pick([(), () if width is None else (width,)]), low=0.1)


def _turned(g: Graph, x: Item) -> Item:
    """Return it transposed, so that axes move that are not of size 1."""
    rank = len(x.shape)
    return g.op("transpose", x, perm=g.d.pick([tuple(range(rank))[::-1], (*range(1, rank), 0)]))


def _wide(g: Graph, rank: int = 0) -> Item:
    """Return an input none of whose sizes is 1."""
    rank = rank or g.d.whole(2, 4)
    return g.input(tuple(g.d.whole(2, 4) for _ in range(rank - 1)))


def _flat(g: Graph, x: Item) -> Item:
    rest = math.prod(size or 0 for size in x.shape[1:])
    return g.op("reshape", x, shape=g.d.pick([(None, rest), (None, 1, rest)]))


@fires("a constant operand stands last")
def _last(g: Graph) -> Item:
    x = _any(g)
    return g.op(g.d.pick(["add", "mul", "maximum", "minimum"]), constant_like(g, x), x)


@fires("a difference is a sum")
def _difference(g: Graph) -> Item:
    x = _any(g)
    return g.op("sub", *g.d.pick([(x, g.op("sin", x)), (x, constant_like(g, x))]))


@fires("a quotient is a product")
def _quotient(g: Graph) -> Item:
    x = _any(g)
    if g.d.chance():
        return g.op("div", x, constant_like(g, x, 0.5, 3.0))
    y = _positive(g, g.op("sin", x))
    return g.op("div", x if g.d.chance() else constant_like(g, x), y)


@fires("adding a constant to each channel")
def _added(g: Graph) -> Item:
    x = _any(g, 2)
    return g.op("add", x, g.numbers(x.shape[-1] or 0))


@fires("multiplying each channel by a constant")
def _multiplied(g: Graph) -> Item:
    x = _any(g, 2)
    return g.op("mul", x, g.numbers(x.shape[-1] or 0))


@fires("two affine maps are one")
def _affine_twice(g: Graph) -> Item:
    x = _any(g, 2)
    for _ in range(2):
        x = g.op("affine", x, _channels(g, x), _channels(g, x))
    return x


@fires("the affine map that does nothing")
def _affine_of_nothing(g: Graph) -> Item:
    x = _any(g)
    return g.op("affine", x, g.constant(np.float32(1.0)), g.constant(np.float32(0.0)))


@fires("the larger of a slope and a smaller one")
def _slope(g: Graph) -> Item:
    x = _any(g)
    less = g.op("mul", x, g.constant(np.float32(g.d.pick([0.125, 0.3, 0.99]))))
    return g.op("maximum", *g.d.pick([(x, less), (less, x)]))


@fires("the larger of it and a number")
def _larger(g: Graph) -> Item:
    x = _any(g)
    return g.op("maximum", x, g.numbers(*(1,) * g.d.whole(0, len(x.shape))))


@fires("the smaller of it and a number")
def _smaller(g: Graph) -> Item:
    x = _any(g)
    return g.op("minimum", x, g.numbers(*(1,) * g.d.whole(0, len(x.shape))))


@fires("clipped twice")
def _clipped_twice(g: Graph) -> Item:
    low, high = g.d.pick([(-1.0, 0.5), (0.0, 1.0), (-math.inf, 0.3)])
    x = g.op("clip", _any(g), low=low, high=high)
    return g.op("clip", x, low=g.d.pick([-math.inf, -0.5, 0.2]), high=g.d.pick([math.inf, 0.25]))


@fires("clipped by nothing")
def _unclipped(g: Graph) -> Item:
    return g.op("clip", _any(g), low=-math.inf, high=math.inf)


@fires("clipped to where it is")
def _clipped_within(g: Graph) -> Item:
    x = _any(g, 2)
    low, high, names = g.d.pick(
        [
            (0.0, 1.0, ["sigmoid", "softmax"]),
            (-1.0, 1.0, ["tanh", "sin", "cos", "erf", "softsign", "sign"]),
            (0.0, math.inf, ["square", "exp", "abs", "sqrt", "softplus"]),
        ]
    )
    name = g.d.pick(names)
    made = g.op(name, x, **({"axis": 1} if name == "softmax" else {}))
    if g.d.chance() and len(x.shape) == 3:
        made = g.op("max_pool", made, kernel=(1,), strides=(1,), pads=((0, 0),))
    return g.op("clip", made, low=low, high=high)


@fires("a factor of a product")
def _factor(g: Graph) -> Item:
    x = _any(g, 2)
    scaled = g.op("mul", x, _channels(g, x))
    other = g.op("sin", g.d.pick([x, g.input((*x.value.shape[1:-1], 1))]))
    return g.op("mul", *g.d.pick([(scaled, other), (other, scaled)]))


@fires("times itself")
def _square(g: Graph) -> Item:
    x = _any(g)
    return g.op("mul", x, x)


@fires("powers that have a name")
def _power(g: Graph) -> Item:
    x = _positive(g, _any(g))
    return g.op("pow", x, g.constant(np.float32(g.d.pick([2.0, 0.5, -0.5, -1.0]))))


@fires("the inverse of a root")
def _inverse_of_root(g: Graph) -> Item:
    return g.op("reciprocal", g.op(g.d.pick(["sqrt", "rsqrt"]), _positive(g, _any(g))))


@fires("the root of an inverse")
def _root_of_inverse(g: Graph) -> Item:
    return g.op("sqrt", g.op("reciprocal", _positive(g, _any(g))))


@fires("the logarithm of a softmax")
def _log_softmax(g: Graph) -> Item:
    x = _any(g, 2)
    return g.op("log", g.op("softmax", x, axis=g.d.whole(0, len(x.shape) - 1)))


@fires("the logarithm of 1 + x")
def _log_one_more(g: Graph) -> Item:
    x = g.op("square", _any(g))
    one = g.constant(np.float32(1.0))
    return g.op("log", g.op("add", *g.d.pick([(x, one), (one, x)])))


@fires("a cast of a cast that loses nothing")
def _cast_twice(g: Graph) -> Item:
    x = g.input(g.d.shape(0, 3), g.d.pick(["uint8", "int16", "int32"]))
    return g.op("cast", g.op("cast", x, to="int64"), to=g.d.pick(["float32", "int32", "bool"]))


@fires("an index that was widened")
def _index(g: Graph) -> Item:
    wide = g.op("cast", g.input(g.d.shape(0, 2), g.d.pick(["uint8", "int32"])), to="int64")
    if g.d.chance():
        return g.op("one_hot", wide, depth=3, on=1.0, off=0.0)
    return g.op("gather", g.numbers(4, g.d.whole(1, 3)), wide, axis=0, batch_dims=0)


@fires("a cast that loses nothing")
def _cast(g: Graph) -> Item:
    x = _any(g, 2)
    which = g.d.whole(0, 2)
    if not which:
        return g.op("cast", x, to=g.d.pick(["float32", "float64"]))
    places = g.op("argmax", x, axis=1) if which == 1 else g.op("top_places", x, k=1)
    if g.d.chance():
        places = g.op("reshape", places, shape=(*places.shape, 1))
    return g.op("cast", places, to=g.d.pick(["int32", "int64"]))


@fires("a shape in one way")
def _one_way(g: Graph) -> Item:
    x = g.op("reduce_sum", _any(g, 2), axes=(0,))
    rest = math.prod(size or 0 for size in x.shape)
    return g.op("reshape", x, shape=g.d.pick([(None,), (1, None), (None, rest), (rest, None)]))


@fires("a reshape to the same shape")
def _reshaped_idly(g: Graph) -> Item:
    x = _any(g)
    return g.op("reshape", x, shape=x.shape)


@fires("two reshapes are one")
def _reshaped_twice(g: Graph) -> Item:
    x = _flat(g, _wide(g, g.d.whole(3, 4)))
    return g.op("reshape", x, shape=g.d.pick([(None, 1, 1, x.shape[-1]), (x.shape[-1], None)]))


@fires("a transposition that moves nothing")
def _transposed_idly(g: Graph) -> Item:
    x = _any(g)
    return g.op("transpose", x, perm=tuple(range(len(x.shape))))


@fires("two transpositions are one")
def _transposed_twice(g: Graph) -> Item:
    x = _turned(g, _wide(g))
    return _turned(g, x)


@fires("a transposition of axes of size 1")
def _ones_moved(g: Graph) -> Item:
    shape, perm = g.d.pick(
        [((1,), (1, 0)), ((1, 3), (0, 2, 1)), ((3, 1), (2, 0, 1)), ((1, 2, 1), (3, 0, 2, 1))]
    )
    return g.op("transpose", g.input(shape), perm=perm)


@fires("each element, then reshaped")
def _one_of_reshape(g: Graph) -> Item:
    return g.op(g.d.pick(["sigmoid", "sin", "abs"]), _flat(g, _wide(g, 3)))


@fires("each element, then transposed")
def _one_of_transpose(g: Graph) -> Item:
    x = _turned(g, _wide(g))
    return g.op("clip", x, low=0.0, high=1.0) if g.d.chance() else g.op("tanh", x)


@fires("two operands, then reshaped")
def _two_of_reshape(g: Graph) -> Item:
    x = _wide(g, 3)
    shape = (None, math.prod(size or 0 for size in x.shape[1:]))
    pair = [g.op("reshape", part, shape=shape) for part in (x, g.op("sin", x))]
    return g.op(g.d.pick(["add", "sub", "mul", "less", "maximum"]), *pair)


@fires("operands, then transposed")
def _two_of_transpose(g: Graph) -> Item:
    x = _wide(g)
    rank = len(x.shape)
    perm = g.d.pick([tuple(range(rank))[::-1], (*range(1, rank), 0)])
    pair = [g.op("transpose", part, perm=perm) for part in (x, g.op("sin", x))]
    if g.d.chance():
        # Of fewer axes, or of sizes of 1: it is broadcast.
        known = [1 if size is None else size for size in pair[0].shape]
        pair[g.d.whole(0, 1)] = g.numbers(*g.d.narrowed(known))
        return g.op(g.d.pick(["less", "less_equal"]), *pair)
    return g.op(g.d.pick(["add", "sub", "maximum", "less"]), *pair)


@fires("reduced, then transposed")
def _reduced(g: Graph) -> Item:
    x = _turned(g, _wide(g))
    names = ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"]
    return g.op(g.d.pick(names), x, axes=g.d.some(len(x.shape)))


@fires("along an axis, then transposed")
def _along(g: Graph) -> Item:
    x = _turned(g, _wide(g))
    name = g.d.pick(["softmax", "log_softmax", "cumsum"])
    return g.op(name, x, axis=g.d.whole(0, len(x.shape) - 1))


@fires("along the last axis, then reshaped")
def _along_last(g: Graph) -> Item:
    x = _wide(g, 3)
    shape: Any = g.d.pick([(None, x.shape[-1]), (None, 1, x.shape[-1])])
    made = g.op("reshape", x, shape=shape)
    return g.op(g.d.pick(["softmax", "log_softmax"]), made, axis=len(shape) - 1)


@fires("joined, then transposed")
def _joined_transposes(g: Graph) -> Item:
    x = _wide(g)
    turned = _turned(g, x)
    rank = len(x.shape)
    parts = [turned, g.op("sin", turned)]
    return g.op("concat", *parts, axis=g.d.whole(0, rank - 1))


@fires("joined within joined")
def _joined_twice(g: Graph) -> Item:
    x = _any(g)
    axis = g.d.whole(0, len(x.shape) - 1)
    inner = g.op("concat", x, g.op("sin", x), axis=axis)
    return g.op("concat", *g.d.pick([(inner, x), (x, inner, inner)]), axis=axis)


@fires("joined alone")
def _joined_alone(g: Graph) -> Item:
    x = _any(g)
    return g.op("concat", x, axis=g.d.whole(0, len(x.shape) - 1))


@fires("padded or cut, then transposed")
def _per_axis(g: Graph) -> Item:
    x = _turned(g, _wide(g))
    if g.d.chance():
        parts = [g.d.pick([(None, None, 1), (1, None, 1), (None, None, -1)]) for _ in x.shape]
        return g.op("slice", x, parts=tuple(parts))
    pads = tuple((g.d.whole(0, 1), g.d.whole(0, 1)) for _ in x.shape)
    more: list[dict[str, Any]] = [{}, {"value": 2.0}, {"mode": "reflect"}]
    return g.op("pad", x, pads=pads, **g.d.pick(more))


@fires("a slice of everything")
def _idle_slice(g: Graph) -> Item:
    x = _any(g)
    parts = [(0, size, 1) if size else (None, None, 1) for size in x.shape]
    return g.op("slice", x, parts=tuple(parts))


@fires("a padding by nothing")
def _idle_pad(g: Graph) -> Item:
    x = _any(g)
    return g.op("pad", x, pads=((0, 0),) * len(x.shape))


@fires("padded twice alike")
def _padded_twice(g: Graph) -> Item:
    x = _any(g, 2)
    given = g.d.pick([{}, {"value": -1.0}])
    for _ in range(2):
        pads = ((0, 0), *((g.d.whole(0, 2), 1) for _ in x.shape[1:]))
        x = g.op("pad", x, pads=tuple(pads), **given)
    return x


def _linear(g: Graph) -> Item:
    """Return a layer with weights."""
    if g.d.chance():
        x = _wide(g)
        weight = g.numbers(x.shape[-1] or 0, g.d.whole(1, 3))
        return g.op("matmul", x, weight, g.numbers(weight.shape[-1] or 0))
    return _conv(g, _wide(g, 4), g.d.pick([(1, 2), (2, 2)]), "SAME")


def _conv(g: Graph, x: Item, kernel: tuple[int, ...], pads: Any) -> Item:
    width, one = x.shape[-1] or 0, (1,) * len(kernel)
    groups = g.d.pick([1, width])
    out = groups * g.d.whole(1, 2)
    weight = g.numbers(*kernel, width // groups, out)
    given: dict[str, Any] = {"kernel": kernel, "strides": one, "dilations": one, "pads": pads}
    return g.op("conv", x, weight, g.numbers(out), groups=groups, **given)


@fires("an affine map goes into the layer before it")
def _folded(g: Graph) -> Item:
    x = _linear(g)
    return g.op("affine", x, _channels(g, x), _channels(g, x))


@fires("an affine map, then reshaped")
def _affine_of_reshape(g: Graph) -> Item:
    x = _wide(g, 3)
    if g.d.chance():
        return g.op("affine", _flat(g, x), g.numbers(), g.numbers())
    made = g.op("reshape", x, shape=(None, x.shape[-1]))
    return g.op("affine", made, _channels(g, made), g.numbers(x.shape[-1] or 0))


@fires("an affine map, then transposed")
def _affine_of_transpose(g: Graph) -> Item:
    x = _turned(g, _wide(g))
    if g.d.chance():
        x = g.op("transpose", _wide(g, 4), perm=g.d.pick([(0, 3, 1, 2), (0, 2, 1, 3)]))
    return g.op("affine", x, _channels(g, x), _channels(g, x))


@fires("a product, then reshaped")
def _product_of_reshape(g: Graph) -> Item:
    x = _wide(g, 3)
    shape: Any = g.d.pick([(None, x.shape[-1]), (None, 1, x.shape[-1])])
    weight = g.numbers(x.shape[-1] or 0, 2)
    return g.op("matmul", g.op("reshape", x, shape=shape), weight, g.numbers(2))


@fires("a product, then transposed")
def _product_of_transpose(g: Graph) -> Item:
    x = g.op("transpose", _wide(g, 4), perm=g.d.pick([(0, 2, 1, 3), (2, 1, 0, 3)]))
    return g.op("matmul", x, g.numbers(x.shape[-1] or 0, 2), g.numbers(2))


@fires("a product with a constant")
def _dot(g: Graph) -> Item:
    x = _any(g, 2)
    return g.op("dot", x, g.numbers(x.shape[-1] or 0, 2))


@fires("a factor of a product of matrices")
def _factor_of_dot(g: Graph) -> Item:
    x = _wide(g, 3)
    scaled = g.op("mul", x, g.numbers())
    other = g.op("transpose", g.op("sin", x), perm=(0, 2, 1))
    return g.op("dot", scaled, other) if g.d.chance() else g.op("dot", g.op("sin", x), _of(g, x))


def _of(g: Graph, x: Item) -> Item:
    """Return what x may be multiplied with: another input, times a number."""
    y = g.input((x.shape[-1] or 0, g.d.whole(1, 3)))
    return g.op("mul", y, g.numbers())


@fires("a constant factor leaves a product")
def _factor_leaves(g: Graph) -> Item:
    x = _wide(g, 3)
    if g.d.chance():
        # A factor for each channel of what has one of them.
        thin = g.input((x.shape[1] or 0, 1))
        inner = g.op("mul", thin, g.numbers(*g.d.pick([(), (1,)]), x.shape[-1] or 0))
    else:
        inner = g.op("reduce_sum", g.op("sin", x), axes=(1,))
        inner = g.op("mul", inner, _channels(g, inner))
        inner = g.op("reshape", inner, shape=(None, 1, x.shape[-1]))
    return g.op("mul", *g.d.pick([(inner, x), (x, inner)]))


@fires("a constant term leaves a sum")
def _term_leaves(g: Graph) -> Item:
    x = _wide(g, 3)
    if g.d.chance():
        inner = g.op("affine", g.op("sin", x), _channels(g, x), _channels(g, x))
    else:
        inner = g.op("reduce_sum", g.op("sin", x), axes=(1,))
        inner = g.op("affine", inner, _channels(g, inner), _channels(g, inner))
        inner = g.op("reshape", inner, shape=(None, 1, x.shape[-1]))
    return g.op("add", *g.d.pick([(inner, x), (x, inner)]))


@fires("a factor of a product goes into a layer")
def _factor_into_weights(g: Graph) -> Item:
    one = _linear(g)
    pair = (one, g.op("sin", one))
    made = g.op("mul", *(pair if g.d.chance() else pair[::-1]))
    return g.op("affine", made, _channels(g, made), _channels(g, made))


@fires("a factor before a layer")
def _factor_before(g: Graph) -> Item:
    x = _wide(g, 4)
    scaled = g.op("mul", x, g.numbers())
    which = g.d.whole(0, 2)
    if which == 0:
        return g.op("matmul", scaled, g.numbers(x.shape[-1] or 0, 2), g.numbers(2))
    if which == 1:
        flat = g.op("reshape", scaled, shape=(None, math.prod(n or 0 for n in x.shape[1:])))
        return g.op("matmul", flat, g.numbers(flat.shape[-1] or 0, 2), g.numbers(2))
    return _conv(g, scaled, (2, 2), g.d.pick(["SAME", ((1, 0), (0, 0))]))


@fires("a convolution of single cells")
def _one_by_one(g: Graph) -> Item:
    x, out = _wide(g, 4), g.d.whole(1, 3)
    weight, one = g.numbers(1, 1, x.shape[-1] or 0, out), (1, 1)
    given: dict[str, Any] = {"kernel": one, "strides": one, "dilations": one}
    return g.op("conv", x, weight, g.numbers(out), groups=1, pads=((0, 0),) * 2, **given)


@fires("a padding before a convolution")
def _padding(g: Graph) -> Item:
    x = _wide(g, 4)
    x = g.op("pad", x, pads=((0, 0), (g.d.whole(0, 2), 1), (1, g.d.whole(0, 2)), (0, 0)))
    return _conv(g, x, (2, 2), ((0, 1), (g.d.whole(0, 1), 0)))


@fires("the largest of clipped values")
def _pool_of_clip(g: Graph) -> Item:
    low, high = g.d.pick([(0.0, math.inf), (0.5, 1.0), (-0.5, 0.5)])
    x = g.op("clip", _wide(g, 4), low=low, high=high)
    pads: Any = g.d.pick(["SAME", ((0, 1), (1, 1))])
    return g.op("max_pool", x, kernel=(2, 2), strides=(g.d.whole(1, 2), 1), pads=pads)


@fires("an average of everything")
def _average(g: Graph) -> Item:
    x = _wide(g, g.d.whole(3, 4))
    kernel = x.shape[1:-1]
    pads = ((0, 0),) * len(kernel)
    return g.op("avg_pool", x, kernel=kernel, strides=(g.d.whole(1, 2),) * len(kernel), pads=pads)


@fires("a summary of one value")
def _one_value(g: Graph) -> Item:
    x = g.input(g.d.pick([(1,), (1, 3), (3, 1), (1, 1)]))
    axes = tuple(n for n, size in enumerate(x.shape) if size == 1)
    names = ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"]
    return g.op(g.d.pick(names), x, axes=axes)


@fires("a scaled exponential linear unit")
def _selu(g: Graph) -> Item:
    return g.op("selu", _any(g))


@fires("the logarithm of 1 + exp(x)")
def _log_of_exp(g: Graph) -> Item:
    powers = g.op("exp", _any(g))
    if g.d.chance():
        return g.op("log1p", powers)
    return g.op("log", g.op("add", powers, g.constant(np.float32(1.0))))


def _paired(g: Graph, x: Item, constant: Item) -> Item:
    """Return an operation on both, in either order."""
    names = ["less", "less_equal", "equal", "not_equal"]
    if x.kind != "f" or constant.value.size not in (1, constant.shape[-1]):
        # Real numbers beside one number, or one for each channel, are affine maps or clipped.
        names += ["add", "sub", "mul", "maximum", "minimum"]
    if x.kind == "i":
        names += ["floor_div", "floor_mod", "div"] if (constant.value > 0).all() else []
        pair = (x, constant)
        return g.op(g.d.pick(names), *pair)
    if x.kind == "b":
        names = ["logical_and", "logical_or"]
    return g.op(g.d.pick(names), *g.d.pick([(x, constant), (constant, x)]))


def _beside(g: Graph, x: Item, shape: tuple[int, ...]) -> Item:
    """Return a constant of x's kind; of real numbers, some may be infinite or none at all."""
    if x.kind == "b":
        return g.constant(g.d.bools(shape))
    if x.kind == "i":
        return g.constant(g.d.wholes(shape, 1, 3, str(x.plain.dtype)))
    value = g.d.reals(shape)
    if g.d.whole(0, 3) == 0 and value.size:
        value.flat[0] = g.d.pick([math.inf, -math.inf, math.nan])
    return g.constant(value)


@fires("a constant operand, then axes of size 1")
def _ones_and_a_constant(g: Graph) -> Item:
    x = g.input(g.d.pick([(2, 3), (3,), (1, 3), (4, 1, 2)]), g.d.pick(["float32", "int32", "bool"]))
    rows, *rest = x.shape
    plain = [size for size in rest if size != 1]
    shape: list[Any] = [rows, *plain]
    for _ in range(g.d.whole(1, 2)):
        shape.insert(g.d.whole(0, len(shape)), 1)
    if tuple(shape) == x.shape:
        shape.insert(1, 1)
    made = g.op("reshape", x, shape=tuple(shape))
    known = [1 if size is None else g.d.pick([size, 1]) for size in shape]
    return _paired(g, made, _beside(g, x, tuple(known[g.d.pick([0, 0, len(known) - 1]) :])))


@fires("a constant of fewer axes")
def _fewer_axes(g: Graph) -> Item:
    x = g.input((3, 2), g.d.pick(["float32", "int32", "bool"]))
    shape = g.d.pick([(1, 3, 2), (1, 3, 1), (1, 2), (1, 1, 2), (1, 1, 1)])
    constant = _beside(g, x, shape)
    return _paired(g, x, constant)


@fires("the largest alone")
def _largest(g: Graph) -> Item:
    x = g.input(g.d.shape(1, 3), g.d.pick(["float32", "int32", "uint8"]))
    if x.kind == "f" and g.d.chance():
        # Equal ones among them, or what is no number.
        x = g.op(*g.d.pick([("sign", x), ("sqrt", x)]))
    name = g.d.pick(["top_values", "top_places"])
    return g.op(name, x, k=1)


@fires("axes of size 1, then transposed")
def _ones_of_transpose(g: Graph) -> Item:
    sizes = [g.d.whole(2, 4) for _ in range(g.d.whole(1, 3))]
    sizes.insert(g.d.whole(0, len(sizes)), 1)
    if g.d.chance():
        sizes.remove(1)
    x = _turned(g, g.input(tuple(sizes)))
    shape: list[Any] = [size for size in x.shape if size != 1]
    for _ in range(g.d.whole(1, 2)):
        shape.insert(g.d.whole(0, len(shape)), 1)
    if tuple(shape) == x.shape:
        shape.append(1)
    return g.op("reshape", x, shape=tuple(shape))


@fires("the best, then transposed")
def _best_of_transpose(g: Graph) -> Item:
    x = _turned(g, g.op("sign", _wide(g)))
    return g.op(g.d.pick(["argmax", "argmin"]), x, axis=g.d.whole(0, len(x.shape) - 1))


@fires("whole numbers compared as floats")
def _compared(g: Graph) -> Item:
    x = g.input(g.d.shape(0, 3), g.d.pick(["uint8", "int16", "int32", "int64"]))
    number = g.d.whole(0, 3)
    made = g.op("cast", x, to=g.d.pick(["float32", "float64"]))
    shape = g.d.pick([(), (1,) * len(x.shape), x.value.shape[1:]])
    pair = (made, g.constant(np.full(shape, number, np.float32)))
    name = g.d.pick(["less", "less_equal", "equal", "not_equal"])
    return g.op(name, *(pair if g.d.chance() else pair[::-1]))


def after(g: Graph, item: Item) -> Item:
    """Return something more that is done to it."""
    return single(g, item) if item.kind == "f" and g.d.chance() else item


@fires("a scaled exponential linear unit")
def _scaled_unit(g: Graph) -> Item:
    return g.op("selu", _any(g))


@fires("the logarithm of 1 + exp(x)")
def _soft(g: Graph) -> Item:
    return g.op("log1p", g.op("exp", _any(g)))
