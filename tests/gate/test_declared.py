"""Declared models from end to end: files that ship, fresh freezes, exporting functions."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Model
from pytest_freezecheck.declared.live import build_live, find_function
from tests.kit import mistakes, tiny
from tests.kit.freezing import differently, freeze
from tests.kit.subjects import Subject
from tests.kit.subprocesses import run_pytest
from tests.kit.ways import CLASSIC

v1 = tf.compat.v1

TABLE = """
[tool.freezecheck.models.flowers]
build = "net:build"
checkpoint = {checkpoint!r}
artifacts = ["export/frozen.pb", "export/saved_model"]
freeze = ["graph_def_v2"]

[tool.freezecheck.models.flowers.inputs.images]
shape = [4, 4, 3]
"""
#: pytest shows the reason of an item of ours in its short summary since 9.
REASON = " - freezecheck: flowers" if int(pytest.__version__.split(".")[0]) >= 9 else ""
raw_weights = differently(keys=mistakes.raw_keys)
averaged_statistics = differently(keys=mistakes.collected_keys)
NAMES = ["export/frozen.pb", "export/saved_model", "graph_def_v2"]


@pytest.fixture(scope="module")
def correct(flowers: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a correct GraphDef and SavedModel."""
    folder = tmp_path_factory.mktemp("correct")
    live = flowers.live()
    freezecheck.freeze(live, "saved_model", folder)
    live.close()
    freeze(flowers, folder / "frozen.pb")
    return folder


@pytest.fixture
def repository(
    pytester: pytest.Pytester, flowers: Subject, correct: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "300")
    (pytester.path / "pyproject.toml").write_text(TABLE.format(checkpoint=flowers.checkpoint))
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    shutil.copytree(correct, pytester.path / "export")
    return pytester


def declare(repository: pytest.Pytester, *pairs: tuple[str, str]) -> None:
    """Change the declaration."""
    path = repository.path / "pyproject.toml"
    text = path.read_text()
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return repository.runpytest("--freezecheck", "-p", "no:xdist", *arguments)


def checks(repository: pytest.Pytester) -> list[Any]:
    return list(json.loads((repository.path / "report.json").read_text())["checks"])


def test_everything_that_is_declared_is_checked(repository: pytest.Pytester) -> None:
    result = run(repository, "--freezecheck-report=report.json")
    result.assert_outcomes(passed=3)
    assert result.ret == 0
    for name in NAMES:
        result.stdout.re_match_lines(
            [rf"flowers\s+{name}\s+0\s+1e-05\s+0\s+374\s+113/113\s+identical\s.*agrees"]
        )
    ways = {check["artifact"]: (check["way"], check["format"]) for check in checks(repository)}
    assert ways == {
        "export/frozen.pb": (None, "graph_def"),
        "export/saved_model": (None, "saved_model"),
        "graph_def_v2": ("graph_def_v2", "graph_def"),
    }
    assert {check["nodeid"] for check in checks(repository)} == {
        f"pyproject.toml::flowers::{name}" for name in NAMES
    }


def test_the_file_that_is_wrong_is_the_one_that_fails(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    raw_weights(flowers, repository.path / "export" / "frozen.pb")
    result = run(repository)
    assert result.ret == 1
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "  flowers, export/frozen.pb: output probabilities *",
            "*that input alone: pytest --freezecheck --freezecheck-replay=*",
            "FAILED pyproject.toml::flowers::export/frozen.pb - raw-weights: *",
        ]
    )
    again = run(repository, "--lf")
    again.assert_outcomes(failed=1)
    freeze(flowers, repository.path / "export" / "frozen.pb")
    run(repository, "--lf").assert_outcomes(passed=1)


def test_first_failed_durations_and_maxfail(repository: pytest.Pytester, flowers: Subject) -> None:
    raw_weights(flowers, repository.path / "export" / "frozen.pb")
    run(repository, "-x").assert_outcomes(failed=1)
    result = run(repository, "--ff", "--durations=3", "-vv")
    result.stdout.fnmatch_lines(["*s call     pyproject.toml::flowers::export/*"])
    assert result.ret == 1


def test_junit_properties_are_plain_values(repository: pytest.Pytester, flowers: Subject) -> None:
    raw_weights(flowers, repository.path / "export" / "frozen.pb")
    run(repository, "--junitxml=junit.xml")
    cases = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in ET.parse(repository.path / "junit.xml").iter("testcase")
    }
    assert set(cases) == set(NAMES)
    # How many rows are drawn, and so what they show, changes with the version of Hypothesis.
    assert int(cases["export/saved_model"].pop("freezecheck.inputs") or 0) == 374
    assert float(cases["export/saved_model"].pop("freezecheck.power") or 0.0) > 0.98
    assert cases["export/saved_model"] == {
        "freezecheck.model": "flowers",
        "freezecheck.artifact": "export/saved_model",
        "freezecheck.outcome": "passed",
        "freezecheck.reason": "identical",
        "freezecheck.max_abs_diff": "0.0",
        "freezecheck.atol": "1e-05",
        "freezecheck.examples": "10",
        "freezecheck.exact": "True",
        "freezecheck.proof": "identical",
    }
    assert cases["export/frozen.pb"]["freezecheck.outcome"] == "failed"


def test_settings_of_the_model_and_of_the_artifact_beat_the_command_line(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    averaged_statistics(flowers, repository.path / "export" / "frozen.pb")
    loose = '{ path = "export/frozen.pb", atol = 0.9, logit_rtol = false, examples = 3 }'
    declare(
        repository,
        ('"export/frozen.pb"', loose),
        ("freeze =", "examples = 5\nfreeze ="),
    )
    result = run(
        repository,
        *("--freezecheck-examples=50", "--freezecheck-atol=0", "--freezecheck-report=report.json"),
    )
    assert result.ret == 0
    found = {check["artifact"]: (check["atol"], check["examples"]) for check in checks(repository)}
    assert found == {
        "export/frozen.pb": (0.9, 3),
        "export/saved_model": (0.0, 5),
        "graph_def_v2": (0.0, 5),
    }


def test_missing_and_broken_files_fail_their_own_item(repository: pytest.Pytester) -> None:
    (repository.path / "export" / "frozen.pb").write_bytes(b"\n\x03abc")
    declare(repository, ('"export/saved_model"', '"export/nowhere"'))
    result = run(repository, "--freezecheck-report=report.json")
    result.assert_outcomes(failed=2, passed=1)
    assert result.ret == 1
    result.stdout.re_match_lines(
        [
            "freezecheck: flowers: export/frozen.pb: not a GraphDef",
            "freezecheck: flowers: export/nowhere: no such file or folder",
            rf"FAILED pyproject.toml::flowers::export/frozen.pb{REASON}",
            rf"FAILED pyproject.toml::flowers::export/nowhere{REASON}",
        ],
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert [check["outcome"] for check in checks(repository)] == ["error", "error", "passed"]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([(":build", ":biuld")], "build = '.*': .* has no 'biuld' \\(nearest: 'build'\\)"),
        (
            [("net:", "nowhere.nets:")],
            "there is no module 'nowhere'",
        ),
        ([(":build", ":INPUTS")], "build = '.*' is no function"),
        ([("checkpoint = '", "checkpoint = 'x")], "no checkpoint at .*/x/.*: expected "),
        (
            [("inputs.images", "inputs.pictures")],
            r"build takes \(images.*inputs are \['pictures'\]",
        ),
        ([("[4, 4, 3]", "[9, 9, 3]")], "has logits/weights.* in shape"),
    ],
)
def test_a_model_that_cannot_be_built_fails_every_item_with_one_line(
    repository: pytest.Pytester, pairs: list[tuple[str, str]], said: str
) -> None:
    declare(repository, *pairs)
    result = run(repository)
    result.assert_outcomes(failed=3)
    assert result.ret == 1
    reasons = [line for line in result.stdout.lines if line.startswith("freezecheck: flowers: ")]
    assert len(reasons) == 3
    assert all(re.search(said, line) for line in reasons), reasons


def test_an_error_of_the_teams_own_code_is_shown_as_theirs(repository: pytest.Pytester) -> None:
    (repository.path / "nets.py").write_text("def build(images):\n    return images.shape.oops\n")
    declare(repository, ("net:", "nets:"))
    result = run(repository, "-k", "graph_def_v2")
    assert result.ret == 1
    line = (
        "freezecheck: flowers: build = 'nets:build' raised AttributeError: *'oops' (nets.py:2 in*"
    )
    result.stdout.fnmatch_lines([line])
    assert "pytest_freezecheck/declared/live.py" not in result.stdout.str()


EXPORT = """
import pytest_freezecheck

def main(live, directory):
    pytest_freezecheck.freeze(live, "graph_def", directory / "1")
    pytest_freezecheck.freeze(live, "saved_model", directory)
    (directory / "labels.txt").write_text("rose")

def wrong(live, directory):
    main(live, directory)
    path = directory / "1" / "graph_def.pb"
    path.write_bytes(path.read_bytes().replace(b"Softmax", b"Sigmoid"))

def nothing(live, directory):
    (directory / "labels.txt").write_text("rose")
"""


@pytest.mark.parametrize(
    ("function", "passes", "said"),
    [
        ("main", True, "warning: flowers, export: 1/graph_def.pb: *known format: labels.txt"),
        ("wrong", False, "  flowers, export: 1/graph_def.pb: output probabilities *"),
        ("nothing", False, "*export = 'exporting:nothing' wrote no artifact *: labels.txt"),
    ],
)
def test_what_an_exporting_function_writes_is_checked(
    repository: pytest.Pytester, function: str, passes: bool, said: str
) -> None:
    (repository.path / "exporting.py").write_text(EXPORT)
    declare(repository, ("freeze =", f'export = "exporting:{function}"\nfreeze ='))
    result = run(repository, "pyproject.toml::flowers::export")
    assert result.ret == (0 if passes else 1)
    result.stdout.fnmatch_lines([said])


def test_samples_are_fed_too(repository: pytest.Pytester, flowers: Subject) -> None:
    np.save(
        repository.path / "a.npy",
        np.random.default_rng(3).uniform(-1, 1, (20, *tiny.SHAPE)).astype("f4"),
    )
    declare(repository, ("shape = [4, 4, 3]", 'shape = [4, 4, 3]\nsamples = "*.npy"'))
    result = run(repository, "-k", "frozen")
    result.stdout.re_match_lines([r"flowers\s+export/frozen.pb\s+0\s+1e-05\s+0\s+394\s"])
    declare(repository, ('"*.npy"', '"*.x.npy"'))
    result = run(repository, "-k", "frozen")
    assert result.ret == 1
    result.stdout.re_match_lines([".*input 'images': no file matches samples = '.*x.npy'"])


def training_graph(flowers: Subject, path: Path, default: bool | None) -> None:
    """Freeze with `is_training` and `keep_prob` left in the graph, as placeholders."""

    def build(subject: Subject, images: Any) -> Any:
        if default is None:
            flag = v1.placeholder(tf.bool, [], name="is_training")
        else:
            flag = v1.placeholder_with_default(default, [], name="is_training")
        keep = v1.placeholder(tf.float32, [], name="keep_prob")
        return tf.where(flag, tf.ones([1, tiny.CLASSES]) * keep, tiny.build(images), name="answer")

    freeze(flowers, path, build=build)


@pytest.mark.parametrize("default", [None, True])
def test_a_training_graph_is_fed_what_its_table_says(
    repository: pytest.Pytester, flowers: Subject, default: bool | None
) -> None:
    training_graph(flowers, repository.path / "export" / "frozen.pb", default)
    listed = "keep_prob, is_training" if default is None else "keep_prob"
    result = run(repository, "-k", "frozen")
    assert result.ret == 1
    names = ", ".join(sorted(listed.split(", ")))
    result.stdout.re_match_lines([f".*frozen.pb: needs {names} fed, .*inputs = {{ "])

    constants = "is_training = { value = %s }, keep_prob = { value = 1.0 }"
    declare(
        repository,
        (
            '"export/frozen.pb"',
            '{ path = "export/frozen.pb", inputs = { %s } }' % (constants % "false"),
        ),
    )
    assert run(repository, "-k", "frozen").ret == 0
    declare(repository, ("value = false", "value = true"))
    assert run(repository, "-k", "frozen").ret == 1
    declare(repository, ("is_training =", "is_trianing ="))
    result = run(repository, "-k", "frozen")
    result.stdout.re_match_lines([r".*no input 'is_trianing' .*\(nearest: 'is_training'\)"])


def test_a_training_flag_that_defaults_to_true_and_is_not_fed_fails(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    def build(subject: Subject, images: Any) -> Any:
        flag = v1.placeholder_with_default(True, [], name="is_training")
        return tf.where(flag, tf.ones([1, tiny.CLASSES]) / 5, tiny.build(images), name="answer")

    freeze(flowers, repository.path / "export" / "frozen.pb", build=build)
    assert run(repository, "-k", "frozen").ret == 1


def test_names_of_an_artifact_come_from_its_table(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    def build(subject: Subject, images: Any) -> Any:
        hidden = tiny.build(images)
        return tf.stack([tf.identity(hidden, name="softmax"), hidden], name="both")

    path = repository.path / "export" / "frozen.pb"
    edited_path = repository.path / "renamed.pb"
    freeze(flowers, path, build=build)
    definition = v1.GraphDef.FromString(path.read_bytes())
    for node in definition.node:
        node.name = {"images": "x", "probabilities": "p0"}.get(node.name, node.name)
        for place, name in enumerate(node.input):
            node.input[place] = {"images": "x", "probabilities": "p0"}.get(name, name)
    edited_path.write_bytes(definition.SerializeToString())
    table = (
        '{ path = "renamed.pb", inputs = { images = "x:0" }, outputs = { probabilities = "%s" }, '
        'ignore_outputs = ["both"] }'
    )
    declare(repository, ('"export/frozen.pb"', table % "softmax:0"))
    assert run(repository, "-k", "renamed").ret == 0
    declare(repository, ("softmax:0", "sotfmax:0"))
    result = run(repository, "-k", "renamed")
    result.stdout.re_match_lines([r".*no output 'sotfmax' for .*\(nearest: 'softmax'\)"])
    declare(repository, ("{ probabilities =", "{ probabilites ="))
    result = run(repository, "-k", "renamed")
    result.stdout.re_match_lines([r".*no output 'probabilites' .*\(nearest: 'probabilities'\)"])


def test_a_graph_in_text_format_is_told_by_its_content(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    from google.protobuf import text_format

    path = repository.path / "export" / "frozen.pb"
    definition = v1.GraphDef.FromString(path.read_bytes())
    path.write_text(text_format.MessageToString(definition))
    assert run(repository, "-k", "frozen").ret == 0
    path.write_text(path.read_text()[:-300])
    result = run(repository, "-k", "frozen")
    result.stdout.re_match_lines([".*frozen.pb: not a GraphDef in text format: "])


def test_live_is_a_function_of_the_teams_own(repository: pytest.Pytester, flowers: Subject) -> None:
    (repository.path / "evaluating.py").write_text(
        textwrap.dedent(
            f"""
            import tensorflow.compat.v1 as tf
            from net import build as inference
            from pytest_freezecheck.models.checkpoint import keys_to_restore

            def session():
                graph = tf.Graph()
                with graph.as_default():
                    images = tf.placeholder(tf.float32, [None, 4, 4, 3], name="images")
                    output = inference(images)
                    session = tf.Session(graph=graph)
                    saver = tf.train.Saver(keys_to_restore("trainable"))
                    saver.restore(session, {flowers.checkpoint!r})
                return session, {{"images": images}}, {{"probabilities": output}}

            def pair():
                return session()[:2]

            def strange():
                return 1, 2, 3
            """
        )
    )
    path = repository.path / "pyproject.toml"
    path.write_text(re.sub(r"build = .*\n", 'live = "evaluating:session"\n', path.read_text()))
    assert run(repository).ret == 0
    declare(repository, ("evaluating:session", "evaluating:pair"))
    run(repository).stdout.re_match_lines([".*live returned tuple; expected .session, "])
    declare(repository, ("evaluating:pair", "evaluating:strange"))
    run(repository).stdout.re_match_lines([r".*live returned \(int, int, int\); expected "])


def test_a_model_of_a_conftest_is_checked(repository: pytest.Pytester, flowers: Subject) -> None:
    (repository.path / "pyproject.toml").unlink()
    repository.makeconftest(
        f"""
        import pytest_freezecheck as freezecheck

        def build(images):
            from net import build as inference
            return inference(images)

        def pytest_freezecheck_models():
            inputs = {{"images": freezecheck.InputSpec((4, 4, 3))}}
            return [
                freezecheck.Model(
                    "trees",
                    inputs,
                    build=build,
                    checkpoint={flowers.checkpoint!r},
                    artifacts=["export/frozen.pb"],
                )
            ]
        """
    )
    result = run(repository)
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"trees\s+export/frozen.pb\s+0\s"])
    raw_weights(flowers, repository.path / "export" / "frozen.pb")
    assert run(repository, "freezecheck::trees::export/frozen.pb").ret == 1


def test_a_model_is_built_once_in_a_run(repository: pytest.Pytester) -> None:
    (repository.path / "nets.py").write_text(
        textwrap.dedent(
            """
            from net import build as inference

            def build(images):
                with open("built.txt", "a") as file:
                    file.write("once ")
                return inference(images)
            """
        )
    )
    declare(repository, ("net:", "nets:"))
    assert run(repository).ret == 0
    assert (repository.path / "built.txt").read_text() == "once "


@pytest.mark.parametrize(
    "distribution", ["load", pytest.param("loadgroup", marks=pytest.mark.slow)]
)
def test_one_worker_gets_all_checks_of_a_model(
    repository: pytest.Pytester, distribution: str
) -> None:
    (repository.path / "test_other.py").write_text("def test_other(): pass")
    code, printed = run_pytest(
        repository.path,
        *("--freezecheck", "-n", "2", f"--dist={distribution}", "-v"),
        "--freezecheck-report=report.json",
    )
    assert code == 0, printed
    workers = set(re.findall(r"\[(gw\d)\].*PASSED pyproject.toml::flowers", printed))
    assert len(workers) == 1, printed
    assert {check["nodeid"] for check in checks(repository)} == {
        f"pyproject.toml::flowers::{name}" for name in NAMES
    }


def test_src_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "src" / "freezecheck_flowers").mkdir(parents=True)
    (tmp_path / "src" / "freezecheck_flowers" / "nets.py").write_text("def build(x): return x")
    model = Model("m", {"x": {"shape": [3]}}, build="a:b", checkpoint="c", root=tmp_path)
    assert find_function(model, "build", "freezecheck_flowers.nets:build")(3) == 3


def test_integers_and_uint8_images(tmp_path: Path) -> None:
    """Token ids and raw pixels, which the model looks up and scales by itself."""

    def build(tokens: Any, pixels: Any) -> Any:
        table = v1.get_variable("table", [30, 4], initializer=v1.random_normal_initializer(seed=1))
        words = tf.reduce_mean(tf.gather(table, tokens), axis=1)
        return tf.nn.softmax(words + tf.cast(pixels, tf.float32) / 255.0, name="p")

    inputs: dict[str, dict[str, object]] = {
        "tokens": {"shape": [6], "dtype": "int64", "low": 0, "high": 29},
        "pixels": {"shape": [4], "dtype": "uint8"},
    }
    with tf.Graph().as_default(), v1.Session() as session:
        build(v1.placeholder(tf.int64, [None, 6]), v1.placeholder(tf.uint8, [None, 4]))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
    model = Model("m", inputs, build=build, checkpoint="model.ckpt", ema="none", root=tmp_path)
    live = build_live(model)
    for way in CLASSIC:
        artifact = freezecheck.load(freezecheck.freeze(live, way, tmp_path / "out"), way=way)
        assert freezecheck.assert_agreement(live, artifact).exact
        artifact.close()

    def clip(definition: Any) -> None:
        for node in definition.node:
            if node.name == "table":
                value = tf.make_ndarray(node.attr["value"].tensor).copy()
                value[29, 0] += 1e-2
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))

    path = tmp_path / "out" / "graph_def.pb"
    definition = v1.GraphDef.FromString(path.read_bytes())
    clip(definition)
    path.write_bytes(definition.SerializeToString())
    assert not freezecheck.check(live, path)
    live.close()


def test_everything_that_an_exporter_wrote_is_in_the_report(repository: pytest.Pytester) -> None:
    (repository.path / "exporting.py").write_text(
        EXPORT + "\ndef broken(live, directory):\n    main(live, directory)\n"
        "    (directory / 'a.pb').write_bytes(b'no')\n"
    )
    declare(repository, ("freeze =", 'export = "exporting:broken"\nfreeze ='))
    result = run(repository, "pyproject.toml::flowers::export", "--freezecheck-report=report.json")
    assert result.ret == 1
    assert {check["artifact"]: check["outcome"] for check in checks(repository)} == {
        "export: a.pb": "error",
        "export: 1/graph_def.pb": "passed",
        "export: saved_model": "passed",
    }
    result.stdout.re_match_lines([r"flowers\s+export: a.pb\s+-\s+1e-05\s+-\s+-\s.*ERROR"])


def test_errors_are_results_with_the_settings_of_their_check(repository: pytest.Pytester) -> None:
    (repository.path / "export" / "frozen.pb").unlink()
    run(repository, "--freezecheck-atol=0.5", "--freezecheck-report=report.json")
    (error,) = (check for check in checks(repository) if check["outcome"] == "error")
    assert error["artifact"] == "export/frozen.pb"
    assert error["atol"] == 0.5
    assert error["message"] == "export/frozen.pb: no such file or folder"
    declare(repository, ("checkpoint = '", "checkpoint = 'x"))
    run(repository, "--freezecheck-atol=0.5", "--freezecheck-report=report.json")
    assert [check["outcome"] for check in checks(repository)] == ["error"] * 3
    assert {check["atol"] for check in checks(repository)} == {0.5}


def test_an_error_in_a_test_of_ones_own_is_a_result_too(repository: pytest.Pytester) -> None:
    (repository.path / "pyproject.toml").unlink()
    repository.makepyfile(
        """
        def test_it(freezecheck, freezecheck_live_model):
            freezecheck(freezecheck_live_model, "nowhere.pb")
        """
    )
    result = run(repository, "-k", "test_it", "--freezecheck-report=report.json")
    assert result.ret == 1
    (check,) = checks(repository)
    assert (check["model"], check["artifact"], check["outcome"]) == (
        "reference",
        "nowhere.pb",
        "error",
    )


def test_a_live_model_whose_fixture_fails_is_in_the_report(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def freezecheck_live_model():
            raise OSError("no disk")
        """
    )
    result = pytester.runpytest("--freezecheck", "--freezecheck-report=report.json")
    assert result.ret == 1
    assert [check["outcome"] for check in checks(pytester)] == ["error"] * len(freezecheck.WAYS)


def test_what_tensorflow_says_is_said(flowers: Subject, tmp_path: Path) -> None:
    def build(subject: Subject, images: Any) -> Any:
        table = tf.constant([[0.2] * tiny.CLASSES])
        place = tf.cast(tf.reduce_sum(images, axis=[1, 2, 3]) * 0 + 7, tf.int32)
        return tf.gather(table, place) + tiny.build(images)

    freeze(flowers, tmp_path / "wild.pb", build=build)
    live = flowers.live()
    with pytest.raises(freezecheck.ArtifactError) as error:
        freezecheck.check(live, tmp_path / "wild.pb")
    live.close()
    assert "wild.pb: cannot be run on the inputs: indices[0] = 7 is not in [0, 1)" in str(
        error.value
    )


def test_a_declaration_above_the_rootdir(
    repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = repository.mkdir("service")
    (inner / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(inner)
    result = repository.runpytest("--freezecheck", "--collect-only", "-q", "-p", "no:xdist")
    assert "../pyproject.toml::flowers::export/frozen.pb" in result.stdout.lines
    result = run(repository, "../pyproject.toml::flowers::export/frozen.pb")
    result.assert_outcomes(passed=1)
