"""Every operation of the vocabulary computes what TensorFlow computes, and has that shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from pytest_freezecheck.computation.node import Arena
from pytest_freezecheck.computation.vocabulary import VOCABULARY, dtype_of
from tests.computation.drawn import Draw, campaign, same_numbers

EXACT = 1e-12


class Case(NamedTuple):
    """An operation: what it is applied to, its attributes, what TensorFlow says, how nearly."""

    inputs: list[Any]
    given: dict[str, Any]
    expected: Any
    tolerance: float = EXACT
    #: Whether the first axis of the first input may be of an unknown size.
    rows: bool = True


Make = Callable[[Draw], Case]
CASES: dict[str, Make] = {}


def case(*names: str) -> Callable[[Callable[[Draw, str], Case]], None]:
    """Enter what draws an operation, under its names."""

    def enter(function: Callable[[Draw, str], Case]) -> None:
        for name in names:
            CASES[name] = lambda d, name=name: function(d, name)  # type: ignore[misc]

    return enter


_SINGLE: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "square": (tf.square, -3, 3),
    "sqrt": (tf.sqrt, -0.5, 4),
    "rsqrt": (tf.math.rsqrt, -0.5, 4),
    "reciprocal": (tf.math.reciprocal, -3, 3),
    "exp": (tf.exp, -5, 5),
    "expm1": (tf.math.expm1, -2, 2),
    "log": (tf.math.log, -0.5, 4),
    "log1p": (tf.math.log1p, -1.5, 4),
    "sigmoid": (tf.sigmoid, -30, 30),
    "tanh": (tf.tanh, -5, 5),
    "sin": (tf.sin, -9, 9),
    "cos": (tf.cos, -9, 9),
    "erf": (tf.math.erf, -3, 3),
    "softplus": (tf.nn.softplus, -40, 40),
    "softsign": (tf.nn.softsign, -5, 5),
    "selu": (tf.nn.selu, -5, 5),
    "gelu_tanh": (lambda x: tf.nn.gelu(x, approximate=True), -5, 5),
    "abs": (tf.abs, -3, 3),
    "sign": (tf.sign, -3, 3),
    "floor": (tf.floor, -3, 3),
    "ceil": (tf.math.ceil, -3, 3),
    "round": (tf.round, -3, 3),
}
_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "add": tf.add,
    "sub": tf.subtract,
    "mul": tf.multiply,
    "div": lambda x, y: tf.raw_ops.Div(x=x, y=y),
    "floor_div": tf.math.floordiv,
    "floor_mod": tf.math.floormod,
    "pow": tf.pow,
    "maximum": tf.maximum,
    "minimum": tf.minimum,
    "equal": tf.equal,
    "not_equal": tf.not_equal,
    "less": tf.less,
    "less_equal": tf.less_equal,
}
_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_sum": tf.reduce_sum,
    "reduce_mean": tf.reduce_mean,
    "reduce_max": tf.reduce_max,
    "reduce_min": tf.reduce_min,
    "reduce_prod": tf.reduce_prod,
}


@case(*_SINGLE)
def _single(d: Draw, name: str) -> Case:
    function, low, high = _SINGLE[name]
    x = d.reals(d.shape(0, 4), low, high)
    if name == "round" and d.chance():
        x = np.round(x) + 0.5
    if name in ("square", "abs", "sign") and d.chance():
        x = d.wholes(x.shape, -5, 5, "int32")
    # TensorFlow's constants for them, or its logistic function far from 0, are less exact.
    rough = {"gelu_tanh": 1e-7, "sigmoid": 1e-9, "selu": 1e-9}
    return Case([x], {}, function(tf.constant(x)), rough.get(name, EXACT))


@case(*_PAIRS)
def _pair(d: Draw, name: str) -> Case:
    shape = d.shape(0, 4)
    other = d.narrowed(shape)
    whole = d.chance()
    if whole:
        x = d.wholes(shape, -5, 5, "int32")
        signs = 1 if name == "pow" else d.pick([1, -1])
        y = np.asarray(d.wholes(other, 1, 4, "int32") * signs, "int32")
    else:
        # The quotient of fractions may be a whole number but for its last place: dyadic ones.
        x, y = d.wholes(shape, -40, 40) / 8.0, d.wholes(other, 1, 24) / 8.0
        if name == "pow":
            x = np.abs(x)
    if name not in ("div", "floor_div", "floor_mod", "pow") and d.chance():
        x, y = y, x
    return Case([x, y], {}, _PAIRS[name](tf.constant(x), tf.constant(y)), rows=False)


@case("logical_and", "logical_or")
def _logical(d: Draw, name: str) -> Case:
    shape = d.shape(0, 4)
    x, y = d.bools(shape), d.bools(d.narrowed(shape))
    return Case([x, y], {}, getattr(tf, name)(x, y), rows=False)


@case("logical_not")
def _negated(d: Draw, _: str) -> Case:
    x = d.bools(d.shape(0, 4))
    return Case([x], {}, tf.logical_not(x))


@case(*_REDUCTIONS)
def _reduction(d: Draw, name: str) -> Case:
    x = d.reals(d.shape(0, 4))
    if name != "reduce_mean" and d.chance():
        x = d.wholes(x.shape, -5, 5, "int32")
    axes = d.some(x.ndim)
    return Case([x], {"axes": axes}, _REDUCTIONS[name](tf.constant(x), axes))


@case("reduce_any", "reduce_all")
def _quantifier(d: Draw, name: str) -> Case:
    x = d.bools(d.shape(0, 4))
    axes = d.some(x.ndim)
    return Case([x], {"axes": axes}, getattr(tf, name)(x, axes))


@case("affine")
def _affine(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    scale, shift = (d.reals(d.pick([(), x.shape[-1:]])) for _ in range(2))
    return Case([x, scale, shift], {}, tf.constant(x) * scale + shift)


@case("clip")
def _clip(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(0, 4))
    low = d.pick([-np.inf, -1.0, 0.0])
    high = d.pick([np.inf, 0.5, 1.0])
    expected = tf.maximum(tf.minimum(tf.constant(x), high), low)
    return Case([x], {"low": low, "high": high}, expected)


@case("leaky_relu")
def _leaky(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(0, 4))
    alpha = d.pick([0.0, 0.125, 0.5, 1.5])
    return Case([x], {"alpha": alpha}, tf.nn.leaky_relu(tf.constant(x), alpha))


@case("elu")
def _elu(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(0, 4))
    alpha = d.pick([1.0, 0.5])
    positive = tf.constant(x) > 0
    return Case([x], {"alpha": alpha}, tf.where(positive, tf.constant(x), alpha * tf.nn.elu(x)))


@case("cast")
def _cast(d: Draw, _: str) -> Case:
    shape = d.shape(0, 4)
    x = d.pick([d.wholes(shape, 0, 200, d.pick(["int32", "uint8", "int64"])), d.bools(shape)])
    if d.chance():
        x = d.reals(shape, -9, 9)
    to = d.pick(["float64", "float32", "int32", "int64", "bool"])
    tolerance = 1e-7 if to == "float32" else EXACT
    return Case([x], {"to": to}, tf.cast(tf.constant(x), to), tolerance)


@case("select")
def _select(d: Draw, _: str) -> Case:
    shape = d.shape(0, 4)
    parts = [d.narrowed(shape) for _ in range(3)]
    parts[d.whole(0, 2)] = shape
    condition, x, y = d.bools(parts[0]), d.reals(parts[1]), d.reals(parts[2])
    return Case([condition, x, y], {}, tf.where(condition, x, y), rows=False)


@case("matmul")
def _matmul(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(2, 4))
    w = d.reals((x.shape[-1], d.whole(1, 4)))
    bias = d.reals(w.shape[-1:])
    return Case([x, w, bias], {}, tf.tensordot(tf.constant(x), w, 1) + bias)


@case("dot")
def _dot(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(2, 4))
    batch = d.narrowed(x.shape[:-2])
    y = d.reals((*batch, x.shape[-1], d.whole(1, 4)))
    return Case([x, y], {}, tf.matmul(tf.constant(x), y), rows=y.ndim == 2)


def _windows(d: Draw, rank: int, *, dilated: bool) -> dict[str, Any]:
    kernel = tuple(d.whole(1, 3) for _ in range(rank))
    strides = tuple(d.whole(1, 2) for _ in range(rank))
    dilations = (1,) * rank
    if dilated and d.chance():
        strides, dilations = (1,) * rank, (d.whole(1, 2),) * rank
    pads: Any = tuple((d.whole(0, k - 1), d.whole(0, k - 1)) for k in kernel)
    if d.chance():
        pads = "SAME"
    return {"kernel": kernel, "strides": strides, "dilations": dilations, "pads": pads}


def _laid(x: Any, given: dict[str, Any], fill: float) -> tuple[Any, str]:
    """Return what is padded, and how TensorFlow is to pad the rest."""
    if given["pads"] == "SAME":
        return tf.constant(x), "SAME"
    pads = [(0, 0), *given["pads"], (0, 0)]
    return tf.pad(tf.constant(x), pads, constant_values=tf.constant(fill, x.dtype)), "VALID"


@case("conv")
def _conv(d: Draw, _: str) -> Case:
    rank = d.whole(1, 3)
    given = _windows(d, rank, dilated=rank != 3)
    groups, into, out = d.pick([1, 1, 2]), d.whole(1, 3), d.whole(1, 3)
    x = d.reals((d.whole(1, 3), *(d.whole(5, 7) for _ in range(rank)), groups * into))
    w = d.reals((*given["kernel"], into, groups * out))
    bias = d.reals((groups * out,))
    laid, padding = _laid(x, given, 0.0)
    parts = zip(tf.split(laid, groups, -1), tf.split(w, groups, -1), strict=True)
    found = [
        tf.nn.convolution(
            one, weight, strides=given["strides"], padding=padding, dilations=given["dilations"]
        )
        for one, weight in parts
    ]
    return Case([x, w, bias], {**given, "groups": groups}, tf.concat(found, -1) + bias)


@case("max_pool", "avg_pool")
def _pool(d: Draw, name: str) -> Case:
    rank = d.whole(1, 3)
    given = _windows(d, rank, dilated=False)
    del given["dilations"]
    given["strides"] = tuple(min(n) for n in zip(given["strides"], given["kernel"], strict=True))
    # TensorFlow pools no float64 in three dimensions.
    x = d.reals((d.whole(1, 3), *(d.whole(4, 6) for _ in range(rank)), d.whole(1, 3)))
    x = x.astype(np.float32)
    fill = -np.inf if name == "max_pool" else 0.0
    laid, padding = _laid(x, given, fill)
    kind = "MAX" if name == "max_pool" else "AVG"
    found = tf.nn.pool(laid, given["kernel"], kind, given["strides"], padding)
    if name == "avg_pool" and padding == "VALID":
        if d.chance():
            return Case([x], {**given, "padded": True}, found, 1e-6)
        ones, _ = _laid(np.ones_like(x), given, 0.0)
        found = found / tf.nn.pool(ones, given["kernel"], kind, given["strides"], padding)
    return Case([x], given, found, 1e-6)


@case("softmax", "log_softmax")
def _softmax(d: Draw, name: str) -> Case:
    x = d.reals(d.shape(1, 4), -9, 9)
    axis = d.whole(0, x.ndim - 1)
    return Case([x], {"axis": axis}, getattr(tf.nn, name)(tf.constant(x), axis))


@case("reshape")
def _reshape(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    rest = int(np.prod(x.shape[1:]))
    shape = d.pick([(None, rest), (None, rest, 1), (None, 1, rest), (None, *x.shape[1:], 1)])
    known = [-1 if size is None else size for size in shape]
    return Case([x], {"shape": shape}, tf.reshape(tf.constant(x), known))


@case("transpose")
def _transpose(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(0, 4))
    perm = d.perm(x.ndim)
    return Case([x], {"perm": perm}, tf.transpose(tf.constant(x), perm))


@case("concat")
def _concat(d: Draw, _: str) -> Case:
    shape = d.shape(1, 4)
    axis = d.whole(0, len(shape) - 1)
    parts = [
        d.reals((*shape[:axis], d.whole(1, 3), *shape[axis + 1 :])) for _ in range(d.whole(1, 3))
    ]
    return Case(parts, {"axis": axis}, tf.concat([tf.constant(part) for part in parts], axis))


@case("pad")
def _pad(d: Draw, _: str) -> Case:
    mode = d.pick(["constant", "reflect", "symmetric"])
    x = d.reals(tuple(n + 1 for n in d.shape(1, 4)))
    pads = tuple((d.whole(0, 1), d.whole(0, 1)) for _ in x.shape)
    if mode != "constant":
        return Case([x], {"pads": pads, "mode": mode}, tf.pad(tf.constant(x), pads, mode))
    value = d.pick([0.0, -1.5])
    given = {"pads": pads, **({"value": value} if value else {})}
    return Case([x], given, tf.pad(tf.constant(x), pads, constant_values=value))


@case("slice")
def _slice(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    parts = []
    for size in x.shape:
        start, stop = sorted((d.whole(0, size), d.whole(0, size)))
        parts.append(d.pick([(None, None, 1), (start, stop, d.whole(1, 2)), (None, None, -1)]))
    places = tuple(slice(*part) for part in parts)
    return Case([x], {"parts": tuple(parts)}, tf.constant(x)[places])


@case("reverse")
def _reverse(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    axes = d.some(x.ndim)
    return Case([x], {"axes": axes}, tf.reverse(tf.constant(x), axes))


@case("gather")
def _gather(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    batch = d.whole(0, x.ndim - 1)
    axis = d.whole(batch, x.ndim - 1)
    places = d.wholes((*x.shape[:batch], *d.shape(0, 2)), 0, x.shape[axis] - 1)
    found = tf.gather(tf.constant(x), places, axis=axis, batch_dims=batch)
    return Case([x, places], {"axis": axis, "batch_dims": batch}, found, rows=batch == 0)


@case("one_hot")
def _one_hot(d: Draw, _: str) -> Case:
    x = d.wholes(d.shape(0, 3), -1, 5)
    given = {"depth": d.whole(1, 5), "on": d.pick([1.0, 0.5]), "off": d.pick([0.0, -2.0])}
    found = tf.one_hot(x, given["depth"], given["on"], given["off"], dtype=tf.float64)
    return Case([x], given, found)


@case("argmax", "argmin")
def _best(d: Draw, name: str) -> Case:
    x = d.pick([d.reals(d.shape(1, 4)), d.wholes(d.shape(1, 4), 0, 2) * 1.0])
    axis = d.whole(0, x.ndim - 1)
    return Case([x], {"axis": axis}, getattr(tf, name)(tf.constant(x), axis))


@case("spread")
def _spread(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    steps = (1, *(d.whole(1, 3) for _ in x.shape[1:]))
    apart = tf.constant(x)
    for axis, step in enumerate(steps):
        # Each cell and the zeros after it, without those after the last one.
        pads = [[0, 0]] * (x.ndim + 1)
        pads[axis + 1] = [0, step - 1]
        apart = tf.pad(tf.expand_dims(apart, axis + 1), pads)
        sizes = [*apart.shape[:axis], x.shape[axis] * step, *apart.shape[axis + 2 :]]
        whole = [slice(None)] * axis
        apart = tf.reshape(apart, sizes)[(*whole, slice(None, (x.shape[axis] - 1) * step + 1))]
    return Case([x], {"steps": steps}, apart)


@case("fill")
def _fill(d: Draw, _: str) -> Case:
    rows, rest = d.whole(1, 4), d.shape(0, 3)
    narrow = d.narrowed(rest)
    x = d.pick([d.reals(narrow), d.wholes(narrow, -5, 5, "int32"), d.bools(narrow)])
    like = d.reals((rows, *d.shape(0, 2)))
    found = tf.broadcast_to(tf.constant(x), (rows, *rest))
    return Case([x, like], {"rest": rest}, found, rows=False)


@case("top_values", "top_places")
def _top(d: Draw, name: str) -> Case:
    shape = d.shape(1, 4)
    # Of few values, so that some are equal; TensorFlow has the first one first.
    few = d.wholes(shape, 0, 2)
    kinds = [d.reals(shape), few * 1.0, few.astype("int32"), few.astype("uint8")]
    x = d.pick(kinds)
    k = d.whole(1, shape[-1])
    values, places = tf.math.top_k(tf.constant(x), k)
    return Case([x], {"k": k}, values if name == "top_values" else places)


@case("bucketize")
def _bucketize(d: Draw, _: str) -> Case:
    boundaries = tuple(sorted({d.whole(-3, 3) / 2.0 for _ in range(d.whole(1, 4))}))
    shape = d.shape(1, 4)
    x = d.pick([d.reals(shape), d.wholes(shape, -3, 3) / 2.0])  # some lie on a boundary
    found = tf.raw_ops.Bucketize(input=tf.constant(x), boundaries=list(boundaries))
    return Case([x], {"boundaries": boundaries}, found)


@case("tile")
def _tile(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    times = tuple(d.whole(1, 3) for _ in x.shape)
    return Case([x], {"times": times}, tf.tile(tf.constant(x), times))


@case("cumsum")
def _cumsum(d: Draw, _: str) -> Case:
    x = d.reals(d.shape(1, 4))
    axis = d.whole(0, x.ndim - 1)
    return Case([x], {"axis": axis}, tf.cumsum(tf.constant(x), axis))


@pytest.mark.parametrize("name", VOCABULARY)
@campaign(15)
@given(data=st.data())
def test_an_entry_is_what_tensorflow_computes(name: str, data: st.DataObject) -> None:
    assert name in CASES, f"nothing draws {name}: add a case"
    drawn = CASES[name](Draw(data))
    entry = VOCABULARY[name]
    with np.errstate(all="ignore"):
        found = np.asarray(entry.evaluate(drawn.inputs, drawn.given))
    assert same_numbers(found, drawn.expected, drawn.tolerance) == ""

    arena = Arena()
    leaves = [
        arena.make("input", (), {"name": str(n)}, shape=value.shape, dtype=value.dtype.name)
        for n, value in enumerate(drawn.inputs)
    ]
    told = entry.shape(leaves, drawn.given)
    assert told is not None
    free = name == "reshape"  # of which one size is always what is left
    assert free or told == found.shape
    kind = np.dtype(dtype_of(entry, leaves, drawn.given)).kind
    assert {"u": "i"}.get(kind, kind) == {"u": "i"}.get(found.dtype.kind, found.dtype.kind)

    if name == "fill":
        leaves[1] = arena.make("input", (), {"name": "like"}, shape=(None,))
        assert entry.shape(leaves, drawn.given) == (None, *drawn.given["rest"])
    first = drawn.inputs[0]
    if not drawn.rows or not first.ndim:
        return
    leaves[0] = arena.make("input", (), {"name": "x"}, shape=(None, *first.shape[1:]))
    told = entry.shape(leaves, drawn.given)
    assert told is not None
    assert len(told) == found.ndim
    assert all(size in (None, there) for size, there in zip(told, found.shape, strict=True))
    # One size is not known; of what depends on it alone, one at most.
    assert told.count(None) <= 1


def test_nothing_is_drawn_that_the_vocabulary_has_not() -> None:
    assert set(CASES) == set(VOCABULARY)
