"""`freezecheck repair`: only what is proven is changed, and what is written was checked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pytest_freezecheck.checking.repairing import mending
from tests.command.conftest import Run
from tests.kit import tiny

v1 = tf.compat.v1
Place = Callable[..., str]


def graph(path: Path) -> Any:
    return v1.GraphDef.FromString(path.read_bytes())


def changed_nodes(before: Path, after: Path) -> set[str]:
    """Return the nodes that are not the same in both; the names have to be."""
    one, two = graph(before), graph(after)
    assert [node.name for node in one.node] == [node.name for node in two.node]
    return {a.name for a, b in zip(one.node, two.node, strict=True) if a != b}


@pytest.mark.parametrize(
    ("file", "cause", "changed"),
    [
        (
            "raw.pb",
            "raw-weights",
            {"conv/weights", "logits/weights", "logits/biases"}
            | {f"conv/BatchNorm/{name}" for name in ("gamma", "beta")},
        ),
        (
            "averaged.pb",
            "averaged-statistics",
            {"conv/BatchNorm/moving_mean", "conv/BatchNorm/moving_variance"},
        ),
        ("epsilon.pb", "batch-norm-epsilon", {"conv/BatchNorm/FusedBatchNormV3"}),
        ("training.pb", "training-batch-norm", {"conv/BatchNorm/FusedBatchNormV3"}),
    ],
)
def test_a_graph_is_mended_where_it_is_wrong_and_nowhere_else(
    run: Run, place: Place, repository: Path, file: str, cause: str, changed: set[str]
) -> None:
    wrong = place(file)
    before = (repository / wrong).read_bytes()
    ran = run("repair", wrong, "--model", "flowers", "--report=report.json")
    assert ran.code == 0, ran.out + ran.err
    assert (repository / wrong).read_bytes() == before
    mended = repository / wrong.replace(".pb", ".repaired.pb")
    assert changed_nodes(repository / wrong, mended) == changed
    assert f"freezecheck: wrote {mended.relative_to(repository)}: " in ran.out
    assert f"mending {cause}; it agrees" in ran.out
    bad, good = json.loads((repository / "report.json").read_text())["checks"]
    assert (bad["outcome"], bad["cause"]["id"]) == ("failed", cause)
    assert (good["outcome"], good["exact"], good["max_abs_diff"]) == ("passed", True, 0.0)
    again = run("check", "flowers", str(mended.relative_to(repository)))
    assert again.code == 0
    assert sorted(p.name for p in mended.parent.iterdir()) == sorted(
        ["frozen.pb", file, mended.name]
    )


def test_a_flag_that_defaults_to_training_gets_another_default(
    run: Run, place: Place, repository: Path
) -> None:
    ran = run("repair", place("phase.pb"), "--model=flowers")
    assert ran.code == 0, ran.out + ran.err
    assert "default of placeholder " in ran.out


@pytest.mark.parametrize("way", ["saved_model", "simple_save", "saved_model_module"])
def test_the_variables_of_a_saved_model_are_written(
    run: Run, place: Place, repository: Path, way: str
) -> None:
    wrong = place(f"{way}-raw", "export/shipped")
    before = {p: p.read_bytes() for p in (repository / wrong).rglob("*") if p.is_file()}
    ran = run("repair", wrong, "--model=flowers")
    assert ran.code == 0, ran.out + ran.err
    assert {p: p.read_bytes() for p in (repository / wrong).rglob("*") if p.is_file()} == before
    mended = repository / "export" / "shipped.repaired"
    same = (repository / wrong / "saved_model.pb").read_bytes()
    assert (mended / "saved_model.pb").read_bytes() == same  # signatures and graph
    old, new = (
        tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        for folder in (repository / wrong, mended)
    )
    keys = old.get_variable_to_shape_map()
    assert keys == new.get_variable_to_shape_map()
    other = [k for k in keys if np.any(old.get_tensor(k) != new.get_tensor(k))]
    assert len(other) == 5
    assert "(variable conv/weights" in ran.out
    assert run("check", "flowers", "export/shipped.repaired").code == 0


@pytest.mark.parametrize("kind", ["session", "function"])
def test_the_constants_of_a_saved_model_are_replaced(
    run: Run, place: Place, repository: Path, kind: str
) -> None:
    definition = graph(repository / place("raw.pb"))
    folder = str(repository / "shipped")
    if kind == "session":
        with tf.Graph().as_default() as made, v1.Session(graph=made) as session:
            tf.import_graph_def(definition, name="")
            ends = (made.get_tensor_by_name(f"{n}:0") for n in ("images", "probabilities"))
            fed, asked = ({t.op.name: t} for t in ends)
            v1.saved_model.simple_save(session, folder, fed, asked)
    else:
        wrapped = v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
        answer = wrapped.graph.get_tensor_by_name("probabilities:0")
        pruned = wrapped.prune("images:0", {"probabilities": answer})
        module = tf.Module()
        module.serve = tf.function(
            lambda images: pruned(images),
            input_signature=[tf.TensorSpec([None, *tiny.SHAPE], tf.float32, name="images")],
        )
        tf.saved_model.save(module, folder, signatures=module.serve)
    ran = run("repair", "shipped", "--model=flowers", "--output=mended")
    assert ran.code == 0, ran.out + ran.err
    assert "constant conv/weights" in ran.out
    assert run("check", "flowers", "mended").code == 0
    assert run("check", "flowers", "shipped").code == 1


def test_what_agrees_needs_no_repair(run: Run, repository: Path) -> None:
    ran = run("repair", "export/frozen.pb", "--model=flowers", "--report=report.json")
    assert ran.code == 0
    assert "export/frozen.pb agrees: there is nothing to repair" in ran.out
    document = json.loads((repository / "report.json").read_text())
    assert (document["collected"], document["with_result"], document["exit_status"]) == (1, 1, 0)
    assert [path.name for path in (repository / "export").iterdir()] == ["frozen.pb"]


def test_a_weight_is_mended_that_no_answer_shows(run: Run, place: Place, repository: Path) -> None:
    path = repository / place("frozen.pb", "export/odd.pb")
    definition = graph(path)
    (node,) = (node for node in definition.node if node.name == "logits/biases")
    value = tf.make_ndarray(node.attr["value"].tensor).copy()
    value[1] *= 1.00001
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    path.write_bytes(definition.SerializeToString())
    ran = run("repair", "export/odd.pb", "--model=flowers", "-q")
    assert ran.code == 0, ran.out + ran.err
    assert "altered-weights: 1 of 7 weights is altered in a few elements, although none" in ran.out
    mended, right = repository / "export" / "odd.repaired.pb", repository / "export" / "frozen.pb"
    assert changed_nodes(right, mended) == set()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("shifted.pb", "cannot be mended: class-order is no mistake in constants or operations"),
        ("tflite-raw", "cannot be mended: a file of tflite has its weights rewritten"),
    ],
)
def test_what_cannot_be_mended_is_refused_with_the_fix(
    run: Run, place: Place, repository: Path, file: str, said: str
) -> None:
    wrong = place(file)
    ran = run("repair", wrong, "--model=flowers", "-q")
    assert ran.code == 1
    assert said in ran.err
    assert "\n  fix, in the exporting script: " in ran.err
    left = {path.name for path in (repository / "export").iterdir()}
    assert left == {"frozen.pb", Path(wrong).name}


def test_an_unknown_cause_is_not_mended(run: Run, place: Place, repository: Path) -> None:
    path = repository / place("raw.pb", "export/odd.pb")
    definition = graph(path)
    (end,) = (node for node in definition.node if node.name == "probabilities")
    names = dict.fromkeys(node.name for node in definition.node)
    for number, node in enumerate(definition.node):  # no name tells anything, and one scale differs
        names[node.name] = node.name if node.op == "Placeholder" else f"n{number}"
    noisy = definition.node.add(name="noise", op="Sin", input=[end.input[0]])
    noisy.attr["T"].type = tf.float32.as_datatype_enum
    for node in definition.node:
        node.name = names.get(node.name, node.name)
        read = [names[n.partition(":")[0]] for n in node.input]
        del node.input[:]
        node.input.extend(read)
    end.input[0] = "noise"
    path.write_bytes(definition.SerializeToString())
    ran = run("repair", "export/odd.pb", "--model=flowers", "-q")
    assert ran.code == 1
    assert "cannot be mended: " in ran.err
    assert not (repository / "export" / "odd.repaired.pb").exists()


def test_a_copy_that_does_not_agree_is_not_left_there(
    run: Run, place: Place, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mend_nothing(frozen: Any, live: Any, plan: Any, target: Path) -> list[str]:
        shutil.copy(frozen.path, target)
        return ["constant conv/weights"]

    monkeypatch.setattr(mending, "mend_graph", mend_nothing)
    ran = run("repair", place("raw.pb"), "--model=flowers", "-q")
    assert ran.code == 1
    assert "the mended copy does not agree either: nothing was written to " in ran.err
    assert ran.out.count("DIFFERS") == 2
    assert not (repository / ".freezecheck" / "flowers-export-raw.repaired.pb.npz").exists()
    said = run("repair", "export/raw.pb", "--model=flowers", "-v").out
    assert "repeat: freezecheck repair export/raw.pb --model=flowers --seed=0" in said
    assert sorted(p.name for p in (repository / "export").iterdir()) == ["frozen.pb", "raw.pb"]


def test_nothing_is_written_over_unless_it_is_asked_for(
    run: Run, place: Place, repository: Path
) -> None:
    wrong = place("raw.pb")
    there = repository / "export" / "raw.repaired.pb"
    there.write_text("somebody's")
    ran = run("repair", wrong, "--model=flowers")
    assert (ran.code, ran.out) == (4, "")
    assert "export/raw.repaired.pb is there already: --force replaces it" in ran.err
    assert there.read_text() == "somebody's"
    assert run("repair", wrong, "--model=flowers", "--force").code == 0
    assert run("check", "flowers", "export/raw.repaired.pb").code == 0


@pytest.mark.parametrize("output", ["export/raw.pb", "./export/../export/raw.pb"])
def test_the_file_itself_is_never_written_over(run: Run, place: Place, output: str) -> None:
    ran = run("repair", place("raw.pb"), "--model=flowers", f"--output={output}", "--force")
    assert ran.code == 4
    assert "it is never written over" in ran.err


def test_an_interrupted_repair_leaves_nothing_but_its_report(
    run: Run, place: Place, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(mending, "mend_graph", interrupted)
    ran = run("repair", place("raw.pb"), "--model=flowers", "--report=report.json")
    assert (ran.code, ran.err) == (2, "freezecheck: interrupted\n")
    assert sorted(p.name for p in (repository / "export").iterdir()) == ["frozen.pb", "raw.pb"]
    assert json.loads((repository / "report.json").read_text())["interrupted"] is True


def test_a_file_that_is_missing_is_told(run: Run) -> None:
    ran = run("repair", "export/nope.pb", "--model=flowers")
    assert ran.code == 1
    assert "export/nope.pb: no such file or folder" in ran.out
