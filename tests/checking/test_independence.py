"""The gate must not compare the live model with itself (and must say so where it might have)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import FrozenModel, LiveModel
from pytest_freezecheck.formats.base import Change
from pytest_freezecheck.formats.graph_def import loader as frozen_graph
from pytest_freezecheck.formats.graph_def.loader import FrozenGraphDef
from pytest_freezecheck.formats.saved_model import session as saved_model_session
from pytest_freezecheck.models import reference
from pytest_freezecheck.models.answer import Answer
from tests.kit.faults import freeze, raw_weights
from tests.kit.freezing import control_flow_of_tensorflow_1

v1 = tf.compat.v1


class Borrowed(FrozenModel):
    """Answers with the live model, as a careless loader would."""

    format = "graph_def"

    def __init__(self, live: LiveModel, session: Any) -> None:
        super().__init__(Path("borrowed.pb"))
        self.live = live
        self._session = session

    @property
    def session(self) -> Any:
        return self._session

    @property
    def input_names(self) -> list[str]:
        return list(self.live.inputs)

    @property
    def output_names(self) -> list[str]:
        return list(self.live.outputs)

    def match_inputs(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, str]:
        return {name: name for name in inputs}

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        return {name: name for name in outputs}

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        return self.live.answer(feeds)

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        return self.live.answer(feeds)

    def weights(self) -> dict[str, Any]:
        return self.live.weights()

    def close(self) -> None:
        pass


def test_an_artifact_in_the_live_session_is_refused(live: LiveModel) -> None:
    agreement = freezecheck.check(live, Borrowed(live, live.session))
    assert not agreement
    assert agreement.cause is not None
    assert agreement.cause["id"] == "self-comparison"
    assert agreement.cause["proven"] is True
    assert agreement.text.startswith(
        "self-comparison: it could not be told apart from the live model: it runs in the live "
        "session\n  reference, borrowed.pb\n"
    )


def test_an_artifact_in_the_live_graph_is_refused(live: LiveModel) -> None:
    with v1.Session(graph=live.graph) as session:
        agreement = freezecheck.check(live, Borrowed(live, session))
    assert "it was imported into the live graph" in agreement.text


def test_an_answer_that_does_not_follow_its_own_weights_is_refused(live: LiveModel) -> None:
    agreement = freezecheck.check(live, Borrowed(live, None))
    assert "whatever its weights are changed to" in agreement.text
    assert agreement.as_json()["max_abs_diff"] is None


def test_a_model_that_answers_with_class_numbers_is_no_suspect(
    trained: Path, tmp_path: Path
) -> None:
    """Scaled weights may leave every class as it was; that proves nothing."""

    def build(images: Any) -> Any:
        return tf.argmax(reference.build(images), axis=-1, name="label")

    labels = LiveModel.from_checkpoint(build, trained, reference.INPUTS)
    freeze(trained, tmp_path / "labels.pb", build=build)
    assert freezecheck.assert_agreement(labels, tmp_path / "labels.pb").exact
    labels.close()


def test_importing_over_the_live_graph_would_have_hidden_a_fault(
    trained: Path, tmp_path: Path
) -> None:
    """What TensorFlow does with a name that is taken, and what our loader does."""
    raw_weights(trained, tmp_path / "raw.pb")
    definition = v1.GraphDef.FromString((tmp_path / "raw.pb").read_bytes())
    live = reference.load(trained)
    feeds = {"images": reference.pictures(4, seed=0)[0]}
    expected = live.predict(feeds)["probabilities"]
    with live.graph.as_default():
        tf.import_graph_def(definition, name="")
        by_name = live.graph.get_tensor_by_name("probabilities:0")
        fooled = live.session.run(by_name, {"images:0": feeds["images"]})
    assert (fooled == expected).all()
    assert not freezecheck.check(live, tmp_path / "raw.pb")
    live.close()


def test_a_live_model_that_changes_while_it_is_read_is_warned_about(
    trained: Path, tmp_path: Path
) -> None:
    def build(images: Any) -> Any:
        return tf.nn.softmax(reference.build(images).op.inputs[0] + v1.random_normal([5]))

    noisy = LiveModel.from_checkpoint(build, trained, reference.INPUTS)
    freeze(trained, tmp_path / "correct.pb")
    agreement = freezecheck.check(noisy, tmp_path / "correct.pb")
    assert not agreement
    assert any("answers differently when asked the same twice" in w for w in agreement.warnings)
    noisy.close()


def test_what_the_live_model_answered_in_another_state_is_not_used(
    trained: Path, tmp_path: Path
) -> None:
    """Live answers are kept for the next artifact, and dropped when the model has changed."""
    live = reference.load(trained)
    freeze(trained, tmp_path / "correct.pb")
    assert freezecheck.check(live, tmp_path / "correct.pb")
    with live.graph.as_default():
        (bias,) = (v for v in v1.global_variables() if v.op.name == "logits/biases")
    value = live.session.run(bias)
    live.session.run(bias.initializer, {bias.initializer.inputs[1]: value + 1.0 * (value > 0)})
    assert not freezecheck.check(live, tmp_path / "correct.pb")
    live.session.run(bias.initializer, {bias.initializer.inputs[1]: value})
    assert freezecheck.check(live, tmp_path / "correct.pb")
    live.close()


@pytest.mark.parametrize("outputs", [["probabilities"], ["logits/BiasAdd"]])
def test_only_constants_before_the_output_are_disturbed(
    outputs: list[str], live: LiveModel, tmp_path: Path
) -> None:
    artifact = freezecheck.load(freezecheck.freeze(live, "graph_def", tmp_path))
    assert isinstance(artifact, FrozenGraphDef)
    seen = []
    feeds = {"images": reference.pictures(2, seed=0)[0]}

    def change(value: Any) -> Any:
        seen.append(value.shape)
        return value.copy()

    assert artifact.answer_disturbed(feeds, outputs, change) is not None
    assert len(seen) == 23
    assert artifact.answer_disturbed(feeds, ["images"], change) is None
    artifact.close()


def _dense(x: Any, units: int, name: str) -> Any:
    start = v1.random_normal_initializer(seed=len(name) + units)
    return tf.matmul(x, v1.get_variable(name, [int(x.shape[-1]), units], initializer=start))


def suppressed(x: Any) -> Any:
    """Boxes and scores behind a non-maximum suppression, with a threshold of 0.6."""
    corners = tf.reshape(tf.sigmoid(_dense(x, 24, "boxes")), [-1, 6, 1, 4])
    boxes = tf.concat([tf.minimum(corners[..., :2], corners[..., 2:]), corners[..., 2:] + 0.1], -1)
    scores = tf.nn.softmax(tf.reshape(_dense(x, 18, "scores"), [-1, 6, 3]))
    found = tf.image.combined_non_max_suppression(boxes, scores, 4, 4, 0.6, 0.2)
    return tf.identity(found.nmsed_scores, name="found")


def asserted(x: Any) -> Any:
    """An input that is checked to be a picture."""
    bounds = [v1.debugging.assert_greater_equal(x, 0.0), v1.debugging.assert_less_equal(x, 1.0)]
    with tf.control_dependencies(bounds):
        return tf.nn.softmax(_dense(tf.identity(x), 3, "w"), name="found")


def refined(x: Any) -> Any:
    """A loop that ends when a step is small; the rate by which it shrinks is a constant."""
    hidden, rate = tf.tanh(_dense(x, 6, "w")), tf.constant(0.8, name="rate")
    _, hidden = tf.while_loop(
        lambda step, _: step > 0.01,
        lambda step, h: (step * rate, h + step * tf.tanh(h)),
        (tf.constant(1.0), hidden),
    )
    return tf.nn.softmax(_dense(hidden, 3, "out"), name="found")


def shrinking(x: Any) -> Any:
    """A loop over weights: with larger ones it never ends."""
    rates = v1.get_variable("rates", [6], initializer=v1.constant_initializer(0.8))
    steps, hidden = tf.ones([6]), tf.tanh(_dense(x, 6, "w"))
    _, hidden = tf.while_loop(
        lambda steps, _: tf.reduce_max(tf.abs(steps)) > 0.01,
        lambda steps, h: (steps * rates, h + steps * tf.tanh(h)),
        (steps, hidden),
    )
    return tf.nn.softmax(_dense(hidden, 3, "out"), name="found")


def refined_in_tensorflow_1(x: Any) -> Any:
    """The same loop of Enter and Exit, whose gradient is lost where the graph is copied."""
    with control_flow_of_tensorflow_1():
        return refined(x)


@pytest.mark.parametrize("way", ["graph_def", "saved_model_session"])
@pytest.mark.parametrize(
    "build", [suppressed, asserted, refined, refined_in_tensorflow_1, shrinking]
)
def test_what_cannot_be_run_with_any_weights_is_no_error_of_a_correct_file(
    build: Callable[[Any], Any], way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (frozen_graph, saved_model_session):
        monkeypatch.setattr(module, "PATIENCE", 1.0)
    spec = {"x": freezecheck.InputSpec((8,), low=0.0, high=1.0)}
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None, 8], name="x")
        found = build(x)
        session.run(v1.global_variables_initializer())
        live = LiveModel.from_session(session, {"x": x}, {"found": found}, spec)
        (tmp_path / "right").mkdir()
        right = freezecheck.load(freezecheck.freeze(live, way, tmp_path / "right"), way=way)
        assert freezecheck.assert_agreement(live, right, examples=20).exact
        right.close()
        # The wrong twin: one weight halved.
        with graph.as_default():
            weight = v1.trainable_variables()[-1]
            value = live.session.run(weight)
            live.session.run(weight.initializer, {weight.initializer.inputs[1]: value * 0.5})
        (tmp_path / "wrong").mkdir()
        wrong = freezecheck.load(freezecheck.freeze(live, way, tmp_path / "wrong"), way=way)
        live.session.run(weight.initializer, {weight.initializer.inputs[1]: value})
        agreement = freezecheck.check(live, wrong, examples=20)
        assert not agreement
        assert re.search(r"^[a-z-]+: .*answers .* apart", agreement.text)
        wrong.close()
        live.close()
