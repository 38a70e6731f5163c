"""Inputs as the placeholders of a live model tell them, where nobody declares them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pytest_freezecheck.errors import ModelError, SettingError
from pytest_freezecheck.spec.inputs import InputSpec


def inferred(inputs: Mapping[str, Any], known: Collection[str]) -> dict[str, InputSpec]:
    """Return {input name: spec} of those that are not declared, with the usual range.

    Args:
        inputs: {input name: placeholder, or `KerasTensor`}.
        known: names of those that are declared.

    Raises:
        ModelError: a placeholder leaves its size open, or takes what has no usual range.
    """
    return {name: _spec(name, there) for name, there in inputs.items() if name not in known}


def _spec(name: str, there: Any) -> InputSpec:
    sizes = there.shape if isinstance(there.shape, tuple) else _sizes(there.shape)
    dtype = getattr(there.dtype, "name", there.dtype)
    if sizes is None or None in sizes[1:] or not sizes:
        shown = "an unknown shape" if sizes is None else f"shape {tuple(sizes)}"
        raise ModelError(
            f"input {name!r} has {shown}, which does not tell how large it is: declare it "
            f"(--input {name}=224x224x3,low=-1,high=1)"
        )
    try:
        return InputSpec(tuple(map(int, sizes[1:])), str(dtype))
    except SettingError as error:
        example = "x".join(map(str, sizes[1:]))
        raise ModelError(
            f"input {name!r} of dtype {dtype} has to be declared (--input {name}={example},...): "
            f"{error}"
        ) from None


def _sizes(shape: Any) -> list[int | None] | None:
    """Return the sizes of a `TensorShape`; None where not even their number is known."""
    return None if shape.rank is None else list(shape.as_list())
