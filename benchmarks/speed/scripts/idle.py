"""What the plugin costs a run that is not armed: how long its own code takes, and which modules.

Loading its entry point and each of its hooks are timed, inside of a run of pytest. Writes
`done.json`.
"""

import functools
import json
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

took = 0.0


def timed(function: Any) -> Any:
    """Return a function that adds what it takes."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        global took
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            took += time.perf_counter() - start

    return call


usual = EntryPoint.load


def load(self: EntryPoint) -> Any:
    """Load an entry point; of ours, time that and what pytest will call."""
    if (self.group, self.name) != ("pytest11", "freezecheck"):
        return usual(self)
    plugin = timed(usual)(self)
    for name in [name for name in vars(plugin) if name.startswith("pytest_")]:
        if callable(hook := getattr(plugin, name)):
            setattr(plugin, name, timed(hook))
    return plugin


EntryPoint.load = load  # type: ignore[method-assign]
Path("test_it.py").write_text("def test_it():\n    pass\n")
status = pytest.main(["-q", "-p", "no:cacheprovider", "test_it.py"])
modules = [name for name in sys.modules if name.partition(".")[0] == "pytest_freezecheck"]
if not modules:
    sys.exit("pytest did not load the plugin")
Path("done.json").write_text(json.dumps({"modules": modules, "milliseconds": took * 1e3}))
sys.exit(status)
