"""Random expressions, each written twice: as it is, and in normal form."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.computation.builder import Builder, Draft
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.computation.vocabulary import VOCABULARY, dtype_of, evaluate
from tests.computation.drawn import Draw, same_numbers

#: Rows that expressions are grown with: no size that is known is drawn as large.
GROWN = 7
LARGEST_SIZE, LARGEST = 3000, 1e6


class Plain(Builder):
    """Writes what it is told, and works nothing out."""

    def _normal(self, draft: Draft) -> Node:
        entry = VOCABULARY[draft.op]
        return self.arena.make(
            draft.op,
            draft.inputs,
            draft.given,
            shape=entry.shape(draft.inputs, draft.given),
            dtype=dtype_of(entry, draft.inputs, draft.given),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """One expression, both ways.

    Attributes:
        plain, ruled: as it is, and in normal form.
        value: what it computes.
        exact: whether rounding cannot have touched it, so that it may stand before a step.
        made: its operation, what that is applied to, and its attributes; of constants, none.
    """

    plain: Node
    ruled: Node
    value: Any
    exact: bool
    made: tuple[str, tuple[Item, ...], dict[str, Any]] | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Its static shape."""
        return self.plain.shape or ()

    @property
    def kind(self) -> str:
        """What numbers it holds."""
        return str(self.value.dtype.kind)


_KEEP = frozenset({"reshape", "transpose", "slice", "reverse", "concat", "tile", "gather", "pad"})
_KEEP |= {"clip", "maximum", "minimum", "max_pool", "reduce_max", "reduce_min", "abs", "select"}
_KEEP |= {"cast", "logical_and", "logical_or", "logical_not", "reduce_any", "reduce_all"}
_KEEP |= {"floor", "ceil", "round", "sign", "argmax", "argmin", "one_hot", "equal", "not_equal"}
_KEEP |= {"less", "less_equal", "spread", "top_values", "top_places"}


#: Rules that keep a number of their own as float32: a slope, or the two of a selu.
_AS_FLOAT32 = ("the larger of a slope and a smaller one", "a scaled exponential linear unit")


class Unfit(Exception):  # noqa: N818 - it is no error, and what is drawn then is left out
    """What was drawn is too large to be of use."""


class Graph:
    """Grows expressions of a few inputs.

    Args:
        d: draws.
    """

    def __init__(self, d: Draw) -> None:
        self.d = d
        self.plain, self.ruled = Plain(Arena(), ()), Builder(Arena(), RULES)
        self.ranges: dict[str, tuple[tuple[int, ...], str]] = {}
        self.fed = self.feeds(GROWN, 0)
        self.known: dict[int, Any] = {}
        self.items: list[Item] = []

    def feeds(self, rows: int, seed: int) -> dict[str, Any]:
        """Return values of the inputs."""
        rng = np.random.default_rng([rows, seed])
        found: dict[str, Any] = {}
        for name, (shape, dtype) in sorted(getattr(self, "ranges", {}).items()):
            size = (rows, *shape)
            if dtype == "bool":
                found[name] = rng.random(size) < 0.5
            elif dtype.startswith("float"):
                value = rng.uniform(-2.0, 2.0, size)
                found[name] = np.where(rng.random(size) < 0.03, 0.0, value)
            else:
                found[name] = rng.integers(0, 3, size).astype(dtype)
        return found

    def input(self, shape: tuple[int, ...], dtype: str = "float32") -> Item:
        """Return an input with a batch of any size."""
        name = f"x{len(self.ranges)}"
        self.ranges[name] = (shape, dtype)
        self.fed = self.feeds(GROWN, 0)
        both = [b.input(name, (None, *shape), dtype) for b in (self.plain, self.ruled)]
        return self._kept(Item(both[0], both[1], self.fed[name], exact=True))

    def constant(self, value: Any) -> Item:
        """Return a constant; of float32, if it holds numbers with fractions."""
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        both = [b.constant(array) for b in (self.plain, self.ruled)]
        wide = array.astype(np.float64) if array.dtype.kind == "f" else array
        return Item(both[0], both[1], wide, exact=True)

    def numbers(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Item:
        """Return a constant of drawn numbers."""
        return self.constant(self.d.reals(shape, low, high))

    def op(self, name: str, *items: Item, **given: Any) -> Item:
        """Return an operation."""
        plain = self.plain.op(name, *(item.plain for item in items), **given)
        with np.errstate(all="ignore"):
            value = np.asarray(VOCABULARY[name].evaluate([i.value for i in items], given))
        numbers = value[np.isfinite(value)] if value.dtype.kind == "f" else value
        if value.size > LARGEST_SIZE or (numbers.size and np.abs(numbers).max() > LARGEST):
            raise Unfit
        ruled = self.ruled.op(name, *(item.ruled for item in items), **given)
        exact = name in _KEEP and all(item.exact for item in items)
        return self._kept(Item(plain, ruled, value, exact, (name, items, given)))

    def _kept(self, item: Item) -> Item:
        self.items.append(item)
        return item

    def written_again(
        self, item: Item, builder: Builder, altered: Mapping[int, Any] | None = None
    ) -> Node:
        """Return an expression as another builder writes it.

        Args:
            item: the expression.
            builder: writes it.
            altered: {id of an item: another array for a constant, or what another is made of}.
        """
        done: dict[int, Node] = {}

        def write(one: Item) -> Node:
            if id(one) not in done:
                made = (altered or {}).get(id(one), one.made)
                if one.plain.op == "input":
                    node = builder.input(one.plain["name"], one.shape, one.plain.dtype)
                elif isinstance(made, tuple):
                    name, items, given = made
                    node = builder.op(name, *(write(read) for read in items), **given)
                else:
                    value = one.plain.value.array if one.plain.value is not None else None
                    node = builder.constant(value if made is None else made)
                done[id(one)] = node
            return done[id(one)]

        return write(item)

    def wrong(self, item: Item) -> str:
        """Return how the two ways of an expression are not the same, in words."""
        tolerance = 1e-7 if any(self.ruled.used[rule] for rule in _AS_FLOAT32) else 1e-9
        for rows, seed in ((1, 1), (3, 2), (GROWN, 0)):
            feeds = self.feeds(rows, seed)
            one, other = (evaluate([node], feeds)[0] for node in (item.plain, item.ruled))
            told = same_numbers(other, one, tolerance) or _shape_of(item.ruled, other)
            if told:
                return f"{rows} rows: {told}\n{written(item.plain)}\n-> \n{written(item.ruled)}"
        told = _shape_of(item.ruled, item.value) or _shape_of(item.plain, item.value)
        return told and f"{told}\n{written(item.plain)}\n->\n{written(item.ruled)}"


def _shape_of(node: Node, value: Any) -> str:
    shape = node.shape
    if shape is None or len(shape) != value.ndim:
        return f"told {shape}, is {value.shape}"
    if any(size not in (None, there) for size, there in zip(shape, value.shape, strict=True)):
        return f"told {shape}, is {value.shape}"
    kind = np.dtype(node.dtype).kind.replace("u", "i")
    return "" if kind == value.dtype.kind.replace("u", "i") else f"{node.dtype}, {value.dtype}"


def written(node: Node) -> str:
    """Return an expression, an operation a line."""
    names: dict[int, str] = {}
    lines = []
    for n, part in enumerate(walk([node])):
        names[id(part)] = f"%{n}"
        reads = ", ".join(names[id(read)] for read in part.inputs)
        shown = ""
        if part.value is not None and part.value.array.size < 9:
            shown = str(part.value.wide().tolist())
        lines.append(f"  %{n} = {part} ({reads}) {part.dtype} {shown}")
    return "\n".join(lines)


_SINGLE: tuple[str, ...] = ("square", "sigmoid", "tanh", "sin", "cos", "erf", "softplus")
_SINGLE += ("softsign", "selu", "gelu_tanh", "abs", "exp", "expm1")
_POSITIVE = ("sqrt", "rsqrt", "reciprocal", "log", "log1p")
_STEPS = ("sign", "floor", "ceil", "round")


def single(g: Graph, x: Item) -> Item:
    """Return a function of single numbers."""
    d = g.d
    which = d.whole(0, 5)
    if which == 0:
        return g.op("clip", x, low=d.pick([-math.inf, 0.0, -1.0]), high=d.pick([math.inf, 1.0]))
    if which == 1:
        return _sloped(g, x)
    if which == 2:
        if not x.exact or d.chance():
            x = g.op("add", g.op("abs", x), g.constant(np.float32(0.5)))
        return g.op(d.pick(_POSITIVE), x)
    if which == 3 and x.exact:
        return g.op(d.pick(_STEPS), x)
    if which == 4:
        return g.op("cast", x, to=d.pick(["float64", "float32"]))
    return g.op(d.pick(_SINGLE), x)


def _sloped(g: Graph, x: Item) -> Item:
    if g.d.chance():
        return g.op("leaky_relu", x, alpha=0.25)
    return g.op("elu", x, alpha=1.0)


def constant_like(g: Graph, x: Item, low: float = -2.0, high: float = 2.0) -> Item:
    """Return a constant that may stand beside an expression: one number, channels or more."""
    d = g.d
    known = [1 if size is None else size for size in x.shape]
    shapes: list[tuple[int, ...]] = [(), (1,) * d.whole(0, len(known))]
    if known:
        shapes += [(known[-1],), (*[1] * (len(known) - 1), known[-1]), tuple(known)]
        shapes += [d.narrowed(known)]
    shape = d.pick(shapes)
    value = d.pick([1.0, 0.0, 0.5, 2.0, 3.0])
    if d.chance() and low <= value <= high:
        return g.constant(np.full(shape, value, np.float32))
    return g.numbers(*shape, low=low, high=high)


def with_constant(g: Graph, x: Item) -> Item:
    """Return a sum, product, difference, quotient, bound or power with a constant."""
    d = g.d
    name = d.pick(["add", "mul", "sub", "div", "maximum", "minimum", "pow", "affine"])
    if name == "pow":
        x = g.op("add", g.op("abs", x), g.constant(np.float32(0.25)))
        power = d.pick([2.0, 0.5, -0.5, -1.0, 1.5])
        return g.op("pow", x, g.constant(np.full((1,) * d.whole(0, 1), power, np.float32)))
    if name == "affine":
        width = x.shape[-1] if x.shape else None
        sizes: list[tuple[int, ...]] = [(), () if width is None else (width,)]
        return g.op("affine", x, g.numbers(*d.pick(sizes)), g.numbers(*d.pick(sizes)))
    if name == "div":
        return g.op("div", x, constant_like(g, x, 0.5, 3.0))
    pair = (x, constant_like(g, x))
    return g.op(name, *(pair if d.chance() else pair[::-1]))


def _broadcasts(one: Item, other: Item) -> bool:
    pairs = zip(one.shape[::-1], other.shape[::-1], strict=False)
    values = zip(one.value.shape[::-1], other.value.shape[::-1], strict=False)
    return all(
        ((a is None) == (b is None) and m == n) or a == 1 or b == 1
        for (a, b), (m, n) in zip(pairs, values, strict=True)
    )


def two(g: Graph, x: Item) -> Item:
    """Return an operation on two expressions."""
    d = g.d
    others = [i for i in g.items if i.kind == x.kind and _broadcasts(x, i)]
    y = d.pick(others)
    pair = (x, y) if d.chance() else (y, x)
    if x.kind == "b":
        return g.op(d.pick(["logical_and", "logical_or"]), *pair)
    if x.kind != "f":
        return g.op(d.pick(["add", "sub", "mul", "maximum", "minimum"]), *pair)
    if x.exact and y.exact and d.whole(0, 4) == 0:
        return g.op(d.pick(["less", "less_equal", "equal", "not_equal"]), *pair)
    name = d.pick(["add", "sub", "mul", "maximum", "minimum", "div", "select"])
    if name == "select":
        conditions = [i for i in g.items if i.kind == "b" and _broadcasts(x, i)]
        conditions = [i for i in conditions if _broadcasts(y, i)]
        if conditions:
            return g.op("select", d.pick(conditions), *pair)
        name = "mul"
    if name == "div":
        y = g.op("add", g.op("abs", pair[1]), g.constant(np.float32(0.5)))
        return g.op("div", pair[0], y)
    return g.op(name, *pair)


def moved(g: Graph, x: Item) -> Item:
    """Return the same values in other places."""
    d, rank = g.d, len(x.shape)
    name = d.pick(["transpose", "transpose", "reshape", "reshape", "pad", "slice", "reverse"])
    if rank and d.whole(0, 3) == 0:
        name = d.pick(["concat", "gather", "tile", "cumsum", "spread"])
    if name == "transpose" or not rank:
        return g.op("transpose", x, perm=d.perm(rank))
    if name == "reshape":
        return reshaped(g, x)
    if name == "reverse":
        return g.op("reverse", x, axes=d.some(rank))
    if name == "pad":
        pads = tuple((0, 0) if size is None else (d.whole(0, 1), d.whole(0, 1)) for size in x.shape)
        value = d.pick([0.0, 0.0, 1.5]) if x.kind == "f" else 0.0
        return g.op("pad", x, pads=pads, **({"value": value} if value else {}))
    if name == "slice":
        parts = []
        for size in x.shape:
            start = 0 if size is None else d.whole(0, size - 1)
            stop = None if size is None else d.whole(start + 1, size)
            parts.append((start or None, stop, 1) if d.chance() else (None, None, d.pick([1, -1])))
        return g.op("slice", x, parts=tuple(parts))
    axis = d.whole(0, rank - 1)
    if name == "concat":
        others = [i for i in g.items if _joins(x, i, axis)]
        return g.op("concat", *(d.pick(others) for _ in range(d.whole(1, 3))), axis=axis)
    size = x.shape[axis]
    if name == "gather" and size is not None:
        places = g.constant(d.wholes(d.shape(0, 2, 3), 0, size - 1, d.pick(["int32", "int64"])))
        return g.op("gather", x, places, axis=axis, batch_dims=0)
    if name == "spread":
        steps = tuple(1 if size is None else d.whole(1, 2) for size in x.shape)
        return g.op("spread", x, steps=steps)
    if name == "tile":
        times = tuple(1 if size is None else d.whole(1, 2) for size in x.shape)
        return g.op("tile", x, times=times)
    return g.op("cumsum", x, axis=axis) if x.kind != "b" else x


def _joins(x: Item, y: Item, axis: int) -> bool:
    if x.kind != y.kind or len(x.shape) != len(y.shape):
        return False
    sizes = zip(x.value.shape, y.value.shape, x.shape, y.shape, strict=True)
    return all(
        n == axis or (a == b and (s is None) == (t is None)) for n, (a, b, s, t) in enumerate(sizes)
    )


def reshaped(g: Graph, x: Item) -> Item:
    """Return the same values in another shape, one of its sizes unknown or none."""
    d, shape = g.d, list(x.shape)
    for _ in range(d.whole(1, 2)):
        which = d.whole(0, 3)
        place = d.whole(0, len(shape))
        if which == 0:
            shape.insert(place, 1)
        elif which == 1 and 1 in shape:
            shape.remove(1)
        elif which == 2 and place + 1 < len(shape):
            pair = shape[place : place + 2]
            both = None if None in pair else math.prod(n or 0 for n in pair)
            shape[place : place + 2] = [both]
        elif place < len(shape):
            size = shape[place]
            if size is not None and size % 2 == 0:
                shape[place : place + 1] = d.pick([[2, size // 2], [size // 2, 2]])
    if shape.count(None) > 1:
        raise Unfit
    if None in x.shape and None not in shape:
        raise Unfit
    if None not in shape and shape and d.chance():
        shape[d.whole(0, len(shape) - 1)] = None
    return g.op("reshape", x, shape=tuple(shape))


def summed(g: Graph, x: Item) -> Item:
    """Return a summary over axes, or along one."""
    d, rank = g.d, len(x.shape)
    names = ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"]
    if x.kind == "b":
        names = ["reduce_any", "reduce_all"]
    elif x.kind != "f":
        names.remove("reduce_mean")
    axes = d.some(rank)
    if x.kind == "f" and rank and d.chance():
        axis = d.whole(0, rank - 1)
        if x.exact and d.whole(0, 3) == 0:
            return g.op(d.pick(["argmax", "argmin"]), x, axis=axis)
        last = x.shape[-1]
        if x.exact and last is not None and d.whole(0, 3) == 0:
            name = d.pick(["top_values", "top_places"])
            return g.op(name, x, k=d.pick([1, d.whole(1, last)]))
        return g.op(d.pick(["softmax", "log_softmax"]), x, axis=axis)
    made = g.op(d.pick(names), x, axes=axes)
    if d.chance():
        kept = tuple(1 if n in axes else size for n, size in enumerate(x.shape))
        if kept.count(None) > 1:
            raise Unfit
        made = g.op("reshape", made, shape=kept)
    return made


def layer(g: Graph, x: Item) -> Item:
    """Return a layer with weights and what stands around it, or a pool."""
    d, rank = g.d, len(x.shape)
    if rank < 2 or x.shape[-1] is None:
        raise Unfit
    first = rank in (3, 4) and d.chance()
    if first:
        # Channels second, as other formats have them.
        x = g.op("transpose", x, perm=(0, *range(2, rank), 1))
    width = x.shape[-1] or 0
    if not width:
        raise Unfit
    if rank in (3, 4, 5) and None not in x.shape[1:] and d.whole(0, 3):
        kernel = tuple(d.whole(1, min(2, size or 1)) for size in x.shape[1:-1])
        strides = tuple(d.whole(1, 2) for _ in kernel)
        pads: Any = tuple((d.whole(0, k - 1), d.whole(0, k - 1)) for k in kernel)
        pads = d.pick([pads, "SAME", ((0, 0),) * len(kernel)])
        given = {"kernel": kernel, "strides": strides, "pads": pads}
        if d.whole(0, 3) == 0:
            x = g.op(d.pick(["max_pool", "avg_pool"]), x, **given)
        else:
            groups = d.pick([1, width])
            out = groups * d.whole(1, 2)
            weight = g.numbers(*kernel, width // groups, out)
            x = g.op(
                "conv", x, weight, g.numbers(out), **given,
                dilations=(1,) * len(kernel), groups=groups,
            )  # fmt: skip
            if d.chance():
                x = g.op("affine", x, g.numbers(out), g.numbers(out))
    elif d.chance():
        weight = g.numbers(width, d.whole(1, 3))
        x = g.op("matmul", x, weight, g.numbers(weight.shape[-1] or 0))
    else:
        x = g.op("dot", x, g.numbers(width, d.whole(1, 3)))
    return g.op("transpose", x, perm=(0, rank - 1, *range(1, rank - 1))) if first else x


def product(g: Graph, x: Item) -> Item:
    """Return a product of two computed matrices."""
    others = [
        i
        for i in g.items
        if i.kind == "f" and len(i.shape) == len(x.shape) >= 3
        and i.shape[-2] == x.shape[-1] is not None and i.value.shape[:-2] == x.value.shape[:-2]
    ]  # fmt: skip
    if x.kind != "f" or not others:
        raise Unfit
    return g.op("dot", x, g.d.pick(others))


def grow(d: Draw, steps: int) -> Graph:
    """Return a graph that has grown by so many steps."""
    g = Graph(d)
    for _ in range(d.whole(1, 3)):
        g.input(d.pick([(4,), (2, 3), (4, 4, 2), (2, 1, 3), (1,), (3, 4, 4)]))
    g.input(d.pick([(4,), (2, 3)]), d.pick(["int32", "bool", "uint8"]))
    for _ in range(steps):
        recent = g.items[-4:] if d.chance() else g.items
        step(g, d.pick(recent))
    return g


def step(g: Graph, x: Item) -> None:
    """Grow one step from an expression; what does not fit is left out."""
    try:
        if x.kind == "f":
            ways = (single, with_constant, with_constant, two, moved, moved, summed, layer, product)
            g.d.pick(ways)(g, x)
        elif x.kind == "b":
            choice = g.d.whole(0, 3)
            if choice == 0:
                g.op("cast", x, to="float32")
            elif choice == 1:
                g.op("logical_not", x)
            else:
                g.d.pick([two, moved, summed])(g, x)
        else:
            choice = g.d.whole(0, 3)
            if choice == 0:
                g.op("cast", x, to=g.d.pick(["float32", "int32", "int64", "float64"]))
            elif choice == 1:
                g.op("one_hot", x, depth=3, on=1.0, off=0.0)
            else:
                g.d.pick([two, moved, summed])(g, x)
    except Unfit:
        return
