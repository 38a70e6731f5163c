"""The armed gate from end to end, in a run of pytest inside the test."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck import WAYS
from tests.kit import mistakes, tiny
from tests.kit.faults import FAULTS, Fault
from tests.kit.freezing import differently, freeze
from tests.kit.subjects import Subject
from tests.kit.ways import EXACT, HERE, LOSSY, SKIPPED

#: A repository that overrides the live model and checks one file.
CONFTEST = """
import pytest
import pytest_freezecheck

@pytest.fixture(scope="session")
def freezecheck_live_model():
    import net  # and TensorFlow, which only the process that checks needs

    return pytest_freezecheck.LiveModel.from_checkpoint(
        net.build, {checkpoint!r}, net.INPUTS, name="flowers"
    )
"""
TEST = """
import pytest
import pytest_freezecheck

@pytest.mark.freezecheck
def test_export(freezecheck_live_model):
    pytest_freezecheck.assert_agreement(freezecheck_live_model, "frozen.pb")
"""
#: The pattern of tensorflow#25912.
averaged_statistics = differently(keys=mistakes.collected_keys)


def make_repository(folder: Path, subject: Subject) -> None:
    """Write what such a repository has, but for the frozen file."""
    (folder / "net.py").write_text(Path(tiny.__file__).read_text())
    (folder / "conftest.py").write_text(CONFTEST.format(checkpoint=subject.checkpoint))
    (folder / "test_export.py").write_text(TEST)


@pytest.fixture
def repository(
    pytester: pytest.Pytester, flowers: Subject, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "300")  # pytest cuts the lines of its short summary
    monkeypatch.syspath_prepend(pytester.path)
    make_repository(pytester.path, flowers)
    return pytester


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return repository.runpytest("--freezecheck", "-k", "test_", "-p", "no:xdist", *arguments)


def report(repository: pytest.Pytester, name: str = "report.json") -> Any:
    return json.loads((repository.path / name).read_text())


def test_the_reference_model_passes_in_every_way_under_strict_settings_and_with_warnings_as_errors(
    pytester: pytest.Pytester,
) -> None:
    apart = ("-o", "freezecheck_isolation=process")
    strict = ("-W", "error", "--strict-markers", "--strict-config", *apart)
    result = pytester.runpytest("--freezecheck", "--freezecheck-report=out/report.json", *strict)
    assert result.ret == 0
    result.assert_outcomes(passed=len(HERE), skipped=SKIPPED)
    result.stdout.fnmatch_lines(
        [
            "freezecheck: seed 0, 100 examples for each artifact, atol 1e-05; *reference model*",
            "*= freezecheck =*",
            "model *artifact or way *difference *inputs *time *verdict",
            *(f"reference *{way} * agrees*" for way in HERE),
        ]
    )
    document = report(pytester, "out/report.json")
    assert document["schema"] == 2
    assert document["seed"] == 0
    assert set(document["versions"]) >= {"pytest-freezecheck", "tensorflow", "numpy"}
    assert {check["way"] for check in document["checks"]} == set(WAYS)
    for check in document["checks"]:
        assert check["outcome"] == ("passed" if check["way"] in HERE else "skipped")
        assert check["nodeid"] == f"freezecheck::reference::{check['way']}"
        if check["way"] in EXACT:
            assert (check["max_abs_diff"], check["noise_floor"]) == (0.0, 0.0)
            assert check["exact"] is True
            assert check["logits"] == {"max_rel_diff": 0.0, "rtol": 1e-4}
        elif check["way"] in HERE:
            assert 0.0 < check["max_abs_diff"] < check["atol"]
            assert check["noise_floor"] > 0.0
            assert check["lossy"] == (check["way"] in LOSSY)


def test_no_field_of_the_report_is_missing(pytester: pytest.Pytester) -> None:
    pytester.runpytest("--freezecheck", "-k", "simple_save", "--freezecheck-report=r.json")
    (check,) = report(pytester, "r.json")["checks"]
    assert set(check) >= {
        *("model", "artifact", "format", "way", "outcome", "max_abs_diff", "atol", "noise_floor"),
        *("exact", "logits", "inputs", "examples", "seconds", "non_finite", "power", "cause"),
        *("first_difference", "counterexample", "warnings", "replay"),
    }


#: Checks a file for each fault, of the reference model.
TEST_OF_FAULTS = """
from pathlib import Path
import pytest
import pytest_freezecheck
from pytest_freezecheck.models import reference

@pytest.fixture(scope="session")
def live():
    return reference.load(Path({folder!r}))

@pytest.mark.freezecheck
@pytest.mark.parametrize("fault", {faults!r})
def test_export(live, fault):
    pytest_freezecheck.assert_agreement(live, fault + ".pb")
"""


def test_wrong_files_exit_1_each_with_a_first_line_that_stands_alone(
    repository: pytest.Pytester, trained: Path, faulty: Callable[[Fault], Path]
) -> None:
    names = [fault.__name__ for fault in FAULTS]
    for fault in FAULTS:
        shutil.copy(faulty(fault), repository.path)
    repository.makepyfile(test_export=TEST_OF_FAULTS.format(folder=str(trained), faults=names))
    result = run(repository, "-v")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=len(FAULTS), deselected=len(WAYS))
    summary = [line for line in result.stdout.lines if line.startswith("FAILED test_export.py")]
    assert len(summary) == len(FAULTS)
    for (fault, first), line in zip(FAULTS.items(), summary, strict=True):
        name = fault.__name__
        assert line.startswith(f"FAILED test_export.py::test_export[{name}] - ")
        said = rf" - {first.removeprefix('^')}"
        assert re.search(said, line)
        repeat = f'*repeat: pytest "test_export.py::test_export[[]{name}]" --freezecheck *'
        result.stdout.fnmatch_lines([repeat])
        result.stdout.re_match_lines([rf"reference\s+{name}.pb\s.*DIFFERS"])


def test_the_correct_twin_exits_0(repository: pytest.Pytester, flowers: Subject) -> None:
    freeze(flowers, repository.path / "frozen.pb")
    result = run(repository)
    assert result.ret == 0
    result.stdout.re_match_lines([r"flowers\s+frozen.pb\s+0\s.*agrees"])


def test_a_missing_file_fails_with_one_line(repository: pytest.Pytester) -> None:
    result = run(repository)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*ArtifactError: frozen.pb: no such file or folder"])


@pytest.mark.parametrize(
    ("ini", "arguments", "marker", "passes"),
    [
        ("", [], "", False),
        ("freezecheck_atol = 0.9", [], "logit_rtol=False", True),
        ("freezecheck_atol = 0.9", [], "", False),
        ("freezecheck_atol = 0.9", ["--freezecheck-atol=1e-5"], "logit_rtol=False", False),
        ("", ["--freezecheck-atol=0.9"], "logit_rtol=False", True),
        ("", ["--freezecheck-atol=0.9"], "logit_rtol=False, atol=1e-5", False),
        ("", [], "logit_rtol=False, atol=0.9", True),
    ],
)
def test_the_marker_beats_the_command_line_beats_the_configuration(
    repository: pytest.Pytester,
    flowers: Subject,
    ini: str,
    arguments: list[str],
    marker: str,
    passes: bool,
) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    repository.makeini(f"[pytest]\n{ini}")
    repository.makepyfile(
        test_export=TEST.replace("mark.freezecheck", f"mark.freezecheck({marker})")
    )
    result = run(repository, "--freezecheck-examples=20", *arguments)
    assert result.ret == (0 if passes else 1)


def test_inexact_within_the_tolerance_passes_with_a_warning_and_fails_where_exact_is_asked_for(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    repository.makepyfile(
        test_export=TEST.replace("mark.freezecheck", "mark.freezecheck(atol=0.9, logit_rtol=False)")
    )
    result = run(repository, "--freezecheck-report=report.json")
    assert result.ret == 0
    warning = "warning: flowers, frozen.pb: frozen.pb is within 0.9 but not bit-identical*2 of 7*"
    result.stdout.fnmatch_lines([warning])
    (check,) = report(repository)["checks"]
    assert check["exact"] is False
    *_, why = check["warnings"]
    assert any("which the tolerance that was chosen allows" in said for said in check["warnings"])
    assert why.startswith("what keeps frozen.pb from being bit-identical: averaged-statistics: ")
    result = run(repository, "-o", "freezecheck_exact=true")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*FrozenMismatch: *answers * apart *"])


def test_the_fixture_is_bound_to_the_settings(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    repository.makepyfile(
        test_export="""
        import pytest

        def test_it(freezecheck, freezecheck_live_model):
            agreement = freezecheck(freezecheck_live_model, "frozen.pb")
            assert agreement.atol == 0.5
            assert agreement.examples == 3
            assert not agreement or True
        """
    )
    result = run(repository, "--freezecheck-atol=0.5", "--freezecheck-examples=3")
    assert result.ret == 0


def test_a_failed_result_that_a_test_drops_fails_the_test(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    repository.makepyfile(
        test_export="""
        def test_it(freezecheck, freezecheck_live_model):
            freezecheck(freezecheck_live_model, "frozen.pb")
        """
    )
    result = run(repository)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["averaged-statistics: *; answers * apart *", "*dropped this result*"]
    )


def test_a_plain_assert_shows_the_first_line(repository: pytest.Pytester, flowers: Subject) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    repository.makepyfile(
        test_export="""
        def test_it(freezecheck, freezecheck_live_model):
            assert freezecheck(freezecheck_live_model, "frozen.pb")
        """
    )
    result = run(repository)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["E *assert averaged-statistics: *; answers * apart *"])


def test_every_way_is_a_parameter_of_the_frozen_model(repository: pytest.Pytester) -> None:
    repository.makepyfile(
        test_export="""
        def test_it(freezecheck, freezecheck_live_model, freezecheck_frozen_model):
            assert freezecheck(freezecheck_live_model, freezecheck_frozen_model)
        """
    )
    collected = run(repository, "--collect-only", "-q")
    names = [line for line in collected.stdout.lines if "::" in line]
    assert names == [f"test_export.py::test_it[{way}]" for way in WAYS]
    # One of each format: all of them are tried on the reference model, above.
    ways = ["graph_def", "saved_model", "tflite", "onnx", "openvino", "keras"]
    few = [f"test_export.py::test_it[{way}]" for way in ways]
    result = repository.runpytest("--freezecheck", "-p", "no:xdist", "-v", *few)
    passed = len(set(ways) & set(HERE))
    result.assert_outcomes(passed=passed, skipped=len(ways) - passed)
    result.stdout.fnmatch_lines([f"*test_it?{way}? PASSED*" for way in ways if way in HERE])


def test_last_failed_runs_what_failed(repository: pytest.Pytester, flowers: Subject) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    arguments = ("--freezecheck", "-p", "no:xdist", "-k", "test_ or simple_save")
    first = repository.runpytest(*arguments)
    first.assert_outcomes(failed=1, passed=1, deselected=len(WAYS) - 1)
    again = repository.runpytest(*arguments, "--lf")
    again.assert_outcomes(failed=1)
    freeze(flowers, repository.path / "frozen.pb")
    repository.runpytest(*arguments, "--lf").assert_outcomes(passed=1)


def test_maxfail_keeps_the_exit_code(repository: pytest.Pytester, flowers: Subject) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    assert repository.runpytest("--freezecheck", "-x", "-p", "no:xdist").ret == 1


def test_a_report_that_cannot_be_written_fails_the_run(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    freeze(flowers, repository.path / "frozen.pb")
    (repository.path / "folder.json").mkdir()
    result = run(repository, "--freezecheck-report=folder.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["freezecheck: the report folder.json cannot be written: *"])


def test_two_runs_give_the_same_report_but_for_times(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    averaged_statistics(flowers, repository.path / "frozen.pb")
    documents = []
    for name in ("first.json", "second.json"):
        given = ("-k", "test_ or simple_save", f"--freezecheck-report={name}", "-p", "no:xdist")
        repository.runpytest("--freezecheck", *given)
        document = report(repository, name)
        assert document.pop("seconds") >= 0
        for check in document["checks"]:
            assert check.pop("seconds") >= 0
        documents.append(document)
    assert documents[0] == documents[1]
    assert [c["outcome"] for c in documents[0]["checks"]].count("failed") == 1
