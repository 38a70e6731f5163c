"""What an input of a model looks like. Needs the standard library alone, so it loads early."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.errors import SettingError, nearest

#: Which variables a live model reads from EMA shadows.
EMA_MODES = ("trainable", "all", "none")
#: The range of an image or activation that was scaled the way slim's preprocessing does it.
DEFAULT_RANGE = (-1.0, 1.0)
_INTEGERS = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
    "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
_FLOATS = ("float16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class Constant:
    """The value that a placeholder of the live graph is fed with every question: `phase_train`.

    Attributes:
        value: a number, truth value or string, or a list of them, as the placeholder takes it.

    Raises:
        SettingError: it is none of these.
    """

    value: Any

    def __post_init__(self) -> None:
        if self.value is None or isinstance(self.value, Mapping):
            raise SettingError(
                f"value = {self.value!r} is not accepted; expected a number, true, false, a "
                "string, or a list of them"
            )


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """Shape, dtype and legal range of one input.

    Attributes:
        shape: without the batch dimension; whole numbers of at least 1.
        dtype: a NumPy name: float16/32/64, or an integer type.
        low: least legal value; nothing below is fed. Default: -1 for floats, the type's own
            least value for 8- and 16-bit integers, and none for wider ones.
        high: largest legal value, likewise 1 or the type's largest.
        samples: patterns of `.npy` files with real inputs, used as well; each holds one input, or
            a batch of them.

    Raises:
        SettingError: a field has a value that cannot be used.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    samples: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        whole = isinstance(self.shape, Sequence) and not isinstance(self.shape, str)
        if not whole or not all(type(n) is int and n >= 1 for n in self.shape):
            raise SettingError(
                f"shape = {self.shape!r} is not accepted; expected whole numbers >= 1, "
                "without the batch dimension, such as [224, 224, 3]"
            )
        if self.dtype not in _FLOATS and self.dtype not in _INTEGERS:
            known = [*_FLOATS, *_INTEGERS]
            raise SettingError(
                f"dtype = {self.dtype!r} is not accepted; expected one of {', '.join(known)}"
            )
        low, high = self._range()
        patterns = (self.samples,) if isinstance(self.samples, str) else self.samples
        if not isinstance(patterns, (list, tuple)) or not all(
            isinstance(pattern, str) and pattern.endswith(".npy") for pattern in patterns
        ):
            raise SettingError(
                f"samples = {self.samples!r} is not accepted; expected a pattern of .npy files, "
                "such as 'tests/data/*.npy', or a list of them"
            )
        object.__setattr__(self, "samples", tuple(patterns))
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and largest legal value."""
        return self._range()

    @property
    def whole(self) -> tuple[int, int]:
        """Least and largest legal whole number."""
        low, high = self._range()
        return math.ceil(low), math.floor(high)

    def _range(self) -> tuple[float, float]:
        low, high = self.low, self.high
        if low is None or high is None:
            if self.dtype.endswith(("32", "64")) and self.dtype in _INTEGERS:
                raise SettingError(f"low and high must be given for an input of dtype {self.dtype}")
            least, largest = _INTEGERS.get(self.dtype, DEFAULT_RANGE)
            low = least if low is None else low
            high = largest if high is None else high
        for key, value in (("low", low), ("high", high)):
            if type(value) not in (int, float) or not math.isfinite(value):
                raise SettingError(f"{key} = {value!r} is not accepted; expected a finite number")
        if not low < high:
            raise SettingError(f"low = {low!r} is not accepted; expected less than high = {high!r}")
        least, largest = _INTEGERS.get(self.dtype, (low, high))
        if low < least or high > largest:
            raise SettingError(
                f"low = {low!r}, high = {high!r} is not accepted; {self.dtype} holds "
                f"{least} to {largest}"
            )
        return low, high

    @classmethod
    def of(cls, value: InputSpec | Mapping[str, object], name: str) -> InputSpec:
        """Return a spec from a spec, or from a mapping with the same fields.

        Raises:
            SettingError: the mapping has an unknown key, or a value that cannot be used.
        """
        if isinstance(value, InputSpec):
            return value
        if not isinstance(value, Mapping):
            raise SettingError(
                f"input {name!r} = {value!r} is not accepted; expected a table with a shape"
            )
        fields = [field.name for field in dataclasses.fields(cls)]
        for key in value:
            if key not in fields:
                raise SettingError(
                    f"input {name!r}: unknown key {key!r}{nearest(key, fields)}; "
                    f"accepted: {', '.join(fields)}"
                )
        try:
            return cls(**value)  # type: ignore[arg-type]
        except (TypeError, SettingError) as error:
            raise SettingError(f"input {name!r}: {error}") from None


def divided(
    inputs: Mapping[str, InputSpec | Constant | Mapping[str, object]],
) -> tuple[dict[str, InputSpec], dict[str, Constant]]:
    """Return what is drawn for a model, and what it is fed with every question.

    Args:
        inputs: {name: InputSpec, or a mapping with its fields, or `{"value": ...}`}.

    Raises:
        SettingError: an unknown key, or a value that cannot be used.
    """
    specs, constants = {}, {}
    for name, value in inputs.items():
        if isinstance(value, Mapping) and "value" in value:
            if len(value) > 1:
                others = ", ".join(key for key in value if key != "value")
                raise SettingError(
                    f"input {name!r}: value stands alone: what is fed one value has no {others}"
                )
            try:
                constants[name] = Constant(value["value"])
            except SettingError as error:
                raise SettingError(f"input {name!r}: {error}") from None
        elif isinstance(value, Constant):
            constants[name] = value
        else:
            specs[name] = InputSpec.of(value, name)
    return specs, constants
