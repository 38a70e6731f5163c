"""Hypothesis strategies for inputs of a model, ours and for use under a plain `@given`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.render import KINDS, Row, render
from pytest_freezecheck.spec import InputSpec

#: Steps of the scale: from a ten-thousandth of the legal range to four times its width (clipped).
_SCALES = (*(round(10.0 ** (-4 + step / 4), 6) for step in range(17)), 2.0, 4.0)
_CENTRES = tuple(step / 16 for step in range(17))


def rows() -> st.SearchStrategy[Row]:
    """Describe one row of a batch: kind, centre, scale and seed."""
    return st.builds(
        Row,
        kind=st.sampled_from(tuple(KINDS)),
        centre=st.sampled_from(_CENTRES),
        scale=st.sampled_from(_SCALES),
        seed=st.integers(0, 2**32 - 1),
    )


def batches(
    inputs: Mapping[str, InputSpec | Mapping[str, object]], *, max_batch: int = 8
) -> st.SearchStrategy[dict[str, list[Row]]]:
    """Describe one batch for all inputs of a model, the same number of rows in each.

    Args:
        inputs: the inputs' names and specs.
        max_batch: largest number of rows; 1 to `max_batch` are drawn.
    """

    @st.composite
    def draw_batch(draw: st.DrawFn) -> dict[str, list[Row]]:
        size = draw(st.integers(1, max_batch))
        return {
            name: draw(st.lists(rows(), min_size=size, max_size=size)) for name in sorted(inputs)
        }

    return draw_batch()


def feeds(
    inputs: Mapping[str, InputSpec | Mapping[str, object]], *, max_batch: int = 8
) -> st.SearchStrategy[dict[str, npt.NDArray[Any]]]:
    """Draw one batch of every input of a model, as `predict` takes it.

    Args:
        inputs: the inputs' names and specs.
        max_batch: largest number of rows in a batch.

    Returns:
        A strategy of {name: array of shape (rows, *shape)}, inside each input's legal range.
    """
    specs = {name: InputSpec.of(value, name) for name, value in inputs.items()}
    return batches(specs, max_batch=max_batch).map(
        lambda described: {name: render(described[name], specs[name]) for name in described}
    )


def images(
    shape: tuple[int, ...],
    *,
    dtype: str = "float32",
    low: float | None = None,
    high: float | None = None,
    max_batch: int = 8,
) -> st.SearchStrategy[npt.NDArray[Any]]:
    """Draw one batch of images: flat, ramps, smooth, noise at many scales, spikes, extremes.

    Args:
        shape: of one image, without the batch dimension, such as (24, 24, 3).
        dtype: a NumPy name.
        low: least legal value, by default -1 for floats and the type's own for integers.
        high: largest legal value, likewise.
        max_batch: largest number of rows in a batch.

    Returns:
        A strategy of arrays of shape (rows, *shape).
    """
    spec = InputSpec(tuple(shape), dtype, low, high)
    return st.lists(rows(), min_size=1, max_size=max_batch).map(lambda drawn: render(drawn, spec))


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
