"""Run scripts and pytest in a folder of their own, but in this process: TensorFlow is here already.

Where start-up, workers or what ends a process are what is tested, use `tests.subprocesses`.
"""

from __future__ import annotations

import contextlib
import runpy
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.modules import come_from


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Work in a folder, as a new process would that was started there, and forget its modules."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.chdir(folder)
        patch.setattr(sys, "path", [str(folder), *sys.path])
        try:
            yield patch
        finally:
            for name in [name for name, m in sys.modules.items() if come_from(m, folder)]:
                del sys.modules[name]


def run_python(folder: Path, *arguments: str) -> None:
    """Run `python SCRIPT ...` or `python -m MODULE ...`."""
    with _inside(folder) as patch:
        if arguments[0] == "-m":
            patch.setattr(sys, "argv", list(arguments[1:]))
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            patch.setattr(sys, "argv", list(arguments))
            runpy.run_path(str(folder / arguments[0]), run_name="__main__")


def run_pytest_here(pytester: pytest.Pytester, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest in a folder; return the exit code and what was printed."""
    with _inside(folder) as patch:
        patch.setenv("COLUMNS", "300")
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        patch.delenv("CI", raising=False)
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)
    return int(result.ret), "\n".join([*result.outlines, *result.errlines])
