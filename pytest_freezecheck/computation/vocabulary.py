"""The operations that a computation is written in: what shape each has, and what it computes.

One entry for each. `evaluate` works in float64 (whole numbers, truth values and text as they are);
it is what rules are tested by and what shows that two operations are not the same. Images have
their channels last. What a format has beside these stays an operation of its own, and matches only
its like.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.computation import kernels, shapes
from pytest_freezecheck.computation.node import Node, Shape

Array = npt.NDArray[Any]
ShapeOf = Callable[[Sequence[Node], Mapping[str, Any]], Shape | None]
Evaluate = Callable[[Sequence[Array], Mapping[str, Any]], Array]


@dataclasses.dataclass(frozen=True)
class Entry:
    """One operation of the vocabulary.

    Attributes:
        name: of the operation.
        shape: tells its static shape, from its inputs and attributes.
        evaluate: computes it.
        elementwise: whether each element is computed from those in its place alone.
        dtype: of what it computes, or "" for that of its first input.
    """

    name: str
    shape: ShapeOf
    evaluate: Evaluate
    elementwise: bool = False
    dtype: str = ""


def _affine(values: Sequence[Array], _: Mapping[str, Any]) -> Array:
    return values[0] * values[1] + values[2]


def _unary(function: Callable[[Array], Array]) -> Evaluate:
    return lambda values, _: function(values[0])


def _binary(function: Callable[[Array, Array], Any]) -> Evaluate:
    return lambda values, _: np.asarray(function(values[0], values[1]))


def _reduction(function: Callable[..., Any]) -> Evaluate:
    return lambda values, given: np.asarray(function(values[0], axis=tuple(given["axes"])))


def _best(function: Callable[..., Any]) -> Evaluate:
    return lambda values, given: np.asarray(function(values[0], given["axis"]))


_UNARY: dict[str, Callable[[Array], Array]] = {
    "square": np.square,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1.0 / np.sqrt(x),
    "reciprocal": lambda x: 1.0 / x,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sigmoid": kernels.sigmoid,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
    "softplus": lambda x: np.logaddexp(0.0, x),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
    "selu": kernels.selu,
    "gelu_tanh": kernels.gelu_tanh,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
}
_BINARY: dict[str, Callable[[Array, Array], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": kernels.divide,
    "floor_div": np.floor_divide,
    "floor_mod": np.mod,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
_TESTS: dict[str, Callable[[Array, Array], Any]] = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
}
_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_sum": np.sum,
    "reduce_mean": np.mean,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_prod": np.prod,
    "reduce_any": np.any,
    "reduce_all": np.all,
}

_ENTRIES = (
    *(Entry(name, shapes.same, _unary(function), True) for name, function in _UNARY.items()),
    *(
        Entry(name, shapes.broadcasted, _binary(function), True)
        for name, function in _BINARY.items()
    ),
    *(Entry(name, shapes.broadcasted, _binary(f), True, "bool") for name, f in _TESTS.items()),
    *(Entry(name, shapes.reduced, _reduction(function)) for name, function in _REDUCTIONS.items()),
    Entry("logical_not", shapes.same, _unary(np.logical_not), True, "bool"),
    Entry("affine", shapes.same, _affine),
    Entry("clip", shapes.same, lambda v, a: np.clip(v[0], a["low"], a["high"]), True),
    Entry("leaky_relu", shapes.same, lambda v, a: kernels.leaky(v[0], a["alpha"]), True),
    Entry("elu", shapes.same, lambda v, a: kernels.elu(v[0], a["alpha"]), True),
    Entry("cast", shapes.same, lambda v, a: kernels.cast(v[0], a["to"]), True, "attribute"),
    Entry("select", shapes.broadcasted, lambda v, _: kernels.select(*v), True, "second"),
    Entry("matmul", shapes.product, lambda v, _: v[0] @ v[1] + v[2]),
    Entry("dot", shapes.product, lambda v, _: v[0] @ v[1]),
    Entry("conv", shapes.windowed, lambda v, a: kernels.convolve(v[0], v[1], a) + v[2]),
    Entry("max_pool", shapes.windowed, lambda v, a: kernels.pool(v[0], a, np.max, -np.inf)),
    Entry("avg_pool", shapes.windowed, lambda v, a: kernels.average(v[0], a)),
    Entry("softmax", shapes.same, lambda v, a: kernels.softmax(v[0], a["axis"])),
    Entry("log_softmax", shapes.same, lambda v, a: kernels.log_softmax(v[0], a["axis"])),
    Entry("reshape", shapes.given, lambda v, a: kernels.reshape(v[0], a["shape"])),
    Entry("transpose", shapes.transposed, lambda v, a: np.transpose(v[0], a["perm"])),
    Entry("concat", shapes.joined, lambda v, a: np.concatenate(list(v), axis=a["axis"])),
    Entry("pad", shapes.padded, lambda v, a: kernels.pad(v[0], a)),
    Entry("slice", shapes.sliced, lambda v, a: v[0][tuple(slice(*part) for part in a["parts"])]),
    Entry("reverse", shapes.same, lambda v, a: np.flip(v[0], a["axes"])),
    Entry("gather", shapes.gathered, lambda v, a: kernels.gather(v[0], v[1], a)),
    Entry("one_hot", shapes.hot, lambda v, a: kernels.one_hot(v[0], a), dtype="float32"),
    Entry(
        "argmax",
        shapes.one_axis,
        lambda v, a: np.asarray(np.argmax(v[0], a["axis"])),
        dtype="int64",
    ),
    Entry(
        "argmin",
        shapes.one_axis,
        lambda v, a: np.asarray(np.argmin(v[0], a["axis"])),
        dtype="int64",
    ),
    Entry("spread", shapes.spread, lambda v, a: kernels.spread(v[0], a["steps"])),
    Entry("fill", shapes.filled, lambda v, a: kernels.fill(v[0], v[1], a["rest"])),
    Entry("top_values", shapes.top, lambda v, a: kernels.top(v[0], a["k"])[0]),
    Entry("top_places", shapes.top, lambda v, a: kernels.top(v[0], a["k"])[1], dtype="int64"),
    Entry("bucketize", shapes.same, lambda v, a: kernels.bucketize(v[0], a), True, "int32"),
    Entry("tile", shapes.tiled, lambda v, a: np.tile(v[0], a["times"])),
    Entry("cumsum", shapes.same, lambda v, a: np.cumsum(v[0], a["axis"])),
)
VOCABULARY: Mapping[str, Entry] = {entry.name: entry for entry in _ENTRIES}


def dtype_of(entry: Entry, inputs: Sequence[Node], given: Mapping[str, Any]) -> str:
    """Return the dtype of what an operation computes."""
    if entry.dtype == "attribute":
        return str(given["to"])
    if entry.dtype == "second":
        return inputs[1].dtype
    return entry.dtype or inputs[0].dtype


def evaluate(
    outputs: Sequence[Node],
    feeds: Mapping[str, Array],
    given: Mapping[int, Any] | None = None,
) -> list[Array]:
    """Return what nodes compute, in float64.

    Args:
        outputs: the nodes.
        feeds: {input name: array (rows, *shape)}.
        given: {id of a node: its value}, of which nothing is worked out.

    Raises:
        KeyError: one is computed from an operation that has no entry.
    """
    found: dict[int, Array] = dict(given or {})
    waiting = list(outputs)
    while waiting:
        node = waiting[-1]
        left = [read for read in node.inputs if id(read) not in found]
        if id(node) in found:
            waiting.pop()
        elif node.value is None and node.op != "input" and left:
            waiting.extend(left)
        else:
            found[id(node)] = _work(node, feeds, found)
            waiting.pop()
    return [found[id(node)] for node in outputs]


def _work(node: Node, feeds: Mapping[str, Array], found: Mapping[int, Array]) -> Array:
    if node.value is not None:
        return node.value.wide()
    if node.op == "input":
        fed = np.asarray(feeds[node["name"]])
        return fed.astype(np.float64) if fed.dtype.kind == "f" else fed
    values = [found[id(read)] for read in node.inputs]
    with np.errstate(all="ignore"):
        return np.asarray(VOCABULARY[node.op].evaluate(values, dict(node.attributes)))
