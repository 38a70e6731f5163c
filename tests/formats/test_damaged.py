"""A run that meets damaged files, loops of links and long names ends with lines, not tracebacks."""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kit import mistakes, tiny
from tests.kit.freezing import differently, freeze
from tests.kit.subjects import Subject

TABLE = """
[tool.freezecheck.models.{model}]
build = "net:build"
checkpoint = {checkpoint!r}
artifacts = [{artifact!r}]

[tool.freezecheck.models.{model}.inputs.images]
shape = [4, 4, 3]
{more}
"""
raw_weights = differently(keys=mistakes.raw_keys)
SAVED = ".freezecheck/flowers-frozen.pb.npz"


@pytest.fixture
def repository(
    pytester: pytest.Pytester, flowers: Subject, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.syspath_prepend(pytester.path)
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    freeze(flowers, pytester.path / "frozen.pb")
    declare(pytester.path, flowers)
    return pytester


def declare(
    folder: Path,
    subject: Subject,
    model: str = "flowers",
    artifact: str = "frozen.pb",
    more: str = "",
) -> None:
    table = TABLE.format(model=model, artifact=artifact, checkpoint=subject.checkpoint, more=more)
    (folder / "pyproject.toml").write_text(table)


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    given = ("-p", "no:xdist", "--freezecheck-examples=5", "--freezecheck-report=r.json")
    result = repository.runpytest("--freezecheck", *given, *arguments)
    printed = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in printed
    assert "Traceback" not in printed
    return result


def check(repository: pytest.Pytester) -> Any:
    (one,) = json.loads((repository.path / "r.json").read_text())["checks"]
    return one


def archive(about: str, images: bytes) -> bytes:
    file = io.BytesIO()
    text = io.BytesIO()
    np.save(text, np.array(about))
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("freezecheck.npy", text.getvalue())
        made.writestr("input:images.npy", images)
    return file.getvalue()


def header(text: str) -> bytes:
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text.encode()


SHAPE = "{{'descr': '<f4', 'fortran_order': False, 'shape': ({size},)}}"
ABOUT = {
    "format": 1,
    "model": "flowers",
    "artifact": "frozen.pb",
    "nodeid": "pyproject.toml::flowers::frozen.pb",
    "seed": 0,
    "away": 0,
    "background": {},
    "max_abs_diff": 0.1,
    "versions": {"tensorflow": "2.15.1"},
}
DAMAGED = {
    "no archive": b"PK\x03\x04 and no more",
    "memory": archive(json.dumps(ABOUT), header(SHAPE.format(size=10**17))),
    "a header without end": archive(json.dumps(ABOUT), header("(" * 9000)),
    "recursion": archive("[" * 200_000, header(SHAPE.format(size=0))),
    "types": archive(json.dumps({**ABOUT, "versions": 3}), header(SHAPE.format(size=0))),
    "a node id": archive(json.dumps({**ABOUT, "nodeid": {}}), header(SHAPE.format(size=0))),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_saved_input_is_a_warning_and_its_replay_misuse(
    repository: pytest.Pytester, content: bytes
) -> None:
    (repository.path / ".freezecheck").mkdir()
    (repository.path / SAVED).write_bytes(content)
    assert run(repository).ret == 0
    (warning,) = (w for w in check(repository)["warnings"] if "earlier run" in w)
    assert warning.startswith("a failing input of an earlier run is not tried again: ")
    assert "no failing input that --freezecheck saved: " in warning
    assert "\n" not in warning
    (repository.path / "r.json").unlink()
    result = run(repository, f"--freezecheck-replay={SAVED}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = (line for line in result.errlines if line)
    assert line.startswith("ERROR: freezecheck: --freezecheck-replay: ")
    assert "no failing input that --freezecheck saved: " in line


def test_a_failure_takes_the_place_of_a_damaged_one(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    raw_weights(flowers, repository.path / "frozen.pb")
    (repository.path / ".freezecheck").mkdir()
    (repository.path / SAVED).write_bytes(DAMAGED["types"])
    assert run(repository).ret == 1
    assert check(repository)["counterexample"]["path"] == SAVED
    assert run(repository, f"--freezecheck-replay={SAVED}").ret == 1
    assert check(repository)["inputs"] == 1


def test_a_damaged_sample_fails_its_check_with_one_line(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    np.save(repository.path / "a.npy", np.zeros((2, 4, 4, 3), np.float32))
    declare(repository.path, flowers, more='samples = "**/*.npy"')
    for name in ("loop", "ring", "round"):
        (repository.path / name).symlink_to(repository.path)
    named = "pyproject.toml::flowers"  # pytest itself walks such loops for tests for ever
    assert run(repository, named).ret == 0
    for content in (b"", b"no array", (repository.path / "a.npy").read_bytes()[:-9]):
        (repository.path / "a.npy").write_bytes(content)
        result = run(repository, named)
        assert result.ret == 1
        message = check(repository)["message"]
        assert message.startswith("input 'images': sample ")
        assert "a.npy cannot be read: " in message
        assert "\n" not in message
        result.stdout.fnmatch_lines([f"freezecheck: flowers: {message.replace('[', '[[]')}"])


@pytest.mark.parametrize(
    ("model", "name"),
    [("f" * 250, "frozen.pb"), ("flowers", f"{'f' * 247}.pb"), ("m" * 200, "x" * 200)],
)
def test_names_of_250_characters(
    repository: pytest.Pytester, flowers: Subject, model: str, name: str
) -> None:
    """The failing input is saved, tried first again, and replayed; the correct twin passes."""
    declare(repository.path, flowers, model, name)
    freeze(flowers, repository.path / name)
    assert run(repository).ret == 0
    raw_weights(flowers, repository.path / name)
    assert run(repository).ret == 1
    path = check(repository)["counterexample"]["path"]
    assert [w for w in check(repository)["warnings"] if "saved" in w] == []
    assert run(repository, f"--freezecheck-replay={path}").ret == 1
    assert check(repository)["inputs"] == 1


def test_a_name_that_no_file_can_have(repository: pytest.Pytester, flowers: Subject) -> None:
    declare(repository.path, flowers, artifact="f" * 300)
    result = run(repository)
    assert result.ret == 1
    assert check(repository)["message"] == f"{'f' * 300}: cannot be read: File name too long"


@pytest.mark.parametrize(
    ("artifact", "to"),
    [("link.pb", "link.pb"), ("a/b.pb", "a"), ("link.pb", "nowhere.pb"), ("one", "two")],
)
def test_a_link_that_leads_nowhere_is_one_line(
    repository: pytest.Pytester, flowers: Subject, artifact: str, to: str
) -> None:
    declare(repository.path, flowers, artifact=artifact)
    (repository.path / Path(artifact).parts[0]).symlink_to(to)
    (repository.path / "two").symlink_to("one")
    result = run(repository)
    assert result.ret == 1
    message = check(repository)["message"]
    assert message.startswith(f"{artifact}: no such file or folder")
    assert "/" in artifact or message.endswith("(a link that leads to nothing, or to itself)")
    (repository.path / "right.pb").symlink_to("frozen.pb")
    declare(repository.path, flowers, artifact="right.pb")
    assert run(repository).ret == 0
