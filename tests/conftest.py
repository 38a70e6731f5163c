"""What tests of several folders share. TensorFlow is imported by those alone that use it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import _pytest.pytester
import pytest

from tests.kit.modules import come_from

if TYPE_CHECKING:
    from pytest_freezecheck import LiveModel
    from tests.kit.subjects import Subject
    from tests.kit.wrong_freezes import CorrectFreeze, WrongFreeze


@pytest.fixture(scope="session", autouse=True)
def _installed_modules_stay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a run of pytest inside of a test forget the modules of its own repository alone.

    pytest's helper forgets all that were imported in the run. TensorFlow cannot be imported twice
    in a process, and the package would go on handing out classes of the forgotten modules.
    """
    temporary = tmp_path_factory.getbasetemp()

    class Snapshot(_pytest.pytester.SysModulesSnapshot):
        def restore(self) -> None:
            after = dict(sys.modules)
            super().restore()
            for name, module in after.items():
                if name not in sys.modules and not come_from(module, temporary):
                    sys.modules[name] = module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pytest.pytester, "SysModulesSnapshot", Snapshot)
        yield


@pytest.fixture(scope="session", autouse=True)
def _runs_inside_of_tests_collect_no_garbage() -> Iterator[None]:
    """Let pytest 8.4.0 end a run inside of a test as its helper does since 8.4.1.

    It looks five times through all that TensorFlow and these tests have made, which takes more than
    most of those tests. A run in a process of its own still does, and so does the run of the tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("_pytest.unraisableexception.gc_collect_harder", lambda *_: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _checks_are_made_where_tensorflow_is_already() -> Iterator[None]:
    """Let a run of pytest inside of a test make its checks in this process, unless it says where.

    One in a process of its own has the usual: `tests.kit.subprocesses`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pytest_freezecheck.gate.isolation.USUAL", "none")
        yield


@pytest.fixture(scope="session")
def subject_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Subject]:
    """Make a network when it is first asked for, with checkpoints of this process's own."""
    from tests.kit.subjects import SUBJECTS

    @functools.cache
    def get(name: str) -> Subject:
        return SUBJECTS[name](tmp_path_factory.mktemp(name))

    return get


@pytest.fixture(scope="session")
def live_of(subject_of: Callable[[str], Subject]) -> Iterator[Callable[[str, str], LiveModel]]:
    """Restore a live model, by network and what it reads from shadows, once."""
    made: dict[tuple[str, str], LiveModel] = {}

    def get(name: str, ema: str) -> LiveModel:
        if (name, ema) not in made:
            made[name, ema] = subject_of(name).live(ema)
        return made[name, ema]

    yield get
    for live in made.values():
        live.close()


@pytest.fixture(scope="session")
def shipped(
    subject_of: Callable[[str], Subject], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, WrongFreeze | CorrectFreeze], Path]:
    """Write an artifact, by network and freeze, once. It is not to be changed.

    A checkpoint that was written on the way is in a folder of the artifact's name, without ending.
    """
    from tests.kit.mistakes import SWAPPED

    folder = tmp_path_factory.mktemp("shipped")

    def get(name: str, freeze: WrongFreeze | CorrectFreeze) -> Path:
        path = folder / name / f"{freeze.name}.pb"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            freeze.ship(subject_of(name), path)
            beside = subject_of(name).folder / SWAPPED
            if beside.exists():  # for a check of this artifact alone: others may come from it, too
                beside.rename(path.with_suffix(""))
        return path

    return get


@pytest.fixture(scope="session", autouse=True)
def _code_hosts_are_not_told() -> Iterator[None]:
    """Keep runs of pytest inside of tests out of the summary of a host that runs these tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def answers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check by answers alone, as where a file cannot be read as a computation."""
    from pytest_freezecheck.checking import comparison, proving
    from pytest_freezecheck.checking.causes import attribution
    from pytest_freezecheck.computation.node import Arena
    from pytest_freezecheck.computation.proof import unread

    def unproved(_: object, live: proving.Computation, *__: object) -> proving.Compared:
        return proving.Compared(live, unread("held back by a test"), Arena())

    monkeypatch.setattr(comparison, "prove", unproved)
    monkeypatch.setattr(attribution, "read_again", lambda *_: None)
