"""Options and settings: precedence, refusals, arming. No TensorFlow is needed for any of it."""

from __future__ import annotations

import pytest

from pytest_freezecheck import WAYS

SHOW = """
import pytest

@pytest.fixture
def shown(pytestconfig):
    settings = pytestconfig.pluginmanager.get_plugin("freezecheck-gate").settings
    print("SHOWN", settings.atol, settings.examples, settings.seed, settings.exact)

def test_it(shown):
    pass
"""

TESTS = """
import pytest

@pytest.mark.freezecheck
def test_marked(): pass

def test_with_fixture(freezecheck): pass

def test_with_model(freezecheck_live_model): pass

def test_with_frozen_model(freezecheck_frozen_model): pass

def test_plain(): pass
"""


def test_without_the_flag_what_needs_the_gate_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest("-rs")
    result.assert_outcomes(passed=1, skipped=3 + len(WAYS))
    result.stdout.fnmatch_lines(["*needs --freezecheck (or the setting freezecheck = true)*"])
    result.stdout.no_fnmatch_line("*freezecheck: seed*")
    result.stdout.no_fnmatch_line("*= freezecheck =*")
    assert result.ret == 0


@pytest.mark.parametrize(
    ("ini", "arguments", "expected"),
    [
        ("", [], "1e-05 100 0 False"),
        ("freezecheck_atol = 1e-4", [], "0.0001 100 0 False"),
        ("freezecheck_atol = 1e-4", ["--freezecheck-atol=1e-6"], "1e-06 100 0 False"),
        ("freezecheck_examples = 7\nfreezecheck_seed = 3", [], "1e-05 7 3 False"),
        (
            "freezecheck_examples = 7\nfreezecheck_seed = 3",
            ["--freezecheck-examples=8", "--freezecheck-seed=4"],
            "1e-05 8 4 False",
        ),
        ("freezecheck_exact = true", [], "1e-05 100 0 True"),
        ("", ["-o", "freezecheck_exact=true"], "1e-05 100 0 True"),
    ],
)
def test_the_command_line_beats_the_configuration_beats_the_default(
    pytester: pytest.Pytester, ini: str, arguments: list[str], expected: str
) -> None:
    pytester.makeini(f"[pytest]\n{ini}")
    pytester.makepyfile(SHOW)
    result = pytester.runpytest("--freezecheck", "-s", "-k", "test_it", *arguments)
    result.stdout.fnmatch_lines([f"*SHOWN {expected}"])


def test_settings_in_pyproject_arm_the_gate(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        freezecheck = true
        freezecheck_atol = "1e-3"
        """
    )
    pytester.makepyfile(SHOW)
    result = pytester.runpytest("-s", "-k", "test_it")
    result.stdout.fnmatch_lines(["*SHOWN 0.001 100 0 False"])


@pytest.mark.skipif(
    not hasattr(pytest, "__version__") or int(pytest.__version__.split(".")[0]) < 9,
    reason="typed [tool.pytest] came with pytest 9",
)
def test_settings_in_typed_toml(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        """
        [tool.pytest]
        strict = true
        freezecheck = true
        freezecheck_atol = 1e-3
        freezecheck_examples = 5
        freezecheck_seed = "9"
        freezecheck_exact = true
        """
    )
    pytester.makepyfile(SHOW)
    result = pytester.runpytest("-s", "-k", "test_it")
    result.stdout.fnmatch_lines(["*SHOWN 0.001 5 9 True"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--freezecheck-atol=-1"], "command line: atol = '-1' is not accepted; expected a finite"),
        (["--freezecheck-atol=nan"], "command line: atol = 'nan' is not accepted"),
        (["--freezecheck-examples=0"], "expected a whole number from 1 to 1000000"),
        (["--freezecheck-seed=soon"], "seed = 'soon' is not accepted; *or 'random'"),
        (
            ["--freezecheck-report=x.pdf"],
            "command line: --freezecheck-report = 'x.pdf' is not accepted; *in *.json, * or .jsonl",
        ),
        (
            ["-o", "freezecheck_report=x.pdf"],
            "configuration: freezecheck_report = 'x.pdf' is not accepted; *in *.json, * or .jsonl",
        ),
        (
            ["--freezecheck-cache=test_a_value_that_cannot_be_used_is_a_usage_error.py"],
            "command line: --freezecheck-cache = *.py' is not accepted; *; this is a file",
        ),
        (["-o", "freezecheck_cache= "], "configuration: freezecheck_cache = '*' is not accepted*"),
        ([f"--freezecheck-seed={'9' * 3000}"], f"seed = '{'9' * 199}... is not accepted; *"),
        (["-o", "freezecheck_atol=-2"], "atol = -2.0 is not accepted; expected a finite number"),
        (["-o", "freezecheck_atol=loose"], "freezecheck_atol has an unusable value: *loose*"),
        (["-o", "freezecheck_examples=x"], "freezecheck_examples has an unusable value: *x*"),
        (["-o", "freezecheck_exact=perhaps"], "freezecheck_exact has an unusable value: *perhaps*"),
    ],
)
def test_a_value_that_cannot_be_used_is_a_usage_error(
    pytester: pytest.Pytester, arguments: list[str], said: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("--freezecheck", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{said}*"])


def test_a_wrong_value_on_the_command_line_is_refused_unarmed_too(
    pytester: pytest.Pytester,
) -> None:
    assert pytester.runpytest("--freezecheck-atol=much").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("atol=-1", "freezecheck marker: atol = -1 is not accepted; expected a finite number >= 0"),
        ("atoll=1e-3", "freezecheck marker: unknown setting 'atoll' (nearest: 'atol')"),
        ("1e-3", "the freezecheck marker takes keywords only"),
        ("reports='x.json'", "freezecheck marker: unknown setting 'reports'"),
        ("cache='x'", "freezecheck marker: unknown setting 'cache'"),
    ],
)
def test_a_wrong_marker_is_a_usage_error_before_anything_runs(
    pytester: pytest.Pytester, marker: str, said: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.freezecheck({marker})
        def test_it(): raise SystemError("must not run")
        """
    )
    result = pytester.runpytest("--freezecheck")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()
    assert "::test_it" in result.stderr.str()


def test_the_marker_is_known_and_described(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--markers", "--strict-markers")
    result.stdout.fnmatch_lines(["@pytest.mark.freezecheck(*, atol=None, *it compared nothing."])


def test_fixtures_and_options_are_described(pytester: pytest.Pytester) -> None:
    pytester.runpytest("--fixtures").stdout.fnmatch_lines(
        [
            "freezecheck_live_model*",
            "    The live model: our trained reference model, unless a conftest.py overrides this.",
        ]
    )
    result = pytester.runpytest("--help")
    result.stdout.fnmatch_lines(
        [
            "*frozen models against the live model (freezecheck):*",
            "*--freezecheck *Arm the gate*",
            "*--freezecheck-atol=X*",
            "*(default: 1e-05)*",
            "*--freezecheck-seed=N|random*",
            "*--freezecheck-cache=FOLDER*",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        ([], None),
        (["--freezecheck-cache=kept"], "kept"),
        (["-o", "freezecheck_cache=kept"], "kept"),
        (["-o", "freezecheck_cache=kept", "--freezecheck-cache=/mine"], "/mine"),
    ],
)
def test_the_folder_that_is_kept_starts_where_pytest_was_started(
    pytester: pytest.Pytester, arguments: list[str], folder: str | None
) -> None:
    pytester.makepyfile(SHOW.replace("settings.atol,", "settings.cache, settings.atol,"))
    result = pytester.runpytest("--freezecheck", "-s", "-k", "test_it", *arguments)
    shown = None if folder is None else pytester.path / folder
    result.stdout.fnmatch_lines([f"*SHOWN {shown} 1e-05*"])


@pytest.mark.parametrize("number", [1, 2])
def test_a_random_seed_is_printed_and_can_be_used_again(
    pytester: pytest.Pytester, number: int
) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("--freezecheck", "--freezecheck-seed=random", "--collect-only")
    (line,) = [x for x in result.stdout.lines if x.startswith("freezecheck: seed ")]
    assert 0 <= int(line.split()[2].rstrip(",")) < 2**32


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tensorflow", "TensorFlow 9.1.0 is newer than those that this version was tested with, *"),
        ("tensorflow-cpu", "tensorflow * and tensorflow-cpu 9.1.0 are installed over each other*"),
    ],
)
def test_the_header_says_what_tensorflow_is_there(
    pytester: pytest.Pytester, name: str, said: str
) -> None:
    """The first of the folders on the path that has a distribution of that name is the one."""
    folder = pytester.mkdir(f"{name.replace('-', '_')}-9.1.0.dist-info")
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.1.0\n")
    pytester.syspathinsert()
    pytester.makepyfile("def test_it(): pass")
    armed = pytester.runpytest("--freezecheck", "--collect-only")
    armed.stdout.fnmatch_lines([f"freezecheck: {said}"])
    pytester.runpytest("--collect-only").stdout.no_fnmatch_line("*9.1.0*")
