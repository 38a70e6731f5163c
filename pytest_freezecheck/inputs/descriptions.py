"""Descriptions of inputs -> arrays. NumPy only; Hypothesis never sees a cell.

Hypothesis refuses to draw the 1,728 floats of a 24 x 24 x 3 image one by one, and its filled
arrays are near-constant. So it draws a handful of small numbers, which also shrink and vary
well, and this module turns them into an array. The same description gives the same array.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.sizes import MIDDLE
from pytest_freezecheck.inputs.variations import VARIATIONS
from pytest_freezecheck.inputs.whole import legal_wholes, needs_care, placed
from pytest_freezecheck.inputs.words import coded, to_numbers, to_words
from pytest_freezecheck.spec.inputs import InputSpec

Field = npt.NDArray[np.float64]

#: Reach of the values, from a ten-thousandth of the legal range to four times its width (clipped).
SCALES = (*(round(10.0 ** (-4 + step / 4), 6) for step in range(17)), 2.0, 4.0)
#: Middle of the values, from the lower end of the legal range to the upper one.
CENTRES = tuple(step / 16 for step in range(17))


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a batch, described: what kind of field, where it lies and how far it reaches.

    Attributes:
        kind: a key of `KINDS`, or of `VARIATIONS` where there are real samples.
        centre: middle of the values, 0 to 1 of the legal range.
        scale: reach of the values about the centre, 0 to 1 of the legal range.
        seed: seed of whatever is random in it, 0 to 2**32 - 1.
    """

    kind: str
    centre: float
    scale: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Batch:
    """A batch, described by five numbers, from which its rows follow.

    Each row is of another kind, place and scale, so that a single forward pass shows the model
    many sorts of input. The numbers are few and each is drawn once, because Hypothesis likes to
    repeat what it has drawn: of 570 rows that were drawn one by one, only 96 had a seed of their
    own.

    Attributes:
        size: number of rows, at least 1.
        kind: where in `KINDS` the first row's kind is.
        centre: where in `CENTRES` the first row's centre is.
        scale: where in `SCALES` the first row's scale is.
        seed: 0 to 2**32 - 1.
        number: of the batch in a run, from which the sizes of its inputs follow where they have
            several; see `sizes.sized`.
    """

    size: int
    kind: int
    centre: int
    scale: int
    seed: int
    number: int = MIDDLE

    def rows(self, place: int = 0, *, sampled: bool = False) -> list[Row]:
        """Return the rows of one input.

        Args:
            place: which of the model's inputs this is for; each gets rows of its own.
            sampled: whether the input has real samples, of which variations can be made.
        """
        kinds = (*KINDS, *VARIATIONS) if sampled else tuple(KINDS)
        kind, centre, scale = self.kind, self.centre, self.scale
        if place:
            # Where a second input follows the first one, whole regions of their pairs are missed.
            rng = np.random.default_rng([self.seed, kind, centre, scale, place])
            kinds = tuple(kinds[number] for number in rng.permutation(len(kinds)))
            kind, centre, scale = (int(n) for n in rng.integers(0, len(CENTRES) * len(SCALES), 3))
        # Steps that share no factor with the lengths visit every value.
        across, wide = (5, 7) if place == 0 else (_step(rng, CENTRES), _step(rng, SCALES))
        return [
            Row(
                kind=kinds[(kind + number) % len(kinds)],
                centre=CENTRES[(centre + across * number) % len(CENTRES)],
                scale=SCALES[(scale + wide * number) % len(SCALES)],
                seed=_mix(self.seed, number, place),
            )
            for number in range(self.size)
        ]


def _step(rng: np.random.Generator, values: tuple[float, ...]) -> int:
    """Draw a step that shares no factor with the number of values."""
    steps = [step for step in range(1, len(values)) if math.gcd(step, len(values)) == 1]
    return int(rng.choice(steps))


def _mix(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _constant(_: np.random.Generator, shape: tuple[int, ...]) -> Field:
    return np.ones(shape)


def _ramp(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Rise evenly along a random direction, channels included."""
    field = np.zeros(shape)
    for axis, length in enumerate(shape):
        line = np.linspace(-1.0, 1.0, length) if length > 1 else np.zeros(1)
        field += rng.normal() * line.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return field


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Add three waves of low frequency, with a phase of its own in each channel."""
    spatial = shape[:-1] if len(shape) > 1 else shape
    channels = shape[-1] if len(shape) > 1 else 1
    field = np.zeros((*spatial, channels))
    for _ in range(3):
        angle = np.zeros(spatial)
        for axis, length in enumerate(spatial):
            line = np.linspace(0.0, 1.0, length)
            wave = rng.uniform(-3.0, 3.0) * 2.0 * math.pi * line
            angle += wave.reshape([-1 if i == axis else 1 for i in range(len(spatial))])
        phase = rng.uniform(0.0, 2.0 * math.pi, channels)
        field += np.sin(angle[..., None] + phase) / 3.0
    return field.reshape(shape)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    return rng.uniform(-1.0, 1.0, shape)


def _mixed(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Noise whose size varies from cell to cell over four orders of magnitude."""
    return rng.uniform(-1.0, 1.0, shape) * 10.0 ** rng.uniform(-4.0, 0.0, shape)


def _channels(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """One colour for each channel: never symmetric under a permutation of them."""
    return np.broadcast_to(rng.uniform(-1.0, 1.0, shape[-1:]), shape)


def _spikes(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """A few cells away from an even background."""
    field = np.zeros(math.prod(shape))
    count = min(field.size, 1 + int(rng.integers(12)))
    cells = rng.choice(field.size, size=count, replace=False)
    field[cells] = rng.choice([-1.0, 1.0], size=count)
    return field.reshape(shape)


def _extremes(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Every cell at one end of its reach or the other."""
    return rng.choice([-1.0, 1.0], size=shape)


KINDS: Mapping[str, Callable[[np.random.Generator, tuple[int, ...]], Field]] = {
    "constant": _constant,
    "ramp": _ramp,
    "smooth": _smooth,
    "noise": _noise,
    "mixed": _mixed,
    "channels": _channels,
    "spikes": _spikes,
    "extremes": _extremes,
}

#: Kinds with levels that are the same in many cells, and have to stay the same.
_EVEN = frozenset({"constant", "channels", "spikes"})


def render(
    rows: Sequence[Row], spec: InputSpec, samples: npt.NDArray[np.generic] | None = None
) -> npt.NDArray[np.generic]:
    """Build the batch that the rows describe.

    Args:
        rows: one description for each row of the batch.
        spec: shape, dtype and legal range of the input.
        samples: real inputs, shape (n, *spec.shape), for rows that are made of them.

    Returns:
        An array of shape (len(rows), *spec.shape) and the spec's dtype, inside the legal range.
    """
    if spec.dtype == "string":
        real = None if samples is None else to_numbers(samples, spec)
        return to_words(render(rows, coded(spec), real), spec)
    low, high = spec.bounds
    shape = spec.shape or (1,)
    wide = needs_care(spec)
    batch = np.empty((len(rows), *shape), spec.dtype if wide else np.float64)
    for place, row in enumerate(rows):
        rng = np.random.default_rng(row.seed)
        if row.kind in VARIATIONS and samples is not None:
            varied = VARIATIONS[row.kind](rng, samples).reshape(shape)
            batch[place] = legal_wholes(varied, spec) if wide else varied
        elif wide:
            where = row.centre + row.scale * KINDS[row.kind](rng, shape)
            batch[place] = placed(rng, spec, where, even=row.kind in _EVEN)
        else:
            middle = low + row.centre * (high - low)
            batch[place] = middle + row.scale * (high - low) * KINDS[row.kind](rng, shape)
    return legal(batch.reshape(len(rows), *spec.shape), spec)


def legal(batch: npt.NDArray[Any], spec: InputSpec) -> npt.NDArray[np.generic]:
    """Cast to an input's dtype, clipped to its legal range, whole where it takes whole numbers.

    Rounding never steps outside of the range.

    Args:
        batch: values of any shape and any real dtype.
        spec: dtype and legal range of the input.
    """
    if spec.dtype == "bool":
        return np.asarray(batch.astype(np.float64) >= 0.5)
    low, high = spec.bounds
    dtype = np.dtype(spec.dtype)
    if dtype.kind != "f":
        return legal_wholes(batch, spec)
    batch = np.clip(batch, low, high)
    # A bound such as 0.3 has no float32 of its own, and the nearest may lie outside.
    least, largest = dtype.type(low), dtype.type(high)
    if float(least) < low:
        least = np.nextafter(least, dtype.type(np.inf))
    if float(largest) > high:
        largest = np.nextafter(largest, dtype.type(-np.inf))
    return np.asarray(np.clip(batch.astype(dtype), least, largest))
