"""Real inputs: read, spread, combined; and refused by name where they are not what is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck import InputSpec, SettingError
from pytest_freezecheck.inputs.samples import MOST_ROWS, sample_batches


def spec(tmp_path: Path, **fields: Any) -> InputSpec:
    return InputSpec((4, 3), samples=str(tmp_path / "*.npy"), **fields)


def rows(batches: list[Any], name: str = "x") -> Any:
    return np.concatenate([batch[name] for batch in batches])


def test_without_samples_there_are_none() -> None:
    assert list(sample_batches({"x": InputSpec((3,))})) == []


def test_single_inputs_and_batches_are_read_in_order(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((4, 3), 0.25, np.float32))
    np.save(tmp_path / "b.npy", np.stack([np.full((4, 3), v) for v in (0.5, 0.75)]))
    batches = list(sample_batches({"x": spec(tmp_path)}))
    assert rows(batches).dtype == np.float32
    np.testing.assert_array_equal(rows(batches)[:, 0, 0], [0.25, 0.5, 0.75])


def test_large_collections_are_thinned_evenly(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.linspace(0, 1, 12_000).reshape(1000, 4, 3))
    taken = rows(list(sample_batches({"x": spec(tmp_path)})))
    assert len(taken) == MOST_ROWS
    assert taken[0].min() == 0.0
    assert taken[-1].max() == 1.0
    assert all(len(batch["x"]) <= 8 for batch in sample_batches({"x": spec(tmp_path)}))


def test_an_input_without_samples_gets_noise_and_shorter_ones_start_again(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 4, 3)))
    (tmp_path / "y").mkdir()
    np.save(tmp_path / "y" / "a.npy", np.arange(2.0).reshape(2, 1) / 2)
    other = InputSpec((1,), samples=str(tmp_path / "y" / "*.npy"))
    batches = list(
        sample_batches({"x": spec(tmp_path), "y": other, "noise": InputSpec((2,), low=0.0)})
    )
    np.testing.assert_array_equal(rows(batches, "y")[:, 0], [0, 0.5, 0, 0.5, 0])
    assert len(np.unique(rows(batches, "noise"))) > 2


@pytest.mark.parametrize(
    ("array", "fields", "said"),
    [
        (None, {}, "input 'x': no file matches samples = "),
        (np.zeros((3, 4)), {}, "has shape (3, 4); expected (4, 3), or (n, ...)"),
        (np.zeros((0, 4, 3)), {}, "has shape (0, 4, 3)"),
        (np.full((4, 3), 2.0), {}, "has values from 2 to 2; legal are -1 to 1"),
        (np.full((4, 3), np.nan), {}, "has values from nan to nan"),
        (np.zeros((4, 3)), {"dtype": "uint8"}, "has dtype float64; expected uint8"),
        (np.array([{}]), {}, "cannot be read: "),
    ],
)
def test_refused(tmp_path: Path, array: Any, fields: dict[str, Any], said: str) -> None:
    if array is not None:
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(SettingError) as refusal:
        list(sample_batches({"x": spec(tmp_path, **fields)}))
    assert said in str(refusal.value)
    assert str(refusal.value).startswith("input 'x': ")
