"""What the graph tells of an output: what its softmax is fed, whether it is a probability."""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.models.graphdef import PASSING

#: Operations between a softmax and the output that change no value.
_PASSES_ON = PASSING | {"Reshape", "Squeeze", "ExpandDims"}
#: And those that move, leave out or put together values, by how many of their first inputs those
#: are; None for all.
_MOVES: dict[str, int | None] = {
    **dict.fromkeys(_PASSES_ON, 1),
    **dict.fromkeys(("Transpose", "Slice", "StridedSlice", "Gather", "GatherV2", "GatherNd"), 1),
    **dict.fromkeys(("Unpack", "Cast", "Max", "Min", "Mean", "ReverseV2", "TopK", "TopKV2"), 1),
    "Pack": None,
}
_CALLS = frozenset(
    {"PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile", "If", "StatelessIf"}
    | {"Merge", "Exit", "Case", "StatelessCase"}
)


def find_logits(tensor: Any) -> Any:
    """Return the input of the softmax that ends in this tensor, or None.

    Looks through operations that change no value, as the reshapes of `slim.softmax` are. A softmax
    that is written out, `exp(x) / sum(exp(x))`, is one: its logits are `x`.
    """
    operation = tensor.op
    while operation.type in _PASSES_ON:
        operation = operation.inputs[0].op
    if operation.type == "Softmax":
        return operation.inputs[0]
    return _of_exponentials(operation)


def _of_exponentials(operation: Any) -> Any:
    """Return x of `exp(x) / sum(exp(x))`, or None."""
    if operation.type != "RealDiv":
        return None
    above, below = (tensor.op for tensor in operation.inputs)
    while below.type in _PASSES_ON:
        below = below.inputs[0].op
    if above.type != "Exp" or below.type != "Sum" or below.inputs[0].op is not above:
        return None
    from tensorflow import get_static_value

    axes, rank = get_static_value(below.inputs[1]), above.outputs[0].shape.rank
    last = axes is not None and rank is not None and axes.size == 1 and int(axes.flat[0]) % rank
    return above.inputs[0] if last == (rank or 0) - 1 and rank else None


def source_of(tensor: Any) -> str:
    """Return what the values of an output are, as far as the live graph tells.

    Returns:
        "softmax" or "sigmoid" where they are answers of one (1 - p counts), "call" where the graph
        ends in the call of a function or a loop and does not tell, "other" else.
    """
    found = _sources(tensor, set())
    if "other" in found or not found:
        return "other"
    if "call" in found:
        return "call"
    return "sigmoid" if "sigmoid" in found else "softmax"


def _sources(tensor: Any, met: set[str]) -> set[str]:
    if tensor.name in met:
        return set()
    met.add(tensor.name)
    operation, inputs = tensor.op, list(tensor.op.inputs)
    if operation.type == "Softmax" or _of_exponentials(operation) is not None:
        return {"softmax"}
    if operation.type == "Sigmoid":
        return {"sigmoid"}
    if operation.type in _CALLS:
        return {"call"}
    if operation.type in ("TopK", "TopKV2") and tensor.value_index != 0:
        return {"other"}
    if operation.type == "ConcatV2":
        return set().union(*(_sources(each, met) for each in inputs[:-1]))
    if operation.type == "Sub" and _is_one(inputs[0]):
        # What is subtracted rounds as one does: its logarithm tells nothing.
        return {"sigmoid" if s == "softmax" else s for s in _sources(inputs[1], met)}
    if operation.type in _MOVES:
        return set().union(*(_sources(each, met) for each in inputs[: _MOVES[operation.type]]))
    return {"other"}


def _is_one(tensor: Any) -> bool:
    from tensorflow import get_static_value

    value = get_static_value(tensor)
    return value is not None and bool((value == 1).all())
