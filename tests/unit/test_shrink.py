"""The smallest failing input: one row, few cells away from an even background, round numbers."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.checking.worst_inputs import Suspects
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.inputs import saved as saved_inputs
from pytest_freezecheck.inputs.saved import Saved, changed, misfit, place, read, save
from pytest_freezecheck.inputs.shrink import Shrinker
from pytest_freezecheck.spec.inputs import InputSpec

IMAGE = InputSpec((24, 24, 3), low=-1.0, high=1.0)


def _noise(rows: int, seed: int = 0, spec: InputSpec = IMAGE) -> Any:
    low, high = spec.bounds
    noise = np.random.default_rng(seed).uniform(low, high, (rows, *spec.shape))
    return noise.astype(spec.dtype)


def test_an_even_background_that_shows_it_is_the_smallest() -> None:
    def apart(feeds: Any) -> Any:
        return np.full(len(feeds["x"]), 5.0)

    found = Shrinker(apart, {"x": IMAGE}, 2.0).shrink({"x": _noise(3)})
    assert found.away == 0
    assert (found.feeds["x"] == 0.0).all()
    assert found.feeds["x"].shape == (1, 24, 24, 3)


def test_what_takes_brightness_ends_on_the_roundest_level_that_has_it() -> None:
    def apart(feeds: Any) -> Any:
        return 10.0 * feeds["x"].mean(axis=(1, 2, 3))

    found = Shrinker(apart, {"x": IMAGE}, 2.0).shrink({"x": np.abs(_noise(3))})
    assert found.away == 0
    assert np.unique(found.feeds["x"]).tolist() == [1.0]


@pytest.mark.parametrize("cells", [1, 3, 20])
def test_only_the_cells_that_it_takes_stay_away_from_the_background(cells: int) -> None:
    rng = np.random.default_rng(cells)
    chosen = rng.choice(24 * 24 * 3, size=cells, replace=False)
    start = _noise(4)
    start.reshape(4, -1)[:, chosen] = 0.7321

    def apart(feeds: Any) -> Any:
        flat = feeds["x"].reshape(len(feeds["x"]), -1)
        bright = np.where(flat[:, chosen] > 0.6, 4.0 / cells, 0.0).sum(axis=1)
        return np.asarray(np.where(flat.mean(axis=1) < 0.5, bright, 0.0))  # no even input shows it

    found = Shrinker(apart, {"x": IMAGE}, 2.0).shrink({"x": start})
    kept = np.flatnonzero(found.feeds["x"].reshape(-1) > 0.6)
    # All of them at full strength are worth 4; 2 is enough, so half of them may go.
    assert set(kept.tolist()) <= set(chosen.tolist())
    assert len(kept) == found.away <= cells // 2 + 1
    assert found.ratio >= 2.0
    if cells == 1:
        assert found.feeds["x"].reshape(-1)[chosen[0]] == pytest.approx(1.0)  # rounded


def test_whole_numbers_and_several_inputs_shrink_too() -> None:
    specs = {"pixels": InputSpec((8, 8), "uint8"), "extra": InputSpec((3,), low=0.5, high=2.0)}
    start = {"pixels": _noise(2, spec=specs["pixels"]), "extra": _noise(2, spec=specs["extra"])}
    start["pixels"][:, 4, 4] = 250

    def apart(feeds: Any) -> Any:
        return np.where(feeds["pixels"][:, 4, 4] > 240, 3.0, 0.0) * (
            feeds["pixels"].mean(axis=(1, 2)) < 200
        )

    found = Shrinker(apart, specs, 2.0).shrink(start)
    assert found.away == 1
    assert found.feeds["pixels"].dtype == np.uint8
    assert found.feeds["pixels"][0, 4, 4] > 240
    assert ((found.feeds["extra"] >= 0.5) & (found.feeds["extra"] <= 2.0)).all()


def test_a_difference_that_needs_every_cell_keeps_the_input() -> None:
    start = _noise(1)

    def apart(feeds: Any) -> Any:
        return 3.0 * (feeds["x"] == start).all(axis=(1, 2, 3))

    found = Shrinker(apart, {"x": IMAGE}, 2.0).shrink({"x": start})
    assert found.feeds["x"].tobytes() == start.tobytes()
    assert found.ratio == 3.0


def test_suspects_are_the_worst_inputs_in_order() -> None:
    suspects = Suspects()
    assert not suspects
    suspects.add({"x": np.arange(4.0)}, np.array([0.0, 3.0, 0.5, 0.0]))
    suspects.add({"x": np.arange(10.0, 22.0)}, np.linspace(0.1, 1.2, 12))
    kept = suspects.feeds()["x"].tolist()
    assert kept == [1.0, 21.0, 20.0, 19.0, 18.0, 17.0, 16.0, 15.0]
    assert suspects.batch["x"].tolist() == [0.0, 1.0, 2.0, 3.0]


def _saved(**fields: Any) -> Saved:
    given: dict[str, Any] = {
        "model": "flowers",
        "artifact": "export/frozen.pb",
        "nodeid": "pyproject.toml::flowers::export/frozen.pb",
        "seed": 7,
        "away": 1,
        "background": {"x": 0.0, "file": 1.0},
        "max_abs_diff": 2.5e-5,
        "versions": {"tensorflow": "2.21.0"},
        "feeds": {"x": _noise(1), "file": np.arange(3, dtype=np.uint8)[None]},
        "live": {"a/b:0": np.array([[0.25, 0.75]], np.float32)},
        "frozen": {"a/b:0": np.array([[0.5, np.nan]], np.float32)},
    }
    return Saved(**{**given, **fields})


def test_what_is_saved_is_read_again_bit_for_bit(tmp_path: Path) -> None:
    saved = _saved(atol=1e-5, logit_rtol=2e-4, tolerances={"a": {"atol": 1e-5}})
    path = place(tmp_path / ".freezecheck", saved.model, saved.artifact, saved.nodeid)
    save(path, saved)
    again = read(path)
    arrays = ("feeds", "live", "frozen")
    plain = [field.name for field in dataclasses.fields(Saved) if field.name not in arrays]
    assert len(plain) == 11
    for field in plain:
        assert getattr(again, field) == getattr(saved, field)
    for field in arrays:
        there, here = getattr(again, field), getattr(saved, field)
        assert list(there) == list(here)
        assert all(there[n].tobytes() == here[n].tobytes() for n in here)
    assert changed(saved, again.live, again.frozen) == []
    assert changed(saved, again.live, again.live) == ["frozen"]
    assert (path.parent / ".gitignore").read_text().endswith("*\n")


def test_what_an_earlier_version_saved_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = saved_inputs._plain()
    later = ("atol", "logit_rtol")
    with monkeypatch.context() as earlier:
        earlier.setattr(saved_inputs, "_plain", lambda: [n for n in names if n not in later])
        save(tmp_path / "x.npz", _saved(atol=1e-5))
    again = read(tmp_path / "x.npz")
    assert (again.model, again.atol, again.logit_rtol) == ("flowers", None, None)


def test_a_folder_that_was_there_keeps_its_own_ignore_file(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    save(tmp_path / "x.npz", _saved())
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "x.npz"]


def test_no_two_checks_have_the_same_file(tmp_path: Path) -> None:
    checks = [
        ("flowers", "frozen.pb", "pyproject.toml::flowers::frozen.pb"),
        ("flowers", "export/frozen.pb", "pyproject.toml::flowers::export/frozen.pb"),
        ("flowers", "export-frozen.pb", "pyproject.toml::flowers::export-frozen.pb"),
        ("flowers-export", "frozen.pb", "pyproject.toml::flowers-export::frozen.pb"),
        ("flowers", "frozen.pb", "tests/test_export.py::test_it"),
        ("flowers", "frozen.pb", "tests/test_export.py::test_again"),
        ("flowers", "../frozen.pb", "pyproject.toml::flowers::../frozen.pb"),
        ("flowers", "export: a.pb", "pyproject.toml::flowers::export"),
    ]
    names = [place(tmp_path, *check).name for check in checks]
    assert len(set(names)) == len(names)
    assert names[:2] == ["flowers-frozen.pb.npz", "flowers-export-frozen.pb.npz"]
    assert all(re.fullmatch(r"flowers-[A-Za-z0-9._-]+\.npz", name) for name in names)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        (b"", "no failing input that --freezecheck saved"),
        (b"PK\x03\x04 broken", "no failing input that --freezecheck saved"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingError, match=says) as refused:
        read(path)
    assert str(path) in str(refused.value)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    with pytest.raises(SettingError, match="no failing input that --freezecheck saved"):
        read(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        ({"x": IMAGE}, "it has inputs"),
        ({"x": InputSpec((24, 24, 4)), "file": InputSpec((3,), "uint8")}, "has shape"),
        ({"x": InputSpec((24, 24, 3), "float16"), "file": InputSpec((3,), "uint8")}, "has dtype"),
        ({"x": InputSpec((24, 24, 3), low=0.0), "file": InputSpec((3,), "uint8")}, "lies outside"),
    ],
)
def test_an_input_that_no_longer_fits_is_told(specs: Any, says: str) -> None:
    assert says in str(misfit(_saved(), specs))


def test_an_input_that_fits_fits() -> None:
    assert misfit(_saved(), {"x": IMAGE, "file": InputSpec((3,), "uint8")}) is None
