"""What draws random numbers on the way to an output of a converted file: ONNX, TFLite, OpenVINO.

Unlike in a GraphDef, nothing is followed through values: a converter has folded a dropout that is
off, and a phase. What an operation draws from a seed of its own is left to the answers.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.formats.onnx.contents import fields, messages, text
from pytest_freezecheck.formats.refusal.chance import seeded
from pytest_freezecheck.formats.refusal.judged import DRAWS, part_of
from pytest_freezecheck.formats.refusal.operations import OUTPUT, refusal
from pytest_freezecheck.formats.tflite import flex

_ONNX = frozenset(
    {
        *("RandomUniform", "RandomUniformLike", "RandomNormal", "RandomNormalLike"),
        *("Bernoulli", "Multinomial"),
    }
)
#: Operations of LiteRT's own (schema.fbs): `BuiltinOperator`.
_TFLITE: Mapping[int, str] = {
    146: "RANDOM_STANDARD_NORMAL",
    148: "RANDOM_UNIFORM",
    149: "MULTINOMIAL",
}
#: Numbers of fields (onnx.proto).
_GRAPH, _FUNCTION, _NODE, _OUTPUT_OF_GRAPH = 7, 25, 1, 12


def refuse_drawn(found: Iterable[str], path: Path, allowed: Sequence[str]) -> None:
    """Refuse a file for what it draws.

    Args:
        found: types of operations that draw on the way to an output.
        path: the file.
        allowed: patterns of types that are meant.

    Raises:
        ArtifactError: one is not.
    """
    wrong = {
        kind: f"operation {kind!r} {OUTPUT} {DRAWS}, without a seed of its own"
        for kind in found
        if not any(fnmatch.fnmatchcase(kind, pattern) for pattern in allowed)
    }
    if wrong:
        raise refusal(path, wrong)


def drawn_in_onnx(path: Path) -> Iterator[str]:
    """Yield the types of operations that draw on the way to an output; read without onnx.

    What a loop or branch holds is on the way if it is.
    """
    model = memoryview(path.read_bytes())
    own = {text(f, 1): f for number, f in fields(model) if number == _FUNCTION and f is not None}
    for number, graph in fields(model):
        if number != _GRAPH or graph is None:
            continue
        nodes, wanted = [], set()
        for kind, content in fields(graph):
            if content is not None and kind == _NODE:
                nodes.append(content)
            elif content is not None and kind == _OUTPUT_OF_GRAPH:
                wanted.add(text(content, 1))
        ends = [(_names(node, 2), _names(node, 1) | _named_inside(node)) for node in nodes]
        for place in _before(ends, wanted):
            yield from _drawn(nodes[place], "node", own, set())


def _drawn(
    message: memoryview, kind: str, own: Mapping[str, memoryview], met: set[str]
) -> Iterator[str]:
    """Yield what draws in a message, and in the file's own functions that it calls."""
    for what, content in messages(message, kind):
        called = text(content, 4) if what == "node" else ""
        if called in own and called not in met:
            met.add(called)
            yield from _drawn(own[called], "function", own, met)
        elif called in _ONNX and not _has_seed(content):
            yield called


def drawn_in_tflite(model: Any, content: bytes) -> Iterator[str]:
    """Yield likewise, of a `ModelT` and its file; each of its graphs is taken to be run."""
    kinds = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes or ()]
    names = [flex.name_of(code) for code in model.operatorCodes or ()]
    for graph in model.subgraphs or ():
        every = list(graph.operators or ())
        ends = [(_numbers(o.outputs), _numbers(o.inputs)) for o in every]
        for place in _before(ends, _numbers(graph.outputs)):
            operator = every[place]
            kind = kinds[operator.opcodeIndex]
            if kind in _TFLITE:
                options = operator.builtinOptions
                if not any(getattr(options, name, 0) for name in ("seed", "seed2")):
                    yield _TFLITE[kind]
            node = flex.node(names[operator.opcodeIndex], operator, content)
            part = None if node is None else part_of(node.op)
            if part is not None and part.does == DRAWS and not seeded(node):
                yield f"{flex.FLEX}{node.op}"


def drawn_in_openvino(model: Any) -> Iterator[str]:
    """Yield likewise, of an `openvino.Model`."""
    for operation in model.get_ordered_ops():
        if operation.get_type_name() in ("RandomUniform", "Multinomial"):
            given = operation.get_attributes()
            if not (given.get("op_seed") or given.get("global_seed")):
                yield operation.get_type_name()


def _before(ends: Sequence[tuple[set[Any], set[Any]]], wanted: set[Any]) -> Iterator[int]:
    """Yield the places of operations, (what it makes, what it takes), that make what is wanted."""
    makers = {name: place for place, (made, _) in enumerate(ends) for name in made}
    waiting, met = list(wanted), set()
    while waiting:
        place = makers.get(waiting.pop())
        if place is not None and place not in met:
            met.add(place)
            waiting += ends[place][1]
            yield place


def _names(message: memoryview, wanted: int) -> set[str]:
    found = (bytes(c) for number, c in fields(message) if number == wanted and c is not None)
    return {name.decode("utf-8", "surrogateescape") for name in found} - {""}


def _named_inside(node: memoryview) -> set[str]:
    """Return what the operations in a loop or branch take, be it of their own graph or not."""
    inner = (content for kind, content in messages(node, "node") if kind == "node")
    return {name for content in inner for name in _names(content, 1)}


def _has_seed(node: memoryview) -> bool:
    return any(n == 5 and c is not None and text(c, 1) == "seed" for n, c in fields(node))


def _numbers(values: Any) -> set[int]:
    return set() if values is None else {int(value) for value in values} - {-1}
