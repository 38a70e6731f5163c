"""Ids that are looked up: a file that is wrong for some of them fails, its correct twin passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import InputSpec, LiveModel

v1 = tf.compat.v1
Change = Callable[[Any], None]


def country(ids: Any, x: Any) -> Any:
    """Look up one of 250 countries."""
    table = v1.get_variable("table", [250, 4], initializer=v1.random_normal_initializer(seed=1))
    weights = v1.get_variable("w", [5, 3], initializer=v1.random_normal_initializer(seed=2))
    seen = tf.concat([tf.reshape(tf.gather(table, ids), [-1, 4]), x], 1)
    return tf.nn.softmax(seen @ weights, name="p")


def hashed(ids: Any) -> Any:
    """Look up four ids of 62 bits in 64 buckets."""
    table = v1.get_variable("table", [64, 4], initializer=v1.random_normal_initializer(seed=1))
    weights = v1.get_variable("w", [4, 3], initializer=v1.random_normal_initializer(seed=2))
    return tf.nn.softmax(tf.reduce_sum(tf.gather(table, ids % 64), 1) @ weights, name="p")


MODELS: dict[str, tuple[Callable[..., Any], Mapping[str, InputSpec]]] = {
    "country": (country, {"ids": InputSpec((1,), "int32", 0, 249), "x": InputSpec((1,))}),
    "hashed": (hashed, {"ids": InputSpec((4,), "int64", 0, 2**62)}),
}


def model(name: str, folder: Path, row: int | None) -> tuple[LiveModel, Path]:
    """Return the live model, and its GraphDef: with one row of the table altered, or correct."""
    build, specs = MODELS[name]
    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        fed = {n: v1.placeholder(s.dtype, [None, *s.shape], name=n) for n, s in specs.items()}
        answer = build(**fed)
        session.run(v1.global_variables_initializer())
        live = LiveModel.from_session(session, fed, {"p": answer}, specs)
    path = freezecheck.freeze(live, "graph_def", folder)
    definition = v1.GraphDef.FromString(path.read_bytes())
    if row is not None:
        (node,) = (node for node in definition.node if node.name == "table")
        value = tf.make_ndarray(node.attr["value"].tensor).copy()
        value[row] *= -3.0
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    path.write_bytes(definition.SerializeToString())
    return live, path


@pytest.mark.parametrize("row", [0, 97, 249])
def test_one_country_of_250_fails(row: int, tmp_path: Path) -> None:
    live, path = model("country", tmp_path, row)
    agreement = freezecheck.check(live, path)
    assert not agreement
    assert "\n  live, graph_def.pb: output " in agreement.text
    assert agreement.counterexample is not None
    assert int(np.asarray(agreement.counterexample.feeds["ids"])[0, 0]) == row
    live.close()


@pytest.mark.parametrize("row", [1, 33, 63])
def test_one_bucket_of_64_fails(row: int, tmp_path: Path) -> None:
    live, path = model("hashed", tmp_path, row)
    assert not freezecheck.check(live, path)
    live.close()


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_the_correct_twins_pass(name: str, seed: int, tmp_path: Path) -> None:
    live, path = model(name, tmp_path, None)
    agreement = freezecheck.assert_agreement(live, path, seed=seed, exact=True)
    assert agreement.max_abs_diff == 0.0
    assert agreement.power is not None
    missed = [mistake for mistake, _ in agreement.power.survivors if mistake.startswith("table[")]
    assert missed == []  # every row is reached
    live.close()


def test_what_a_changed_row_was_answered_before_is_not_used(tmp_path: Path) -> None:
    """The inputs that tell whether a model has changed do not read that row."""
    live, path = model("country", tmp_path, None)
    assert freezecheck.check(live, path)
    with live.graph.as_default():
        (table,) = (v for v in v1.global_variables() if v.op.name == "table")
    start = table.initializer.inputs[1]
    before = live.session.run(table)
    after = before.copy()
    after[97] *= -3.0
    live.session.run(table.initializer, {start: after})
    assert not freezecheck.check(live, path)
    live.session.run(table.initializer, {start: before})
    assert freezecheck.check(live, path)
    live.close()
