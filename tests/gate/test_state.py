"""Nothing global is changed: not by a pass, not by a failure, not by training."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference
from tests.kit import mistakes
from tests.kit.freezing import differently
from tests.kit.subjects import Subject
from tests.kit.ways import HERE


def state() -> dict[str, Any]:
    graph = tf.compat.v1.get_default_graph()
    return {
        "eager": tf.executing_eagerly(),
        "default graph": (graph, len(graph.get_operations())),
        "optimizer": tf.config.optimizer.get_experimental_options(),
        "options": context.context().function_call_options.config_proto_serialized,
        "jit": tf.config.optimizer.get_jit(),
        "tensorflow seed": context.global_seed(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),
        "hypothesis": str(hypothesis.settings()),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


@pytest.fixture(scope="module")
def small(flowers: Subject) -> Iterator[LiveModel]:
    live = flowers.live()
    yield live
    live.close()


def test_checks_leave_everything_as_it_was(
    small: LiveModel, flowers: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    differently(keys=mistakes.raw_keys)(flowers, tmp_path / "raw.pb")
    monkeypatch.chdir(tmp_path)
    # What a converter does while it is imported is not ours to answer for.
    for way in {"tflite", "onnx", "openvino"} & set(HERE):
        freezecheck.freeze(small, way, tmp_path / "first")
    before = state()
    for way in HERE:
        artifact = freezecheck.load(freezecheck.freeze(small, way, tmp_path), way=way)
        assert freezecheck.check(small, artifact, examples=5)
        artifact.close()
    assert not freezecheck.check(small, tmp_path / "raw.pb")
    assert state() == before


def test_training_and_restoring_leave_everything_as_it_was(tmp_path: Path) -> None:
    before = state()
    reference.train(tmp_path)
    reference.load(tmp_path).close()
    assert state() == before


@pytest.mark.slow  # every way once more
def test_every_way_works_where_a_graph_is_the_default(small: LiveModel, tmp_path: Path) -> None:
    """As in the body of `with tf.Graph().as_default():`, where much TF1 code lives."""
    with tf.Graph().as_default() as graph:
        for way in (way for way in HERE if way != "freeze_graph_cli"):  # a process of its own
            artifact = freezecheck.load(freezecheck.freeze(small, way, tmp_path), way=way)
            assert freezecheck.check(small, artifact, examples=1)
            artifact.close()
        assert graph.get_operations() == []
