"""Three trained networks, their live models, and artifacts by what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_freezecheck import LiveModel
from tests.models.subjects import SUBJECTS, Subject

Lives = Callable[[str, str], LiveModel]


@pytest.fixture(scope="session")
def subject_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Subject]:
    """Make a subject when it is first asked for."""
    made: dict[str, Subject] = {}

    def get(name: str) -> Subject:
        if name not in made:
            made[name] = SUBJECTS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return get


@pytest.fixture(scope="session")
def live_of(subject_of: Callable[[str], Subject]) -> Iterator[Lives]:
    """Restore a live model, by subject and what it reads from shadows, once."""
    made: dict[tuple[str, str], LiveModel] = {}

    def get(name: str, ema: str) -> LiveModel:
        if (name, ema) not in made:
            made[name, ema] = subject_of(name).live(ema)
        return made[name, ema]

    yield get
    for live in made.values():
        live.close()
