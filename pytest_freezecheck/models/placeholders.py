"""What a function that builds a graph is handed, and what it hands back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.spec.inputs import InputSpec


def make_placeholders(specs: Mapping[str, InputSpec], rows: int | None = None) -> dict[str, Any]:
    """Make a placeholder for each input in the default graph, with a batch dimension first."""
    import tensorflow as tf

    return {
        key: tf.compat.v1.placeholder(spec.dtype, [rows, *spec.dims], name=key)
        for key, spec in specs.items()
    }


def takes(build: Callable[..., Any], name: str) -> bool:
    """Return whether a function has a parameter of this name; `**others` is none."""
    try:
        parameters = inspect.signature(build).parameters
    except (TypeError, ValueError):  # some callables have none to look at
        return False
    found = parameters.get(name)
    return found is not None and found.kind not in (found.VAR_KEYWORD, found.VAR_POSITIONAL)


def check_arguments(build: Callable[..., Any], inputs: Mapping[str, Any], model: str) -> None:
    """Make sure that `build` takes the inputs by their names, before it is called with them.

    Raises:
        ModelError: it does not.
    """
    try:
        signature = inspect.signature(build)
    except (TypeError, ValueError):  # some callables have none to look at
        return
    try:
        signature.bind(**inputs)
    except TypeError as error:
        raise ModelError(
            f"{model}: build takes {signature}, but the model's inputs are {sorted(inputs)}: "
            f"{error}"
        ) from None


def named(outputs: Any, model: str) -> dict[str, Any]:
    """Return {output name: tensor} of what `build` returned.

    Raises:
        ModelError: it is neither a tensor nor a mapping to tensors.
    """
    if isinstance(outputs, Mapping):
        found = dict(outputs)
    elif hasattr(outputs, "op"):
        found = {outputs.op.name: outputs}
    else:
        found = {}
    wrong = [value for value in found.values() if not hasattr(value, "op")]
    if not found or wrong:
        raise ModelError(
            f"{model}: build returned {type(wrong[0] if wrong else outputs).__name__}; "
            "expected a tensor, or {name: tensor}"
        )
    return found
