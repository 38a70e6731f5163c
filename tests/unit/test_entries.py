"""Files that are kept from run to run: read as they were written, or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.checking import entries
from pytest_freezecheck.checking.entries import DamagedError, Folder
from pytest_freezecheck.checking.packing import Packed, PackingError, Unpacked

RNG = np.random.default_rng(0)
KEY, OTHER = "a" * 64, "b" * 64
ARRAYS: list[Any] = [
    RNG.normal(size=(3, 5)).astype(np.float32),
    np.array(2.5, np.float16),
    np.zeros((0, 4), np.int8),
    np.array([[True, False]]),
    RNG.normal(size=(4, 6)).T,
    np.array([np.nan, np.inf, -0.0]),
]


def test_what_was_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "made" / "on the way")
    assert folder.read(KEY) is None
    folder.write(KEY, {"text": "größer \udcfc", "number": 0.1, "none": None}, ARRAYS)
    found = folder.read(KEY)
    assert found is not None
    values, arrays = found
    assert values == {"text": "größer \udcfc", "number": 0.1, "none": None, "key": KEY}
    for one, other in zip(arrays, ARRAYS, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == np.ascontiguousarray(other).tobytes()
        one[...] = 0  # whoever has it may write to it
    assert [path.name for path in folder.path.iterdir()] == [f"{KEY}.freezecheck"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn"])
def test_numbers_that_numpy_alone_has_not_are_read_as_they_were(dtype: str, tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.array([1.5, -2.0], getattr(ml_dtypes, dtype))
    Folder(tmp_path).write(KEY, {}, [array])
    found = Folder(tmp_path).read(KEY)
    assert found is not None
    assert found[1][0].dtype == array.dtype
    assert found[1][0].tobytes() == array.tobytes()


def cut(content: bytearray) -> bytes:
    return bytes(content[:-7])


def emptied(content: bytearray) -> bytes:
    return b""


def changed(content: bytearray) -> bytes:
    content[-3] ^= 1
    return bytes(content)


def of_a_pickle(content: bytearray) -> bytes:
    return b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94."


def with_a_digest_and_no_sense(content: bytearray) -> bytes:
    mark, rest = entries._MARK, b"\xff" * 40
    return mark + hashlib.blake2b(rest, digest_size=32).digest() + rest


@pytest.mark.parametrize("damage", [cut, emptied, changed, of_a_pickle, with_a_digest_and_no_sense])
def test_a_damaged_or_foreign_file_is_told_and_can_be_replaced(
    damage: Callable[[bytearray], bytes], tmp_path: Path
) -> None:
    folder = Folder(tmp_path)
    folder.write(KEY, {"n": 1}, ARRAYS)
    path = folder.place(KEY)
    path.write_bytes(damage(bytearray(path.read_bytes())))
    with pytest.raises(DamagedError):
        folder.read(KEY)
    folder.write(KEY, {"n": 2}, ARRAYS)
    found = folder.read(KEY)
    assert found is not None
    assert found[0]["n"] == 2


def test_a_file_under_the_name_of_another_is_not_used(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(KEY, {}, ARRAYS)
    folder.place(KEY).rename(folder.place(OTHER))
    with pytest.raises(DamagedError, match="of another model"):
        folder.read(OTHER)


def test_what_was_used_least_recently_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, now = Folder(tmp_path), time.time()
    keys = [letter * 64 for letter in "abcd"]
    for age, key in zip((400, 300, 200, 100), keys, strict=True):
        folder.write(key, {}, [np.zeros(1000, np.uint8)])
        os.utime(folder.place(key), (now - age, now - age))
    (tmp_path / "notes.txt").write_text("somebody's own")
    (tmp_path / ".old.tmp").write_text("")
    os.utime(tmp_path / ".old.tmp", (now - 7200, now - 7200))
    (tmp_path / ".new.tmp").write_text("")
    assert folder.read(keys[0]) is not None  # used now
    size = folder.place(keys[0]).stat().st_size
    monkeypatch.setattr(entries, "MOST", 3 * size)
    folder.write("e" * 64, {}, [np.zeros(1000, np.uint8)])
    left = {path.name for path in tmp_path.iterdir()}
    kept = {f"{key}.freezecheck" for key in (keys[0], keys[3], "e" * 64)}
    assert left == kept | {"notes.txt", ".new.tmp"}
    monkeypatch.setattr(entries, "MOST", 1)
    folder.write("f" * 64, {}, [np.zeros(1000, np.uint8)])
    assert folder.read("f" * 64) is not None  # what was just written stays


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.write(KEY, {"n": 1}, ARRAYS)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            folder.write(KEY, {"n": 2}, ARRAYS)
    found = folder.read(KEY)
    assert found is not None
    assert found[0]["n"] == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_whoever_reads_while_others_write_has_one_of_them_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(KEY, {"n": 0}, [np.zeros(10**5, np.int64)])
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(20):
                folder.write(KEY, {"n": number}, [np.full(10**5, number)])
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        found = folder.read(KEY)
        assert found is not None
        assert (found[1][0] == found[0]["n"]).all()
        seen.add(found[0]["n"])
    for writer in writers:
        writer.join()
    assert not failed
    assert seen & {1, 2}


@pytest.mark.parametrize(
    "array",
    [
        np.array([[b"word", b""], [b"\x00\xff", b"x"]], object),
        np.array(["größer", "", "\udcfc"], object),
        np.array(["ab", "c"]),
        np.array([b"ab", b"c"]),
        np.array([], object),
        np.array(b"one", object),
    ],
)
def test_text_is_packed_without_a_pickle(array: Any) -> None:
    packed = Packed()
    places = packed.all({"text": array, "number": np.float32(0.5)})
    assert not any(each.dtype.hasobject for each in packed.arrays)
    back = Unpacked(packed.arrays).all(places)
    assert np.asarray(back["text"]).dtype == array.dtype
    assert np.asarray(back["text"]).tolist() == array.tolist()
    assert np.shape(back["text"]) == array.shape
    assert type(back["number"]).__name__ == "float32"  # as a session answers with a scalar


def test_what_is_neither_a_number_nor_text_is_refused() -> None:
    with pytest.raises(PackingError):
        Packed().all({"x": np.array([{}], object)})
