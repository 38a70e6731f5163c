"""What the team's own functions raise is one line for each check, with the team's own frame."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.kit import tiny
from tests.kit.freezing import freeze
from tests.kit.subjects import Subject

TABLE = """
[tool.freezecheck.models.flowers]
{source}
artifacts = ["frozen.pb"]
freeze = ["graph_def", "saved_model", "graph_def_v2"]

[tool.freezecheck.models.flowers.inputs.images]
shape = [4, 4, 3]
"""
CHECKS = 4
RIGHT = "from net import build\n"
HEAD = "import tensorflow as tf\n\n"
#: {name: (source of theirs.py, what is said of `build`)}; each is right but for one thing.
BUILDS = {
    "a wrong shape": (
        f"{HEAD}def build(images):\n    return inner(images)\n\n"
        "def inner(images):\n    return tf.matmul(tf.zeros([3, 4]), tf.zeros([3, 4]))\n",
        r"raised ValueError: Dimensions must be equal, but are 4 and 3 .*\(theirs.py:7 in inner; ",
    ),
    "a wrong shape in a traced function": (
        f"{HEAD}@tf.function\ndef inner(images):\n    if tf.reduce_sum(images) > 0:\n"
        "        images = images + 1.0\n    return tf.matmul(images, tf.zeros([2, 4]))\n\n"
        "def build(images):\n    return inner(images)\n",
        r"raised ValueError: Dimensions must be equal, but are 3 and 2 .*\(theirs.py:7 in inner; ",
    ),
    "a slip": (
        "def build(images):\n    return imges\n",
        r"raised NameError: name 'imges' is not defined.* \(theirs.py:2 in build; ",
    ),
    "no end": (
        "def build(images):\n    return build(images)\n",
        r"raised RecursionError: maximum recursion depth exceeded.* \(theirs.py:2 in build; ",
    ),
    "a message of pages": (
        "def build(images):\n    raise ValueError('much ' * 2000 + '\\n' * 50 + 'more')\n",
        r"raised ValueError: (much ){57}.*\.\.\. \(theirs.py:2 in build; ",
    ),
    "an end": (
        "import sys\n\ndef build(images):\n    sys.exit(3)\n",
        r"raised SystemExit: 3 \(theirs.py:4 in build; ",
    ),
    "a script": (
        "import argparse\n\nparser = argparse.ArgumentParser()\nparser.add_argument('--data')\n"
        "parser.parse_args(['--dta'])\n",
        r": importing theirs raised SystemExit: 2 \(theirs.py:5 in <module>; ",
    ),
    "a package that is missing": (
        "import no_such_package\n",
        r": importing theirs raised ModuleNotFoundError: No module named 'no_such_package' "
        r"\(theirs.py:1 in <module>; ",
    ),
    "no Python": (
        "x = 1\ndef build(:\n",
        r": importing theirs raised SyntaxError: invalid syntax \(theirs.py, line 2\) "
        r"\(theirs.py:2; ",
    ),
}


@pytest.fixture
def repository(
    pytester: pytest.Pytester, flowers: Subject, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.syspath_prepend(pytester.path)
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    freeze(flowers, pytester.path / "frozen.pb")
    return pytester


def declare(folder: Path, theirs: str, source: str) -> None:
    (folder / "theirs.py").write_text(theirs)
    (folder / "pyproject.toml").write_text(TABLE.format(source=source))


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return repository.runpytest("--freezecheck", "-p", "no:xdist", *arguments)


def messages(repository: pytest.Pytester) -> list[Any]:
    checks = json.loads((repository.path / "r.json").read_text())["checks"]
    assert {check["outcome"] for check in checks} == {"error"}
    return [check["message"] for check in checks]


def failures(result: pytest.RunResult) -> list[str]:
    """Return what stands between the title of the failures and our table."""
    lines = result.outlines
    first = next(n for n, line in enumerate(lines) if "= FAILURES =" in line)
    last = next(n for n, line in enumerate(lines) if "= freezecheck =" in line)
    return [
        x for x in lines[first + 1 : last] if not x.startswith(("____", "---- ", "----", "usage"))
    ]


@pytest.mark.parametrize(("theirs", "said"), BUILDS.values(), ids=BUILDS)
def test_what_build_raises_is_one_line_for_each_check(
    repository: pytest.Pytester, flowers: Subject, theirs: str, said: str
) -> None:
    declare(repository.path, theirs, f'build = "theirs:build"\ncheckpoint = {flowers.checkpoint!r}')
    result = run(repository, "--freezecheck-report=r.json")
    assert result.ret == 1
    result.assert_outcomes(failed=CHECKS)
    result.stdout.re_match_lines([rf"freezecheck: flowers: build = 'theirs:build' ?{said}"])
    ours = [line for line in failures(result) if line.startswith("freezecheck: ")]
    assert len(ours) == CHECKS
    assert len(set(ours)) == 1  # the same line for all, which does not grow
    assert len(failures(result)) <= CHECKS + 2  # what a parser of arguments prints besides
    assert messages(repository) == ours
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_build_without_variables_is_one_line(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    declare(
        repository.path,
        f"{HEAD}def build(images):\n    return tf.nn.softmax(images)\n",
        f'build = "theirs:build"\ncheckpoint = {flowers.checkpoint!r}',
    )
    result = run(repository)
    assert result.ret == 1
    (line,) = set(failures(result))
    assert line.startswith("freezecheck: flowers: what build = 'theirs:build' makes cannot be ")
    assert line.endswith("model.ckpt-20': ValueError: No variables to save (-vv shows the rest)")


def test_a_right_build_passes(repository: pytest.Pytester, flowers: Subject) -> None:
    declare(repository.path, RIGHT, f'build = "theirs:build"\ncheckpoint = {flowers.checkpoint!r}')
    run(repository, "--freezecheck-examples=5").assert_outcomes(passed=CHECKS)


SESSION = """
import tensorflow as tf
import net
from pytest_freezecheck.models.checkpoint import keys_to_restore

v1 = tf.compat.v1

def session():
    with tf.Graph().as_default():
        images = v1.placeholder(tf.float32, [None, 4, 4, 3], name="images")
        answer = net.build(images)
        one = v1.Session()
        v1.train.Saver(keys_to_restore("trainable")).restore(one, {checkpoint!r})
    {change}
    return one, {{"images": images}}, {{"probabilities": answer}}
"""
LIVES = {
    "it raises": ("raise OSError(2, 'No such file', 'labels.txt')", r"raised FileNotFoundError: "),
    "closed": (
        "one.close()",
        r"returned what cannot be used: RuntimeError: Attempted to use a closed Session",
    ),
    "no placeholder": ("images = 3", r"returned what cannot be used: \w+: "),
}


@pytest.mark.parametrize(("change", "said"), LIVES.values(), ids=LIVES)
def test_what_live_raises_or_returns_is_one_line_for_each_check(
    repository: pytest.Pytester, flowers: Subject, change: str, said: str
) -> None:
    theirs = SESSION.format(checkpoint=flowers.checkpoint, change=change)
    declare(repository.path, theirs, 'live = "theirs:session"')
    result = run(repository, "--freezecheck-report=r.json")
    assert result.ret == 1
    result.stdout.re_match_lines([rf"freezecheck: flowers: live = 'theirs:session' {said}"])
    assert len(set(failures(result))) == 1
    assert len(failures(result)) == CHECKS
    assert messages(repository) == failures(result)


def test_a_right_session_passes(repository: pytest.Pytester, flowers: Subject) -> None:
    theirs = SESSION.format(checkpoint=flowers.checkpoint, change="pass")
    declare(repository.path, theirs, 'live = "theirs:session"')
    run(repository, "--freezecheck-examples=5").assert_outcomes(passed=CHECKS)


@pytest.mark.parametrize("on_ci", [False, True])
@pytest.mark.parametrize("option", ["-vv", "--tb=long", "--full-trace"])
def test_the_rest_is_shown_once_on_request(
    repository: pytest.Pytester,
    flowers: Subject,
    option: str,
    on_ci: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # There, and with -vv, pytest cuts nothing short in its summary.
    monkeypatch.setenv("CI", "true") if on_ci else monkeypatch.delenv("CI", raising=False)
    theirs, said = BUILDS["a wrong shape"]
    declare(repository.path, theirs, f'build = "theirs:build"\ncheckpoint = {flowers.checkpoint!r}')
    result = run(repository, option, "--freezecheck-report=r.json", "--junitxml=junit.xml")
    assert result.outlines.count("Traceback (most recent call last):") == 1
    assert failures(result).count("Traceback (most recent call last):") == 1
    result.stdout.fnmatch_lines(['*theirs.py", line 7, in inner', "ValueError: Dimensions must *"])
    assert all("\n" not in message for message in messages(repository))
    first = next(n for n, x in enumerate(result.outlines) if "short test summary info" in x)
    *summary, _ = result.outlines[first + 1 :]
    assert len(summary) == CHECKS
    assert all(re.match(r"FAILED .*::flowers::\w+", line) for line in summary)
    if on_ci or option == "-vv":
        told = [re.search(said, line) for line in summary]
        # Until pytest 8, what is told again has no reason in its summary; the first has it.
        assert all(told) if int(pytest.__version__.split(".")[0]) > 8 else told[0]
    assert (repository.path / "junit.xml").read_text().count("Traceback (most recent") == 1


def test_the_rest_of_live_and_of_what_it_calls_is_shown_once(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    declare(
        repository.path,
        "def session():\n    return inner()\n\ndef inner():\n"
        "    try:\n        return {}['graph']\n"
        "    except KeyError as error:\n        raise OSError('no graph') from error\n",
        'live = "theirs:session"',
    )
    result = run(repository, "-vv")
    result.assert_outcomes(failed=CHECKS)
    for once in ("KeyError: 'graph'", "OSError: no graph", "*direct cause of*"):
        result.stdout.fnmatch_lines([once])
        assert sum(fnmatch.fnmatchcase(line, once) for line in result.outlines) == 1


def test_the_rest_is_shown_once_by_xdist_too(repository: pytest.Pytester, flowers: Subject) -> None:
    pytest.importorskip("xdist")
    theirs, _ = BUILDS["a slip"]
    declare(repository.path, theirs, f'build = "theirs:build"\ncheckpoint = {flowers.checkpoint!r}')
    result = repository.runpytest_subprocess("--freezecheck", "-n", "1", "-vv")
    result.assert_outcomes(failed=CHECKS)
    assert result.outlines.count("Traceback (most recent call last):") == 1
    assert sum(line.startswith("NameError: ") for line in result.outlines) == 1


EXPORTS = {
    "it raises": (
        "def export(live, directory):\n    {}['graph']\n",
        r"raised KeyError: 'graph' \(theirs.py:2 in export; -vv shows the rest\)$",
    ),
    "it takes nothing": (
        "def export():\n    pass\n",
        r"raised TypeError: export\(\) takes 0 positional arguments but 2 were given",
    ),
    "links that lead nowhere": (
        "def export(live, directory):\n    (directory / 'a').symlink_to(directory / 'a')\n"
        "    (directory / 'b').symlink_to(directory)\n    (directory / 'c').symlink_to('gone')\n",
        "wrote no artifact of a known format: a, c$",
    ),
}


@pytest.mark.parametrize(("theirs", "said"), EXPORTS.values(), ids=EXPORTS)
def test_what_export_raises_is_one_line(
    repository: pytest.Pytester, flowers: Subject, theirs: str, said: str
) -> None:
    source = f'build = "net:build"\ncheckpoint = {flowers.checkpoint!r}\nexport = "theirs:export"'
    declare(repository.path, theirs, source)
    given = ("--freezecheck-report=r.json", "pyproject.toml::flowers::export")
    result = run(repository, *given)
    assert result.ret == 1
    result.stdout.re_match_lines([rf"freezecheck: flowers: export = 'theirs:export' {said}"])
    assert len(failures(result)) == 1
    assert messages(repository) == failures(result)


def test_a_folder_that_is_linked_twice_is_checked_once(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    theirs = (
        "import shutil\n\ndef export(live, directory):\n    (directory / '1').mkdir()\n"
        "    shutil.copy('frozen.pb', directory / '1')\n"
        "    (directory / '1' / 'loop').symlink_to(directory)\n"
        "    (directory / 'latest').symlink_to('1')\n"
    )
    source = f'build = "net:build"\ncheckpoint = {flowers.checkpoint!r}\nexport = "theirs:export"'
    declare(repository.path, theirs, source)
    given = ("--freezecheck-report=r.json", "pyproject.toml::flowers::export")
    assert run(repository, *given, "--freezecheck-examples=5").ret == 0
    checks = json.loads((repository.path / "r.json").read_text())["checks"]
    assert [check["artifact"] for check in checks] == ["export: 1/frozen.pb"]


def test_what_the_fixture_raises_is_one_line_for_each_check(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def freezecheck_live_model():
            raise OSError("no disk\\nand more")
        """
    )
    result = run(pytester, "--freezecheck-report=r.json", "-k", "graph_def or saved_model")
    assert result.ret == 1
    line = (
        "freezecheck: live_model: the fixture freezecheck_live_model raised OSError: no disk "
        "(conftest.py:5 in freezecheck_live_model; -vv shows the rest)"
    )
    assert set(failures(result)) == {line}
    assert set(messages(pytester)) == {line}
    assert len(failures(result)) == len(messages(pytester))


def test_a_fixture_that_is_not_there_is_pytests_to_tell(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def freezecheck_live_model(nobodys): ...
        """
    )
    result = run(pytester, "freezecheck::live_model::graph_def")
    result.stdout.fnmatch_lines(["*fixture 'nobodys' not found"])


HOOKS = [
    ("pytest_freezecheck_models", "raise KeyError('flowers')", "raised KeyError: 'flowers' (conft"),
    ("pytest_freezecheck_models", "import sys; sys.exit(2)", "raised SystemExit: 2 (conftest.py:2"),
    ("pytest_freezecheck_models", "yield 1 / 0", "raised ZeroDivisionError: division by zero (con"),
    ("pytest_freezecheck_models", "return 3", "returned int; expected a list of freezecheck.Model"),
    ("pytest_freezecheck_formats", "raise KeyError('npz')", "raised KeyError: 'npz' (conftest.py:"),
    ("pytest_freezecheck_formats", "return 3", "returned int; expected a list of freezecheck.For"),
]


@pytest.mark.parametrize(("hook", "body", "said"), HOOKS)
def test_what_a_hook_raises_is_a_usage_error_of_one_line(
    pytester: pytest.Pytester, hook: str, body: str, said: str
) -> None:
    (pytester.path / "conftest.py").write_text(f"def {hook}():\n    {body}\n")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: freezecheck: {hook} {said}" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    if "raised" in said:
        assert run(pytester, "-vv").stderr.str().count("Traceback") == 1
