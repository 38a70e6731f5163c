"""Damaged samples and saved inputs, loops of links, long names: one line each."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck import InputSpec, SettingError
from pytest_freezecheck.inputs import arrays
from pytest_freezecheck.inputs.arrays import matching
from pytest_freezecheck.inputs.samples import sample_batches
from pytest_freezecheck.inputs.saved import Saved, place, read, save


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def with_header(header: str) -> bytes:
    """Return a .npy file with a header of one's own, and 24 bytes of data."""
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header.encode() + b"\0" * 24


ARRAY = npy(np.zeros((2, 3), np.float32))
SHAPED = "{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
#: {name: (content, what is said)}
SAMPLES = {
    "nothing": (b"", "no .npy file, it begins with b''"),
    "cut short": (ARRAY[:-4], "ValueError: "),
    "cut in its header": (ARRAY[:40], "ValueError: "),
    "cut in its magic": (ARRAY[:4], "no .npy file, it begins with b'\\x93NUM'"),
    "another format": (b"\x89PNG\r\n", "no .npy file, it begins with b'\\x89PNG\\r\\n'"),
    "a pickle": (b"\x80\x04\x95\x00\x00\x00\x00", "no .npy file, it begins with "),
    "an archive": (b"PK\x03\x04" + b"\0" * 99, "no .npy file, it begins with b'PK\\x03\\x04"),
    "objects": (npy(np.array([{}, None], object), allow_pickle=True), "ValueError: Object arrays "),
    "a version to come": (b"\x93NUMPY\x09" + ARRAY[7:], "ValueError: "),
    "no header": (with_header("nonsense ("), "cannot be read: "),
    "a header without end": (with_header("(" * 9000), "cannot be read: "),
    "deep nesting": (with_header("-" * 9000 + "1"), "cannot be read: "),
    "too large for memory": (with_header(SHAPED.format(shape=(10**17,))), "cannot be read: "),
    "too large for anything": (with_header(SHAPED.format(shape=(10**30,))), "cannot be read: "),
    "of no type": (with_header(SHAPED.format(shape=(3,)).replace("<f4", "<q9")), "ValueError: "),
    "of no shape": (with_header(SHAPED.format(shape="'x'")), "ValueError: "),
}


def rows(pattern: Path, **fields: Any) -> Any:
    given = InputSpec((3,), samples=str(pattern), **fields)
    return np.concatenate([batch["x"] for batch in sample_batches({"x": given})])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("content", "said"), SAMPLES.values(), ids=SAMPLES)
def test_a_damaged_sample_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(SettingError) as refusal:
        rows(path)
    text = str(refusal.value)
    assert text.startswith(f"input 'x': sample {path} cannot be read: ")
    assert said in text
    assert "\n" not in text
    assert len(text) < 300 + len(str(path))


def test_a_whole_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(ARRAY)
    assert rows(tmp_path / "a.npy").shape == (2, 3)


def test_a_sample_that_is_a_folder_or_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.npy").symlink_to(tmp_path / "a.npy")
    with pytest.raises(SettingError, match=r"a\.npy cannot be read: OSError: .*symbolic links"):
        rows(tmp_path / "*.npy")
    (tmp_path / "a.npy").unlink()
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(SettingError, match=r"a\.npy cannot be read: IsADirectoryError: "):
        rows(tmp_path / "*.npy")


# Patterns.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.npy", "one/b.npy", "one/two/c.npy", "one/.hidden/d.npy", "one/[x]/e.npy"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ARRAY)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("data/*.npy", ["data/a.npy"]),
        ("data/**/*.npy", ["a", "one/[x]/e", "one/b", "one/two/c"]),
        ("data/*/*.npy", ["data/one/b.npy"]),
        ("**/c.npy", ["data/one/two/c.npy"]),
        ("data/**/two/*.npy", ["data/one/two/c.npy"]),
        ("data/**/**/c.npy", ["data/one/two/c.npy"]),
        ("data/one/../a.npy", ["data/one/../a.npy"]),
        ("data/**/x.npy", []),
        ("nowhere/**/a.npy", []),
    ],
)
@pytest.mark.parametrize("absolute", [True, False])
def test_patterns(folder: Path, pattern: str, expected: list[str], absolute: bool) -> None:
    short = pattern == "data/**/*.npy"
    wanted = [f"data/{name}.npy" for name in expected] if short else expected
    found = matching(str(folder / pattern) if absolute else pattern)
    assert sorted(found) == sorted(str(folder / name) if absolute else name for name in wanted)


def test_loops_of_links_end_and_each_folder_is_entered_once(folder: Path) -> None:
    for name in ("x", "y", "z"):  # three of them: 3**40 ways to walk
        (folder / "data" / name).symlink_to(folder / "data")
        (folder / "data" / "one" / name).symlink_to(folder)
    (folder / "data" / "itself").symlink_to("itself")
    found = matching(str(folder / "data" / "**" / "*.npy"))
    assert sorted(Path(path).name for path in found) == ["a.npy", "b.npy", "c.npy", "e.npy"]


def test_a_link_to_a_folder_elsewhere_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f.npy").write_bytes(ARRAY)
    (folder / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    assert "data/linked/f.npy" in matching("data/**/*.npy")


# Saved inputs.


GOOD: dict[str, Any] = {
    "format": 1,
    "model": "flowers",
    "artifact": "a.pb",
    "nodeid": "pyproject.toml::flowers::a.pb",
    "seed": 0,
    "away": 2,
    "background": {"x": 0.5},
    "max_abs_diff": 0.1,
    "versions": {"tensorflow": "2.15.1"},
    "atol": 1e-5,
    "logit_rtol": None,
}


def archive(about: str, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("freezecheck.npy", npy(np.array(about)))
        for name, content in members.items():
            made.writestr(f"input:{name}.npy", content)
    return file.getvalue()


def changed(**fields: Any) -> bytes:
    return archive(json.dumps({**GOOD, **fields}), x=ARRAY)


def without(name: str) -> bytes:
    return archive(json.dumps({key: v for key, v in GOOD.items() if key != name}), x=ARRAY)


def flipped(content: bytes) -> bytes:
    """Damage what is compressed, and leave the archive's own tables as they are."""
    at = content.index(b"input:x.npy") + len(b"input:x.npy") + 12
    return content[:at] + bytes(byte ^ 0xFF for byte in content[at : at + 8]) + content[at + 8 :]


WHOLE = archive(json.dumps(GOOD), x=ARRAY)
DAMAGED = {
    "nothing": (b"", "it is no archive"),
    "no archive": (b"PK\x03\x04 and no more", "it is no archive"),
    "cut short": (WHOLE[: len(WHOLE) // 2], "it is no archive"),
    "flipped bits": (flipped(WHOLE), "--freezecheck saved: "),
    "cut at its beginning": (WHOLE[40:], "--freezecheck saved: "),
    "a header too large": (
        archive(json.dumps(GOOD), x=with_header(SHAPED.format(shape=(10**17,)))),
        "--freezecheck saved: ",
    ),
    "a header too deep": (archive(json.dumps(GOOD), x=with_header("(" * 9000)), "saved: "),
    "objects": (archive(json.dumps(GOOD), x=SAMPLES["objects"][0]), "ValueError: Object arrays"),
    "no JSON": (archive("nonsense", x=ARRAY), "JSONDecodeError: "),
    "deep JSON": (archive("[" * 200_000, x=ARRAY), "RecursionError: "),
    "a list": (archive("[1]", x=ARRAY), "it has no 'format'"),
    "a number": (archive("1", x=ARRAY), "it has no 'format'"),
    "another version's": (changed(format=[1] * 500), "saved in format [1, 1, 1, 1, 1, 1, 1, this"),
    "no model": (without("model"), "it has no 'model'"),
    "a model that is no text": (changed(model=3), "its 'model' cannot be used (int)"),
    "a node id that is none": (changed(nodeid=["x"]), "its 'nodeid' cannot be used (list)"),
    "a seed that is none": (changed(seed="x"), "its 'seed' cannot be used (str)"),
    "a background of text": (changed(background={"x": "y"}), "its 'background' cannot be used"),
    "a background that is huge": (changed(background={"x": 10**400}), "its 'background' cannot"),
    "versions that are none": (changed(versions=["2.15"]), "its 'versions' cannot be used (list)"),
    "an endless tolerance": (changed(atol=float("inf")), "its 'atol' cannot be used (float)"),
    "a tolerance that is none": (changed(logit_rtol=float("nan")), "its 'logit_rtol' cannot be"),
    "a tolerance below 0": (changed(atol=-1), "its 'atol' cannot be used (int)"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("content", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_saved_input_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "flowers-a.pb.npz"
    path.write_bytes(content)
    with pytest.raises(SettingError) as refusal:
        read(path)
    text = str(refusal.value)
    assert text.startswith(f"{path}: ")
    assert said in text
    assert "\n" not in text
    assert len(text) < 400 + len(str(path))


@pytest.mark.parametrize("make", [lambda: WHOLE, lambda: without("atol")])
def test_a_whole_saved_input_is_read(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "flowers-a.pb.npz"
    path.write_bytes(make())
    saved = read(path)
    assert (saved.model, saved.away, saved.background) == ("flowers", 2, {"x": 0.5})
    np.testing.assert_array_equal(saved.feeds["x"], np.zeros((2, 3)))


def test_an_archive_that_would_fill_the_memory_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "flowers-a.pb.npz"
    path.write_bytes(WHOLE)
    monkeypatch.setattr(arrays, "_MOST_BYTES", 100)
    with pytest.raises(SettingError, match=r"ValueError: it says that it holds \d+ bytes"):
        read(path)


@pytest.mark.parametrize(
    ("model", "artifact"),
    [("m" * 250, "frozen.pb"), ("m", "a" * 250), ("m" * 250, "a/" * 125), ("m" * 113, "a" * 5)],
)
def test_a_long_name_makes_a_file_that_a_file_system_takes(
    tmp_path: Path, model: str, artifact: str
) -> None:
    nodeid = f"pyproject.toml::{model}::{artifact}"
    path = place(tmp_path, model, artifact, nodeid)
    assert len(path.name) <= 124
    one = Saved(
        model, artifact, nodeid, 0, 0, {}, None, {}, {"x": np.zeros((1, 3))}, {}, {}, 1e-5, None
    )
    save(path, one)
    assert read(path).artifact == artifact
    others = {
        place(tmp_path, model, f"{artifact}b", f"{nodeid}b"),
        place(tmp_path, f"{model}b", artifact, f"pyproject.toml::{model}b::{artifact}"),
    }
    assert len({path, *others}) == 3


def test_a_short_name_is_as_it_was(tmp_path: Path) -> None:
    nodeid = "pyproject.toml::flowers::export/frozen.pb"
    path = place(tmp_path, "flowers", "export/frozen.pb", nodeid)
    assert path.name == "flowers-export-frozen.pb.npz"
