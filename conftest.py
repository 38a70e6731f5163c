"""Settings of our own test suite that pytest reads from the root folder alone."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["pytester", "tests.kit.fixtures"]

if "PYTEST_XDIST_WORKER" in os.environ:
    # A core for each worker: threads that wait for each other cost small networks a third of the
    # time. Without `-n`, and on networks of real size, TensorFlow has as many as it likes.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

#: Folders of tests that take seconds in all.
_QUICK = ("unit", "plugin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first: a slip shows early.

    pytest 8.4 also collects garbage five times whenever a run inside of a test ends, which takes
    two seconds beside the graphs that the tests of models leave behind.
    """
    items.sort(key=lambda item: item.path.parent.name not in _QUICK)
