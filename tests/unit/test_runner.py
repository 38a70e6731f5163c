"""What goes to the process that makes checks, and what it may take."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck import errors
from pytest_freezecheck.declared import model as declaration
from pytest_freezecheck.declared.job import Job
from pytest_freezecheck.declared.model import Model
from pytest_freezecheck.runner import limits, memory, sending
from pytest_freezecheck.runner.keeper import unsendable
from pytest_freezecheck.runner.limits import Limits
from pytest_freezecheck.runner.surroundings import wants_memory

CONFTEST = """
def build(images):
    return "built", images

class Builder:
    def __init__(self, more):
        self.more = more

    def __call__(self, images):
        return self.more, images

    @staticmethod
    def inner(images):
        return "inner", images

def made():
    return lambda images: images
"""


@pytest.fixture
def conftest(tmp_path: Path) -> Any:
    """A module of a name that nothing can import, as pytest makes of a conftest.py."""
    path = tmp_path / "conftest.py"
    path.write_text(CONFTEST)
    spec = importlib.util.spec_from_file_location("some.where.conftest", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["some.where.conftest"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["some.where.conftest"]


def there(content: bytes, expression: str) -> str:
    """Return what an expression of what was sent is in a new process."""
    code = (
        "import sys; from pytest_freezecheck.runner import sending; "
        f"value = sending.loads(sys.stdin.buffer.read()); print({expression})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=content, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def model(build: Any) -> Model:
    return Model("flowers", {"images": {"shape": [4]}}, build=build, checkpoint="train")


def test_functions_of_a_conftest_are_found_by_its_file(conftest: Any) -> None:
    for build, said in (
        (conftest.build, "('built', 3)"),
        (conftest.Builder("more"), "('more', 3)"),
        (conftest.Builder.inner, "('inner', 3)"),
    ):
        job = Job(model(build), skipped=(errors.InapplicableError,))
        content = sending.dumps(job)
        assert there(content, "value.model.build(3)") == said
        assert there(content, "value.skipped[0].__name__") == "InapplicableError"


def test_a_declaration_of_text_is_sent_as_it_is() -> None:
    job = Job(model("nets:build"), declaration.Artifact("frozen.pb"))
    assert sending.loads(sending.dumps(job)) == job


def test_what_cannot_be_sent_is_said(conftest: Any) -> None:
    assert unsendable(model(conftest.build)) is None
    for build in (conftest.made(), lambda images: images, threading.Lock().acquire):
        assert unsendable(model(build)) is not None


def test_another_module_of_the_same_name_is_not_taken_for_it(conftest: Any) -> None:
    content = sending.dumps(conftest.build)
    here = sys.modules["some.where.conftest"] = type(sys)("some.where.conftest")
    here.build = None  # type: ignore[attr-defined]
    assert sending.loads(content)(1) == ("built", 1)
    assert pickle.loads(content)(1) == ("built", 1)
    del sys.modules[f"some.where.conftest@{Path(conftest.__file__).resolve()}"]


def bounds(timeout: float | None = None, most: int | None = None) -> Limits:
    return Limits(os.getpid(), timeout, most, examples=100)


def test_a_slow_live_model_has_more_time() -> None:
    found = bounds()
    assert found.seconds == limits.START
    found.begin(limits.LIVE)
    assert found.seconds == limits.LIVE
    found.begin(limits.CHECK)
    assert found.seconds == limits.CHECK
    found.answer = 0.5
    assert found.seconds == 40 * 100 * 0.5


def test_what_somebody_chose_holds() -> None:
    found = bounds(timeout=3.0)
    assert found.seconds == limits.START  # importing TensorFlow is no part of a check
    for least in (limits.LIVE, limits.CHECK):
        found.begin(least)
        found.answer = 9.0
        assert found.seconds == 3.0


def test_what_takes_too_long_or_too_much_is_told() -> None:
    found = bounds(timeout=1e-9)
    assert found.exceeded() is None
    found.begin(limits.CHECK)
    assert isinstance(found.exceeded(), errors.TimedOutError)
    much = bounds(most=10**6).exceeded()
    assert isinstance(much, errors.OutOfMemoryError)
    assert "took more than 1 MB of memory" in str(much)
    assert bounds().exceeded() is None


def test_memory_is_measured() -> None:
    before = memory.resident(os.getpid()) or 0
    held = bytearray(os.urandom(1)) * 50_000_000
    assert (memory.resident(os.getpid()) or 0) > before + 40_000_000 > len(held) // 2
    assert memory.resident(2**22 + 1) is None
    assert (memory.available() or 0) > 10**6


ASKS = "import sys; print(flush=True); input(); print(len(bytearray(int(sys.argv[1]))))"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no prlimit")
@pytest.mark.parametrize("size", [10**8, 3 * 10**9])
def test_the_system_refuses_what_is_far_too_much(size: int) -> None:
    command = [sys.executable, "-c", ASKS, str(size)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = Limits(process.pid, None, 5 * 10**8, examples=1)
        found.bind()
        said, wrong = process.communicate("\n")
    if size == 10**8:
        assert (said, process.returncode) == (f"{size}\n", 0)
    else:
        assert "MemoryError" in wrong
        assert "took more than 500 MB of memory and was ended" in str(found.refused)


def raised(*errors: BaseException) -> BaseException:
    """Return the last of these, each raised while the one before was handled."""
    for before, after in itertools.pairwise(errors):
        after.__context__ = before
    return errors[-1]


@pytest.mark.parametrize(
    ("error", "wants"),
    [
        (MemoryError(), True),
        (raised(MemoryError(), ValueError("cannot be read"), errors.ArtifactError("a line")), True),
        (errors.ArtifactError("OOM when allocating tensor with shape[4294967296]"), True),
        (RuntimeError("Failed to allocate memory for requested buffer of size 16"), True),
        (errors.ArtifactError("no space left on device"), False),
        (raised(ValueError("cannot be read"), errors.ArtifactError("a line")), False),
    ],
)
def test_what_was_refused_memory_is_told_from_other_errors(
    error: BaseException, wants: bool
) -> None:
    assert wants_memory(error) is wants


ENDING = """
import atexit, sys, threading, time
from pathlib import Path
from pytest_freezecheck.runner import child

class Kept:
    def __del__(self):
        Path("taken apart").touch()

def late():
    time.sleep(0.3)
    Path("thread").touch()

kept = Kept()
atexit.register(lambda: print("at its end", end=""))
threading.Thread(target=late).start()
if sys.argv[1] == "end":
    child.end()
"""


@pytest.mark.parametrize("how", ["end", "python"])
def test_the_process_ends_as_python_does_but_takes_nothing_apart(tmp_path: Path, how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING, how],
        cwd=tmp_path,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout == "at its end"
    assert (tmp_path / "thread").exists()
    assert (tmp_path / "taken apart").exists() == (how == "python")
