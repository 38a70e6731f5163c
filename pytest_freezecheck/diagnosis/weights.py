"""Where a weight comes from: a key of the checkpoint, of a sibling, or of none. NumPy only.

Every weight that differs is held against what the checkpoint has: bit for bit by its own name,
then by its shadow's; then against the checkpoints beside it; then rounded, initialised, permuted,
or with a few elements altered. What tells live and frozen apart is the cause.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.diagnosis.initialised import looks_initialised
from pytest_freezecheck.diagnosis.rounded import rounded_to
from pytest_freezecheck.models.checkpoint import shadow_keys
from pytest_freezecheck.models.checkpoint_files import Lookup

Array = npt.NDArray[Any]
_STATISTICS = {"moving_mean": 0.0, "moving_variance": 1.0}
#: Fewer elements than this share are called a few.
_FEW = 0.05
#: Axes of a weight whose orders are all tried, and what multiplying in float32 rounds by.
_AXES, _ROUNDING = 4, 3e-7


@dataclasses.dataclass(frozen=True)
class Origins:
    """What weights can come from.

    Attributes:
        checkpoint: looks keys up in the live model's checkpoint; None if it is not known.
        siblings: {prefix: lookup} of the other checkpoints in its folder.
    """

    checkpoint: Lookup | None
    siblings: Mapping[str, Lookup]


def is_statistic(name: str) -> bool:
    """Return whether a variable is a moving statistic of BatchNorm, by its name."""
    return name.rsplit("/", 1)[-1] in _STATISTICS


def initial_statistics(values: Mapping[str, Array]) -> dict[str, Array]:
    """Return {name: initial value} of the moving statistics among these variables."""
    return {
        name: np.full_like(value, _STATISTICS[name.rsplit("/", 1)[-1]])
        for name, value in values.items()
        if is_statistic(name)
    }


def cause_of(name: str, live: Array, frozen: Array, origins: Origins) -> tuple[str, str]:
    """Return the causes that a differing weight points to, and what speaks for them.

    Args:
        name: of the variable.
        live: the live model's value.
        frozen: the artifact's, of the same shape and dtype.
        origins: what it can come from.

    Returns:
        The id of a cause, or two joined by a blank, and the evidence in words, without the
        weight's name.
    """
    if frozen.dtype.kind == "f" and not np.isfinite(frozen).all() and np.isfinite(live).all():
        return "non-finite", "is NaN or infinite"
    rounded = rounded_to(live, frozen)
    if rounded is not None:
        return "reduced-precision", f"is the live value rounded to {rounded}"
    if origins.checkpoint is not None:
        found = _of_checkpoint(name, live, frozen, origins.checkpoint, origins.siblings)
        if found is not None:
            return found
    for prefix, look_up in origins.siblings.items():
        for key in keys_of(name):
            if _same(look_up(key), frozen):
                return "other-checkpoint", f"is {key!r} of {prefix}"
    if _initial(name, frozen):
        return "initial-statistics", "is still at its initial value"
    if _permuted(live, frozen):
        return "class-order", "has the live values in another order of its last axis"
    changed = live != frozen
    alone = changed.size == 1 and looks_initialised(frozen)
    if not alone and (changed.mean() <= _FEW or changed.sum() == 1):
        return "altered-weights", f"differs in {int(changed.sum())} of {changed.size} elements"
    made = _made_of(live, frozen)
    if made is not None:
        return "other-weights", made
    look_up = origins.checkpoint or (lambda _: None)
    for key in keys_of(name):
        held = look_up(key)
        if held is not None and held.size and _reordered(held, frozen):
            return "other-weights", f"has the values of the checkpoint's {key!r} in another order"
    none = "" if origins.checkpoint is None else "matches no key of the checkpoint"
    if looks_initialised(frozen):
        return "initial-values", f"{none}, and looks initialised" if none else "looks initialised"
    return "other-weights", none or "has other values"


def _made_of(live: Array, frozen: Array) -> str | None:
    """Return what was made of the live value to give the frozen one, bit for bit, or None."""
    square = live.ndim > 1 and live.shape[-1] == live.shape[-2]
    if square and np.array_equal(np.swapaxes(live, -1, -2), frozen):
        return "is the live value, its last two axes exchanged"
    if np.array_equal(-live, frozen):
        return "is the live value, negated"
    kept = frozen != 0
    if kept.any() and not kept.all() and np.array_equal(live[kept], frozen[kept]):
        return f"is the live value, {int((~kept).sum())} of {kept.size} elements set to 0"
    if _reordered(live, frozen):
        return _moved(live, frozen) or "has the live values in another order"
    factor = _factor(live, frozen)
    return None if factor is None else f"is the live value, times {factor:.6g}"


def _moved(live: Array, frozen: Array) -> str | None:
    """Return which axes of a live value were exchanged, or run backwards, or None."""
    if live.ndim > _AXES:
        return None
    for perm in itertools.permutations(range(live.ndim)):
        moved = live.transpose(perm)
        if moved.shape == frozen.shape and np.array_equal(moved, frozen):
            return f"is the live value, its axes exchanged: {', '.join(map(str, perm))}"
    for count in range(1, live.ndim + 1):
        for axes in itertools.combinations(range(live.ndim), count):
            if np.array_equal(np.flip(live, axes), frozen):
                shown = " and ".join(map(str, axes))
                return f"has the live values in another order, reversed along axis {shown}"
    return None


def _factor(live: Array, frozen: Array) -> float | None:
    """Return the number that a live value was multiplied by, or None."""
    if live.dtype.kind != "f" or live.size < 2:
        return None
    one, other = live.astype(np.float64), frozen.astype(np.float64)
    size = float(np.vdot(one, one))
    if not size or not np.isfinite(size):
        return None
    factor = float(np.vdot(one, other)) / size
    apart = float(np.abs(other - one * factor).max())
    if factor == 0.0:
        return None
    return factor if apart <= _ROUNDING * abs(factor) * float(np.abs(one).max()) else None


def _reordered(one: Array, other: Array) -> bool:
    """Return whether two arrays hold the same values, at least two, in different places."""
    if np.array_equal(one, other) or (one == one.flat[0]).all():
        return False
    return np.array_equal(np.sort(one, axis=None), np.sort(other, axis=None))


def keys_of(name: str) -> tuple[str, ...]:
    """Return the keys that a variable may have: its own, and its shadow's with or without scope."""
    return (name, *shadow_keys(name))


def _of_checkpoint(
    name: str, live: Array, frozen: Array, look_up: Lookup, siblings: Mapping[str, Lookup]
) -> tuple[str, str] | None:
    raw_key, *shadow_keys = keys_of(name)
    raw = look_up(raw_key)
    shadows = {key: look_up(key) for key in shadow_keys}
    shadow_key = next((key for key, value in shadows.items() if value is not None), "")
    shadow = shadows.get(shadow_key)
    of_raw = "raw-statistics" if is_statistic(name) else "raw-weights"
    of_shadow = "averaged-statistics" if is_statistic(name) else "averaged-weights"
    if _same(raw, frozen) and not _is_shadow(live, shadow):
        return "other-weights", f"is {raw_key!r} of the checkpoint, and the live value is not"
    if _same(raw, frozen):
        swapped = _swapped_sibling(raw_key, shadow_key, raw, shadow, siblings)
        if swapped is not None:
            return (
                "swapped-averages",
                f"is {shadow_key!r} of {swapped}, in which variables and averages are exchanged "
                f"(or the raw {raw_key!r} of the live model's own checkpoint)",
            )
        return of_raw, f"is the raw {raw_key!r} of the checkpoint, the live one its shadow"
    if _same(shadow, frozen) and not _same(raw, live):
        return "other-weights", f"is {shadow_key!r} of the checkpoint, and the live value is not"
    if _same(shadow, frozen):
        return of_shadow, f"is the shadow {shadow_key!r}, the live one the variable itself"
    for cause, key, value in ((of_raw, raw_key, raw), (of_shadow, shadow_key, shadow)):
        grid = rounded_to(value, frozen) if value is not None else None
        if grid is not None:
            return f"{cause} reduced-precision", f"is the checkpoint's {key!r}, rounded to {grid}"
    return None


def _is_shadow(live: Array, shadow: Array | None) -> bool:
    """Return whether the live model reads the shadow, if need be in a dtype of its own."""
    if shadow is None or shadow.shape != live.shape:
        return False
    return np.array_equal(shadow.astype(live.dtype), live)


def _swapped_sibling(
    raw_key: str,
    shadow_key: str,
    raw: Array | None,
    shadow: Array | None,
    siblings: Mapping[str, Lookup],
) -> str | None:
    """Return the sibling in which variable and shadow have changed places, if there is one."""
    if shadow is None:
        return None
    for prefix, look_up in siblings.items():
        if _same(look_up(raw_key), shadow) and _same(look_up(shadow_key), raw):
            return prefix
    return None


def _same(one: Array | None, other: Array | None) -> bool:
    return (
        one is not None
        and other is not None
        and one.shape == other.shape
        and one.dtype == other.dtype
        and one.tobytes() == other.tobytes()
    )


def _initial(name: str, frozen: Array) -> bool:
    start = _STATISTICS.get(name.rsplit("/", 1)[-1])
    return start is not None and bool((frozen == start).all())


def _permuted(live: Array, frozen: Array) -> bool:
    """Return whether the last axis holds the same slices in another order."""
    if live.ndim < 1 or live.shape != frozen.shape or live.shape[-1] < 2:
        return False
    one, other = (sorted(a.T.reshape(a.shape[-1], -1).tolist()) for a in (live, frozen))
    return bool(one == other)


def grouped(
    names: Sequence[str],
    live: Mapping[str, Array],
    frozen: Mapping[str, Array],
    origins: Origins,
) -> dict[str, dict[str, str]]:
    """Return {cause: {weight: evidence}} of the weights that differ.

    Some weights that match no key are a partial restore; statistics left at their initial values
    are part of it where others were left too.

    Args:
        names: of the differing weights, in the order of the network.
        live: {name: value}.
        frozen: {name: value}.
        origins: what they can come from.
    """
    causes: dict[str, dict[str, str]] = {}
    for name in names:
        cause, evidence = cause_of(name, live[name], frozen[name], origins)
        if cause in ("other-weights", "initial-values") or (
            cause == "altered-weights" and live[name].size == 1
        ):
            clone = _exchanged(name, live, frozen)
            if clone is not None:
                cause, evidence = "other-weights", f"is the live value of {clone}"
        causes.setdefault(cause, {})[name] = evidence
    # A value that happens to be its own rounding is no cause of its own beside others that are not.
    for both in [cause for cause in causes if " " in cause]:
        first = both.split(" ")[0]
        causes[both] |= causes.pop(first, {})
    if "swapped-averages" in causes and not _all_averages(
        causes["swapped-averages"], live, origins
    ):
        # A single raw weight comes from a plain checkpoint: a swapped one has exchanged them all.
        causes["raw-weights"] = causes.pop("swapped-averages")
    if "initial-values" in causes:
        merged = causes.pop("initial-values")
        merged |= causes.pop("initial-statistics", {})
        ordered = {name: merged[name] for name in names if name in merged}
        every = [name for name in live if name in frozen and live[name].size]
        whole = len(ordered) >= 0.9 * len(every)
        causes["initial-values" if whole else "partial-restore"] = ordered
    return causes


def _exchanged(name: str, live: Mapping[str, Array], frozen: Mapping[str, Array]) -> str | None:
    """Return the weight whose live value this one has, or None."""
    value = frozen[name]
    if value.size == 1 and value.any():  # one number may be another's by chance, but not both
        pairs = (n for n, v in live.items() if n != name and _same(v, value) and n in frozen)
        return next((n for n in pairs if _same(frozen[n], live[name])), None)
    if value.size < 2 or (value == value.flat[0]).all():
        return None  # zeros are everybody's
    return next((n for n, other in live.items() if n != name and _same(other, value)), None)


def _all_averages(found: Mapping[str, str], live: Mapping[str, Array], origins: Origins) -> bool:
    """Return whether these are all weights whose shadow the live model reads."""
    look_up = origins.checkpoint
    if look_up is None:
        return False
    averaged = [
        name
        for name, value in live.items()
        if not _same(look_up(name), value)
        and any(_same(look_up(key), value) for key in keys_of(name)[1:])
    ]
    return set(averaged) <= set(found)
