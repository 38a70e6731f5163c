"""The reference model's checks: selectable like any test, and there by themselves nowhere but in a
folder that could have no model of its own."""

from __future__ import annotations

import pytest

from pytest_freezecheck import WAYS

REFERENCE = [f"freezecheck::reference::{way}" for way in WAYS]
#: What is left without these: pytest deselects by the beginning of a node id.
OTHERS = [node for node in REFERENCE if not node.startswith("freezecheck::reference::tflite")]


def collected(result: pytest.RunResult) -> list[str]:
    return [line for line in result.stdout.lines if "::" in line]


@pytest.fixture
def repository(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_one="def test_one(): pass", test_two="def test_two(): pass")
    return pytester


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["test_one.py::test_one", "test_two.py::test_two"]),
        (["test_two.py"], ["test_two.py::test_two"]),
        (["test_two.py::test_two"], ["test_two.py::test_two"]),
        (["freezecheck::reference::saved_model"], ["freezecheck::reference::saved_model"]),
        (["freezecheck::reference"], REFERENCE),
        (
            ["test_one.py::test_one", "freezecheck::reference::graph_def"],
            ["test_one.py::test_one", "freezecheck::reference::graph_def"],
        ),
        (["-m", "not freezecheck"], ["test_one.py::test_one", "test_two.py::test_two"]),
    ],
)
def test_selection(repository: pytest.Pytester, arguments: list[str], expected: list[str]) -> None:
    result = repository.runpytest("--freezecheck", "--collect-only", "-q", *arguments)
    assert collected(result) == expected
    assert result.ret == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], REFERENCE),
        (["-k", "saved_model"], [node for node in REFERENCE if "saved_model" in node]),
        (["-m", "freezecheck"], REFERENCE),
        (["freezecheck::reference::saved_model"], ["freezecheck::reference::saved_model"]),
        (["--deselect", "freezecheck::reference::tflite"], OTHERS),
    ],
)
def test_selection_where_there_is_nothing_else(
    pytester: pytest.Pytester, arguments: list[str], expected: list[str]
) -> None:
    result = pytester.runpytest("--freezecheck", "--collect-only", "-q", *arguments)
    assert collected(result) == expected
    assert result.ret == 0


def test_unarmed_nothing_is_added(repository: pytest.Pytester) -> None:
    result = repository.runpytest("--collect-only", "-q")
    assert collected(result) == ["test_one.py::test_one", "test_two.py::test_two"]


def test_an_unknown_node_id_is_a_usage_error(repository: pytest.Pytester) -> None:
    result = repository.runpytest("--freezecheck", "freezecheck::reference::coreml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*freezecheck: no check is called freezecheck::reference::coreml"])


@pytest.mark.parametrize("arguments", [["-k", "nothing_has_this_name"], ["-m", "not freezecheck"]])
def test_armed_and_nothing_compared_fails_with_the_reason(
    pytester: pytest.Pytester, arguments: list[str]
) -> None:
    result = pytester.runpytest("--freezecheck", *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["freezecheck: nothing was compared: no check was collected, or every one was deselected"]
    )


def test_the_reason_is_printed_without_a_terminal_reporter_too(
    repository: pytest.Pytester,
) -> None:
    result = repository.runpytest("--freezecheck", "-k", "nothing", "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines(["freezecheck: nothing was compared: *"])


def test_armed_and_every_check_skipped_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.freezecheck
        def test_it(): pytest.skip("not today")
        """
    )
    result = pytester.runpytest("--freezecheck", "-k", "test_it")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["1 skipped", "freezecheck: nothing was compared: all 1 checks were skipped"]
    )


@pytest.mark.parametrize(
    "use", ["@pytest.mark.freezecheck\ndef test_it(): pass", "def test_it(freezecheck): pass"]
)
def test_a_test_that_compares_nothing_fails(pytester: pytest.Pytester, use: str) -> None:
    pytester.makepyfile(f"import pytest\n\n{use}")
    result = pytester.runpytest("--freezecheck", "-k", "test_it")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["freezecheck: this test compared nothing: *"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_collection_error_stays_one(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import nowhere")
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_the_plugin_can_be_blocked_by_its_name(repository: pytest.Pytester) -> None:
    result = repository.runpytest("-p", "no:freezecheck", "--freezecheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert repository.runpytest("-p", "no:freezecheck").ret == 0


def test_a_folder_of_our_name_is_still_a_folder(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("freezecheck")
    (folder / "test_inside.py").write_text("def test_inside(): pass")
    result = pytester.runpytest("--freezecheck", "--collect-only", "-q", "freezecheck")
    assert "freezecheck/test_inside.py::test_inside" in collected(result)
