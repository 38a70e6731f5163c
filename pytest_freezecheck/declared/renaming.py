"""The inputs of an artifact's table: other names, constants, and what tf.Examples are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import nearest

Inputs = Mapping[str, str | Mapping[str, Any]]
_CONSTANT, _EXAMPLE = "value", "tf_example"


def names(inputs: Inputs) -> dict[str, str]:
    """Return {live input name: name in the artifact}."""
    return {name: there for name, there in inputs.items() if isinstance(there, str)}


def constants(inputs: Inputs) -> dict[str, Any]:
    """Return {input of the artifact: value to feed}."""
    return {n: there[_CONSTANT] for n, there in _tables(inputs).items() if _CONSTANT in there}


def features(inputs: Inputs) -> dict[str, dict[str, str]]:
    """Return {input of the artifact: {live input name: feature}} of those that take tf.Examples."""
    found = {n: there[_EXAMPLE] for n, there in _tables(inputs).items() if _EXAMPLE in there}
    return {
        name: dict(given) if isinstance(given, Mapping) else {part: part for part in given}
        for name, given in found.items()
    }


def _tables(inputs: Inputs) -> dict[str, Mapping[str, Any]]:
    return {name: there for name, there in inputs.items() if not isinstance(there, str)}


def check(inputs: Inputs, live: Collection[str], where: str) -> None:
    """Make sure that the inputs of an artifact's table can be used.

    Args:
        inputs: of the table.
        live: names of the live model's inputs.
        where: what messages call the table.

    Raises:
        SettingError: they cannot.
    """
    for name, there in inputs.items():
        if isinstance(there, Mapping):
            if set(there) == {_EXAMPLE}:
                _check_example(there[_EXAMPLE], live, f"{where}.{name}.{_EXAMPLE}")
            elif set(there) != {_CONSTANT}:
                raise _refusal(f"{where}.{name}", dict(there), "{ value = ... }")
        elif not isinstance(there, str):
            raise _refusal(f"{where}.{name}", there, "a name, or { value = ... }")
        elif name not in live:
            raise _unknown(name, live, where)


def _check_example(given: object, live: Collection[str], where: str) -> None:
    parts = list(given) if isinstance(given, (list, tuple, Mapping)) else []
    keys = list(given.values()) if isinstance(given, Mapping) else parts
    if not parts or not all(isinstance(part, str) for part in [*parts, *keys]):
        raise _refusal(where, given, 'names of inputs, such as ["age", "income"]')
    for part in parts:
        if part not in live:
            raise _unknown(part, live, where)


def _refusal(key: str, value: object, expected: str) -> SettingError:
    return SettingError(f"{key} = {value!r} is not accepted; expected {expected}")


def _unknown(name: str, live: Collection[str], where: str) -> SettingError:
    return SettingError(
        f"{where}: the model has no input {name!r}{nearest(name, live)}; it has {', '.join(live)}"
    )
