"""Mistakes planted in GraphDefs: one constant, attribute, operation or wire is another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.proof import IDENTICAL, Proof, compare
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.models.batching import static_shape
from pytest_freezecheck.models.constant_graph import ConstantGraph
from pytest_freezecheck.models.graph_reader import read_graph
from pytest_freezecheck.models.operations import Translator
from tests.kit.made import made
from tests.kit.networks import NETWORKS

v1 = tf.compat.v1
#: Operations that may stand for each other.
_SINGLE = "Abs Neg Square Exp Relu Relu6 Sigmoid Tanh Elu Selu Softplus Identity Sin Cos Sign Floor"
_TWO = "AddV2 Sub Mul Maximum Minimum SquaredDifference RealDiv"
_TESTS = "Less LessEqual Greater GreaterEqual Equal"
_SUMMARIES = "Mean Sum Max Min Prod"
_BEST = "ArgMax ArgMin"
_ALIKE = [group.split() for group in (_SINGLE, _TWO, _TESTS, _SUMMARIES, _BEST)]
_ALIKE += [["MaxPool", "AvgPool"], ["Softmax", "LogSoftmax"]]


@dataclasses.dataclass
class Original:
    """A network before a mistake.

    Attributes:
        graph: what it runs.
        arena, raw, normal: where its expressions are, as they are read, and in normal form.
        inputs: {input: (shape, dtype)}.
        weights: names of its weights.
        feeds, answers: inputs and what they are answered.
    """

    graph: ConstantGraph
    arena: Arena
    raw: dict[str, Node]
    normal: dict[str, Node]
    inputs: dict[str, tuple[Any, str]]
    weights: frozenset[str]
    feeds: dict[str, Any]
    answers: dict[str, Any]


def original(name: str) -> Original:
    """Return a network of the benchmarks."""
    network = NETWORKS[name]
    live = made(network.build, network.inputs)
    graph = live.constant_graph()
    inputs = {n: (static_shape(t), t.dtype.name) for n, t in live.inputs.items()}
    weights = frozenset(live.weights())
    live.close()
    rng = np.random.default_rng(3)
    feeds = {}
    for key, (shape, dtype) in inputs.items():
        size = [6, *(n or 1 for n in (shape or ())[1:])]
        told: Any = network.inputs[key]
        values: Any = rng.uniform(told.get("low", -1.5), told.get("high", 1.5), size)
        values = values if dtype.startswith("float") else np.rint(values)
        feeds[key] = values.astype(dtype)
    arena = Arena()
    raw = read_graph(arena, graph)
    normal = normal_form(arena, raw, inputs)
    answers = run(graph, feeds)
    return Original(graph, arena, raw, normal, inputs, weights, feeds, answers)


def normal_form(
    arena: Arena, raw: Mapping[str, Node], inputs: Mapping[str, tuple[Any, str]]
) -> dict[str, Node]:
    """Return expressions in normal form."""
    translator = Translator(Builder(arena, RULES), inputs, lambda node: None)
    return {name: translator(node) for name, node in raw.items()}


def run(graph: ConstantGraph, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a graph answers.

    Raises:
        ValueError, tf.errors.OpError: it cannot be run.
    """
    with tf.Graph().as_default() as loaded:
        tf.import_graph_def(graph.definition, name="")
        for tensor, value in graph.constants.items():
            feeds = {**feeds, tensor: value}
        with v1.Session(graph=loaded) as session:
            fed = {graph.inputs.get(name, name): value for name, value in feeds.items()}
            return dict(session.run(dict(graph.outputs), fed))


def proved(origin: Original, graph: ConstantGraph) -> Proof:
    """Return what comparing a graph with the original comes to."""
    arena = Arena(origin.arena)
    raw = read_graph(arena, graph)
    if all(raw[name] is origin.raw[name] for name in raw):
        return Proof(IDENTICAL)
    return compare(origin.normal, normal_form(arena, raw, origin.inputs), origin.weights)


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return how far answers are apart, of the largest; infinite for other shapes or NaN."""
    worst = 0.0
    for name, mine in one.items():
        theirs = np.asarray(other[name])
        mine = np.asarray(mine)
        if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
            return float("inf")
        if mine.dtype == object:
            worst = max(worst, 0.0 if np.array_equal(mine, theirs) else float("inf"))
            continue
        wide = np.complex128 if mine.dtype.kind == "c" else np.float64
        a, b = mine.astype(wide), theirs.astype(wide)
        if not np.array_equal(np.isnan(a), np.isnan(b)):
            return float("inf")
        finite = np.isfinite(a) & np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return float("inf")
        if finite.any():
            largest = max(float(np.abs(a[finite]).max()), 1e-30)
            worst = max(worst, float(np.abs(a - b)[finite].max()) / largest)
    return worst


Mutate = Callable[[Any, np.random.Generator], str]


def _constant(definition: Any, rng: np.random.Generator) -> str:
    found = [node for node in definition.node if node.op == "Const"]
    node = found[rng.integers(len(found))]
    array = np.array(tf.make_ndarray(node.attr["value"].tensor))
    if not array.size or array.dtype == object or array.dtype.kind == "b":
        return ""
    place = tuple(int(rng.integers(size)) for size in array.shape)
    before = array[place]
    if array.dtype.kind == "f":
        share = rng.choice([1e-4, -1e-4, 1e-3, 0.1, -2.0])
        array[place] = before * (1 + share) if before else max(np.abs(array).max(), 1e-2) * share
    else:
        array[place] = before + rng.choice([1, -1])
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array, array.dtype, array.shape))
    return f"{node.name}{list(place)}: {before} -> {array[place]}"


def _attribute(definition: Any, rng: np.random.Generator) -> str:
    skipped = ("value", "dtype", "T", "_output_shapes", "shape")
    places = [
        (node, name)
        for node in definition.node
        for name, value in node.attr.items()
        if name not in skipped and not name.startswith("_") and value.WhichOneof("value") != "type"
    ]
    if not places:
        return ""
    node, name = places[rng.integers(len(places))]
    value = node.attr[name]
    kind = value.WhichOneof("value")
    before = str(value).strip()
    if kind == "b":
        value.b = not value.b
    elif kind == "i":
        value.i += int(rng.choice([1, -1]))
    elif kind == "f":
        value.f = value.f * rng.choice([2.0, 1.001]) + 1e-4
    elif kind == "s":
        other = {b"SAME": b"VALID", b"VALID": b"SAME", b"REFLECT": b"SYMMETRIC"}.get(value.s)
        if other is None:
            return ""
        value.s = other
    elif kind == "list" and value.list.i:
        place = int(rng.integers(len(value.list.i)))
        value.list.i[place] += 1
    else:
        return ""
    return f"{node.name} ({node.op}) {name}: {before} -> {str(value).strip()}"


def _operation(definition: Any, rng: np.random.Generator) -> str:
    places = [(n, group) for n in definition.node for group in _ALIKE if n.op in group]
    places = [(n, group) for n, group in places if n.op != "Identity"]
    if not places:
        return ""
    node, group = places[rng.integers(len(places))]
    before = node.op
    node.op = str(rng.choice([op for op in group if op != before]))
    if "Pool" not in before and node.op == "Identity":
        for name in [n for n in node.attr if n != "T"]:
            del node.attr[name]
    return f"{node.name}: {before} -> {node.op}"


def _wires(definition: Any, rng: np.random.Generator) -> str:
    places = [n for n in definition.node if sum(not read.startswith("^") for read in n.input) > 1]
    if not places:
        return ""
    node = places[rng.integers(len(places))]
    count = sum(not read.startswith("^") for read in node.input)
    one, other = (int(n) for n in rng.choice(count, 2, replace=False))
    node.input[one], node.input[other] = node.input[other], node.input[one]
    return f"{node.name} ({node.op}): inputs {one} and {other} exchanged"


def _rewired(definition: Any, rng: np.random.Generator) -> str:
    places = [n for n in definition.node if n.input]
    if not places:
        return ""
    index = int(rng.integers(len(places)))
    node = places[index]
    earlier = [n.name for n in definition.node[: list(definition.node).index(node)]]
    place = int(rng.integers(len(node.input)))
    before = node.input[place]
    node.input[place] = str(rng.choice(earlier))
    return f"{node.name} ({node.op}): {before} -> {node.input[place]}"


def _removed(definition: Any, rng: np.random.Generator) -> str:
    places = [n for n in definition.node if n.input and n.op not in ("Identity", "Const")]
    if not places:
        return ""
    node = places[rng.integers(len(places))]
    gone, kept = node.name, node.input[0]
    for other in definition.node:
        for place, read in enumerate(other.input):
            if read in (gone, f"{gone}:0"):
                other.input[place] = kept
    return f"{gone} ({node.op}) removed"


MUTATIONS: tuple[Mutate, ...] = (_constant, _attribute, _operation, _wires, _rewired, _removed)


def mutant(origin: Original, rng: np.random.Generator) -> tuple[ConstantGraph, str]:
    """Return a graph with one mistake, and which, in words; empty where none fitted."""
    definition = type(origin.graph.definition)()
    definition.CopyFrom(origin.graph.definition)
    # Every other mistake is a constant, as they are the ones that answers hardly show.
    weights = [0.4, *[0.6 / (len(MUTATIONS) - 1)] * (len(MUTATIONS) - 1)]
    said = MUTATIONS[int(rng.choice(len(MUTATIONS), p=weights))](definition, rng)
    return dataclasses.replace(origin.graph, definition=definition), said
