"""Settings of our own test suite that pytest reads from the root folder alone."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

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
    """Run what is quick first: a slip shows early."""
    items.sort(key=lambda item: item.path.parent.name not in _QUICK)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage among what the tests make alone.

    What is imported while they are collected, TensorFlow above all, stays; Python would look
    through all of it again and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
