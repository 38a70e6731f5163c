"""ONNX files with one thing changed at random: a constant, an attribute, wiring or an operation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")  # who imports this is skipped without

_TYPES = (
    ("Relu", "Sigmoid", "Tanh", "Abs", "Softplus", "Elu", "Selu", "LeakyRelu", "Identity", "Neg"),
    ("Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Floor", "Ceil", "Round", "Sign", "HardSigmoid"),
    ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu"),
    ("MaxPool", "AveragePool"),
    ("GlobalAveragePool", "GlobalMaxPool"),
    ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"),
    ("Softmax", "LogSoftmax", "Hardmax"),
    ("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"),
    ("ArgMax", "ArgMin"),
    ("And", "Or"),
)  # fmt: skip
_WORDS = (
    ("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"),
    ("constant", "reflect", "edge"),
    ("DCR", "CRD"),
)


def mutant(model: Any, rng: np.random.Generator) -> tuple[Any, str]:
    """Return a copy of a model with one thing changed, and what that is."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kinds = (_constant, _constant, _attribute, _wiring, _type)
    while True:
        done = kinds[rng.integers(len(kinds))](copy.graph, rng)
        if done:
            return copy, done


def _constant(graph: Any, rng: np.random.Generator) -> str:
    if not graph.initializer:
        return ""
    tensor = graph.initializer[rng.integers(len(graph.initializer))]
    array = onnx.numpy_helper.to_array(tensor).copy()
    if not array.size or array.dtype.kind not in "fiu":
        return ""
    flat = array.reshape(-1)
    place = int(rng.integers(flat.size))
    how = int(rng.integers(5))
    if how == 0 and flat.size > 1:
        flat[:] = np.roll(flat, 1)
    elif how == 1 and array.ndim > 1 and array.shape[0] == array.shape[1]:
        flat[:] = np.swapaxes(array, 0, 1).copy().reshape(-1)
    elif how == 2:
        flat[place] = -flat[place]
    elif array.dtype.kind == "f":
        flat[place] = flat[place] * (1.0 + 10.0 ** -rng.integers(0, 5)) + (how == 3)
    else:
        flat[place] += 1 if rng.random() < 0.5 else -1
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    return f"constant {tensor.name} {list(array.shape)} way {how}"


def _attribute(graph: Any, rng: np.random.Generator) -> str:
    nodes = [node for node in graph.node if node.attribute]
    if not nodes:
        return ""
    node = nodes[rng.integers(len(nodes))]
    place = int(rng.integers(len(node.attribute)))
    attribute = node.attribute[place]
    told = f"{node.op_type}.{attribute.name} of {node.name}"
    if rng.random() < 0.2:
        del node.attribute[place]
        return f"without {told}"
    if attribute.ints:
        ints = list(attribute.ints)
        if rng.random() < 0.4 and len(ints) > 1:
            one, other = rng.choice(len(ints), 2, replace=False)
            ints[one], ints[other] = ints[other], ints[one]
        else:
            ints[rng.integers(len(ints))] += int(rng.choice([-1, 1]))
        if ints == list(attribute.ints):
            return ""
        attribute.ints[:] = ints
    elif attribute.type == onnx.AttributeProto.INT:
        attribute.i = int(rng.choice([attribute.i + 1, attribute.i - 1, 1 - attribute.i]))
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = attribute.f * float(rng.choice([1.001, 2.0, -1.0]))
    elif attribute.type == onnx.AttributeProto.STRING:
        words = next((w for w in _WORDS if attribute.s.decode() in w), ())
        if not words:
            return ""
        attribute.s = str(rng.choice(words)).encode()
    else:
        return ""
    return told


def _wiring(graph: Any, rng: np.random.Generator) -> str:
    place = int(rng.integers(len(graph.node)))
    node = graph.node[place]
    if not node.input:
        return ""
    known = [i.name for i in graph.input] + [t.name for t in graph.initializer]
    known += [name for before in graph.node[:place] for name in before.output]
    which = int(rng.integers(len(node.input)))
    other = str(rng.choice([*node.input, *known]))
    if other == node.input[which] or not other:
        return ""
    if rng.random() < 0.3 and len(node.input) > 1:
        node.input[0], node.input[1] = node.input[1], node.input[0]
        return f"operands of {node.op_type} {node.name} exchanged"
    node.input[which] = other
    return f"input {which} of {node.op_type} {node.name} is {other}"


def _type(graph: Any, rng: np.random.Generator) -> str:
    node = graph.node[rng.integers(len(graph.node))]
    one = _TYPES[0] + _TYPES[1]
    others = one if node.op_type in one else next((t for t in _TYPES if node.op_type in t), ())
    choice = str(rng.choice(others)) if others else node.op_type
    if choice == node.op_type:
        return ""
    told = f"{node.op_type} {node.name} is {choice}"
    node.op_type = choice
    return told


def answers(path: Path, feeds: Any) -> list[Any] | None:
    """Return what onnxruntime answers, or None if it does not take the file or the inputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        return [answer for fed in feeds for answer in session.run(None, fed)]
    except Exception:  # noqa: BLE001  what it says of a broken file is of no interest
        return None


def visibly_apart(one: list[Any], other: list[Any]) -> bool:
    """Return whether answers are further apart than float noise explains."""
    for here, there in zip(one, other, strict=True):
        if here.shape != there.shape:
            return True
        if here.dtype.kind not in "fiub":
            if not np.array_equal(here, there):
                return True
            continue
        a, b = here.astype(np.float64), there.astype(np.float64)
        if (np.isfinite(a) != np.isfinite(b)).any():
            return True
        finite = np.isfinite(a)
        if not finite.any():
            continue
        size = max(float(np.abs(a[finite]).max()), 1e-3)
        if float(np.abs(a - b)[finite].max()) > 2e-5 * size:
            return True
    return False
