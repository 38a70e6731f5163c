"""A format of a repository's own, added by a hook in its conftest.py, from end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Format, Way
from pytest_freezecheck.formats import registry

v1 = tf.compat.v1
CONFTEST = """
import numpy as np
import pytest_freezecheck as freezecheck


class Table(freezecheck.NamedModel):
    '''A softmax regression as a file of NumPy arrays, run by NumPy.'''

    format = "table"
    executor = "NumPy"

    def __init__(self, path, way=None):
        super().__init__(path, way)
        with np.load(path) as arrays:
            self.weights_of, self.biases = arrays["weights"], arrays["biases"]

    @property
    def input_types(self):
        return {"features": np.dtype("float32")}

    @property
    def output_names(self):
        return ["scores"]

    def run(self, feeds, outputs):
        logits = feeds["features"] @ self.weights_of + self.biases
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return [powers / powers.sum(axis=-1, keepdims=True)]


def write(live, directory):
    values = live.weights()
    path = directory / "model.table"
    with path.open("wb") as file:
        np.savez(file, weights=values["weights"], biases=values["biases"])
    return path


def recognises(path):
    return path.suffix == ".table"


FORMAT = freezecheck.Format(
    "table",
    recognises,
    Table,
    (
        freezecheck.Way("table", write, Table, bit_exact=False),
        freezecheck.Way(
            "table_abroad",
            write,
            Table,
            extra=freezecheck.Extra("pip install abroad", ("package_that_nobody_has",)),
        ),
    ),
)


def pytest_freezecheck_formats():
    return [FORMAT]
"""
BUILDING = """
import tensorflow as tf

def build(features):
    v1 = tf.compat.v1
    weights = v1.get_variable("weights", [6, 3], initializer=v1.random_normal_initializer(seed=1))
    biases = v1.get_variable("biases", [3], initializer=v1.random_normal_initializer(seed=2))
    return tf.nn.softmax(tf.matmul(features, weights) + biases, name="probabilities")
"""
DECLARATION = """
[tool.freezecheck.models.linear]
build = "building:build"
checkpoint = "model.ckpt"
ema = "none"
artifacts = ["ship.table"]
freeze = ["table", "table_abroad", "graph_def"]

[tool.freezecheck.models.linear.inputs.features]
shape = [6]
"""


@pytest.fixture
def repository(pytester: pytest.Pytester) -> pytest.Pytester:
    """A model repository that ships its own format, correct."""
    (pytester.path / "building.py").write_text(BUILDING)
    (pytester.path / "pyproject.toml").write_text(DECLARATION)
    pytester.makeconftest(CONFTEST)
    with tf.Graph().as_default(), v1.Session() as session:
        space: dict[str, Any] = {}
        exec(BUILDING, space)
        space["build"](v1.placeholder(tf.float32, [None, 6]))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(pytester.path / "model.ckpt"))
        weights, biases = session.run(v1.global_variables())
    with (pytester.path / "ship.table").open("wb") as file:
        np.savez(file, weights=weights, biases=biases)
    return pytester


def run(repository: pytest.Pytester) -> tuple[pytest.RunResult, dict[str, Any]]:
    result = repository.runpytest_inprocess(
        "--freezecheck", "-p", "no:xdist", "--freezecheck-report=r.json"
    )
    checks = json.loads((repository.path / "r.json").read_text())["checks"]
    return result, {check["artifact"]: check for check in checks}


def test_its_files_and_ways_are_checked_as_ours_are(repository: pytest.Pytester) -> None:
    result, checks = run(repository)
    assert result.ret == 0
    result.assert_outcomes(passed=3, skipped=1)
    for name in ("ship.table", "table"):
        assert (checks[name]["format"], checks[name]["outcome"]) == ("table", "passed")
        assert 0.0 < checks[name]["max_abs_diff"] < 1e-6
    assert checks["table_abroad"]["outcome"] == "skipped"
    result.stdout.fnmatch_lines(
        ["skipped: linear: table_abroad needs package_that_nobody_has, not installed here: pip *"]
    )
    assert "table" not in freezecheck.WAYS  # it is forgotten with the run


def test_its_broken_twin_fails(repository: pytest.Pytester) -> None:
    with np.load(repository.path / "ship.table") as arrays:
        weights, biases = arrays["weights"], arrays["biases"]
    with (repository.path / "ship.table").open("wb") as file:
        np.savez(file, weights=weights, biases=biases[::-1])
    result, checks = run(repository)
    assert result.ret == 1
    assert checks["ship.table"]["outcome"] == "failed"
    result.stdout.fnmatch_lines(["  linear, ship.table: output *"])


READER = """
    def expressions(self, builder, leaves, outputs):
        weights = builder.constant(self.weights_of, "weights")
        net = builder.linear(leaves["features"], weights, builder.constant(self.biases, "biases"))
        return {name: builder.op("softmax", net, axis=1) for name in outputs}


def write(live"""


def test_one_that_can_be_read_is_proved(repository: pytest.Pytester) -> None:
    repository.makeconftest(CONFTEST.replace("\n\ndef write(live", READER))
    result, checks = run(repository)
    assert result.ret == 0
    for name in ("ship.table", "table"):
        assert checks[name]["proof"]["result"] in ("equal", "identical")
        assert checks[name]["proof"]["weights_accounted"] == 1.0


def test_what_answers_do_not_show_is_found_where_it_can_be_read(
    repository: pytest.Pytester,
) -> None:
    repository.makeconftest(CONFTEST.replace("\n\ndef write(live", READER))
    with np.load(repository.path / "ship.table") as arrays:
        weights, biases = arrays["weights"].copy(), arrays["biases"]
    weights[4, 1] += np.float32(1e-7)
    with (repository.path / "ship.table").open("wb") as file:
        np.savez(file, weights=weights, biases=biases)
    result, checks = run(repository)
    assert result.ret == 1
    assert (checks["ship.table"]["outcome"], checks["ship.table"]["reason"]) == (
        "failed",
        "weights-differ",
    )
    assert checks["table"]["outcome"] == "passed"


def test_a_reader_that_fails_is_told_and_answers_decide(repository: pytest.Pytester) -> None:
    wrong = READER.replace('"softmax"', '"soft_max"')
    repository.makeconftest(CONFTEST.replace("\n\ndef write(live", wrong))
    result, checks = run(repository)
    assert result.ret == 0
    proof = checks["ship.table"]["proof"]
    assert proof["result"] == "not-matched"
    assert "'soft_max' is no operation of proofs" in proof["stopped_at"]["why"]


def test_without_the_hook_the_way_is_not_known(repository: pytest.Pytester) -> None:
    repository.makeconftest("")
    result = repository.runpytest_inprocess("--freezecheck", "-p", "no:xdist")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: freezecheck: *freeze = 'table' is not accepted*"])


OTHER = "freezecheck.Format('other', recognises, Table, ways)"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("FORMAT", "freezecheck_formats returned Format; expected a list of freezecheck.Format"),
        ("[3]", "freezecheck_formats returned a list with int; expected freezecheck.Format"),
        ("[FORMAT, FORMAT]", "freezecheck_formats: there is a format called 'table' already"),
        (f"[FORMAT, {OTHER}]", "freezecheck_formats: there is a way called 'table' already"),
        (OTHER.replace("other", "a b"), "freezecheck_formats: 'a b' is no name for a format"),
    ],
)
def test_a_hook_that_answers_wrongly_is_a_usage_error(
    repository: pytest.Pytester, answer: str, message: str
) -> None:
    listed = f"[{answer}]" if answer.startswith("freezecheck") else answer
    repository.makeconftest(
        CONFTEST.replace("return [FORMAT]", f"ways = FORMAT.ways; return {listed}")
    )
    result = repository.runpytest_inprocess("--freezecheck", "-p", "no:xdist")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: freezecheck: pytest_{message}*"])
    assert "table" not in freezecheck.WAYS


@pytest.fixture
def toy() -> Iterator[Format]:
    def write(live: Any, directory: Path) -> Path:
        raise ZeroDivisionError("by a converter")

    def load(path: Path) -> Any:
        raise AssertionError(path)

    format_ = Format("toy", lambda path: path.suffix == ".toy", load, (Way("toy", write, load),))
    with registry.added([format_]):
        yield format_


def test_whatever_a_converter_raises_is_one_line(
    toy: Format, live: freezecheck.LiveModel, tmp_path: Path
) -> None:
    assert toy.name in freezecheck.WAYS
    expected = "reference: toy cannot freeze this model here: ZeroDivisionError: by a converter"
    with pytest.raises(freezecheck.FreezeError, match=expected):
        freezecheck.freeze(live, "toy", tmp_path)
