"""`freezecheck check`: the verdicts of the gate, without pytest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import tensorflow as tf

from pytest_freezecheck.inputs.saved import read as read_saved
from tests.command.conftest import Run
from tests.kit.inprocess import run_freezecheck

v1 = tf.compat.v1
Place = Callable[..., str]
SCHEMA = Path(__file__).parents[2] / "pytest_freezecheck" / "report" / "report.schema.json"
#: A module with live sides of several kinds.
LIVES = """
import pathlib
import tensorflow as tf
import net

v1 = tf.compat.v1
CHECKPOINT = {checkpoint!r}


def session():
    graph = tf.Graph()
    with graph.as_default():
        images = v1.placeholder(tf.float32, [None, *net.SHAPE], name="images")
        answer = net.build(images)
        live = v1.Session(graph=graph)
        average = tf.train.ExponentialMovingAverage(0.9)
        keys = {{average.average_name(v): v for v in v1.trainable_variables()}}
        keys |= {{v.op.name: v for v in v1.global_variables() if v not in v1.trainable_variables()}}
        v1.train.Saver(keys).restore(live, CHECKPOINT)
    return live, {{"images": images}}, {{"probabilities": answer}}


def open_sizes():
    graph = tf.Graph()
    with graph.as_default():
        images = v1.placeholder(tf.float32, [None, None, 3], name="images")
        answer = tf.nn.softmax(tf.reduce_mean(images, 1), name="probabilities")
        return v1.Session(graph=graph), {{"images": images}}, {{"probabilities": answer}}


def broken():
    raise KeyError("no such model")
"""


@pytest.fixture
def lives(repository: Path, flowers: Any) -> str:
    (repository / "lives.py").write_text(LIVES.format(checkpoint=flowers.checkpoint))
    return "lives"


def checks(folder: Path, name: str = "report.json") -> list[dict[str, Any]]:
    document = json.loads((folder / name).read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    return list(document["checks"])


def test_a_right_file_agrees_and_a_wrong_one_differs_by_its_cause(
    run: Run, place: Place, repository: Path
) -> None:
    wrong = place("raw.pb")
    ran = run(
        "check", "flowers", "export/frozen.pb", wrong, "--report=report.json", "--examples=100"
    )
    assert ran.code == 1
    assert ran.err == ""
    first, head, right, *_ = (x for x in ran.out.splitlines() if not x.startswith("  "))
    assert first == (
        "freezecheck: seed 0, 100 examples for each artifact, atol 1e-05; live model: flowers"
    )
    assert head.startswith("raw-weights: 5 of 7 weights are raw, not averaged; answers ")
    assert right.startswith("model")
    assert "flowers  export/frozen.pb           0" in ran.out
    assert ran.out.count("DIFFERS") == 1
    assert "\x1b" not in ran.out  # this is no terminal
    bad, good = checks(repository)  # in the order of their node ids
    assert (good["outcome"], good["reason"]) == ("passed", "identical")
    assert (bad["outcome"], bad["cause"]["id"], bad["cause"]["proven"]) == (
        *("failed", "raw-weights"),
        True,
    )
    assert good["declared_at"] == {"file": "pyproject.toml", "line": 5}
    assert bad["declared_at"] == {"file": "pyproject.toml", "line": 2}  # of the model's table
    assert good["nodeid"] == "pyproject.toml::flowers::export/frozen.pb"  # as the gate has it
    assert bad["nodeid"] == "freezecheck::flowers::export/raw.pb"
    assert json.loads((repository / "report.json").read_text())["exit_status"] == 1


def test_what_agrees_exits_with_0(run: Run) -> None:
    ran = run("check", "flowers", "export/frozen.pb", "-v")
    assert ran.code == 0
    assert "freezecheck: flowers, export/frozen.pb agrees with the live model: bit-iden" in ran.out
    assert "agrees" in ran.out.splitlines()[-1]


def test_what_the_live_model_answers_is_kept_for_later_commands(
    run: Run, place: Place, repository: Path
) -> None:
    given = ("check", "flowers", "export/frozen.pb", place("raw.pb"), "--cache=kept")
    first = run(*given, "--report=first.json")
    second = run(*given, "--report=second.json")
    assert (first.code, second.code) == (1, 1)
    line = "2 checks used what the live model answered before (freezecheck_cache)"
    assert line not in first.out
    assert line in second.out.splitlines()
    pairs = zip(checks(repository, "first.json"), checks(repository, "second.json"), strict=True)
    for one, other in pairs:
        assert (one.pop("remembered"), other.pop("remembered")) == (False, True)
        for timed in (one, other):
            del timed["seconds"]
        assert one == other


def test_a_file_is_no_folder_to_keep_it_in(run: Run) -> None:
    ran = run("check", "flowers", "export/frozen.pb", "--cache=export/frozen.pb")
    assert ran.code == 4
    assert ran.err.startswith("freezecheck: command line: --cache = 'export/frozen.pb' is not acc")


def test_the_table_of_an_artifact_holds(run: Run, place: Place) -> None:
    ran = run("check", "flowers", place("raw.pb", "export/loose.pb"), "--atol=1e-6")
    assert ran.code == 0, ran.out  # the table comes before the command line, as in the gate
    assert " 0.9 " in ran.out
    assert run("check", "flowers", place("raw.pb"), "--atol=0.9").code == 1  # for its logits


def test_a_saved_failing_input_is_replayed_by_the_command_that_is_told(
    run: Run, place: Place, repository: Path
) -> None:
    wrong = place("raw.pb")
    said = run("check", "flowers", wrong, "-v").out
    told = next(x for x in said.splitlines() if "that input alone: " in x).split(": ")[1]
    words = told.split()
    file = ".freezecheck/flowers-export-raw.pb.npz"
    assert words == ["freezecheck", "check", "flowers", "export/raw.pb", f"--replay={file}"]
    assert "repeat: freezecheck check flowers export/raw.pb --seed=0" in said
    again = run(*words[1:])
    assert again.code == 1
    assert "replayed a saved input: both sides answer bit for bit as when it was saved" in again.out
    assert read_saved(repository / file).artifact == "export/raw.pb"
    other = run("check", "flowers", "export/frozen.pb", f"--replay={file}")
    assert other.code == 4
    assert "was found by a check of flowers, export/raw.pb" in other.err
    none = run("check", "flowers", wrong, "--replay=nope.npz")
    assert (none.code, "no such file" in none.err) == (4, True)


def test_a_function_is_the_live_model_and_its_inputs_are_its_placeholders(
    run: Run, place: Place, lives: str
) -> None:
    good = run("check", "lives:session", "export/frozen.pb")
    assert good.code == 0, good.out
    assert "inputs as the live model's placeholders tell them" in good.out
    bad = run("check", "lives:session", place("raw.pb"), "--input=images=4x4x3,low=0,high=0.5")
    assert bad.code == 1
    assert "placeholders tell" not in bad.out
    assert "other-weights" in bad.out  # without its checkpoint nobody knows whose


def test_a_checkpoint_beside_a_function_is_for_the_diagnosis(
    run: Run, place: Place, lives: str, flowers: Any
) -> None:
    ran = run("check", "lives:session", place("raw.pb"), f"--checkpoint={flowers.checkpoint}")
    assert ran.code == 1
    assert ran.out.splitlines()[2].startswith("raw-weights: ")


def test_a_function_that_builds_is_restored(run: Run, place: Place, flowers: Any) -> None:
    live = ["net:build", f"--checkpoint={flowers.checkpoint}", "--input=images=4x4x3"]
    wrong = place("raw.pb")
    assert run("check", "export/frozen.pb", *live[1:], "--ema=none", "x").code == 4
    assert run("check", live[0], wrong, *live[1:], "--ema=none").code == 0
    assert run("check", live[0], wrong, *live[1:], "--ema=trainable").code == 1


@pytest.mark.parametrize("way", ["saved_model", "saved_model_module"])
def test_a_saved_model_is_the_live_model(run: Run, place: Place, way: str) -> None:
    live = place(f"{way}-right", "live")
    good, bad = place("saved_model-right", "good"), place("saved_model-raw", "bad")
    ran = run("check", live, good, bad)
    assert ran.code == 1
    assert [line.split()[-1] for line in ran.out.splitlines() if line.startswith("live ")] == [
        "agrees",
        "DIFFERS",
    ]


def test_a_file_is_not_compared_with_itself(run: Run, place: Place) -> None:
    ran = run("check", place("saved_model-right", "live"), "./live")
    assert (ran.code, ran.err) == (
        *(4, "freezecheck: ./live is the live model itself: to compare it tells nothing\n"),
    )


def test_what_nobody_thought_of_is_a_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*_: object) -> None:
        raise ZeroDivisionError("of no kind of ours")

    monkeypatch.setattr("pytest_freezecheck.checking.targets.do", raising)
    ran = run("check", "flowers", "export/frozen.pb")
    assert ran.code == 1
    assert "export/frozen.pb: ZeroDivisionError: of no kind of ours" in ran.out
    assert "Traceback" not in ran.out + ran.err
    assert "Traceback" in run("check", "flowers", "export/frozen.pb", "-v").out


def test_an_archive_is_the_live_model(run: Run, repository: Path) -> None:
    keras = pytest.importorskip("keras", "3")
    images = keras.Input((4, 4, 3), name="images")
    layer = keras.layers.Dense(3, activation="softmax", name="probabilities")
    model = keras.Model(images, layer(keras.layers.Flatten()(images)))
    model.save(repository / "model.keras")
    model.export(str(repository / "good"), verbose=False)
    layer.set_weights([value + 0.1 for value in layer.get_weights()])
    layer.kernel.assign(layer.kernel * 1.5)
    model.export(str(repository / "bad"), verbose=False)
    ran = run("check", "model.keras", "good", "bad")
    assert ran.code == 1, ran.out
    rows = [line.split() for line in ran.out.splitlines() if line.startswith("model.keras ")]
    assert [(row[1], row[-1]) for row in rows] == [("good", "agrees"), ("bad", "DIFFERS")]


def test_what_a_live_file_is_refused_is_told(run: Run, repository: Path) -> None:
    (repository / "broken").mkdir()
    (repository / "broken" / "saved_model.pb").write_bytes(b"nothing of the kind")
    ran = run("check", "broken", "export/frozen.pb")
    assert ran.code == 1
    assert "as the live model, broken: TensorFlow cannot load this SavedModel" in ran.out.replace(
        f"{repository}/", ""
    )
    assert "Traceback" not in ran.out + ran.err


def test_sizes_that_are_not_told_have_to_be_declared(run: Run, lives: str) -> None:
    ran = run("check", "lives:open_sizes", "export/frozen.pb")
    assert ran.code == 1
    assert "input 'images' has shape (None, None, 3), which does not tell how large" in ran.out


def test_what_the_teams_code_raises_is_a_line(run: Run, lives: str) -> None:
    ran = run("check", "lives:broken", "export/frozen.pb")
    assert ran.code == 1
    assert "live = 'lives:broken' raised KeyError: 'no such model' (lives.py:" in ran.out
    assert "Traceback" not in ran.out + ran.err


def test_what_cannot_be_compared_is_an_error_of_its_own(run: Run, repository: Path) -> None:
    (repository / "notes.txt").write_text("no model")
    ran = run("check", "flowers", "nope.pb", "notes.txt", "export/frozen.pb", "--report=r.jsonl")
    assert ran.code == 1
    assert "nope.pb: no such file or folder" in ran.out
    assert "notes.txt: this file is of no known format" in ran.out
    lines = [json.loads(line) for line in (repository / "r.jsonl").read_text().splitlines()]
    assert [line.get("outcome") for line in lines] == ["error", "error", "passed", None]
    assert lines[-1]["totals"] == {"passed": 1, "failed": 0, "error": 2, "skipped": 0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["flowrs", "x.pb"], "there is no model 'flowrs' (nearest: 'flowers')"),
        (["export", "x.pb"], "'export' cannot be the live model"),
        (["flowers"], "the following arguments are required: ARTIFACT"),
        (["flowers", "x.pb", "--atol=-1"], "command line: --atol = '-1' is not accepted"),
        (["flowers", "x.pb", "--examples=many"], "--examples = 'many' is not accepted"),
        (["flowers", "x.pb", "--report=r.txt"], "--report = 'r.txt' is not accepted"),
        (["flowers", "x.pb", "--ema=some"], "invalid choice: 'some'"),
        (["flowers", "x.pb", "--input=images"], "--input images: it has no name"),
        (["flowers", "x.pb", "--input=images=4xx,low=a"], "--input images=4xx,low=a: it has 'a'"),
        (["flowers", "x.pb", "--input=images=4,lo=1"], "it has 'lo=1' (nearest: 'low')"),
        (["net:build", "x.pb", "--ema=all"], "--ema=all needs a --checkpoint beside it"),
        (["net:build", "x.pb", "--ema=all", "--checkpoint=c"], "--ema=all needs an --input"),
        (["net.py", "x.pb"], "'net.py' cannot be the live model"),
        (["flowers", "x[1].pb"], "expected a path without square brackets"),
        (["flowers", "x.pb", "--isolation=some"], "expected 'process' or 'none'"),
    ],
)
def test_what_cannot_be_used_exits_with_4_and_a_line(
    repository: Path, arguments: list[str], said: str
) -> None:
    ran = run_freezecheck(repository, "check", *arguments)
    assert ran.code == 4
    assert ran.out == ""
    assert said in ran.err
    assert ran.err.startswith("freezecheck: ")
    assert "Traceback" not in ran.err


def test_a_table_that_cannot_be_used_exits_with_4(run: Run, repository: Path) -> None:
    (repository / "pyproject.toml").write_text("[tool.freezecheck.models.m]\nbiuld = 'a:b'\n")
    ran = run("check", "m", "export/frozen.pb")
    assert ran.code == 4
    assert "unknown key 'biuld' (= 'a:b') (nearest: 'build')" in ran.err


def test_a_report_that_cannot_be_written_fails_what_agrees(run: Run, repository: Path) -> None:
    (repository / "r.json").mkdir()
    ran = run("check", "flowers", "export/frozen.pb", "--report=r.json")
    assert ran.code == 1
    assert "freezecheck: the report r.json cannot be written: Is a directory" in ran.err


def test_paths_start_from_the_current_folder(repository: Path) -> None:
    inner = repository / "export"
    ran = run_freezecheck(inner, "check", "flowers", "frozen.pb", "--isolation=none")
    assert ran.code == 0, ran.out + ran.err
    assert "flowers  export/frozen.pb" in ran.out  # as the table that was found above has it
