"""What counts as a comparison of a repository that declares no model, and what does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.kit import mistakes, tiny
from tests.kit.freezing import differently, freeze
from tests.kit.subjects import Subject

#: A table that is not read; its twin is.
TABLE = """
[tool.{name}.models.flowers]
build = "net:build"
checkpoint = {checkpoint!r}
artifacts = ["frozen.pb"]

[tool.{name}.models.flowers.inputs.images]
shape = [4, 4, 3]
"""
OF_ITS_OWN = """
import net
from pytest_freezecheck import LiveModel

def test_export(freezecheck):
    live = LiveModel.from_checkpoint(net.build, {checkpoint!r}, net.INPUTS)
    assert freezecheck(live, "frozen.pb")
"""
WITH_OURS = """
import pytest_freezecheck as ours

def test_it(freezecheck, freezecheck_live_model, tmp_path):
    artifact = ours.freeze(freezecheck_live_model, "graph_def", tmp_path)
    assert freezecheck(freezecheck_live_model, artifact)
"""
raw_weights = differently(keys=mistakes.raw_keys)


@pytest.fixture
def repository(
    pytester: pytest.Pytester, flowers: Subject, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    monkeypatch.syspath_prepend(pytester.path)
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    freeze(flowers, pytester.path / "frozen.pb")
    return pytester


def declare(folder: Path, subject: Subject, name: str) -> None:
    table = TABLE.format(name=name, checkpoint=subject.checkpoint)
    (folder / "pyproject.toml").write_text(table)


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    given = ("-p", "no:xdist", "--freezecheck-examples=5", "--freezecheck-report=r.json")
    return repository.runpytest("--freezecheck", *given, *arguments)


def compared(repository: pytest.Pytester) -> set[tuple[str, str]]:
    checks = json.loads((repository.path / "r.json").read_text())["checks"]
    return {(check["model"], check["outcome"]) for check in checks}


def test_a_mistyped_table_certifies_nothing_and_its_twin_the_model(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    raw_weights(flowers, repository.path / "frozen.pb")
    declare(repository.path, flowers, "freezcheck")
    result = run(repository)
    assert result.ret == 1
    assert compared(repository) == set()
    result.stdout.fnmatch_lines(["freezecheck: nothing was compared: no model is declared*"])
    declare(repository.path, flowers, "freezecheck")
    assert run(repository).ret == 1
    assert compared(repository) == {("flowers", "failed")}
    freeze(flowers, repository.path / "frozen.pb")
    assert run(repository).ret == 0
    assert compared(repository) == {("flowers", "passed")}


def test_our_own_model_is_checked_in_a_repository_if_it_is_named(
    repository: pytest.Pytester,
) -> None:
    (repository.path / "pyproject.toml").write_text("")
    result = run(repository, "freezecheck::reference::graph_def")
    assert result.ret == 0
    assert compared(repository) == {("reference", "passed")}
    result.stdout.fnmatch_lines(
        ["freezecheck: seed 0, *; checking freezecheck's own reference mo*"]
    )


def test_it_is_checked_where_a_repository_has_a_model_of_its_own_too(
    repository: pytest.Pytester,
) -> None:
    repository.makeconftest(
        """
        import pytest

        @pytest.fixture
        def freezecheck_live_model():
            raise OSError("not this one")
        """
    )
    assert run(repository, "freezecheck::reference::graph_def").ret == 0
    assert compared(repository) == {("reference", "passed")}


def test_a_test_that_uses_the_fixture_counts(repository: pytest.Pytester) -> None:
    repository.makepyfile(WITH_OURS)
    assert run(repository).ret == 0
    assert compared(repository) == {("reference", "passed")}


def test_a_mistyped_table_fails_a_run_whose_own_tests_compared_something(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    repository.makepyfile(test_own=OF_ITS_OWN.format(checkpoint=flowers.checkpoint))
    (repository.path / "pyproject.toml").write_text("")
    assert run(repository).ret == 0
    declare(repository.path, flowers, "freezcheck")
    result = run(repository)
    assert result.ret == 1
    assert compared(repository) == {("live", "passed")}
    result.stdout.fnmatch_lines(
        [
            "freezecheck: a model that is declared was not compared: pyproject.toml: "
            "[[]tool.freezcheck.models.flowers] is not read; did you mean *"
        ]
    )
    # Who names a check asks for that one alone.
    assert run(repository, "test_own.py::test_export").ret == 0
    declare(repository.path, flowers, "freezecheck")
    assert run(repository).ret == 0
    assert compared(repository) == {("live", "passed"), ("flowers", "passed")}


def test_a_failing_input_of_our_own_model_can_be_replayed_in_a_repository(
    repository: pytest.Pytester,
) -> None:
    (repository.path / "pyproject.toml").write_text("")
    tight = "--freezecheck-atol=0"  # which float16 cannot keep
    assert run(repository, tight, "freezecheck::reference::tflite_float16").ret == 1
    (saved,) = (repository.path / ".freezecheck").glob("*.npz")
    result = run(repository, f"--freezecheck-replay={saved}", tight)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*answers * apart in *", "*replayed a saved input*"])
