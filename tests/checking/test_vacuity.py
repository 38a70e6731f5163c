"""Models that make a check say less than it seems to: each is named, none passes in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Agreement, InputSpec, LiveModel
from pytest_freezecheck.models import reference
from tests.kit.faults import freeze

v1 = tf.compat.v1


def _logits(images: Any) -> Any:
    return reference.build(images).op.inputs[0]


def _checked(
    trained: Path, folder: Path, build: Callable[..., Any], inputs: Any = None, **options: Any
) -> Agreement:
    """Check the correct freeze of a model that is built so."""
    live = LiveModel.from_checkpoint(build, trained, inputs or reference.INPUTS, name="odd")
    path = freezecheck.freeze(live, "graph_def", folder)
    agreement = freezecheck.check(live, path, **{"examples": 100, **options})
    live.close()
    return agreement


def _said(agreement: Agreement, beginning: str) -> list[str]:
    return [warning for warning in agreement.warnings if warning.startswith(beginning)]


def test_an_ordinary_model_gets_no_warning(live: LiveModel, tmp_path: Path) -> None:
    agreement = freezecheck.check(live, freezecheck.freeze(live, "graph_def", tmp_path))
    assert agreement.warnings == []


def test_a_saturated_model_is_called_saturated(trained: Path, tmp_path: Path) -> None:
    agreement = _checked(
        trained, tmp_path, lambda images: tf.nn.softmax(_logits(images) * 1e4, name="probabilities")
    )
    assert agreement
    (said,) = _said(agreement, "saturated: ")
    assert "gives one class a probability of 1 for 381 of 381 drawn inputs" in said


def test_a_constant_model_is_called_constant(trained: Path, tmp_path: Path) -> None:
    def build(images: Any) -> Any:
        level = tf.reduce_mean(_logits(images) * 0.0, axis=1, keepdims=True)
        biases = next(v for v in v1.global_variables() if v.op.name == "logits/biases")
        return tf.nn.softmax(level + biases, name="probabilities")

    agreement = _checked(trained, tmp_path, build)
    assert agreement
    (said,) = _said(agreement, "constant: ")
    assert "is the same for all 381 drawn inputs" in said
    assert "does not depend on the input" in said
    assert agreement.power is not None
    assert agreement.power.score < 0.5  # the biases alone can be caught
    dead = [why for name, why in agreement.power.survivors if name.startswith("conv1/weights[")]
    assert dead
    assert all("inputs: a dead channel, or a value that nothing uses" in why for why in dead)


def test_a_softmax_that_hides_its_logits_is_saturated_and_not_constant(
    trained: Path, tmp_path: Path
) -> None:
    """The probabilities differ by 1e-10, the logits by a lot: the answer depends on the input."""

    def build(images: Any) -> Any:
        biases = tf.constant([60.0, 0, 0, 0, 0])
        return tf.nn.softmax(_logits(images) + biases, name="probabilities")

    agreement = _checked(trained, tmp_path, build)
    assert agreement
    assert _said(agreement, "saturated: ")
    assert not _said(agreement, "constant: ")


def test_an_input_that_nothing_depends_on_is_named(trained: Path, tmp_path: Path) -> None:
    def build(images: Any, extra: Any) -> Any:
        none = tf.reduce_sum(extra, axis=1, keepdims=True) * 0.0
        return tf.nn.softmax(_logits(images) + none, name="probabilities")

    inputs = {**reference.INPUTS, "extra": InputSpec((3,))}
    agreement = _checked(trained, tmp_path, build, inputs)
    assert agreement
    assert _said(agreement, "the answer does not depend on the input extra")


def test_a_model_that_trains_while_it_is_asked_is_called_drifting(
    trained: Path, tmp_path: Path
) -> None:
    """BatchNorm's statistics move; the answers, which use those of the batch, do not."""

    def build(images: Any) -> Any:
        probabilities = reference.build(images, is_training=True)
        with tf.control_dependencies(v1.get_collection(v1.GraphKeys.UPDATE_OPS)):
            return tf.identity(probabilities, name="answer")

    freeze(trained, tmp_path / "correct.pb")
    live = LiveModel.from_checkpoint(build, trained, reference.INPUTS, name="odd")
    agreement = freezecheck.check(live, tmp_path / "correct.pb")
    live.close()
    (said,) = _said(agreement, "drifting: ")
    assert "8 of the live model's 23 variables change while it is asked" in said
    assert "conv1/BatchNorm/moving_mean" in said
    assert _said(agreement, "power was not measured: the live model is not the same")
    assert agreement.power is None


def test_a_drifting_model_is_noticed_for_every_artifact(trained: Path, tmp_path: Path) -> None:
    """The second artifact is compared with the answers that the first one's check has kept."""

    def build(images: Any) -> Any:
        calls = v1.get_variable("calls", [], initializer=v1.zeros_initializer(), trainable=False)
        with tf.control_dependencies([v1.assign_add(calls, 1.0)]):
            return tf.identity(reference.build(images), name="answer")

    with tf.Graph().as_default() as graph:
        session = v1.Session(graph=graph)
        images = v1.placeholder(tf.float32, [None, 24, 24, 3], name="images")
        output = build(images)
        session.run(v1.global_variables_initializer())
        rest = [v for v in v1.global_variables() if v.op.name != "calls"]
        v1.train.Saver(rest).restore(session, reference.checkpoint(trained))
    live = LiveModel.from_session(session, {"images": images}, {"y": output}, reference.INPUTS)
    for way in ("saved_model", "saved_model_session"):
        frozen = freezecheck.load(freezecheck.freeze(live, way, tmp_path), way=way)
        agreement = freezecheck.check(live, frozen)
        assert _said(agreement, "drifting: 1 of the live model's 24 variables"), way
        assert agreement.power is None
        frozen.close()
    live.close()
    session.close()


def _favoured(images: Any) -> Any:
    """Prefer the first class by so much that no drawn input reaches another."""
    return tf.nn.softmax(_logits(images) + tf.constant([18.0, 0, 0, 0, 0]), name="probabilities")


def test_where_all_falls_into_one_class_the_gradient_leads_out(
    trained: Path, tmp_path: Path
) -> None:
    agreement = _checked(trained, tmp_path, _favoured)
    assert agreement
    (said,) = _said(agreement, "every drawn input falls into one class of ")
    assert "by the gradient of the margin" in said
    assert _left(said) <= 0.05


def _left(said: str) -> float:
    """Return how far the top two logits are left apart."""
    return float(said.split("at most ")[1].split(" ")[0])


@pytest.mark.parametrize("ema", ["none", "all"])
def test_a_wrong_freeze_of_such_a_model_shows_at_the_boundary(
    ema: str, trained: Path, tmp_path: Path
) -> None:
    wrong = LiveModel.from_checkpoint(_favoured, trained, reference.INPUTS, ema=ema)
    path = freezecheck.freeze(wrong, "graph_def", tmp_path)
    live = LiveModel.from_checkpoint(_favoured, trained, reference.INPUTS, name="odd")
    agreement = freezecheck.check(live, path)
    noise = np.random.default_rng(0).uniform(-1, 1, (400, 24, 24, 3)).astype(np.float32)
    (one,), (other,) = (m.predict({"images": noise}).values() for m in (live, wrong))
    assert not agreement
    assert agreement.max_abs_diff is not None
    assert agreement.max_abs_diff > 0.02
    assert agreement.max_abs_diff > 100 * np.median(np.abs(one - other).max(axis=1))
    # Rows whose logits alone are far apart are no examples of a probability that is.
    coarse = freezecheck.check(live, path, atol=1e-3).counterexample
    assert coarse is not None
    assert coarse.batch == 1
    assert coarse.max_abs_diff >= 2e-3
    wrong.close()
    live.close()


def test_without_a_gradient_it_is_looked_for_by_trial(trained: Path, tmp_path: Path) -> None:
    def build(pixels: Any) -> Any:
        return _favoured(tf.cast(pixels, tf.float32) / 127.5 - 1.0)

    inputs = {"pixels": InputSpec((24, 24, 3), "uint8")}
    agreement = _checked(trained, tmp_path, build, inputs)
    assert agreement
    (said,) = _said(agreement, "every drawn input falls into one class")
    assert "by trial, since there is no gradient (no input is a floating-point number" in said


@pytest.mark.usefixtures("answers_alone")
def test_a_check_in_which_nothing_could_have_failed_is_a_failure(
    live: LiveModel, tmp_path: Path
) -> None:
    path = freezecheck.freeze(live, "graph_def", tmp_path)
    agreement = freezecheck.check(live, path, atol=2.0, logit_rtol=False)
    assert not agreement
    first = agreement.text.splitlines()[0]
    assert first.startswith("too-weak: nothing could have failed: none")
    assert agreement.power is not None
    assert agreement.power.caught == 0
    assert agreement.max_abs_diff == 0.0


@pytest.mark.usefixtures("answers_alone")
def test_a_model_that_answers_nothing_finite_proves_nothing(trained: Path, tmp_path: Path) -> None:
    agreement = _checked(
        trained, tmp_path, lambda images: tf.identity(_logits(images) * float("nan"), name="nan")
    )
    assert not agreement
    assert "nothing could have failed" in agreement.text.splitlines()[0]
    assert _said(agreement, "'nan' is NaN or infinite for all 3")


def test_a_sigmoid_is_steered_to_where_it_changes_fastest(trained: Path, tmp_path: Path) -> None:
    """Two outputs that are no distribution: one weight by 1 % shows as well as on a softmax."""

    def build(images: Any) -> Any:
        return tf.sigmoid(_logits(images)[:, :2] * 3.0, name="scores")

    agreement = _checked(trained, tmp_path, build)
    assert agreement
    assert agreement.power is not None
    assert agreement.power.score >= 0.9
    assert not _said(agreement, "every drawn input")
