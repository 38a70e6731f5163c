"""Declared models as tests: where they are, how they are selected, what a wrong table says."""

from __future__ import annotations

from pathlib import Path

import pytest

MODEL = """
[tool.freezecheck.models.flowers]
build = "flowers.nets:inference"
checkpoint = "train_dir"
artifacts = ["export/frozen.pb", { path = "export/saved_model", atol = 1e-4 }]
freeze = ["graph_def"]
export = "flowers.export:main"

[tool.freezecheck.models.flowers.inputs.images]
shape = [8, 8, 3]

[tool.freezecheck.models.birds]
live = "birds:session"
artifacts = ["birds.pb"]
inputs.images.shape = [4]
"""
FLOWERS = [
    f"pyproject.toml::flowers::{name}"
    for name in ("export/frozen.pb", "export/saved_model", "graph_def", "export")
]
BIRDS = ["pyproject.toml::birds::birds.pb"]


@pytest.fixture
def repository(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.path / "pyproject.toml").write_text(MODEL)
    folder = pytester.mkdir("tests")
    (folder / "test_one.py").write_text("def test_one(): pass")
    (folder / "test_two.py").write_text("def test_two(): pass")
    return pytester


def collected(result: pytest.RunResult) -> list[str]:
    return [line for line in result.stdout.lines if "::" in line]


ONE, TWO = "tests/test_one.py::test_one", "tests/test_two.py::test_two"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {*FLOWERS, *BIRDS, ONE, TWO}),
        (["tests"], {*FLOWERS, *BIRDS, ONE, TWO}),
        (["tests/test_one.py"], {*FLOWERS, *BIRDS, ONE}),
        (["."], {*FLOWERS, *BIRDS, ONE, TWO}),
        ([".", "tests", "pyproject.toml"], {*FLOWERS, *BIRDS, ONE, TWO}),
        (["pyproject.toml"], {*FLOWERS, *BIRDS}),
        (["pyproject.toml::flowers"], {*FLOWERS}),
        (["pyproject.toml::flowers::export/frozen.pb"], {FLOWERS[0]}),
        (["pyproject.toml::birds", ONE], {*BIRDS, ONE}),
        ([ONE], {ONE}),
        (["-k", "flowers"], {*FLOWERS}),
        (["-k", "saved_model"], {FLOWERS[1]}),
        (["-m", "freezecheck"], {*FLOWERS, *BIRDS}),
        (["--deselect", "pyproject.toml::flowers", "tests"], {*BIRDS, ONE, TWO}),
    ],
)
def test_selection(repository: pytest.Pytester, arguments: list[str], expected: set[str]) -> None:
    result = repository.runpytest("--freezecheck", "--collect-only", "-q", *arguments)
    assert sorted(collected(result)) == sorted(expected)
    assert result.ret == 0


def test_from_another_folder_of_the_repository(
    repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.path / "tests")
    result = repository.runpytest("--freezecheck", "--collect-only", "-q", "test_one.py")
    assert any("flowers::export/frozen.pb" in line for line in collected(result))


@pytest.mark.parametrize("section", ["[tool.pytest.ini_options]", "[tool.other]"])
def test_a_repository_with_src_and_testpaths(repository: pytest.Pytester, section: str) -> None:
    repository.mkdir("src")
    path = repository.path / "pyproject.toml"
    path.write_text(f'{MODEL}\n{section}\ntestpaths = ["tests"]\n')
    for arguments in ([], ["tests/"], ["tests/test_one.py"]):
        result = repository.runpytest("--freezecheck", "--collect-only", "-q", *arguments)
        assert {*FLOWERS, *BIRDS, ONE} <= set(collected(result))


def test_unarmed_nothing_of_it_is_seen(repository: pytest.Pytester) -> None:
    result = repository.runpytest("--collect-only", "-q")
    assert collected(result) == [ONE, TWO]
    assert repository.runpytest("-q").ret == 0


def test_the_header_names_the_models(repository: pytest.Pytester) -> None:
    result = repository.runpytest("--freezecheck", "--collect-only")
    result.stdout.fnmatch_lines(["freezecheck: seed 0, *; declared: flowers, birds"])
    result.stdout.fnmatch_lines(["*<DeclarationFile pyproject.toml>", "*<ModelCollector flowers>"])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("artifacts =", "artifacs =", "models.flowers]: unknown key 'artifacs' *'artifacts'*"),
        ("shape = [8, 8, 3]", "shape = 8", "models.flowers]: input 'images': shape = 8 is not *"),
        ('freeze = ["graph_def"]', 'freeze = ["pb"]', "models.flowers]: freeze = 'pb' is not *"),
        (
            "[tool.freezecheck.models.birds]",
            "[tool.freezecheck.model.birds]",
            "unknown key 'model'*",
        ),
        ("birds:session", "birds", "models.birds]: live = 'birds' is not accepted; *"),
        ("[tool.freezecheck.models.birds]", "[tool.freezecheck.models.birds", "*pyproject.toml*"),
    ],
)
def test_a_wrong_table_is_a_usage_error(
    repository: pytest.Pytester, before: str, after: str, said: str
) -> None:
    path = repository.path / "pyproject.toml"
    path.write_text(path.read_text().replace(before, after))
    result = repository.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{said}"])


HOOK = """
import pytest_freezecheck as freezecheck

def pytest_freezecheck_models():
    return [
        freezecheck.Model(
            name="trees",
            inputs={"images": freezecheck.InputSpec((3,))},
            build="trees:build",
            checkpoint="train_dir",
            artifacts=["trees.pb", freezecheck.Artifact("tree_model")],
        )
    ]
"""
TREES = ["freezecheck::trees::trees.pb", "freezecheck::trees::tree_model"]


def test_models_of_a_conftest(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(HOOK)
    result = pytester.runpytest("--freezecheck", "--collect-only", "-q")
    assert collected(result) == TREES
    result = pytester.runpytest("--freezecheck", "--collect-only", "-q", TREES[0])
    assert collected(result) == TREES[:1]
    header = pytester.runpytest("--freezecheck", "--collect-only").stdout
    header.fnmatch_lines(["freezecheck: *; declared: trees"])
    assert pytester.runpytest("--strict-config").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_models_of_a_conftest_beside_those_of_pyproject(repository: pytest.Pytester) -> None:
    repository.makeconftest(HOOK)
    result = repository.runpytest("--freezecheck", "--collect-only", "-q")
    assert sorted(collected(result)) == sorted([ONE, TWO, *FLOWERS, *BIRDS, *TREES])
    repository.makeconftest(HOOK.replace('"trees"', '"birds"'))
    result = repository.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*freezecheck: two models are called 'birds'"])


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("['flowers']", "returned a list with str; expected freezecheck.Model"),
        ("[freezecheck.Model('x', {}, build='a:b')]", "Model('x'): inputs = {} is not accepted*"),
    ],
)
def test_a_wrong_hook_is_a_usage_error(pytester: pytest.Pytester, returned: str, said: str) -> None:
    pytester.makeconftest(
        f"""
        import pytest_freezecheck as freezecheck

        def pytest_freezecheck_models():
            return {returned}
        """
    )
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*freezecheck: *{said}"])


def test_a_model_that_declares_nothing_to_check_fails_the_run(pytester: pytest.Pytester) -> None:
    Path("pyproject.toml").write_text(
        '[tool.freezecheck.models.x]\nlive = "a:b"\ninputs.x.shape = [3]'
    )
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["freezecheck: nothing was compared: *"])


def test_a_fixture_of_ones_own_is_what_the_plugins_checks_run_on(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def freezecheck_live_model(): ...
        """
    )
    result = pytester.runpytest("--freezecheck", "--collect-only", "-q")
    assert collected(result)[0] == "freezecheck::live_model::graph_def"
