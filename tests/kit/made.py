"""Live models of any small graph, without training: deterministic values away from initial ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import InputSpec, LiveModel
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.models.placeholders import make_placeholders

v1 = tf.compat.v1
Change = Callable[[str, Any], Any]


def made(
    build: Callable[..., Any],
    inputs: Mapping[str, Mapping[str, object]],
    *,
    change: Change | None = None,
    rows: int | None = None,
    checkpoint: Path | None = None,
) -> LiveModel:
    """Return the live model of a graph.

    Args:
        build: builds it, and returns {output name: tensor}.
        inputs: {input name: fields of its InputSpec}.
        change: gives another value for the value of a variable, `change(name, value)`.
        rows: the only number of rows that it takes, or None for any.
        checkpoint: a prefix to save its values under, as those that it was restored from.
    """
    specs = {name: InputSpec.of(fields, name) for name, fields in inputs.items()}
    graph = tf.Graph()
    with graph.as_default():
        placeholders = make_placeholders(specs, rows)
        outputs = build(**placeholders)
        session = v1.Session(graph=graph)
        rng = np.random.default_rng(0)
        for variable in v1.global_variables():
            fan = max(1, int(np.prod(variable.shape.as_list()[:-1])))
            value = rng.normal(0.0, 1.4 / np.sqrt(fan), variable.shape.as_list())
            if change is not None:
                value = change(variable.op.name, value)
            variable.load(value.astype(variable.dtype.base_dtype.as_numpy_dtype), session)
        session.run(v1.tables_initializer())
        prefix = saver = None
        if checkpoint is not None:
            saver = v1.train.Saver()
            prefix = saver.save(session, str(checkpoint))
    live = LiveModel.from_session(
        session, placeholders, outputs, specs, name="made", checkpoint=prefix, saver=saver
    )
    session.close()
    return live


def exported(live: LiveModel, way: str, folder: Path) -> FrozenModel:
    """Freeze a live model in a way, and load the result; skip the test if an extra is missing."""
    folder.mkdir(exist_ok=True)
    try:
        path = freezecheck.freeze(live, way, folder)
    except freezecheck.UnavailableError as error:
        pytest.skip(str(error))
    return freezecheck.load(path, way=way)


def weight(name: str, *shape: int, dtype: Any = tf.float32) -> Any:
    """Return a variable."""
    return v1.get_variable(name, shape, dtype)


def softmax_of(kernel: npt.NDArray[np.float32]) -> LiveModel:
    """Return the least of models: `y`, the softmax of an input `x` (rows, in) times a kernel."""
    return made(
        lambda x: {"y": tf.nn.softmax(tf.matmul(x, weight("w", *kernel.shape)), name="y")},
        {"x": {"shape": [kernel.shape[0]]}},
        change=lambda name, value: kernel,
    )
