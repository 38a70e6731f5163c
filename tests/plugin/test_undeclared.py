"""A repository that declares no model has no green run, and hears where its table got lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_freezecheck import WAYS
from pytest_freezecheck.gate import undeclared

REFERENCE = [f"freezecheck::reference::{way}" for way in WAYS]
TABLE = """
[tool.freezecheck.models.moths]
build = "nets:inference"
checkpoint = "train_dir"
artifacts = ["export/frozen.pb"]

[tool.freezecheck.models.moths.inputs.images]
shape = [8, 8, 3]
"""
NOTHING = "freezecheck: nothing was compared: no model is declared in this repository, and no test*"
ADD = ["  to declare a model, in */pyproject.toml:", "    ?tool.freezecheck.models.flowers?"]
A_TEST = "def test_it(): pass"

#: {name: files that make a folder a repository}
REPOSITORIES: dict[str, dict[str, str]] = {
    "pyproject": {"pyproject.toml": ""},
    "pyproject of another tool": {"pyproject.toml": "[tool.ruff]\nline-length = 100"},
    "pytest.ini": {"pytest.ini": "[pytest]"},
    "tox.ini": {"tox.ini": "[tox]\n[pytest]\naddopts = -q"},
    "setup.cfg": {"setup.cfg": "[metadata]\n[tool:pytest]\naddopts = -q"},
    "conftest": {"conftest.py": ""},
    "a test": {"test_it.py": A_TEST},
    "a test at its other end": {"it_test.py": A_TEST},
    "a test below": {"lib/deep/er/test_it.py": A_TEST},
    "a conftest below": {"lib/conftest.py": ""},
    "a pyproject below": {"lib/pyproject.toml": ""},
    "a configuration below": {"lib/setup.cfg": "[tool:pytest]"},
}
#: {name: files that do not}
NONE: dict[str, dict[str, str]] = {
    "nothing": {},
    "a script": {"train.py": "", "testing.py": "", "notes.txt": "test_it.py"},
    "configurations of others": {"tox.ini": "[tox]", "setup.cfg": "[metadata]"},
    "what is installed": {"env3/pyvenv.cfg": "", "env3/lib/tool/test_it.py": A_TEST},
    "what is not the repository's": {
        ".git/hooks/test_it.py": A_TEST,
        "node_modules/tool/conftest.py": "",
        "build/lib/test_it.py": A_TEST,
    },
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def collected(result: pytest.RunResult) -> list[str]:
    return [line for line in result.stdout.lines if "::" in line]


def ours(result: pytest.RunResult) -> list[str]:
    return [node for node in collected(result) if node.startswith("freezecheck::")]


@pytest.mark.parametrize("files", REPOSITORIES.values(), ids=REPOSITORIES)
def test_a_repository_that_declares_nothing_fails_and_hears_what_to_add(
    pytester: pytest.Pytester, files: dict[str, str]
) -> None:
    write(pytester.path, files)
    assert ours(pytester.runpytest("--freezecheck", "--collect-only", "-q")) == []
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([NOTHING, *ADD, "    shape = ?224, 224, 3?"])
    result.stdout.fnmatch_lines(["*pytest --freezecheck freezecheck::reference*"])


@pytest.mark.parametrize("files", NONE.values(), ids=NONE)
def test_elsewhere_our_own_model_is_checked_and_is_said_to_be_ours(
    pytester: pytest.Pytester, files: dict[str, str]
) -> None:
    write(pytester.path, files)
    result = pytester.runpytest("--freezecheck", "--collect-only", "-q")
    assert collected(result) == REFERENCE
    result = pytester.runpytest("--freezecheck", "--collect-only")
    result.stdout.fnmatch_lines(
        ["*; no model declared here: checking freezecheck's own reference model"]
    )


def test_a_link_to_a_repository_is_none(pytester: pytest.Pytester, tmp_path: Path) -> None:
    write(tmp_path / "other", {"test_it.py": A_TEST})
    (pytester.path / "linked").symlink_to(tmp_path / "other")
    (pytester.path / "loop").symlink_to(pytester.path)
    result = pytester.runpytest("--freezecheck", "--collect-only", "-q", "--rootdir=.", "-k", "ref")
    assert collected(result) == REFERENCE


def test_what_is_a_test_is_pytests_to_say(pytester: pytest.Pytester) -> None:
    write(pytester.path, {"check_it.py": A_TEST})
    assert ours(pytester.runpytest("--freezecheck", "--collect-only", "-q")) == REFERENCE
    given = ("-o", "python_files=check_*.py")
    result = pytester.runpytest("--freezecheck", *given)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([NOTHING])


def test_a_folder_too_large_to_look_through_is_taken_for_a_repository(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester.path, {f"{n}.txt": "" for n in range(9)})
    monkeypatch.setattr(undeclared, "_MOST", 9)
    assert ours(pytester.runpytest("--freezecheck", "--collect-only", "-q")) == REFERENCE
    monkeypatch.setattr(undeclared, "_MOST", 8)
    assert pytester.runpytest("--freezecheck").ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("files", [{}, {"pyproject.toml": TABLE}, {"test_it.py": A_TEST}])
def test_our_own_model_is_there_whatever_is_declared_if_it_is_named(
    pytester: pytest.Pytester, files: dict[str, str]
) -> None:
    write(pytester.path, files)
    named = pytester.runpytest("--freezecheck", "--collect-only", "-q", "freezecheck::reference")
    assert collected(named) == REFERENCE
    one = pytester.runpytest("--freezecheck", "--collect-only", "-q", REFERENCE[3])
    assert collected(one) == [REFERENCE[3]]
    if not files:
        return
    (header,) = (
        line
        for line in pytester.runpytest("--freezecheck", "--collect-only", REFERENCE[0]).outlines
        if line.startswith("freezecheck: seed")
    )
    declared = "declared: moths" if "pyproject.toml" in files else "checking freezecheck's own ref"
    assert declared in header


def test_our_own_model_is_there_beside_one_of_the_fixture_if_it_is_named(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def freezecheck_live_model(): ...
        """
    )
    named = pytester.runpytest("--freezecheck", "--collect-only", "-q", "freezecheck::reference")
    assert collected(named) == REFERENCE
    usual = pytester.runpytest("--freezecheck", "--collect-only", "-q")
    assert collected(usual) == [f"freezecheck::live_model::{way}" for way in WAYS]
    header = pytester.runpytest("--freezecheck", "--collect-only").stdout
    header.fnmatch_lines(
        ["*; no model declared: checking the one of the fixture freezecheck_live*"]
    )


MISSPELT = {
    "freezcheck.models": "[tool.freezecheck.models.moths]?",
    "freeze-check.models": "[tool.freezecheck.models.moths]?",
    "freezecheck_.models": "[tool.freezecheck.models.moths]?",
    "pytest-freezecheck.models": "[tool.freezecheck.models.moths]?",
    "freezechekc.model": "[tool.freezecheck.models.moths]?",
    "frozen.networks": "[tool.freezecheck.models.moths]?",
    '"freezecheck.models"': "[tool.freezecheck.models.moths]?",
    "pytest.freezecheck.models": "[tool.freezecheck.models.moths]?",
}


@pytest.mark.parametrize("wrong", MISSPELT)
def test_a_mistyped_table_is_named(pytester: pytest.Pytester, wrong: str) -> None:
    write(pytester.path, {"pyproject.toml": TABLE.replace("freezecheck.models", wrong)})
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    name = wrong.replace('"', "'")
    said = f"pyproject.toml: [tool.{name}.moths] is not read; did you mean {MISSPELT[wrong]}"
    assert f"freezecheck: {said}" in result.outlines  # in the header
    (reason,) = (line for line in result.outlines if "nothing was compared" in line)
    assert reason.endswith(f"; {said}")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "[freezecheck.models.moths]",
            "[freezecheck.models.moths] is not read; did you mean [tool",
        ),
        ("[tools.freezecheck.models.moths]", "[tools.freezecheck.models.moths] is not read; did y"),
        ("[tool.freezcheck]\natol = 1.0", "[tool.freezcheck] is not read; did you mean [tool.free"),
        ("[tool.freezecheck]", "pyproject.toml: [tool.freezecheck] has no models in it"),
        ("[tool.freezecheck.models]", "pyproject.toml: [tool.freezecheck] has no models in it"),
    ],
)
def test_other_tables_that_got_lost(pytester: pytest.Pytester, table: str, said: str) -> None:
    rest = TABLE.split("\n", 2)[2].partition("\n\n")[0] if "moths" in table else ""
    write(pytester.path, {"pyproject.toml": f"{table}\n{rest}"})
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (reason,) = (line for line in result.outlines if "nothing was compared" in line)
    assert said in reason


def test_tables_of_other_tools_are_left_alone(pytester: pytest.Pytester) -> None:
    other = """
    [tool.freezegun]
    default_ignore_list = ["a"]
    [tool.hatch.build.targets.wheel]
    artifacts = ["x.pb"]
    [tool.pytest.ini_options]
    freezecheck_atol = 1e-5
    [tool.cibuildwheel]
    build = "cp310-*"
    [project.entry-points.pytest11]
    freezecheck = "pytest_freezecheck.plugin"
    """
    write(pytester.path, {"pyproject.toml": other})
    result = pytester.runpytest("--freezecheck")
    result.stdout.no_fnmatch_line("*is not read*")
    (reason,) = (line for line in result.outlines if "nothing was compared" in line)
    assert reason.endswith("no test of its own compared one")


def test_a_table_below_the_root_folder_is_named_with_a_command_that_reads_it(
    pytester: pytest.Pytester,
) -> None:
    write(
        pytester.path,
        {
            "pytest.ini": "[pytest]",
            "test_it.py": A_TEST,
            "packages/moths/pyproject.toml": TABLE,
            "packages/birds/pyproject.toml": TABLE.replace(
                "freezecheck.models", "freezecheck.model"
            ),
        },
    )
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str()
    assert (
        "packages/birds/pyproject.toml: [tool.freezecheck.model.moths] is not read; did you mean "
        "[tool.freezecheck.models.moths]?" in text
    )
    command = "--freezecheck --rootdir=packages/moths packages/moths"
    line = "packages/moths/pyproject.toml: [tool.freezecheck.models.moths]: not read, as pytest's"
    assert f"{line} root folder is {pytester.path}: pytest {command}" in text
    again = pytester.runpytest(*command.split(), "--collect-only", "-q")
    assert collected(again) == ["pyproject.toml::moths::export/frozen.pb"]


def test_a_table_beside_the_root_folder_is_named(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """pytest's root folder is that of the configuration that it was given."""
    write(tmp_path, {"ci/pytest.ini": "[pytest]"})
    write(pytester.path, {"pyproject.toml": TABLE, "test_it.py": A_TEST})
    result = pytester.runpytest("--freezecheck", "-c", str(tmp_path / "ci" / "pytest.ini"), ".")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (reason,) = (line for line in result.outlines if "nothing was compared" in line)
    assert "pyproject.toml: [tool.freezecheck.models.moths]: not read, as pytest's root" in reason
    assert "pytest --freezecheck --rootdir=. ." in reason


def test_the_same_table_well_spelt_is_read_and_nothing_is_said(pytester: pytest.Pytester) -> None:
    write(pytester.path, {"pyproject.toml": TABLE, "test_it.py": A_TEST})
    result = pytester.runpytest("--freezecheck", "-k", "test_it")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["freezecheck: nothing was compared: no check was collected, or every one was deselected"]
    )
    result.stdout.no_fnmatch_line("*is not read*")
    result.stdout.no_fnmatch_line("*to declare a model*")


def test_a_model_without_anything_to_check_is_named(pytester: pytest.Pytester) -> None:
    write(pytester.path, {"pyproject.toml": TABLE.replace("artifacts", "# artifacts")})
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["freezecheck: nothing was compared: moths: no artifacts, freeze or export is declared"]
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[tool]\nfreezecheck = 3", "[tool.freezecheck] = 3 is not accepted; expected a table"),
        (
            "[tool.freezecheck]\nmodels = 3",
            "[tool.freezecheck.models] is not accepted; expected a*",
        ),
    ],
)
def test_what_is_no_table_is_no_traceback(
    pytester: pytest.Pytester, content: str, said: str
) -> None:
    write(pytester.path, {"pytest.ini": "[pytest]", "pyproject.toml": content})
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: freezecheck: pyproject.toml: {said.replace('[', '[[]')}"])


@pytest.mark.parametrize(
    "content", ["tool = 3", "[tool.freezecheck]\nmodels = 3", "not TOML", "a = " + "[" * 9999]
)
def test_a_damaged_file_below_the_root_folder_is_passed_over(
    pytester: pytest.Pytester, content: str
) -> None:
    write(pytester.path, {"pytest.ini": "[pytest]", "lib/pyproject.toml": content})
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([NOTHING, *ADD])
    result.stdout.no_fnmatch_line("*is not read*")
