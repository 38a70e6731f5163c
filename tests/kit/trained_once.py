"""A fixture for folders of tests that run the reference model's checks in runs of their own."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.kit.made_once import copied


@pytest.fixture
def pytester(
    pytester: pytest.Pytester, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """pytest's own, whose runs do not train the reference model again."""
    from pytest_freezecheck.models import reference

    monkeypatch.setattr(reference, "train", functools.partial(copied, trained))
    return pytester
