"""Every injected fault gets its own cause, proven, from a frozen GraphDef and from a SavedModel."""

from __future__ import annotations

import contextlib
import operator
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Agreement, LiveModel
from pytest_freezecheck.models.checkpoint import keys_to_restore
from pytest_freezecheck.report.causes import CAUSES, as_markdown
from tests.kit import mistakes
from tests.kit.freezing import freeze, is_statistic, reading
from tests.kit.spread import spread
from tests.kit.subjects import SUBJECTS, Subject
from tests.kit.wrong_freezes import WRONG, WrongFreeze, stands_alone

v1 = tf.compat.v1
Subjects = Callable[[str], Subject]
Lives = Callable[[str, str], LiveModel]
Shipped = Callable[[str, WrongFreeze], Path]

#: {wrong freeze: the cause that it has to get}
CAUSE = {
    "training_batch_norm": "training-batch-norm",
    "raw_weights": "raw-weights",
    "initialised_again": "initial-values",
    "dropout_left_on": "dropout",
    "initial_statistics": "initial-statistics",
    "averaged_statistics": "averaged-statistics",
    "raw_statistics": "raw-statistics",
    "older_checkpoint": "other-checkpoint",
    "head_not_restored": "partial-restore",
    "one_beta_not_restored": "partial-restore",
    "logits_shipped": "output-tensor",
    "classes_shifted": "class-order",
    "phase_defaults_to_training": "training-flag",
    "averages_swapped_twice": "swapped-averages",
    "channels_first_flatten": "changed-operation",
    "rows_and_columns_swapped": "input-transform",
    "folded_where_read_twice": "batch-norm-folding",
    "half_precision": "reduced-precision",
    "another_epsilon": "batch-norm-epsilon",
    "one_raw_beta": "raw-weights",
    "raw_last_bias": "raw-weights",
    "averaged_statistics_of_one_layer": "averaged-statistics",
    "one_weight_1_percent": "altered-weights",
    "one_weight_10_percent": "altered-weights",
    "channels_reversed": "input-transform",
    "input_scaled": "input-transform",
    "input_clipped": "input-transform",
}
#: Nothing before the output differs in these, or no tensor of the artifact has the live one's name.
_NO_FIRST = {"logits_shipped", "classes_shifted"}


def _wrong(first: int) -> list[Any]:
    """Return each wrong freeze with each network, all but one of them slow."""
    name, skipped = operator.attrgetter("name"), operator.attrgetter("skip")
    return spread(WRONG, list(SUBJECTS), name, skipped, first)


@contextlib.contextmanager
def _checkpoint_of(path: Path, subject: Subject) -> Iterator[None]:
    """Put the checkpoint that an artifact was made from, if it has one, beside the subject's.

    Where one with exchanged averages lies there, raw weights may come from either.
    """
    made_from, place = path.with_suffix(""), subject.folder / mistakes.SWAPPED
    if made_from.exists():
        shutil.copytree(made_from, place)
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


def as_saved_model(path: Path, subject: Subject, folder: Path) -> Path:
    """Wrap a frozen GraphDef into a SavedModel, as a converter's script does."""
    definition = v1.GraphDef.FromString(path.read_bytes())
    read = {name.split(":")[0].lstrip("^") for node in definition.node for name in node.input}
    (output,) = [
        node.name
        for node in definition.node
        if node.name not in read and node.op not in ("Const", "Placeholder", "NoOp")
    ]
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        tf.import_graph_def(definition, name="")
        tensor = graph.get_tensor_by_name
        target = folder / "saved_model"
        v1.saved_model.simple_save(
            session,
            str(target),
            {subject.input: tensor(f"{subject.input}:0")},
            {"answer": tensor(f"{output}:0")},
        )
    return target


def causes(agreement: Agreement) -> dict[str, bool]:
    """Return {cause: whether it was proven} of all that were found."""
    assert agreement.cause is not None
    found = [agreement.cause, *agreement.cause.get("others", [])]
    return {cause["id"]: cause["proven"] for cause in found}


@pytest.mark.parametrize(("subject", "wrong"), _wrong(0))
def test_a_frozen_graph_gets_its_cause(
    subject: str, wrong: WrongFreeze, subject_of: Subjects, live_of: Lives, shipped: Shipped
) -> None:
    live, path = live_of(subject, wrong.live_ema), shipped(subject, wrong)
    with _checkpoint_of(path, subject_of(subject)):
        agreement = freezecheck.check(live, path)
    assert stands_alone(agreement.text.splitlines()[0], live, path)
    assert causes(agreement) == {CAUSE[wrong.name]: True}
    cause = agreement.cause
    assert cause is not None
    assert cause["tensors"]
    assert cause["fix"] == CAUSES[cause["id"]].fix
    assert f"  cause: {cause['id']}: the frozen model " in agreement.text
    assert "  with this, the live model computes what the file does, for every input" in (
        agreement.text
    )
    if wrong.name in _NO_FIRST:
        assert agreement.first_difference is None
    else:
        assert agreement.first_difference is not None
        assert agreement.first_difference["tensor"] in {
            op.name for op in live.graph.get_operations()
        }


@pytest.mark.parametrize(("subject", "wrong"), _wrong(1))
def test_a_saved_model_gets_the_same_cause(
    subject: str,
    wrong: WrongFreeze,
    subject_of: Subjects,
    live_of: Lives,
    shipped: Shipped,
    tmp_path: Path,
) -> None:
    if wrong.name == "phase_defaults_to_training":
        pytest.skip("a signature has the phase neither as an input nor as a default")
    frozen = shipped(subject, wrong)
    path = as_saved_model(frozen, subject_of(subject), tmp_path)
    with _checkpoint_of(frozen, subject_of(subject)):
        agreement = freezecheck.check(live_of(subject, wrong.live_ema), path)
    assert causes(agreement) == {CAUSE[wrong.name]: True}


#: (what the live model reads from shadows, what the artifact does, cause, way)
_CONVENTIONS = [
    ("trainable", "none", "raw-weights", "saved_model"),
    ("trainable", "none", "raw-weights", "saved_model_session"),
    ("trainable", "all", "averaged-statistics", "saved_model"),
    ("trainable", "all", "averaged-statistics", "saved_model_session"),
    ("none", "trainable", "averaged-weights", "saved_model"),
    ("none", "trainable", "averaged-weights", "saved_model_session"),
    ("all", "trainable", "raw-statistics", "saved_model"),
    ("all", "trainable", "raw-statistics", "saved_model_session"),
]


@pytest.mark.parametrize(("subject", "convention"), spread(_CONVENTIONS, list(SUBJECTS), "-".join))
def test_variables_of_a_saved_model_are_held_against_the_checkpoint(
    subject: str, convention: tuple[str, str, str, str], live_of: Lives, tmp_path: Path
) -> None:
    """The conventions for BatchNorm's shadows, each against the other, in both directions."""
    read, shipped, cause, way = convention
    path = freezecheck.freeze(live_of(subject, shipped), way, tmp_path)
    frozen = freezecheck.load(path, way=way)
    assert causes(freezecheck.check(live_of(subject, read), frozen)) == {cause: True}
    assert freezecheck.assert_agreement(live_of(subject, shipped), frozen).cause is None
    frozen.close()


def _rounded_raw(subject: Subject, path: Path) -> None:
    freeze(subject, path, keys=lambda: keys_to_restore("none"), edit=mistakes.half_precision)


def _raw_and_shifted(subject: Subject, path: Path) -> None:
    freeze(subject, path, keys=lambda: keys_to_restore("none"), build=mistakes.classes_shifted)


def _epsilon_and_statistics(subject: Subject, path: Path) -> None:
    keys = reading(is_statistic, shadows=True)
    freeze(subject, path, keys=keys, edit=mistakes.another_epsilon)


def _dropout_and_one_weight(subject: Subject, path: Path) -> None:
    alter = mistakes.one_weight_times(1.5)
    freeze(subject, path, build=mistakes.dropout_left_on, afterwards=alter)


def _reversed_and_raw(subject: Subject, path: Path) -> None:
    freeze(subject, path, keys=lambda: keys_to_restore("none"), build=mistakes.channels_reversed)


#: (writes a file that is wrong in two ways, the causes of both)
_TWICE: list[tuple[Callable[[Subject, Path], None], set[str]]] = [
    (_rounded_raw, {"raw-weights", "reduced-precision"}),
    (_raw_and_shifted, {"raw-weights", "class-order"}),
    (_epsilon_and_statistics, {"batch-norm-epsilon", "averaged-statistics"}),
    (_dropout_and_one_weight, {"dropout", "altered-weights"}),
    (_reversed_and_raw, {"raw-weights", "input-transform"}),
]


@pytest.mark.parametrize(
    ("subject", "twice"), spread(_TWICE, list(SUBJECTS), lambda twice: twice[0].__name__)
)
def test_two_faults_are_both_reported(
    subject: str,
    twice: tuple[Callable[[Subject, Path], None], set[str]],
    subject_of: Subjects,
    live_of: Lives,
    tmp_path: Path,
) -> None:
    ship, both = twice
    ship(subject_of(subject), tmp_path / "wrong.pb")
    found = causes(freezecheck.check(live_of(subject, "trainable"), tmp_path / "wrong.pb"))
    assert found == dict.fromkeys(both, True)


def test_weights_that_are_no_numbers_are_non_finite(
    subject_of: Subjects, live_of: Lives, tmp_path: Path
) -> None:
    def spoil(session: Any) -> None:
        biases = v1.trainable_variables()[-1]
        biases.load(np.full(biases.shape, np.nan, np.float32), session)

    freeze(subject_of("reference"), tmp_path / "wrong.pb", afterwards=spoil)
    agreement = freezecheck.check(live_of("reference", "trainable"), tmp_path / "wrong.pb")
    assert causes(agreement) == {"non-finite": True}
    assert agreement.cause is not None
    assert agreement.cause["tensors"] == ["logits/biases"]


def test_an_answer_that_depends_on_the_batch_is_called_that(
    subject_of: Subjects, live_of: Lives, tmp_path: Path
) -> None:
    def build(subject: Subject, images: Any) -> Any:
        centred = images - 0.1 * tf.reduce_mean(images, axis=0, keepdims=True)
        return subject.build(centred)

    freeze(subject_of("reference"), tmp_path / "wrong.pb", build=build)
    agreement = freezecheck.check(live_of("reference", "trainable"), tmp_path / "wrong.pb")
    assert causes(agreement) == {"batch-dependence": True}


@pytest.mark.parametrize("subject", ["reference", "classifier"])
def test_raw_weights_are_named_through_folding(
    subject: str, subject_of: Subjects, live_of: Lives, tmp_path: Path
) -> None:
    freeze(
        subject_of(subject),
        tmp_path / "folded.pb",
        keys=lambda: keys_to_restore("none"),
        edit=mistakes.fold_batch_norms,
    )
    found = causes(freezecheck.check(live_of(subject, "trainable"), tmp_path / "folded.pb"))
    assert found == {"raw-weights": True}


def test_another_network_has_other_operations(
    subject_of: Subjects, live_of: Lives, tmp_path: Path
) -> None:
    """A network of other names and another shape, which cannot be held against the live one."""

    def build(subject: Subject, images: Any) -> Any:
        del subject
        kernel = tf.constant(np.random.default_rng(0).normal(size=(1728, 5)).astype(np.float32))
        return tf.nn.softmax(tf.reshape(images, [-1, 1728]) @ kernel / 40.0, name="other/answer")

    with tf.Graph().as_default() as graph, v1.Session(graph=graph):
        images = v1.placeholder(tf.float32, [None, 24, 24, 3], name="images")
        build(subject_of("reference"), images)
        (tmp_path / "other.pb").write_bytes(graph.as_graph_def().SerializeToString())
    agreement = freezecheck.check(live_of("reference", "trainable"), tmp_path / "other.pb")
    assert causes(agreement) == {"changed-operation": True}
    assert "the live model computes what the file does" not in agreement.text


@pytest.mark.usefixtures("answers_alone")
def test_what_nobody_can_read_is_unknown_and_says_what_was_ruled_out(
    subject_of: Subjects, live_of: Lives, tmp_path: Path
) -> None:
    with tf.Graph().as_default() as graph:
        images = v1.placeholder(tf.float32, [None, 24, 24, 3], name="images")
        kernel = tf.constant(np.random.default_rng(0).normal(size=(1728, 5)).astype(np.float32))
        tf.nn.softmax(tf.reshape(images, [-1, 1728]) @ kernel / 40.0, name="other/answer")
        (tmp_path / "other.pb").write_bytes(graph.as_graph_def().SerializeToString())
    agreement = freezecheck.check(live_of("reference", "trainable"), tmp_path / "other.pb")
    assert causes(agreement) == {"unknown": False}
    assert agreement.cause is not None
    assert agreement.cause["explanation"]
    assert re.search(r"^  cause: unknown: none of the known causes could be", agreement.text, re.M)
    assert "what it computes could not be told apart: held back by a test" in agreement.text
    assert "the live model computes what the file does" not in agreement.text


def _under_a_scope(subject: Subject, path: Path, folder: Path) -> Path:
    """Import a frozen graph under a scope, and write it again."""
    definition = v1.GraphDef.FromString(path.read_bytes())
    with tf.Graph().as_default() as graph:
        images = v1.placeholder(tf.float32, [None, *subject.spec.shape], name=subject.input)
        tf.import_graph_def(definition, input_map={subject.input: images}, name="import")
        kept = [n for n in graph.as_graph_def().node if n.name != f"import/{subject.input}"]
    (folder / "scoped.pb").write_bytes(v1.GraphDef(node=kept).SerializeToString())
    return folder / "scoped.pb"


def test_a_scope_on_every_name_hides_nothing(
    subject_of: Subjects, live_of: Lives, tmp_path: Path
) -> None:
    subject = subject_of("reference")
    freeze(subject, tmp_path / "raw.pb", keys=lambda: keys_to_restore("none"))
    path = _under_a_scope(subject, tmp_path / "raw.pb", tmp_path)
    agreement = freezecheck.check(live_of("reference", "trainable"), path)
    assert causes(agreement) == {"raw-weights": True}
    assert agreement.first_difference is not None
    assert agreement.first_difference["tensor"] == "conv1/Conv2D"


@pytest.mark.parametrize(
    ("changes", "cause", "said"),
    [
        (
            {"build": mistakes.training_batch_norm},
            "training-batch-norm",
            "conv1/BatchNorm/FusedBatchNormV3 has is_training = true, in the live graph false",
        ),
        (
            {"keys": mistakes.raw_keys},
            "raw-weights",
            "conv1/weights is the raw 'conv1/weights' of the checkpoint",
        ),
        (
            {"build": mistakes.dropout_left_on},
            "dropout",
            "it is computed from the random n",
        ),
    ],
    ids=["training mode", "raw weights", "dropout"],
)
def test_other_names_hide_nothing(
    changes: dict[str, Any],
    cause: str,
    said: str,
    subject_of: Subjects,
    live_of: Lives,
    tmp_path: Path,
) -> None:
    """Built in another order, a graph has other names, and the same mistakes."""
    subject = subject_of("reference")
    freeze(subject, tmp_path / "wrong.pb", **changes)
    definition = v1.GraphDef.FromString(tmp_path.joinpath("wrong.pb").read_bytes())
    names = {n.name: f"n{i}" for i, n in enumerate(definition.node) if n.name != "images"}
    for node in definition.node:
        node.name = names.get(node.name, node.name)
        read = [names.get(name, name) for name in node.input]
        del node.input[:]
        node.input.extend(read)
        node.attr.pop("_class", None)
    (tmp_path / "renamed.pb").write_bytes(definition.SerializeToString())
    agreement = freezecheck.check(live_of("reference", "trainable"), tmp_path / "renamed.pb")
    assert causes(agreement) == {cause: True}
    assert said in agreement.text


def test_without_a_checkpoint_nobody_can_tell_whose_the_weights_are(
    subject_of: Callable[[str], Subject], live_of: Callable[[str, str], LiveModel], tmp_path: Path
) -> None:
    """A session handed over without its checkpoint: raw weights look like any others."""
    subject, restored = subject_of("reference"), live_of("reference", "trainable")
    freeze(subject, tmp_path / "raw.pb", keys=lambda: keys_to_restore("none"))
    own = LiveModel.from_session(
        restored.session, restored.inputs, restored.outputs, restored.specs, name="own"
    )
    agreement = freezecheck.check(own, tmp_path / "raw.pb")
    assert causes(agreement) == {"other-weights": True}  # whose they are, nobody can tell
    own.close()
    named = LiveModel.from_session(
        restored.session,
        restored.inputs,
        restored.outputs,
        restored.specs,
        name="named",
        checkpoint=restored.checkpoint,
    )
    assert causes(freezecheck.check(named, tmp_path / "raw.pb")) == {"raw-weights": True}
    named.close()


def test_every_cause_of_the_table_is_described() -> None:
    assert set(CAUSE.values()) <= set(CAUSES)
    assert len(CAUSES) == 25
    for cause in CAUSES.values():
        assert cause.meaning
        assert cause.fix


def test_the_page_of_causes_is_made_from_them() -> None:
    """Made by `python -m pytest_freezecheck.report.causes > docs/reference/causes.md`."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "causes.md"
    assert page.read_text() == as_markdown()
