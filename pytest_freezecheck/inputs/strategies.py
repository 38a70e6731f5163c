"""Hypothesis strategies for inputs of a model, ours and for use under a plain `@given`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.descriptions import CENTRES, KINDS, SCALES, Batch, render
from pytest_freezecheck.inputs.ragged import Collection, of_shape
from pytest_freezecheck.inputs.samples import collect
from pytest_freezecheck.inputs.sizes import fitted, sized
from pytest_freezecheck.inputs.variations import VARIATIONS
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.spec.inputs import InputSpec

#: Enough that the batches of a run of a million examples differ.
_COINS = 48


def batches(*, max_batch: int = 8) -> st.SearchStrategy[Batch]:
    """Describe one batch: its size, and the kind, centre, scale and seed that its rows start from.

    Args:
        max_batch: largest number of rows; 1 to `max_batch` are drawn.
    """
    return st.builds(
        Batch,
        size=st.sampled_from(range(1, max_batch + 1)),
        kind=st.sampled_from(range(len(KINDS) + len(VARIATIONS))),
        centre=st.sampled_from(range(len(CENTRES))),
        scale=st.sampled_from(range(len(SCALES))),
        seed=st.integers(0, 2**32 - 1),
        number=st.sampled_from(range(4)),
    )


def fair_batches(*, max_batch: int = 8) -> st.SearchStrategy[Batch]:
    """Describe batches as `batches` does, from fair coins alone.

    Hypothesis draws one integer in twenty from the constants that it finds in the modules of the
    repository, and writes those down in `.hypothesis`. What a gate feeds must not change with a
    line of unrelated code. It draws booleans as they are.

    Args:
        max_batch: largest number of rows; 1 to `max_batch` are drawn.
    """

    def describe(coins: tuple[bool, ...]) -> Batch:
        entropy = sum(coin << place for place, coin in enumerate(coins))
        size, kind, centre, scale, seed = np.random.SeedSequence(entropy).generate_state(5).tolist()
        return Batch(
            size=1 + size % max_batch,
            kind=kind % (len(KINDS) * (len(KINDS) + len(VARIATIONS))),
            centre=centre % len(CENTRES),
            scale=scale % len(SCALES),
            seed=seed,
        )

    return st.tuples(*[st.booleans()] * _COINS).map(describe)


def build(
    batch: Batch,
    specs: Mapping[str, InputSpec],
    samples: Mapping[str, Collection] | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Build the arrays that a description stands for.

    Args:
        batch: the description.
        specs: the inputs' names and specs.
        samples: {input name: real inputs, shape (n, *shape)}, for the inputs that have any.

    Returns:
        {input name: array of shape (batch.size, *shape)}, of one size, each inside its legal range.
    """
    real = samples or {}
    found = {}
    for place, (name, spec) in enumerate(sized(specs, batch.number, batch.seed).items()):
        own = of_shape(real[name], spec.shape) if name in real else None
        found[name] = render(batch.rows(place, sampled=own is not None), spec, own)
    return found


def beside(
    ours: Mapping[str, npt.NDArray[Any]],
    others: Mapping[str, npt.NDArray[Any]],
    specs: Mapping[str, InputSpec],
) -> dict[str, npt.NDArray[Any]]:
    """Return inputs with others behind them in one batch.

    Others of another size make no batch with them: as many smooth and noisy ones take their place.

    Args:
        ours: {input name: array (rows, *shape)}.
        others: likewise.
        specs: the inputs' names and specs.
    """
    if any(others[name].shape[1:] != array.shape[1:] for name, array in ours.items()):
        size = rows_of(others)
        described = Batch(size=size, kind=2, centre=8, scale=14, seed=0)
        others = build(described, fitted(specs, ours))
    return {name: np.concatenate([array, others[name]]) for name, array in ours.items()}


def feeds(
    inputs: Mapping[str, InputSpec | Mapping[str, object]], *, max_batch: int = 8
) -> st.SearchStrategy[dict[str, npt.NDArray[Any]]]:
    """Draw one batch of every input of a model, as `predict` takes it.

    Args:
        inputs: the inputs' names and specs; where a spec names real samples, blends and
            windows of them are drawn besides.
        max_batch: largest number of rows in a batch.

    Returns:
        A strategy of {name: array of shape (rows, *shape)}, inside each input's legal range.

    Raises:
        SettingError: no file matches a spec's samples, or one does not fit the input.
    """
    specs = {name: InputSpec.of(value, name) for name, value in inputs.items()}
    samples = collect(specs)
    return batches(max_batch=max_batch).map(lambda batch: build(batch, specs, samples))


def images(
    shape: tuple[int, ...],
    *,
    dtype: str = "float32",
    low: float | None = None,
    high: float | None = None,
    max_batch: int = 8,
    samples: npt.NDArray[Any] | None = None,
) -> st.SearchStrategy[npt.NDArray[Any]]:
    """Draw one batch of images: flat, ramps, smooth, noise at many scales, spikes, extremes.

    Args:
        shape: of one image, without the batch dimension, such as (24, 24, 3).
        dtype: a NumPy name.
        low: least legal value, by default -1 for floats and the type's own for integers.
        high: largest legal value, likewise.
        max_batch: largest number of rows in a batch.
        samples: real images, shape (n, *shape): blends and windows of them are drawn besides.

    Returns:
        A strategy of arrays of shape (rows, *shape).
    """
    spec = InputSpec(tuple(shape), dtype, low, high)
    real: dict[str, Collection] = {} if samples is None else {"": samples}
    return batches(max_batch=max_batch).map(lambda batch: build(batch, {"": spec}, real)[""])


def probabilities(shape: tuple[int, ...], *, max_batch: int = 8) -> st.SearchStrategy[Any]:
    """Draw one batch of distributions over the last axis, from level to saturated.

    For a model that takes probabilities: each is the softmax of logits at many scales.

    Args:
        shape: of one row, without the batch dimension; its last axis is the classes.
        max_batch: largest number of rows in a batch.

    Returns:
        A strategy of float32 arrays of shape (rows, *shape) whose last axis sums to 1.
    """

    def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)

    return images(shape, dtype="float64", low=-30.0, high=30.0, max_batch=max_batch).map(softmax)
