"""One trained reference model for all tests here.

TensorFlow is imported at the top: an in-process run of pytest inside a test drops the modules that
it imported, and TensorFlow cannot be imported twice in a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow  # noqa: F401
import tf_keras  # noqa: F401
import tf_slim  # noqa: F401

from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the reference model's two checkpoints."""
    folder = tmp_path_factory.mktemp("reference")
    reference.train(folder)
    return folder


@pytest.fixture(scope="session")
def live(trained: Path) -> Iterator[LiveModel]:
    """The reference model, as its evaluation restores it."""
    model = reference.load(trained)
    yield model
    model.close()
