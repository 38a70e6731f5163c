"""Graphs of TensorFlow's operations: what sessions answer, and what normal forms compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.computation.vocabulary import evaluate
from pytest_freezecheck.models.batching import static_shape
from pytest_freezecheck.models.constant_graph import ConstantGraph
from pytest_freezecheck.models.graph_reader import read_graph
from pytest_freezecheck.models.operations import Translator
from tests.computation.drawn import Draw, same_numbers

v1 = tf.compat.v1


class SessionGraph:
    """A graph under construction, with inputs of any number of rows.

    Args:
        d: draws.
    """

    def __init__(self, d: Draw) -> None:
        self.d = d
        self.graph = tf.Graph()
        self.inputs: dict[str, Any] = {}
        self._ranges: dict[str, tuple[float, float]] = {}

    def input(
        self, *shape: int, dtype: str = "float32", low: float = -2.0, high: float = 2.0
    ) -> Any:
        """Return an input; whole numbers have both ends included."""
        name = f"x{len(self.inputs)}"
        self.inputs[name] = v1.placeholder(dtype, [None, *shape], name)
        self._ranges[name] = (low, high)
        return self.inputs[name]

    def weights(self, *shape: int, low: float = -1.0, high: float = 1.0) -> Any:
        """Return a constant of drawn numbers."""
        return tf.constant(self.d.reals(shape, low, high).astype(np.float32))

    def feeds(self, rows: int) -> dict[str, Any]:
        """Return values of the inputs, by name."""
        found: dict[str, Any] = {}
        for n, (name, tensor) in enumerate(self.inputs.items()):
            rng = np.random.default_rng([rows, n])
            shape = [rows, *tensor.shape.as_list()[1:]]
            low, high = self._ranges[name]
            dtype = tensor.dtype.as_numpy_dtype
            if dtype == np.bool_:
                found[name] = rng.random(shape) < 0.5
            elif np.issubdtype(dtype, np.floating):
                found[name] = rng.uniform(low, high, shape).astype(dtype)
            else:
                found[name] = rng.integers(int(low), int(high), shape, endpoint=True).astype(dtype)
        return found

    def read(self, outputs: dict[str, Any], builder: Builder | None = None) -> dict[str, Node]:
        """Return the normal form of outputs."""
        builder = builder or Builder(Arena(), RULES)
        graph = ConstantGraph(
            self.graph.as_graph_def(),
            {name: tensor.name for name, tensor in self.inputs.items()},
            {name: tensor.name for name, tensor in outputs.items()},
        )
        raw = read_graph(builder.arena, graph)
        known = {n: (static_shape(t), t.dtype.name) for n, t in self.inputs.items()}
        translator = Translator(builder, known, lambda node: None)
        return {name: translator(node) for name, node in raw.items()}

    def run(self, outputs: Any, counts: tuple[int, ...] = (1, 3)) -> dict[int, Any]:
        """Return what a session answers, for each number of rows."""
        found = {}
        with v1.Session(graph=self.graph) as session:
            for rows in counts:
                feeds = {self.inputs[name]: value for name, value in self.feeds(rows).items()}
                found[rows] = session.run(outputs, feeds)
        return found


def opaque(nodes: dict[str, Node]) -> set[str]:
    """Return the operations that have no entry in the vocabulary."""
    return {node.op for node in walk(nodes.values()) if node.opaque}


def disagreement(
    g: SessionGraph, outputs: dict[str, Any], expected: dict[str, Any], tolerance: float
) -> str:
    """Return how the normal form of outputs does not compute what a session answers."""
    nodes = g.read(outputs)
    left = opaque(nodes)
    if left:
        return f"not translated: {sorted(left)}"
    for rows, answers in g.run(expected).items():
        found = dict(zip(nodes, evaluate(list(nodes.values()), g.feeds(rows)), strict=True))
        for name, answer in answers.items():
            told = same_numbers(found[name], answer, tolerance)
            if told:
                return f"{name}, {rows} rows: {told}: {nodes[name]}"
            shape, dtype = nodes[name].shape, nodes[name].dtype
            if shape is None or len(shape) != answer.ndim:
                return f"{name}: told {shape}, is {answer.shape}"
            if any(size not in (None, n) for size, n in zip(shape, answer.shape, strict=True)):
                return f"{name}: told {shape}, is {answer.shape}"
            if np.dtype(dtype).kind.replace("u", "i") != answer.dtype.kind.replace("u", "i"):
                return f"{name}: told {dtype}, is {answer.dtype}"
    return ""
