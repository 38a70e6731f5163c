"""Models that take only so many rows at a time, on either side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Agreement, LiveModel
from pytest_freezecheck.checking import corpus
from pytest_freezecheck.models import reference
from pytest_freezecheck.models.checkpoint import keys_to_restore
from tests.kit import faults
from tests.kit.converted import to_tflite

v1 = tf.compat.v1
Keys = Callable[[], Mapping[str, Any]]
FEW = 20


def saved_model(
    folder: Path, path: Path, rows: int, keys: Keys = faults.trainable_keys, training: bool = False
) -> None:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        v1.set_random_seed(3)
        images = v1.placeholder(tf.float32, [rows, 24, 24, 3], name="images")
        output = reference.build(images, is_training=training)
        v1.train.Saver(keys()).restore(session, reference.checkpoint(folder))
        ends = {"images": images}, {"probabilities": output}
        v1.saved_model.simple_save(session, str(path), *ends)


@contextlib.contextmanager
def session_of(trained: Path, rows: int, mode: str = "trainable") -> Iterator[LiveModel]:
    """A session as an evaluation with a batch size of its own leaves it."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        images = v1.placeholder(tf.float32, [rows, 24, 24, 3], name="images")
        output = reference.build(images)
        v1.train.Saver(keys_to_restore(mode)).restore(session, reference.checkpoint(trained))
        prefix = reference.checkpoint(trained)
        ends = {"images": images}, {"probabilities": output}
        live = LiveModel.from_session(session, *ends, reference.INPUTS, checkpoint=prefix)
    with contextlib.closing(live):
        yield live


def cause_of(agreement: Agreement) -> str:
    assert not agreement
    assert agreement.cause is not None
    assert agreement.cause["proven"], agreement.text
    return str(agreement.cause["id"])


@pytest.mark.parametrize("rows", [1, 3, 16])
def test_a_correct_graph_def_is_bit_identical(
    rows: int, trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    faults.freeze(trained, tmp_path / "fixed.pb", rows=rows)
    agreement = freezecheck.check(live, tmp_path / "fixed.pb", exact=True)
    assert agreement, agreement.text
    assert (agreement.max_abs_diff, agreement.logit_rel_diff) == (0.0, 0.0)
    assert agreement.inputs > 400
    assert not [warning for warning in agreement.warnings if "bit-identical" in warning]
    frozen = freezecheck.load(tmp_path / "fixed.pb")
    with contextlib.closing(frozen):
        images = reference.pictures(5, 1)[0]
        assert frozen.batch_size() == rows
        assert frozen.predict({"images": images})["probabilities"].shape == (5, 5)


def test_a_correct_saved_model_is_bit_identical(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    saved_model(trained, tmp_path / "fixed", 4)
    agreement = freezecheck.check(live, tmp_path / "fixed", examples=FEW, exact=True)
    assert agreement, agreement.text
    assert agreement.max_abs_diff == 0.0


@pytest.mark.parametrize("rows", [1, 3])
def test_raw_weights_are_named(rows: int, trained: Path, live: LiveModel, tmp_path: Path) -> None:
    """From a GraphDef and a SavedModel; the smallest input is one picture."""

    def raw() -> Mapping[str, Any]:
        return keys_to_restore("none")

    faults.freeze(trained, tmp_path / "fixed.pb", keys=raw, rows=rows)
    saved_model(trained, tmp_path / "fixed", rows, keys=raw)
    for path in (tmp_path / "fixed.pb", tmp_path / "fixed"):
        agreement = freezecheck.check(live, path, examples=FEW)
        assert cause_of(agreement) == "raw-weights"
        assert agreement.first_difference is not None
        assert agreement.counterexample is not None
        assert len(agreement.counterexample.feeds["images"]) == 1


def test_the_batch_size_is_no_changed_operation(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    """With it known, a reshape holds a number of rows that the live graph computes."""

    faults.freeze(trained, tmp_path / "fixed.pb", rows=2)
    definition = v1.GraphDef.FromString((tmp_path / "fixed.pb").read_bytes())
    next(node for node in definition.node if node.name == "conv3/Relu6").op = "Elu"
    (tmp_path / "fixed.pb").write_bytes(definition.SerializeToString())
    agreement = freezecheck.check(live, tmp_path / "fixed.pb", examples=FEW)
    assert cause_of(agreement) == "changed-operation"
    assert agreement.cause is not None
    assert agreement.cause["tensors"] == ["conv3/Relu6"]
    assert "conv3/Relu6 is Elu, in the live graph Relu6" in agreement.text


def test_an_input_that_is_turned_round_is_named(
    trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    def flipped(images: Any) -> Any:
        return reference.build(tf.image.flip_left_right(images))

    faults.freeze(trained, tmp_path / "fixed.pb", build=flipped, rows=4)
    agreement = freezecheck.check(live, tmp_path / "fixed.pb", examples=FEW)
    assert cause_of(agreement) == "input-transform"
    assert "it flips left and right" in agreement.text


def test_training_mode_is_named(trained: Path, live: LiveModel, tmp_path: Path) -> None:
    saved_model(trained, tmp_path / "fixed", 4, training=True)
    agreement = freezecheck.check(live, tmp_path / "fixed", examples=FEW)
    assert not agreement
    assert "training-batch-norm" in agreement.text


def test_inputs_are_drawn_once_whatever_artifacts_take(
    trained: Path, live: LiveModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steering and power belong to the live model; neither depends on what is compared with it."""
    faults.freeze(trained, tmp_path / "frozen.pb")
    faults.freeze(trained, tmp_path / "fixed.pb", rows=2)
    one = to_tflite(tmp_path / "frozen.pb", tmp_path, batch=1)
    assert freezecheck.check(live, tmp_path / "frozen.pb", examples=FEW, seed=77)
    monkeypatch.setattr(corpus, "Corpus", None)
    for path in (tmp_path / "fixed.pb", one, tmp_path / "frozen.pb"):
        assert freezecheck.check(live, path, examples=FEW, seed=77)


def test_a_session_with_a_batch_size_is_fed_in_pieces(trained: Path, tmp_path: Path) -> None:
    faults.freeze(trained, tmp_path / "frozen.pb")
    faults.freeze(trained, tmp_path / "fixed.pb", rows=6)
    faults.freeze(trained, tmp_path / "raw.pb", keys=lambda: keys_to_restore("none"))
    with session_of(trained, 6) as live:
        assert live.batch_size == 6
        for name in ("frozen.pb", "fixed.pb"):
            agreement = freezecheck.check(live, tmp_path / name, examples=FEW, exact=True)
            assert agreement, agreement.text
            assert agreement.power is not None
            assert agreement.power.caught > 0
        agreement = freezecheck.check(live, tmp_path / "raw.pb", examples=FEW)
        assert cause_of(agreement) == "raw-weights"
    with session_of(trained, 6, "none") as raw:
        assert not freezecheck.check(raw, tmp_path / "frozen.pb", examples=FEW)


def test_two_batch_sizes_leave_what_noise_explains(trained: Path, tmp_path: Path) -> None:
    """The kernels may sum in another order, so a correct file need not be bit-identical."""
    faults.freeze(trained, tmp_path / "one.pb", rows=1)
    with session_of(trained, 6) as live:
        agreement = freezecheck.check(live, tmp_path / "one.pb", examples=FEW, exact=True)
        assert agreement, agreement.text
        assert not agreement.bit_exact
        faults.freeze(trained, tmp_path / "one.pb", rows=1, keys=lambda: keys_to_restore("none"))
        agreement = freezecheck.check(live, tmp_path / "one.pb", examples=FEW)
        assert cause_of(agreement) == "raw-weights"


@pytest.fixture(scope="module")
def of_three(trained: Path) -> Iterator[tuple[LiveModel, LiveModel]]:
    """Sessions of three rows, and the second one with raw weights."""
    with session_of(trained, 3) as live, session_of(trained, 3, "none") as raw:
        yield live, raw


@pytest.mark.parametrize("way", ["graph_def", "saved_model", "saved_model_session", "grappler"])
def test_a_session_with_a_batch_size_is_frozen(
    way: str, of_three: tuple[LiveModel, LiveModel], tmp_path: Path
) -> None:
    live, raw = of_three
    (tmp_path / "right").mkdir()
    (tmp_path / "raw").mkdir()
    right = freezecheck.load(freezecheck.freeze(live, way, tmp_path / "right"), way=way)
    with contextlib.closing(right):
        agreement = freezecheck.check(live, right, examples=FEW)
        assert agreement, agreement.text
        assert agreement.exact or way == "grappler"
    wrong = freezecheck.load(freezecheck.freeze(raw, way, tmp_path / "raw"), way=way)
    with contextlib.closing(wrong):
        assert not freezecheck.check(live, wrong, examples=FEW)


@pytest.mark.parametrize("rows", [64, 2**31 - 1])
def test_a_file_that_takes_more_rows_than_can_be_made_is_told_in_a_line(
    rows: int, trained: Path, live: LiveModel, tmp_path: Path
) -> None:
    path = tmp_path / "fixed.pb"
    faults.freeze(trained, path)
    definition = v1.GraphDef.FromString(path.read_bytes())
    (images,) = (node for node in definition.node if node.op == "Placeholder")
    images.attr["shape"].shape.dim[0].size = rows
    path.write_bytes(definition.SerializeToString())
    if rows == 64:
        freezecheck.assert_agreement(live, path, examples=1)
        return
    with pytest.raises(freezecheck.ArtifactError) as error:
        freezecheck.check(live, path, examples=1)
    assert str(error.value).startswith(f"{path}: it takes 2,147,483,647 rows at a time")
    assert "\n" not in str(error.value)
