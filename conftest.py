"""Settings of our own test suite that pytest reads from the root folder alone."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

#: Folders of tests that take seconds in all.
_QUICK = ("unit", "plugin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first: a slip shows early.

    pytest 8.4 also collects garbage five times whenever a run inside of a test ends, which takes
    two seconds beside the graphs that the tests of models leave behind.
    """
    items.sort(key=lambda item: item.path.parent.name not in _QUICK)
