"""A repository with one small model, right and wrong files of it, and the command to run there."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kit.inprocess import Ran, run_freezecheck

if TYPE_CHECKING:
    from tests.kit.subjects import Subject

TABLE = """
[tool.freezecheck.models.flowers]
build = "net:build"
checkpoint = {checkpoint!r}
artifacts = ["export/frozen.pb", {{ path = "export/loose.pb", atol = 0.9, logit_rtol = false }}]

[tool.freezecheck.models.flowers.inputs.images]
shape = [4, 4, 3]
"""
Run = Callable[..., Ran]
Ship = Callable[[str], Path]


@pytest.fixture(scope="session")
def files(flowers: Subject, tmp_path_factory: pytest.TempPathFactory) -> Ship:
    """Make a file of the smallest network, by what it is called; it is not to be changed."""
    import pytest_freezecheck as freezecheck
    from tests.kit import mistakes
    from tests.kit.freezing import differently, freeze

    folder = tmp_path_factory.mktemp("files")
    wrong = {
        "raw.pb": differently(keys=mistakes.raw_keys),
        "averaged.pb": differently(keys=mistakes.collected_keys),
        "epsilon.pb": differently(edit=mistakes.another_epsilon),
        "training.pb": differently(build=mistakes.training_batch_norm),
        "phase.pb": differently(build=mistakes.phase_defaults_to_training),
        "shifted.pb": differently(build=mistakes.classes_shifted),
    }

    @functools.cache
    def ship(name: str) -> Path:
        path = folder / name
        if name == "frozen.pb":
            freeze(flowers, path)
        elif name in wrong:
            wrong[name](flowers, path)
        else:  # a way, of the raw weights or of those that were evaluated
            way, ema = name.rsplit("-", 1)
            live = flowers.live({"raw": "none", "right": "trainable"}[ema])
            path = freezecheck.freeze(live, way, folder / name)
            live.close()
        return path

    return ship


@pytest.fixture
def repository(tmp_path: Path, flowers: Subject, files: Ship) -> Path:
    """A repository whose right file is `export/frozen.pb`."""
    from tests.kit import tiny

    folder = tmp_path / "repository"
    (folder / "export").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(TABLE.format(checkpoint=flowers.checkpoint))
    shutil.copy(tiny.__file__, folder / "net.py")
    shutil.copy(files("frozen.pb"), folder / "export" / "frozen.pb")
    return folder


@pytest.fixture
def run(repository: Path) -> Run:
    """Run the command in the repository; what is checked is checked in this process."""

    def run_here(*arguments: str) -> Ran:
        if arguments[0] not in ("check", "repair"):
            return run_freezecheck(repository, *arguments)
        quick = [] if any(a.startswith("--examples") for a in arguments) else ["--examples=4"]
        return run_freezecheck(repository, *arguments, *quick, "--isolation=none")

    return run_here


@pytest.fixture
def place(repository: Path, files: Ship) -> Callable[..., str]:
    """Put a file into the repository; return where it lies."""

    def put(name: str, there: str = "") -> str:
        source = files(name)
        target = repository / (there or f"export/{source.name}")
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
        return str(target.relative_to(repository))

    return put
