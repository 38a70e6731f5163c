"""One trained reference model for all tests that ask for it: a plugin of this suite's own.

What it needs is imported by the tests that use it alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_freezecheck import LiveModel
    from tests.kit.faults import Fault
    from tests.kit.subjects import Subject


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the reference model's two checkpoints."""
    from pytest_freezecheck.models import reference
    from tests.kit.made_once import copied, made_once

    return copied(made_once("reference", reference.train), tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="session")
def live(trained: Path) -> Iterator[LiveModel]:
    """The reference model, as its evaluation restores it."""
    from pytest_freezecheck.models import reference

    model = reference.load(trained)
    yield model
    model.close()


@pytest.fixture(scope="session")
def correct(live: LiveModel, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Freeze the reference model correctly, once in each way; what is made is not to be changed."""

    import pytest_freezecheck as freezecheck

    @functools.cache
    def frozen(way: str) -> Path:
        return freezecheck.freeze(live, way, tmp_path_factory.mktemp(way))

    return frozen


@pytest.fixture(scope="session")
def faulty(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Fault], Path]:
    """Freeze the reference model wrongly, once in each way; what is made is not to be changed."""
    from tests.kit.faults import written

    folder = tmp_path_factory.mktemp("faulty")

    @functools.cache
    def frozen(fault: Fault) -> Path:
        path = folder / f"{fault.__name__}.pb"
        path.write_bytes(written(fault, trained))
        return path

    return frozen


@pytest.fixture(scope="session")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The smallest network, with checkpoints of this process's own."""
    from tests.kit.subjects import tiny_subject

    return tiny_subject(tmp_path_factory.mktemp("flowers"))
