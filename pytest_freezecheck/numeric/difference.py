"""Two arrays -> Difference. NumPy only.

The rules, each of which has let a wrong model pass somewhere: shapes and dtypes first (a (3, 1)
broadcasts against a (3,)); `not (distance <= allowed)` so that NaN fails; no relative tolerance
hides in it (`numpy.isclose` has one by default): what is allowed is handed in, cell by cell.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float64]

#: Logarithms of smaller probabilities tell nothing: measured against float64, LiteRT's softmax is
#: off by 1e-7 in them down to e^-60, by 1e-4 at e^-80 and by 0.3 at e^-87; this is e^-57.
_TELLING = 1e-25
#: Stands for a probability of 0: the smallest normal float32.
_UNDERFLOW = float(np.finfo(np.float32).tiny)
#: Kinds of NumPy dtypes. TensorFlow's strings are objects; bfloat16 and the 8-bit floats are void.
_TEXT, _WHOLE, _REAL = "OSU", "biu", "fV"


@dataclasses.dataclass(frozen=True)
class Difference:
    """How one output of the frozen model differs from the live model's, in one batch.

    Attributes:
        output: name of the output in the live model.
        shape: shape of the live array.
        dtype: dtype of the live array.
        problem: why nothing could be compared, else None.
        problem_kind: "shape" or "dtype", if there is a problem.
        max_abs: largest absolute difference; NaN if `non_finite`.
        ratio: largest difference as a multiple of what is allowed there; infinite if `non_finite`
            or if there is a problem.
        index: where that is (for non-finite values: the first place).
        apart: the difference there.
        allowed: what is allowed there.
        live: the live value there: a number, or text.
        frozen: the frozen value there.
        too_far: how many values differ by more than is allowed.
        size: how many values were compared.
        non_finite: whether one side is NaN or infinite where the other is not.
    """

    output: str
    shape: tuple[int, ...]
    dtype: str
    problem: str | None = None
    problem_kind: str | None = None
    max_abs: float = 0.0
    ratio: float = 0.0
    index: tuple[int, ...] = ()
    apart: float = 0.0
    allowed: float = 0.0
    live: Any = 0.0
    frozen: Any = 0.0
    too_far: int = 0
    size: int = 0
    non_finite: bool = False

    @property
    def rank(self) -> tuple[bool, bool, float, float]:
        """Sort key: the worse the larger."""
        apart = 0.0 if self.non_finite else self.max_abs
        return (self.problem is not None, self.non_finite, self.ratio, apart)

    @property
    def close(self) -> bool:
        """Whether every value is as close as allowed."""
        return self.problem is None and self.ratio <= 1.0


def compare(output: str, live: Array, frozen: Array, allowed: float | Floats) -> Difference:
    """Compare two arrays of one output.

    Args:
        output: name of the output, for the result.
        live: the live model's answer, any shape and dtype.
        frozen: the frozen model's answer to the same input.
        allowed: the largest absolute difference that is allowed, for all values or for each: a
            number, or an array that broadcasts to the shape of `live`.

    Returns:
        The difference. NaN equals NaN and an infinity equals the same infinity: what counts is
        whether both sides have them in the same places. Two empty arrays of one shape are equal.
    """
    live, frozen = np.asarray(live), np.asarray(frozen)
    facts: dict[str, Any] = {"output": output, "shape": live.shape, "dtype": str(live.dtype)}
    if live.shape != frozen.shape:
        said = f"has shape {frozen.shape}, the live model's has {live.shape}"
        return Difference(**facts, problem=said, problem_kind="shape", ratio=np.inf)
    if live.dtype != frozen.dtype:
        said = f"has dtype {frozen.dtype}, the live model's has {live.dtype}"
        return Difference(**facts, problem=said, problem_kind="dtype", ratio=np.inf)
    if live.size == 0:
        return Difference(**facts)
    if identical(live, frozen):  # as most answers are: nothing has to be looked for
        first = (0,) * live.ndim
        same = plain(live[first])
        limit = float(np.asarray(allowed, np.float64).flat[0])
        return Difference(
            **facts, index=first, allowed=limit, live=same, frozen=same, size=live.size
        )
    apart = distance(live, frozen)
    limits = np.broadcast_to(np.asarray(allowed, np.float64), live.shape)
    ratios = multiples(apart, limits)
    alone = np.isinf(apart) & ~(_finite(live) & _finite(frozen))
    non_finite = bool(alone.any())
    at = int(np.argmax(alone)) if non_finite else int(np.argmax(ratios))
    index = tuple(int(i) for i in np.unravel_index(at, live.shape))
    if not ratios[index]:  # everything is allowed, or equal: the place that says most
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), live.shape))
    return Difference(
        **facts,
        max_abs=float("nan") if non_finite else float(apart.max()),
        ratio=float("inf") if non_finite else float(ratios[index]),
        index=index,
        apart=float("nan") if non_finite else float(apart[index]),
        allowed=float(limits[index]),
        live=plain(live[index]),
        frozen=plain(frozen[index]),
        too_far=int((~(apart <= limits)).sum()),
        size=live.size,
        non_finite=non_finite,
    )


def identical(one: Array, other: Array) -> bool:
    """Return whether two arrays are the same, bit for bit: zeros of either sign are not."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.kind == "O":  # text: the bytes of such an array are addresses
        return bool(np.array_equal(one, other))
    if not one.ndim:
        return one.tobytes() == other.tobytes()
    mine, theirs = (np.ascontiguousarray(array).view(np.uint8) for array in (one, other))
    return bool(np.array_equal(mine, theirs))


def distance(one: Array, other: Array) -> Floats:
    """Return how far two arrays of one shape and dtype are apart, value by value, in float64.

    Numbers by the absolute value of their difference, at least 1 for whole numbers that are not
    equal (beyond 2^53 float64 cannot tell them apart); text is 0 or 1 apart. Infinite where one
    side alone is NaN or infinite.
    """
    if one.dtype.kind in _TEXT:
        return np.asarray(one != other).astype(np.float64).reshape(one.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(wide(other) - wide(one)).astype(np.float64)
    if one.dtype.kind in _WHOLE:
        return np.asarray(np.where(one == other, 0.0, np.maximum(apart, 1.0)))
    if np.isfinite(apart).all():  # as nearly always: all values of both sides are
        return np.asarray(apart)
    same = (one == other) | (np.isnan(wide(one)) & np.isnan(wide(other)))
    return np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))


def wide(values: Array) -> npt.NDArray[Any]:
    """Return numbers in float64, or complex128."""
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def is_number(values: Array) -> bool:
    """Return whether an array holds numbers with a difference: no text, and nothing complex."""
    return values.dtype.kind in _WHOLE + _REAL


def is_real(values: Array) -> bool:
    """Return whether an array holds floating-point numbers, bfloat16 among them."""
    return values.dtype.kind in _REAL


def multiples(apart: Floats, allowed: Floats) -> Floats:
    """Return differences as multiples of what is allowed; infinite where nothing is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(apart > 0.0, np.nan_to_num(apart / allowed, nan=0.0, posinf=np.inf), 0.0)


def plain(value: Any) -> Any:
    """Return a value of an array as Python has it: a number, or text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value
    if value.dtype.kind in _REAL:
        return float(value)
    return value.item() if value.dtype.kind in _WHOLE else str(value)


def _finite(values: Array) -> npt.NDArray[np.bool_]:
    if values.dtype.kind in _TEXT + _WHOLE:
        return np.ones(values.shape, bool)
    return np.asarray(np.isfinite(wide(values)))


def is_distribution(values: Array) -> bool:
    """Return whether the last axis holds probabilities: in [0, 1], summing to 1."""
    if values.ndim < 1 or values.shape[-1] < 2 or not is_real(values):
        return False
    native = values.dtype.kind == "f"
    # Of bfloat16, which has 8 bits, a sum of classes is off by up to a half of 2^-8 for each.
    off = 1e-3 if native else 2e-2
    numbers: npt.NDArray[Any] = values if native else wide(values)
    if not (numbers >= 0).all():  # nor is NaN
        return False
    return bool((np.abs(numbers.sum(axis=-1, dtype=np.float64) - 1.0) <= off).all())


def centred_logits(logits: Array) -> npt.NDArray[np.float64]:
    """Return logits minus their mean over classes, shape (rows, classes), in float64.

    A softmax does not see what is added to all of its inputs, so that is not a difference.
    """
    exact = wide(logits).reshape(-1, logits.shape[-1])
    return np.asarray(exact - exact.mean(axis=-1, keepdims=True))


def largest_logit(logits: Array) -> float:
    """Return the largest absolute centred logit, 0 where one is not finite or there is none."""
    if not logits.size:
        return 0.0
    rows = logits.reshape(-1, logits.shape[-1])
    means = wide(rows).mean(axis=-1)
    if not np.isfinite(means).all():  # nor is a logit
        return 0.0
    # What is furthest from the mean is the largest or the smallest.
    return float(max((wide(rows.max(-1)) - means).max(), (means - wide(rows.min(-1))).max()))


def centred_log_probabilities(
    live: Array, frozen: Array
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Return what the logits must have been, centred, as far as the probabilities tell it.

    The logarithm of a softmax is its input up to a constant for each row, so the centred
    log-probabilities equal the centred logits. Only classes count whose live probability is not
    next to nothing: there the exponential of one executor is not that of another.

    Returns:
        Two arrays of shape (rows, classes), 0 where a class does not count, or None where fewer
        than two classes count in every row.
    """
    if live.shape != frozen.shape or not (is_distribution(live) and is_distribution(frozen)):
        return None
    classes = live.shape[-1]
    wide_live = wide(live).reshape(-1, classes)
    wide_frozen = wide(frozen).reshape(-1, classes)
    counts = wide_live >= max(_TELLING, _least(live))
    counts &= counts.sum(axis=-1, keepdims=True) >= 2
    if not counts.any():
        return None
    # What underflowed where the live model did not is far off, and has to show as that.
    return _centred_logs(wide_live, counts), _centred_logs(wide_frozen, counts)


def _least(values: Array) -> float:
    """Return the smallest number that a dtype has with all of its digits."""
    if values.dtype.kind != "f":
        return 0.0
    return float(np.finfo(values.dtype).tiny)  # type: ignore[type-var]


def _centred_logs(
    values: npt.NDArray[np.float64], counts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    logs = np.log(np.maximum(values, _UNDERFLOW))
    if counts.all():
        return np.asarray(logs - logs.mean(axis=-1, keepdims=True))
    number = np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    means = np.where(counts, logs, 0.0).sum(axis=-1, keepdims=True) / number
    return np.asarray(np.where(counts, logs - means, 0.0))
