"""What an input of a model looks like. Needs the standard library alone, so it loads early."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import nearest
from pytest_freezecheck.spec.extents import Extent, read, same_names

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
DTYPES = (*_FLOATS, *_INTEGERS, "bool", "string")
#: Of these the whole range is too wide to be a default.
WIDE_INTEGERS = tuple(name for name in _INTEGERS if name.endswith(("32", "64")))


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
        shape: without the batch dimension; whole numbers of at least 1, or ranges of them such as
            "8..32". Of a range this holds the largest size, and `extents` the range.
        dtype: a NumPy name: float16/32/64, an integer type, "bool"; or "string".
        low: least legal value; nothing below is fed. Default: -1 for floats, the type's own
            least value for 8- and 16-bit integers, and none for wider ones.
        high: largest legal value, likewise 1 or the type's largest.
        samples: patterns of `.npy` files with real inputs, used as well; each holds one input, or
            a batch of them. For strings also `.txt` files, with a string in each line.
        choices: the strings that are fed, of dtype "string"; without them, those of the samples.
        extents: the sizes that each dimension may have, which is what a pass speaks of; given by
            `shape`.

    Raises:
        SettingError: a field has a value that cannot be used.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    samples: str | Sequence[str] = ()
    choices: Sequence[str] = ()
    extents: tuple[Extent, ...] = ()

    def __post_init__(self) -> None:
        extents = read(self.shape)
        if tuple(extent.high for extent in self.extents) != tuple(self.shape):
            object.__setattr__(self, "extents", extents)  # else this is a copy of one that has them
        object.__setattr__(self, "shape", tuple(extent.high for extent in extents))
        if self.dtype not in DTYPES:
            raise SettingError(
                f"dtype = {self.dtype!r} is not accepted; expected one of {', '.join(DTYPES)}"
            )
        self._set_samples()
        self._set_choices()
        if self.dtype not in ("bool", "string"):
            low, high = self._range()
            object.__setattr__(self, "low", low)
            object.__setattr__(self, "high", high)
        elif self.low is not None or self.high is not None:
            raise SettingError(f"low and high go with numbers; an input of {self.dtype} has none")

    def _set_samples(self) -> None:
        patterns = (self.samples,) if isinstance(self.samples, str) else self.samples
        endings = (".npy", ".txt") if self.dtype == "string" else (".npy",)
        if not isinstance(patterns, (list, tuple)) or not all(
            isinstance(pattern, str) and pattern.endswith(endings) for pattern in patterns
        ):
            raise SettingError(
                f"samples = {self.samples!r} is not accepted; expected a pattern of "
                f"{' or '.join(endings)} files, such as 'tests/data/*{endings[-1]}', or a list of "
                "them"
            )
        object.__setattr__(self, "samples", tuple(patterns))

    def _set_choices(self) -> None:
        choices = self.choices
        if not isinstance(choices, (list, tuple)) or not all(isinstance(c, str) for c in choices):
            raise SettingError(f"choices = {choices!r} is not accepted; expected a list of strings")
        if choices and self.dtype != "string":
            raise SettingError(f"choices go with dtype = 'string', and this is {self.dtype}")
        if self.dtype == "string" and not choices and not self.samples:
            raise SettingError("choices or samples must be given for an input of dtype string")
        object.__setattr__(self, "choices", tuple(dict.fromkeys(choices)))

    @property
    def dims(self) -> tuple[int | None, ...]:
        """The shape as a placeholder has it, None for a dimension of several sizes."""
        return tuple(e.high if e.low == e.high else None for e in self.extents)

    @property
    def sized(self) -> bool:
        """Whether inputs of several sizes are legal."""
        return None in self.dims

    @property
    def declared(self) -> str:
        """The shape in words, such as `8..32 x 8..32 x 3`: the sizes that a pass speaks of."""
        return " x ".join(map(str, self.extents)) or "a scalar"

    def takes(self, shape: Sequence[int]) -> bool:
        """Return whether an input of this shape, without the batch, is legal."""
        pairs = zip(self.extents, shape, strict=False)
        return len(shape) == len(self.extents) and all(e.low <= n <= e.high for e, n in pairs)

    def at(self, shape: Sequence[int]) -> InputSpec:
        """Return the same input with this shape alone."""
        return dataclasses.replace(self, shape=tuple(map(int, shape)), extents=())

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and largest legal value; 0 and 1 for what is no number."""
        return self._range()

    @property
    def whole(self) -> tuple[int, int]:
        """Least and largest legal whole number."""
        low, high = self._range()
        return math.ceil(low), math.floor(high)

    def _range(self) -> tuple[float, float]:
        if self.dtype in ("bool", "string"):
            return 0, 1
        low, high = self.low, self.high
        if low is None or high is None:
            if self.dtype in WIDE_INTEGERS:
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
        fields = [field.name for field in dataclasses.fields(cls) if field.name != "extents"]
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
    same_names([(name, spec.extents) for name, spec in specs.items()])
    return specs, constants
