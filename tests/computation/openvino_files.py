"""Changes OpenVINO files as a wrong export would have them: constants, attributes, wires, kinds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

_KINDS = (
    ("ReLU", "Sigmoid", "Tanh", "Abs", "SoftPlus", "Exp", "Negative", "Floor", "Sign", "Sqrt"),
    ("Add", "Subtract", "Multiply", "Divide", "Maximum", "Minimum", "SquaredDifference"),
    ("Less", "LessEqual", "Greater", "GreaterEqual", "Equal"),
    ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"),
    ("SoftMax", "LogSoftmax"),
)  # fmt: skip
_WORDS: tuple[tuple[str, ...], ...] = (
    ("same_upper", "same_lower", "valid", "explicit"),
    ("true", "false"),
)
_WORDS += (("blocks_first", "depth_first"), ("constant", "reflect", "symmetric", "edge"))
_DTYPES = {"f32": np.float32, "f16": np.float16, "i64": np.int64, "i32": np.int32}


def mutated(path: Path, into: Path, rng: np.random.Generator) -> str:
    """Write a copy of a file with one thing changed, and return what; empty if nothing fits.

    Args:
        path: the `.xml`, with its `.bin` beside it.
        into: where the `.xml` is written, and its `.bin` beside it.
        rng: chooses.
    """
    tree = ElementTree.parse(path)
    data = np.fromfile(path.with_suffix(".bin"), np.uint8)
    kinds = (_constant, _constant, _attribute, _attribute, _kind, _wires, _rewired)
    said = kinds[int(rng.integers(len(kinds)))](tree.getroot(), data, rng)
    if said:
        tree.write(into)
        data.tofile(into.with_suffix(".bin"))
    return said


def copied(path: Path, into: Path) -> None:
    """Copy a file with what lies beside it."""
    for suffix in (".xml", ".bin"):
        shutil.copy(path.with_suffix(suffix), into.with_suffix(suffix))


def _pick(found: list[Any], rng: np.random.Generator) -> Any:
    return found[int(rng.integers(len(found)))]


def _layers(root: Any, *, constant: bool) -> list[Any]:
    found = root.find("layers").findall("layer")
    kept = [one for one in found if (one.get("type") == "Const") is constant]
    return [one for one in kept if one.get("type") not in ("Parameter", "Result")]


def _constant(root: Any, data: Any, rng: np.random.Generator) -> str:
    places = [one for one in _layers(root, constant=True) if one.find("data") is not None]
    places = [one for one in places if one.find("data").get("element_type") in _DTYPES]
    if not places:
        return ""
    layer = _pick(places, rng)
    told = layer.find("data")
    start, size = int(told.get("offset")), int(told.get("size"))
    array = data[start : start + size].view(_DTYPES[told.get("element_type")])
    if not array.size:
        return ""
    place = int(rng.integers(array.size))
    before = array[place]
    if array.dtype.kind == "f":
        share = rng.choice([2e-3, -2e-3, 0.1, -2.0])
        largest = float(np.abs(array.astype(np.float64)).max())
        array[place] = before * (1 + share) if before else max(largest, 1e-2) * share
    else:
        array[place] += int(rng.choice([-1, 1]))
    return f"{layer.get('name')}[{place}]: {before} -> {array[place]}"


def _attribute(root: Any, _: Any, rng: np.random.Generator) -> str:
    places = [
        (layer, name)
        for layer in _layers(root, constant=False)
        if layer.find("data") is not None
        for name in layer.find("data").attrib
        if name not in ("element_type", "shape", "destination_type", "output_type")
    ]
    if not places:
        return ""
    layer, name = _pick(places, rng)
    before = layer.find("data").get(name)
    after = _other(before, rng)
    layer.find("data").set(name, after)
    what = f"{layer.get('type')} {layer.get('name')} {name}: {before} -> {after}"
    return what if after != before else ""


def _other(value: str, rng: np.random.Generator) -> str:
    for words in _WORDS:
        if value.lower() in words:
            return str(_pick([word for word in words if word != value.lower()], rng))
    parts = value.split(",")
    place = int(rng.integers(len(parts)))
    try:
        parts[place] = str(int(parts[place]) + int(rng.choice([-1, 1])))
    except ValueError:
        try:
            parts[place] = str(float(parts[place]) * float(rng.choice([1.01, 2.0])))
        except ValueError:
            return value
    return ",".join(parts)


def _kind(root: Any, _: Any, rng: np.random.Generator) -> str:
    layers = _layers(root, constant=False)
    places = [(one, kinds) for one in layers for kinds in _KINDS if one.get("type") in kinds]
    if not places:
        return ""
    layer, kinds = _pick(places, rng)
    before = layer.get("type")
    layer.set("type", str(_pick([kind for kind in kinds if kind != before], rng)))
    return f"{layer.get('name')}: {before} -> {layer.get('type')}"


def _wires(root: Any, _: Any, rng: np.random.Generator) -> str:
    edges = root.find("edges").findall("edge")
    into: dict[str, list[Any]] = {}
    for edge in edges:
        into.setdefault(edge.get("to-layer"), []).append(edge)
    places = [found for found in into.values() if len(found) > 1]
    if not places:
        return ""
    found = _pick(places, rng)
    one, other = (found[int(n)] for n in rng.choice(len(found), 2, replace=False))
    for name in ("from-layer", "from-port"):
        mine, theirs = one.get(name), other.get(name)
        one.set(name, theirs)
        other.set(name, mine)
    return f"inputs of {one.get('to-layer')} exchanged"


def _rewired(root: Any, _: Any, rng: np.random.Generator) -> str:
    edges = root.find("edges").findall("edge")
    edge, other = _pick(edges, rng), _pick(edges, rng)
    if int(other.get("from-layer")) >= int(edge.get("to-layer")):
        return ""
    before = edge.get("from-layer")
    for name in ("from-layer", "from-port"):
        edge.set(name, other.get(name))
    return f"{edge.get('to-layer')} reads {edge.get('from-layer')}, not {before}"
