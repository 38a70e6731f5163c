"""Each operation of TensorFlow's that is translated computes what a session answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from pytest_freezecheck.computation.vocabulary import evaluate
from pytest_freezecheck.models.operations import translation
from tests.computation.drawn import Draw, campaign
from tests.computation.operations import STRATEGIES
from tests.computation.session_graphs import SessionGraph, disagreement, opaque

TYPES = sorted(name.removeprefix("tf:") for name in translation.TABLE)


@pytest.mark.parametrize("op", TYPES)
@campaign(5)
@given(data=st.data())
def test_an_operation_computes_what_a_session_answers(op: str, data: st.DataObject) -> None:
    assert op in STRATEGIES, f"nothing draws {op}: add a strategy"
    g = SessionGraph(Draw(data))
    with g.graph.as_default():
        made: Any = STRATEGIES[op](g, op)
        found, expected = made if isinstance(made, tuple) and _twins(made) else (made, made)
        outputs = [found] if not isinstance(found, list | tuple) else list(found)
        answers = [expected] if not isinstance(expected, list | tuple) else list(expected)
        named = {f"y{n}": tensor for n, tensor in enumerate(outputs)}
        asked = {f"y{n}": tensor for n, tensor in enumerate(answers)}
    assert disagreement(g, named, asked, 2e-5) == ""


def _twins(made: Any) -> bool:
    """Return whether these are an output and what is to be answered, and no list of outputs."""
    return type(made) is tuple and not hasattr(made, "_fields")


@pytest.mark.parametrize("op", ["DepthToSpace", "SpaceToDepth"])
@campaign(5)
@given(data=st.data())
def test_blocks_of_channels_that_stand_second_are_the_same(op: str, data: st.DataObject) -> None:
    # A session on a CPU does not even take a graph that has one: both normal forms are worked out.
    g = SessionGraph(Draw(data))
    function = getattr(tf.raw_ops, op)
    with g.graph.as_default():
        x = g.input(4, 2, 8)
        turned = function(input=tf.transpose(x, (0, 3, 1, 2)), block_size=2, data_format="NCHW")
        same = tf.transpose(function(input=x, block_size=2), (0, 3, 1, 2))
    nodes = g.read({"turned": turned, "same": same})
    assert opaque(nodes) == set()
    one, other = evaluate([nodes["turned"], nodes["same"]], g.feeds(3))
    np.testing.assert_array_equal(one, other)


def _dealt(x: Any, block: list[int], crops: list[list[int]]) -> Any:
    dealt = tf.raw_ops.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[1, 1], [1, 1]])
    made = tf.nn.conv2d(dealt, np.ones((2, 2, 1, 1), "f4"), 1, "VALID")
    return tf.raw_ops.BatchToSpaceND(input=made, block_shape=block, crops=crops)


def _sequence(x: Any, axis: int) -> Any:
    dealt = tf.raw_ops.SpaceToBatchND(input=x[..., 0], block_shape=[2], paddings=[[0, 0]])
    kernel = np.ones((1, 2, 4, 1) if axis == 1 else (2, 1, 4, 1), "f4")
    made = tf.nn.conv2d(tf.expand_dims(dealt, axis), kernel, 1, "VALID")
    made = tf.squeeze(made, [axis])
    return tf.raw_ops.BatchToSpaceND(input=made, block_shape=[2], crops=[[0, 0]])


#: (translated, its like that has no counterpart and stays as it is).
COUNTERPARTS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "more is cut off than was added": (
        lambda x: _dealt(x, [2, 2], [[1, 1], [0, 1]]),
        lambda x: _dealt(x, [2, 2], [[2, 1], [0, 1]]),
    ),
    "dealt out in other blocks": (
        lambda x: _dealt(x, [2, 2], [[0, 0], [0, 0]]),
        lambda x: _dealt(x, [4, 1], [[0, 0], [0, 0]]),
    ),
    "a row, and a column": (lambda x: _sequence(x, 1), lambda x: _sequence(x, 2)),
    "the largest in any order": (
        lambda x: tf.raw_ops.TopKV2(input=x, k=1, sorted=True)[0],
        lambda x: tf.raw_ops.TopKV2(input=x, k=1, sorted=False)[0],
    ),
    "twice as many rows": (
        lambda x: tf.fill([tf.shape(x)[0], 2], 1.5),
        lambda x: tf.fill([2 * tf.shape(x)[0], 2], 1.5),
    ),
    "rows that stand second": (
        lambda x: tf.fill([tf.shape(x)[0], 2], 1.5),
        lambda x: tf.fill([tf.shape(tf.transpose(x, (1, 0, 2, 3)))[1], 2], 1.5),
    ),
}


@pytest.mark.parametrize("twin", COUNTERPARTS)
def test_what_has_no_counterpart_stays_as_it_is(twin: str) -> None:
    left = []
    for make in COUNTERPARTS[twin]:
        g = SessionGraph(Draw(None))  # type: ignore[arg-type]
        with g.graph.as_default():
            y = make(g.input(6, 4, 1))
        left.append(opaque(g.read({"y": y})))
    assert left[0] == set()
    assert left[1] != set()


def test_nothing_is_drawn_that_is_not_translated() -> None:
    assert set(STRATEGIES) == set(TYPES)


def _steps(g: SessionGraph, x: Any) -> list[Any]:
    """Return what a picture may go on as; each is a function of it."""
    d, width = g.d, x.shape[-1]
    made: list[Any] = [
        lambda: tf.nn.relu(x),
        lambda: tf.nn.relu6(x),
        lambda: tf.clip_by_value(x, -0.5, 0.75),
        lambda: tf.sigmoid(x) * x,
        lambda: x + tf.sin(x),
        lambda: 0.5 - x,
        lambda: x / d.pick([2.0, 127.5]),
        lambda: x * g.weights(width) + g.weights(width),
        lambda: x - g.weights(1, 1, 1, width),
        lambda: tf.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]]),
        lambda: tf.concat([x, tf.tanh(x)], -1),
        lambda: tf.nn.max_pool2d(x, 2, 1, d.pick(["SAME", "VALID"])),
        lambda: tf.nn.avg_pool2d(x, 2, 1, "SAME"),
        lambda: x - tf.reduce_mean(x, [1, 2], keepdims=True),
        lambda: tf.nn.softmax(x, d.pick([-1, 1])),
        lambda: tf.nn.bias_add(x, g.weights(width)),
        lambda: tf.nn.conv2d(x, g.weights(2, 2, width, 3), 1, d.pick(["SAME", "VALID"])),
        lambda: tf.nn.conv2d(x, g.weights(1, 1, width, 2), 1, "VALID"),
        lambda: tf.nn.depthwise_conv2d(x, g.weights(2, 2, width, 1), [1] * 4, "SAME"),
        lambda: tf.transpose(tf.nn.relu(tf.transpose(x, (0, 3, 1, 2))), (0, 2, 3, 1)),
        lambda: tf.reshape(tf.tanh(tf.reshape(x, [-1, width])), [-1, *x.shape.as_list()[1:]]),
        lambda: tf.nn.moments(x, [1, 2], keepdims=True)[1] + x,
        lambda: x[:, ::-1],
    ]
    return made


@campaign(25)
@given(data=st.data())
def test_a_chain_of_operations_computes_what_a_session_answers(data: st.DataObject) -> None:
    d = Draw(data)
    g = SessionGraph(d)
    with g.graph.as_default():
        x = g.input(5, 4, 2)
        for _ in range(d.whole(2, 7)):
            x = d.pick(_steps(g, x))()
            if min(x.shape.as_list()[1:3]) < 3 or x.shape[-1] > 8:
                break
        flat = tf.reshape(x, [-1, int(np.prod(x.shape.as_list()[1:]))])
        logits = tf.matmul(flat, g.weights(flat.shape[-1], 3)) + g.weights(3)
        outputs = {"maps": tf.identity(x), "probs": tf.nn.softmax(logits)}
    assert disagreement(g, outputs, outputs, 1e-4) == ""
