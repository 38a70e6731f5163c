"""What speaks against the reference itself is said, truly, and fails nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference
from tests.kit.freezing import freeze
from tests.kit.subjects import Subject

v1 = tf.compat.v1


def _model(folder: Path, *, decay: float, statistics: bool) -> LiveModel:
    """Train the reference model for a few steps, otherwise than it should be."""
    images, labels = reference.pictures(12 * 32, seed=1)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(2)
        fed = v1.placeholder(tf.float32, [None, 24, 24, 3])
        truth = v1.placeholder(tf.int64, [None])
        logits = reference.build(fed, is_training=True).op.inputs[0]
        loss = v1.losses.sparse_softmax_cross_entropy(truth, logits)
        updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS) if statistics else []
        with tf.control_dependencies(updates):
            applied = v1.train.AdamOptimizer(5e-3).minimize(loss)
        average = tf.train.ExponentialMovingAverage(decay)
        with tf.control_dependencies([applied]):
            update = average.apply(v1.trainable_variables())
        session.run(v1.global_variables_initializer())
        for step in range(12):
            rows = slice(32 * step, 32 * step + 32)
            session.run(update, {fed: images[rows], truth: labels[rows]})
        v1.train.Saver().save(session, str(folder / "model.ckpt"), 12)
    return LiveModel.from_checkpoint(reference.build, folder, reference.INPUTS, name="odd")


def _warnings(live: LiveModel, folder: Path) -> list[str]:
    agreement = freezecheck.check(live, freezecheck.freeze(live, "graph_def", folder))
    assert agreement
    assert agreement.cause is None
    live.close()
    return agreement.warnings


def test_statistics_that_were_never_updated_are_untrained(tmp_path: Path) -> None:
    (said,) = _warnings(_model(tmp_path, decay=0.5, statistics=False), tmp_path)
    assert said.startswith("untrained statistics: 4 of 4 BatchNorm layers of the live model still")
    assert "UPDATE_OPS" in said


def test_shadows_that_have_hardly_moved_are_young(tmp_path: Path) -> None:
    (said,) = _warnings(_model(tmp_path, decay=0.9999, statistics=True), tmp_path)
    assert said.startswith("young average: the shadows that the live model reads have gone 0% of")


def test_a_model_that_was_trained_as_it_should_be_gets_no_warning(tmp_path: Path) -> None:
    said = _warnings(_model(tmp_path, decay=0.5, statistics=True), tmp_path)
    # How well its classes come apart is the initialisers' to say, which change with TensorFlow.
    assert [line for line in said if not line.startswith("every drawn input falls into")] == []


def test_an_artifact_older_than_its_checkpoint_is_said_of_failures_only(
    subject_of: Callable[[str], Subject], live_of: Callable[[str, str], LiveModel], tmp_path: Path
) -> None:
    subject, live = subject_of("reference"), live_of("reference", "trainable")

    def said(**options: Any) -> list[str]:
        freeze(subject, tmp_path / "model.pb", **options)
        os.utime(tmp_path / "model.pb", (1e9, 1e9))
        return freezecheck.check(live, tmp_path / "model.pb").warnings

    assert said(checkpoint=subject.older) == ["the artifact's file is older than the checkpoint's"]
    assert said() == []
