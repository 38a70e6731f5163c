"""Two arrays -> Difference. NumPy only.

The rules, each of which has let a wrong model pass somewhere: shapes and dtypes first (a (3, 1)
broadcasts against a (3,)); nothing compared is a failure; `not (max <= atol)` so that NaN fails;
no relative tolerance hides in it (`numpy.isclose` has one by default).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

#: Logarithms of smaller probabilities tell nothing: measured against float64, LiteRT's softmax is
#: off by 1e-7 in them down to e^-60, by 1e-4 at e^-80 and by 0.3 at e^-87; this is e^-57.
_TELLING = 1e-25
#: Stands for a probability of 0: the smallest normal float32.
_UNDERFLOW = float(np.finfo(np.float32).tiny)


@dataclasses.dataclass(frozen=True)
class Difference:
    """How one output of the frozen model differs from the live model's, in one batch.

    Attributes:
        output: name of the output in the live model.
        shape: shape of the live array.
        dtype: dtype of the live array.
        problem: why nothing could be compared (shape, dtype, empty), else None.
        max_abs: largest absolute difference; NaN if `non_finite`.
        index: where it is (for non-finite values: the first place).
        live: the live value there.
        frozen: the frozen value there.
        too_far: how many values differ by more than the tolerance.
        size: how many values were compared.
        non_finite: whether one side is NaN or infinite where the other is not.
    """

    output: str
    shape: tuple[int, ...]
    dtype: str
    problem: str | None = None
    max_abs: float = 0.0
    index: tuple[int, ...] = ()
    live: float = 0.0
    frozen: float = 0.0
    too_far: int = 0
    size: int = 0
    non_finite: bool = False

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Sort key: the worse the larger."""
        return (self.problem is not None, self.non_finite, 0.0 if self.non_finite else self.max_abs)

    def within(self, atol: float) -> bool:
        """Return whether every value is as close as allowed."""
        return self.problem is None and not self.non_finite and self.max_abs <= atol


def compare(output: str, live: Array, frozen: Array, atol: float) -> Difference:
    """Compare two arrays of one output, of the same shape and dtype.

    Args:
        output: name of the output, for the result.
        live: the live model's answer, any shape, a float, integer or boolean dtype.
        frozen: the frozen model's answer to the same input.
        atol: largest absolute difference that does not count in `too_far`.

    Returns:
        The difference. NaN equals NaN and an infinity equals the same infinity: what counts is
        whether both sides have them in the same places.
    """
    live, frozen = np.asarray(live), np.asarray(frozen)
    facts = {"output": output, "shape": live.shape, "dtype": str(live.dtype)}
    problem = _problem(live, frozen)
    if problem is not None:
        return Difference(**facts, problem=problem)  # type: ignore[arg-type]
    wide_live, wide_frozen = live.astype(np.float64), frozen.astype(np.float64)
    finite = np.isfinite(wide_live) & np.isfinite(wide_frozen)
    same = (wide_live == wide_frozen) | (np.isnan(wide_live) & np.isnan(wide_frozen))
    apart = ~finite & ~same
    distance = np.zeros(live.shape)
    np.subtract(wide_frozen, wide_live, out=distance, where=finite)
    np.abs(distance, out=distance)
    non_finite = bool(apart.any())
    at = int(np.argmax(apart)) if non_finite else int(np.argmax(distance))
    index = tuple(int(i) for i in np.unravel_index(at, live.shape))
    return Difference(
        **facts,  # type: ignore[arg-type]
        max_abs=float("nan") if non_finite else float(distance[index]),
        index=index,
        live=float(wide_live[index]),
        frozen=float(wide_frozen[index]),
        too_far=int((apart | ~(distance <= atol)).sum()),
        size=live.size,
        non_finite=non_finite,
    )


def _problem(live: Array, frozen: Array) -> str | None:
    if live.shape != frozen.shape:
        return f"has shape {frozen.shape}, the live model's has {live.shape}"
    if live.dtype != frozen.dtype:
        return f"has dtype {frozen.dtype}, the live model's has {live.dtype}"
    if live.size == 0:
        return f"is empty, shape {live.shape}: nothing was compared"
    if live.dtype.kind not in "fiub":
        return f"has dtype {live.dtype}, which has no difference to measure"
    return None


def is_distribution(values: Array) -> bool:
    """Return whether the last axis holds probabilities: in [0, 1], summing to 1."""
    if values.ndim < 1 or values.shape[-1] < 2 or values.dtype.kind != "f":
        return False
    wide = values.astype(np.float64)
    return bool(
        np.isfinite(wide).all()
        and (wide >= 0).all()
        and (np.abs(wide.sum(axis=-1) - 1.0) <= 1e-3).all()
    )


def centred_logits(logits: Array) -> npt.NDArray[np.float64]:
    """Return logits minus their mean over classes, shape (rows, classes), in float64.

    A softmax does not see what is added to all of its inputs, so that is not a difference.
    """
    wide = logits.astype(np.float64).reshape(-1, logits.shape[-1])
    return np.asarray(wide - wide.mean(axis=-1, keepdims=True))


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
    wide_live = live.astype(np.float64).reshape(-1, classes)
    wide_frozen = frozen.astype(np.float64).reshape(-1, classes)
    counts = wide_live >= _TELLING
    counts &= counts.sum(axis=-1, keepdims=True) >= 2
    if not counts.any():
        return None
    # What underflowed where the live model did not is far off, and has to show as that.
    return _centred_logs(wide_live, counts), _centred_logs(wide_frozen, counts)


def _centred_logs(
    values: npt.NDArray[np.float64], counts: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    logs = np.log(np.maximum(values, _UNDERFLOW))
    number = np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    means = np.where(counts, logs, 0.0).sum(axis=-1, keepdims=True) / number
    return np.asarray(np.where(counts, logs - means, 0.0))
