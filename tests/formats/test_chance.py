"""Files whose answers depend on chance, or on the calls before, so rarely that none shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_slim as slim

import pytest_freezecheck as freezecheck
from pytest_freezecheck import ArtifactError, LiveModel
from tests.kit.made import softmax_of

v1 = tf.compat.v1
KERNEL = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)
#: Changes what is answered, or seems to.
Deed = Callable[[Any], Any]
NEVER = 1e-30
DRAWN = "draws random numbers, without a seed of its own"


def uniform(y: Any) -> Any:
    return v1.random_uniform(tf.shape(y)[:1])[:, None]


# What may be another answer in another call.


def rarely(y: Any) -> Any:
    return tf.where(uniform(y) < NEVER, y * 0.5, y)


def rarely_in_a_branch(y: Any) -> Any:
    return tf.cond(tf.reduce_sum(y) > 1e9, lambda: y * uniform(y), lambda: y)


def rarely_by_a_branch(y: Any) -> Any:
    return tf.cond(uniform(y)[0, 0] < NEVER, lambda: y * 0.5, lambda: y)


def rarely_in_a_loop(y: Any) -> Any:
    _, answer = tf.while_loop(
        lambda i, _: i < 2,
        lambda i, z: (i + 1, tf.where(uniform(y) < NEVER, z * 0.5, z)),
        (tf.constant(0), y),
    )
    return tf.reshape(answer, tf.shape(y))


def rarely_no_number(y: Any) -> Any:
    return y + tf.cast(uniform(y) < NEVER, tf.float32) * 1e30 * 1e30 * 0.0


def rarely_of_another_kind(y: Any) -> Any:
    drawn = tf.raw_ops.NonDeterministicInts(shape=[1], dtype=tf.int64)
    return tf.where(tf.equal(drawn, 7), y * 0.5, y)


def a_dropout_that_drops_little(y: Any) -> Any:
    return y * tf.floor(uniform(y) + (1.0 - 2.0**-23))


# What is the same answer in each.


def nothing(y: Any) -> Any:
    return tf.identity(y)


def a_dropout_that_keeps_all(y: Any) -> Any:
    return v1.nn.dropout(y, keep_prob=tf.identity(1.0))


def a_dropout_that_keeps_all_by_default(y: Any) -> Any:
    keep = v1.placeholder_with_default(1.0, [], name="keep")
    return y / keep * tf.floor(uniform(y) + keep)


def a_rate_of_nothing_by_default(y: Any) -> Any:
    return tf.nn.dropout(y, rate=v1.placeholder_with_default(0.0, [], name="rate"))


def a_phase_that_is_off(y: Any) -> Any:
    phase = v1.placeholder_with_default(False, [], name="phase")
    return tf.cond(phase, lambda: tf.nn.dropout(y, 0.5), lambda: y)


def a_phase_that_chooses(y: Any) -> Any:
    phase = v1.placeholder_with_default(False, [], name="phase")
    return tf.where(phase, tf.nn.dropout(y, 0.5), y)


def a_dropout_of_slim_whose_phase_is_off(y: Any) -> Any:
    phase = v1.placeholder_with_default(False, [], name="phase")
    return slim.dropout(y, 0.5, is_training=phase)


def noise_of_no_size(y: Any) -> Any:
    return y + v1.random_normal([3]) * 0.0


def the_shape_of_what_is_drawn(y: Any) -> Any:
    return y + tf.cast(tf.shape(uniform(y))[1] - 1, tf.float32)


def drawn_from_a_seed(y: Any) -> Any:
    return tf.where(v1.random_uniform([3], seed=1) < NEVER, y * 0.5, y)


def a_loop_of_no_chance(y: Any) -> Any:
    _, answer = tf.while_loop(lambda i, _: i < 3, lambda i, z: (i + 1, z * 1.0), (0, y))
    return tf.reshape(answer, tf.shape(y))


WRONG = [
    rarely,
    rarely_in_a_branch,
    rarely_by_a_branch,
    rarely_in_a_loop,
    rarely_no_number,
    rarely_of_another_kind,
    a_dropout_that_drops_little,
]
RIGHT = [
    nothing,
    a_dropout_that_keeps_all,
    a_dropout_that_keeps_all_by_default,
    a_rate_of_nothing_by_default,
    a_phase_that_is_off,
    a_phase_that_chooses,
    a_dropout_of_slim_whose_phase_is_off,
    noise_of_no_size,
    the_shape_of_what_is_drawn,
    drawn_from_a_seed,
    a_loop_of_no_chance,
]


def answer(x: Any, deed: Deed) -> Any:
    return tf.identity(deed(tf.nn.softmax(tf.matmul(x, tf.constant(KERNEL)))), name="y")


def graph_def(deed: Deed, folder: Path) -> Path:
    with tf.Graph().as_default() as graph:
        answer(v1.placeholder(tf.float32, [None, 4], name="x"), deed)
    path = folder / "frozen.pb"
    only = v1.graph_util.extract_sub_graph(graph.as_graph_def(), ["y"])
    path.write_bytes(only.SerializeToString())
    return path


def graph_def_of_old(deed: Deed, folder: Path) -> Path:
    """Write a GraphDef with the loops and branches of TensorFlow 1."""
    was = v1.control_flow_v2_enabled()
    v1.disable_control_flow_v2()
    try:
        return graph_def(deed, folder)
    finally:
        if was:
            v1.enable_control_flow_v2()


def session_saved(deed: Deed, folder: Path) -> Path:
    path = folder / "saved"
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        v1.saved_model.simple_save(session, str(path), {"x": x}, {"y": answer(x, deed)})
    return path


def module_saved(deed: Deed, folder: Path) -> Path:
    module = tf.Module()
    module.call = tf.function(
        lambda x: {"y": answer(x, deed)},
        input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")],
        autograph=False,
    )
    tf.saved_model.save(module, str(folder / "saved"), signatures=module.call)
    return folder / "saved"


KINDS = [graph_def, graph_def_of_old, session_saved, module_saved]
Kind = Callable[[Deed, Path], Path]


@pytest.fixture(autouse=True)
def _no_seed_of_the_process() -> None:
    """Forget a seed that another test has set: functions made after it draw with a seed."""
    tf.random.set_seed(None)


@pytest.fixture(scope="module")
def live() -> Iterator[LiveModel]:
    model = softmax_of(KERNEL)
    yield model
    model.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deed", WRONG)
def test_what_depends_on_chance_is_refused_by_name(
    kind: Kind, deed: Deed, live: LiveModel, tmp_path: Path
) -> None:
    path = kind(deed, tmp_path)
    with pytest.raises(ArtifactError) as error:
        freezecheck.check(live, path, examples=1)
    first, *_, last = str(error.value).splitlines()
    assert first.startswith(f"{path}: refused: operation '")
    assert first.endswith(f"on the way to the output {DRAWN}")
    operation = first.split("'")[1]
    assert last.endswith(f'allow_ops = ["{operation}"]')
    if deed is rarely_no_number and path.is_dir() and kind.__name__ == "module_saved":
        # A server inlines functions, and then folds 1e30 * 1e30 * 0 into NaN.
        with pytest.raises(ArtifactError, match=r"a server, .*, answers 'y' otherwise .*: by nan"):
            freezecheck.check(live, path, examples=1, allow_ops=[operation])
        return
    freezecheck.assert_agreement(live, path, examples=1, allow_ops=[operation])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deed", RIGHT)
def test_what_reaches_no_output_is_left_alone(
    kind: Kind, deed: Deed, live: LiveModel, tmp_path: Path
) -> None:
    if kind is module_saved and "placeholder" in str(deed.__code__.co_names):
        pytest.skip("a function has no placeholders")
    freezecheck.assert_agreement(live, kind(deed, tmp_path), examples=1)


def draws_in_a_phase(live: LiveModel, path: Path, *, phase: bool) -> None:
    """Check a file that is always fed a phase, and that draws if it is true."""
    frozen = freezecheck.load(path)
    frozen.constants = {"phase": np.array(phase)}
    if phase:
        with pytest.raises(ArtifactError, match=f"'RandomUniform' .* {DRAWN}"):
            freezecheck.check(live, frozen, examples=1)
    else:
        freezecheck.assert_agreement(live, frozen, examples=1)
    frozen.close()


@pytest.mark.parametrize("phase", [False, True])
@pytest.mark.parametrize("kind", [graph_def, graph_def_of_old])
def test_a_phase_that_is_always_fed(
    kind: Kind, phase: bool, live: LiveModel, tmp_path: Path
) -> None:
    def dropping(y: Any) -> Any:
        fed = v1.placeholder(tf.bool, [], name="phase")
        return tf.cond(fed, lambda: rarely(y), lambda: y)

    draws_in_a_phase(live, kind(dropping, tmp_path), phase=phase)


@pytest.mark.parametrize("phase", [False, True])
def test_a_phase_of_a_signature(phase: bool, live: LiveModel, tmp_path: Path) -> None:
    module = tf.Module()
    module.call = tf.function(
        lambda x, phase: {
            "y": tf.cond(phase, lambda: rarely(answer(x, nothing)), lambda: answer(x, nothing))
        },
        input_signature=[
            tf.TensorSpec([None, 4], tf.float32, name="x"),
            tf.TensorSpec([], tf.bool, name="phase"),
        ],
        autograph=False,
    )
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.call)
    draws_in_a_phase(live, tmp_path / "saved", phase=phase)


@pytest.mark.parametrize("writes", [False, True])
def test_a_value_that_is_kept_in_a_case_that_no_input_shows(
    writes: bool, live: LiveModel, tmp_path: Path
) -> None:
    module = tf.Module()
    module.shown = tf.Variable(0.0)

    def call(x: Any) -> Any:
        y = tf.nn.softmax(tf.matmul(x, tf.constant(KERNEL))) * (1.0 - module.shown)
        if writes:
            tf.cond(
                tf.reduce_sum(x) > 1e9, lambda: module.shown.assign(1.0), lambda: module.shown + 0.0
            )
        return {"y": y}

    module.call = tf.function(
        call, input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")], autograph=False
    )
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.call)
    if not writes:
        freezecheck.assert_agreement(live, tmp_path / "saved", examples=1)
        return
    said = "'AssignVariableOp' .* on the way to the output keeps a value from one call to the next"
    with pytest.raises(ArtifactError, match=said):
        freezecheck.check(live, tmp_path / "saved", examples=1)


def test_a_difference_that_is_seen_tells_more(live: LiveModel, tmp_path: Path) -> None:
    agreement = freezecheck.check(
        live, graph_def(lambda y: tf.nn.dropout(y, 0.5), tmp_path), examples=3
    )
    assert (agreement.outcome, agreement.reason) == ("failed", "differs")
