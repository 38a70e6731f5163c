"""The page needs the extra `report`; where it is not installed, nothing of this folder can run."""

from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(scope="session", autouse=True)
def _needs_the_extra() -> None:
    for name in ("jinja2", "matplotlib"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs the extra report: {name} is not installed")
