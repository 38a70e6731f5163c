"""One trained reference model for all tests here.

TensorFlow is imported at the top, and what it imports on first use is used before anything else:
an in-process run of pytest inside a test drops the modules that it imported, and TensorFlow's
cannot be imported twice in a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tensorflow  # noqa: F401
import tf_keras  # noqa: F401
import tf_slim  # noqa: F401

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference
from tests.models.ways import HERE


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


@pytest.fixture(scope="session", autouse=True)
def correct(live: LiveModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """{way: a correct freeze of the reference model}; each is checked once for what that imports.

    They are not to be changed.
    """
    made = {}
    for way in HERE:
        made[way] = freezecheck.freeze(live, way, tmp_path_factory.mktemp(way))
        artifact = freezecheck.load(made[way], way=way)
        freezecheck.check(live, artifact, examples=1)
        artifact.close()
    return made
