"""Errors of others in one line: the telling part of a message, and the team's own frame."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_freezecheck.declared.told import rest, told
from pytest_freezecheck.errors import ArtifactError, ModelError, SettingError
from pytest_freezecheck.messages.raised import described, frame, in_short
from pytest_freezecheck.result.agreement import FrozenMismatch

TRACED = """in user code:

    File "{file}", line 5, in infer  *
        return tf.matmul(x, x)
    File "/lib/site-packages/tensorflow/ops.py", line 9, in matmul
        raise

    ValueError: Dimensions must be equal, but are 3 and 4
"""


class _Unspeakable(Exception):  # noqa: N818 - an error of somebody's
    def __str__(self) -> str:
        raise RuntimeError("no message can be made")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("3 is wrong\nand here is why\n"), "ValueError: 3 is wrong"),
        (ValueError("\n\n  late  \n"), "ValueError: late"),
        (KeyError("images"), "KeyError: 'images'"),
        (AssertionError(), "AssertionError"),
        (SystemExit(2), "SystemExit: 2"),
        (ValueError(TRACED), "ValueError: Dimensions must be equal, but are 3 and 4"),
        (
            ValueError(
                "Exception encountered when calling Dense.call().\n\n\x1b[1mNo axis 1\x1b[0m\n\nArg"
            ),
            "ValueError: Exception encountered when calling Dense.call(). No axis 1",
        ),
        (
            RuntimeError("Graph execution error:\n\nDetected at node x\nNo 7\n\t [[{{node x}}]]"),
            "RuntimeError: No 7",
        ),
        (ValueError("x" * 5000), f"ValueError: {'x' * 285}..."),
        (_Unspeakable(), "_Unspeakable: <exception str() failed>"),
    ],
)
def test_the_line_that_tells(error: BaseException, said: str) -> None:
    assert in_short(error) == said
    assert len(in_short(error)) <= 300


def function_of(path: Path, source: str) -> Callable[[], Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.f  # type: ignore[no-any-return]


def raised_by(function: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as caught:
        function()
    error, traceback = caught.value, caught.value.__traceback__
    assert traceback is not None
    return error.with_traceback(traceback.tb_next)  # without the frame of this file


DIRECT = "def f():\n    return 1 / 0\n"
#: Ends in the standard library, as most end in TensorFlow.
DEEP = "import json\n\ndef g():\n    json.loads('{')\n\ndef f():\n    g()\n"


def test_the_innermost_frame_of_the_team(tmp_path: Path) -> None:
    error = raised_by(function_of(tmp_path / "nets" / "moths.py", DIRECT))
    assert frame(error, tmp_path) == "nets/moths.py:2 in f"
    error = raised_by(function_of(tmp_path / "deep.py", DEEP))
    assert frame(error, tmp_path) == "deep.py:4 in g"


def test_the_repositorys_frame_comes_before_one_elsewhere(tmp_path: Path) -> None:
    inner = function_of(tmp_path / "other" / "inner.py", DIRECT)
    outer = function_of(tmp_path / "repository" / "outer.py", "def f():\n    return CALLED()\n")
    outer.__globals__["CALLED"] = inner
    error = raised_by(outer)
    assert frame(error, tmp_path / "repository") == "outer.py:2 in f"
    assert frame(error, tmp_path / "third") == f"{tmp_path / 'other' / 'inner.py'}:2 in f"


def test_a_team_that_installed_its_package_is_found_there(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "site-packages"
    library = function_of(site / "library" / "ops.py", DIRECT)
    own = function_of(site / "flowers" / "nets.py", "def f():\n    return CALLED()\n")
    own.__globals__["CALLED"] = library
    found = frame(raised_by(own), tmp_path / "repository")
    assert found == f"{site / 'flowers' / 'nets.py'}:2 in f"


def test_nobodys_frame_is_none() -> None:
    assert frame(ValueError("never raised"), Path()) is None
    assert frame(raised_by(lambda: subprocess.run([])), Path("/nowhere")) is not None  # this file


def test_frames_in_a_message_of_autograph(tmp_path: Path) -> None:
    error = ValueError(TRACED.format(file=tmp_path / "net.py"))
    assert frame(error, tmp_path) == "net.py:5 in infer"


def test_a_syntax_error_has_the_place_that_it_names(tmp_path: Path) -> None:
    error = raised_by(lambda: function_of(tmp_path / "broken.py", "x = 1\ndef f(:\n"))
    assert frame(error, tmp_path) == "broken.py:2"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), StopIteration(), MemoryError()])
def test_what_is_raised_becomes_one_line_of_ours(error: BaseException) -> None:
    def function() -> None:
        raise error

    with pytest.raises(ArtifactError) as caught, told("export = 'x:y'", None, ArtifactError):
        function()
    assert caught.value.__cause__ is error
    text = str(caught.value)
    assert text.startswith(f"export = 'x:y' raised {in_short(error)} (")
    assert text.endswith(" in function; -vv shows the rest)")
    assert "\n" not in text


@pytest.mark.parametrize(
    "error",
    [ModelError("ours"), SettingError("ours"), KeyboardInterrupt(), pytest.skip.Exception()],
)
def test_what_is_ours_or_no_error_passes_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, told("x", None):
        raise error
    assert caught.value is error


def test_a_mismatch_passes_through() -> None:
    mismatch = FrozenMismatch.__new__(FrozenMismatch)
    with pytest.raises(FrozenMismatch), told("x", None):
        raise mismatch


def test_functions_are_named_as_they_are_declared() -> None:
    assert described("build", "nets:inference") == "build = 'nets:inference'"
    assert described("live", raised_by) == "live = raised_by"
    assert described("live", contextlib.ExitStack()) == "live = ExitStack"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, False),
        ({"verbose": 1}, False),
        ({"verbose": 2}, True),
        ({"tbstyle": "long"}, True),
        ({"fulltrace": True}, True),
    ],
)
def test_the_rest_is_shown_on_request(options: dict[str, Any], shown: bool) -> None:
    config = SimpleNamespace(
        option=SimpleNamespace(**{"verbose": 0, "tbstyle": "auto", "fulltrace": False, **options})
    )
    with pytest.raises(ModelError) as caught, told("x", None):
        raise ValueError("first\nsecond")
    text = rest(caught.value, config)
    assert bool(text) == shown
    assert ("Traceback" in text and "ValueError: first\nsecond" in text) == shown
    assert rest(ModelError("of no other"), config) == ""
