"""Constants that look like weights: a live model can be a graph that was frozen before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.models.frames import inside
from pytest_freezecheck.models.graphdef import ancestors

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Arrays


def weights_in(definition: Any, outputs: Sequence[str]) -> Arrays:
    """Return {name of a constant: value} of those that may be weights, in the order of the graph.

    Floating-point numbers, more than one of them: a threshold or an epsilon is no weight. What
    stands in a loop or a branch of TensorFlow 1's cannot be given another value from outside.

    Args:
        definition: a `GraphDef`.
        outputs: names of the operations that answer.
    """
    import tensorflow as tf

    before, unreachable = ancestors(definition, outputs), inside(definition)
    found = {}
    for node in definition.node:
        if node.op != "Const" or node.name not in before or node.name in unreachable:
            continue
        if not tf.dtypes.as_dtype(node.attr["dtype"].type).is_floating:
            continue
        shape = node.attr["value"].tensor.tensor_shape
        if np.prod([size.size for size in shape.dim]) > 1:
            found[node.name] = tf.make_ndarray(node.attr["value"].tensor)
    return found
