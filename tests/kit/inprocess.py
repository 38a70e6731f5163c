"""Run scripts and pytest in a folder of their own, but in this process: TensorFlow is here already.

Where start-up, workers or what ends a process are what is tested, use `tests.kit.subprocesses`.
"""

from __future__ import annotations

import contextlib
import io
import random
import runpy
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.kit.modules import come_from


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Work in a folder, as a new process would that was started there, and forget its modules."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        states = random.getstate(), np.random.get_state()
        patch.chdir(folder)
        patch.setattr(sys, "path", [str(folder), *sys.path])
        try:
            yield patch
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            for name in [name for name, m in sys.modules.items() if come_from(m, folder)]:
                del sys.modules[name]


class Ran(NamedTuple):
    """What a command came to.

    Attributes:
        code: its exit code.
        out: what it wrote to stdout.
        err: what it wrote to stderr.
    """

    code: int
    out: str
    err: str


def run_freezecheck(folder: Path, *arguments: str) -> Ran:
    """Run the command `freezecheck` in a folder, in this process."""
    from pytest_freezecheck.command.main import main

    out, err = io.StringIO(), io.StringIO()
    with _inside(folder) as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("COLUMNS", "300")
        code = main(arguments)
    return Ran(code, out.getvalue(), err.getvalue())


class Here:
    """Runs things in this process.

    What they change of its state, beside modules, folders and the random states of Python and
    NumPy, stays: a script that calls `tf.disable_v2_behavior()` is for
    `tests.kit.subprocesses.Apart`.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester

    def python(self, folder: Path, *arguments: str) -> None:
        """Run `python SCRIPT ...` or `python -m MODULE ...`."""
        with _inside(folder) as patch:
            if arguments[0] == "-m":
                patch.setattr(sys, "argv", list(arguments[1:]))
                runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
            else:
                patch.setattr(sys, "argv", list(arguments))
                runpy.run_path(str(folder / arguments[0]), run_name="__main__")

    def pytest(self, folder: Path, *arguments: str) -> tuple[int, str]:
        """Run pytest; return the exit code and what was printed."""
        with _inside(folder) as patch:
            patch.setenv("COLUMNS", "300")
            patch.delenv("PYTEST_ADDOPTS", raising=False)
            patch.delenv("CI", raising=False)
            result = self._pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)
        return int(result.ret), "\n".join([*result.outlines, *result.errlines])
