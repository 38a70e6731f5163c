"""What a declaration says of an output: what it holds, and how far it may be apart."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import nearest

#: What may be declared; an output of text is told by its dtype.
KINDS = ("probabilities", "scores", "classes", "pixels")


@dataclasses.dataclass(frozen=True)
class OutputSpec:
    """What is declared of one output.

    Attributes:
        kind: what it holds: "probabilities" (`atol` is absolute), "scores" (`atol` is relative to
            their own size), "classes" (equal, but where float noise decides), "pixels" (scores, or
            classes where they are whole numbers); None to tell it from the live graph.
        atol: the largest absolute difference allowed, in the output's own unit; None for the
            check's.

    Raises:
        SettingError: a value cannot be used.
    """

    kind: str | None = None
    atol: float | None = None

    @classmethod
    def of(cls, value: OutputSpec | Mapping[str, object], name: str) -> OutputSpec:
        """Return what is declared of an output.

        Args:
            value: it, or a mapping with its fields.
            name: of the output, for messages.

        Raises:
            SettingError: a key or a value cannot be used.
        """
        if isinstance(value, cls):
            return value
        where = f"outputs.{name}"
        if not isinstance(value, Mapping):
            raise SettingError(f"{where} = {value!r} is not accepted; expected a table")
        fields = [field.name for field in dataclasses.fields(cls)]
        for key in value:
            if key not in fields:
                raise SettingError(
                    f"{where}: unknown key {key!r}{nearest(key, fields)}; accepted: "
                    f"{', '.join(fields)}"
                )
        kind, atol = value.get("kind"), value.get("atol")
        if kind is not None and kind not in KINDS:
            raise SettingError(
                f"{where}.kind = {kind!r} is not accepted; expected one of {', '.join(KINDS)}"
            )
        whole = isinstance(atol, (int, float)) and not isinstance(atol, bool)
        if atol is not None and not (whole and 0.0 <= atol < math.inf):  # type: ignore[operator]
            raise SettingError(
                f"{where}.atol = {atol!r} is not accepted; expected a finite number >= 0"
            )
        return cls(kind=kind, atol=None if atol is None else float(atol))  # type: ignore[arg-type]


def outputs_of(declared: object, where: str) -> dict[str, OutputSpec]:
    """Return {output name: what is declared of it}.

    Args:
        declared: a mapping of names to specs, or to mappings with their fields.
        where: the declaration, for messages.

    Raises:
        SettingError: it is none, or has a value that cannot be used.
    """
    if not isinstance(declared, Mapping):
        raise SettingError(
            f"{where}: outputs = {declared!r} is not accepted; expected a table for each output"
        )
    try:
        return {name: OutputSpec.of(value, name) for name, value in declared.items()}
    except SettingError as error:
        raise SettingError(f"{where}: {error}") from None


def check_patterns(patterns: object, where: str) -> None:
    """Make sure that these are patterns of names.

    Raises:
        SettingError: they are none.
    """
    listing = isinstance(patterns, Sequence) and not isinstance(patterns, str)
    if not listing or not all(isinstance(p, str) and p for p in patterns):  # type: ignore[attr-defined]
        raise SettingError(
            f"{where} = {patterns!r} is not accepted; expected a list of names, which may hold "
            "* and ?"
        )
