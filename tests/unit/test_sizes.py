"""Inputs of several sizes, truth values and strings: declared, drawn, mutated, made smaller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck import InputSpec, Model, SettingError
from pytest_freezecheck.inputs.boundary import between
from pytest_freezecheck.inputs.mutation import mutate
from pytest_freezecheck.inputs.samples import collect, sample_batches
from pytest_freezecheck.inputs.saved import Saved, misfit, read, save
from pytest_freezecheck.inputs.search import draw
from pytest_freezecheck.inputs.shrink import Shrinker
from pytest_freezecheck.inputs.sizes import alike
from pytest_freezecheck.inputs.strategies import beside, build
from pytest_freezecheck.inputs.sweep import size_of, sweeps, swept
from pytest_freezecheck.spec.inputs import divided

PICTURES = InputSpec.of({"shape": ["8..32", "8..32", 3]}, "pictures")
COLOURS = InputSpec.of({"shape": [2], "dtype": "string", "choices": ["red", "green", "blau"]}, "c")


def drawn(specs: Any, examples: int = 20) -> list[Any]:
    return [build(batch, specs) for batch in draw(examples=examples, seed=0)]


def test_a_range_is_declared() -> None:
    assert PICTURES.shape == (32, 32, 3)
    assert PICTURES.dims == (None, None, 3)
    assert PICTURES.declared == "8..32 x 8..32 x 3"
    assert PICTURES.takes((8, 20, 3))
    assert not PICTURES.takes((7, 20, 3))
    assert not PICTURES.takes((8, 20))
    assert InputSpec.of(PICTURES, "pictures") == PICTURES
    assert InputSpec.of({"shape": ["4..4", 2]}, "x") == InputSpec((4, 2))
    assert InputSpec((4, 2)).dims == (4, 2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shape": ["8.32", 3]}, "input 'x': shape has '8.32', which is not accepted; expected a"),
        ({"shape": ["32..8"]}, "shape has '32..8', which is not accepted"),
        ({"shape": ["0..8"]}, "shape has '0..8', which is not accepted"),
        ({"shape": ["8.."]}, "shape has '8..', which is not accepted"),
        ({"shape": [3], "extents": ()}, "unknown key 'extents'"),
        ({"shape": [3], "dtype": "bool", "low": 0}, "an input of bool has none"),
        ({"shape": [3], "dtype": "string"}, "choices or samples must be given"),
        ({"shape": [3], "dtype": "string", "choices": "red"}, "choices = 'red' is not accepted"),
        ({"shape": [3], "dtype": "string", "choices": [1]}, "choices = [1] is not accepted"),
        ({"shape": [3], "choices": ["red"]}, "choices go with dtype = 'string'"),
        ({"shape": [3], "samples": "a.txt"}, "samples = 'a.txt' is not accepted"),
    ],
)
def test_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as refusal:
        Model(name="m", inputs={"x": fields}, live="a:b")
    assert said in str(refusal.value)


def test_all_sizes_are_drawn_and_the_same_ones_again() -> None:
    batches = drawn({"pictures": PICTURES})
    sizes = {feeds["pictures"].shape[1:] for feeds in batches}
    assert {(8, 8, 3), (32, 32, 3)} <= sizes
    assert {shape for shape in sizes if 8 < shape[0] < 32}
    assert {shape for shape in sizes if shape[0] != shape[1]}
    assert all(PICTURES.takes(shape) for shape in sizes)
    again = drawn({"pictures": PICTURES})
    assert all((a["pictures"] == b["pictures"]).all() for a, b in zip(batches, again, strict=True))


def test_dimensions_of_one_name_have_one_size() -> None:
    specs, _ = divided(
        {
            "ids": {"shape": ["length=3..9"], "dtype": "int32", "low": 0, "high": 5},
            "mask": {"shape": ["length=3..9"], "dtype": "bool"},
            "other": {"shape": ["3..9"]},
        }
    )
    batches = drawn(specs, 40)
    assert all(feeds["ids"].shape == feeds["mask"].shape for feeds in batches)
    assert any(feeds["ids"].shape != feeds["other"].shape for feeds in batches)
    with pytest.raises(SettingError, match="dimensions of one name have one range"):
        divided({"ids": {"shape": ["n=3..9"]}, "mask": {"shape": ["n=3..8"]}})


def test_samples_of_several_sizes_are_fed_with_their_own_kind(tmp_path: Path) -> None:
    for number, length in enumerate((3, 3, 5, 9)):
        np.save(tmp_path / f"{number}.npy", np.full(length, number / 10))
    specs, _ = divided(
        {
            "x": {"shape": ["n=3..9"], "samples": str(tmp_path / "*.npy")},
            "y": {"shape": ["n=3..9", 2]},
        }
    )
    batches = list(sample_batches(specs))
    assert [feeds["x"].shape for feeds in batches] == [(2, 3), (1, 5), (1, 9)]
    assert [feeds["y"].shape for feeds in batches] == [(2, 3, 2), (1, 5, 2), (1, 9, 2)]
    for batch in draw(examples=20, seed=0):  # variations are of samples of the batch's own size
        build(batch, specs, collect(specs))
    np.save(tmp_path / "4.npy", np.zeros(10))
    with pytest.raises(SettingError, match=r"has shape \(10,\); expected n=3..9, or"):
        collect(specs)


def test_batches_of_the_most_frequent_size_are_found() -> None:
    specs = {"pictures": PICTURES}
    batches = draw(examples=20, seed=0)
    places = alike([size_of(batch, specs) for batch in batches])
    sizes = {build(batches[place], specs)["pictures"].shape[1:] for place in places}
    assert len(places) >= 5
    assert len(sizes) == 1


def test_one_size_is_mutated_and_blended() -> None:
    specs = {"pictures": PICTURES}
    feeds = {"pictures": np.linspace(-1.0, 1.0, 2 * 9 * 11 * 3).reshape(2, 9, 11, 3)}
    children = mutate(feeds, specs, np.random.default_rng(0), 4)
    assert children["pictures"].shape == (4, 9, 11, 3)
    middle = between(feeds, feeds, np.array([0.5, 0.5]), specs)
    assert middle["pictures"].shape == (2, 9, 11, 3)


def test_others_of_another_size_make_room_for_some_of_the_same() -> None:
    specs = {"pictures": PICTURES}
    ours = {"pictures": np.zeros((1, 9, 11, 3), np.float32)}
    same = {"pictures": np.ones((2, 9, 11, 3), np.float32)}
    assert beside(ours, same, specs)["pictures"].sum() == 2 * 9 * 11 * 3
    mixed = beside(ours, {"pictures": np.ones((4, 8, 8, 3), np.float32)}, specs)["pictures"]
    assert mixed.shape == (5, 9, 11, 3)
    assert mixed[1:].std() > 0.01


def test_a_failing_input_of_any_size_is_made_smaller() -> None:
    def apart(feeds: Any) -> Any:
        return 3.0 * (feeds["pictures"][:, 2, 3, 1] > 0.5)

    rng = np.random.default_rng(1)
    failing = {"pictures": rng.uniform(0.6, 1.0, (2, 9, 11, 3)).astype(np.float32)}
    found = Shrinker(apart, {"pictures": PICTURES}, 2.0).shrink(failing)
    assert found.feeds["pictures"].shape == (1, 9, 11, 3)
    assert found.away <= 1


def test_a_truth_value_is_drawn_swept_and_mutated() -> None:
    specs = {"flags": InputSpec((3,), "bool")}
    every = np.concatenate([feeds["flags"] for feeds in drawn(specs, 40)])
    assert every.dtype == np.bool_
    assert 0.2 < every.mean() < 0.8
    assert len(np.unique(every, axis=0)) == 8
    assert {bool(v) for s in sweeps(specs, 0) for v in swept(s, specs)["flags"].ravel()} == {
        True,
        False,
    }
    assert mutate({"flags": every[:4]}, specs, np.random.default_rng(0), 9)["flags"].dtype == bool


def test_strings_are_drawn_from_their_choices() -> None:
    specs = {"colours": COLOURS}
    every = np.concatenate([feeds["colours"] for feeds in drawn(specs)])
    assert set(every.ravel().tolist()) == {"red", "green", "blau"}
    swept_ones = {v for s in sweeps(specs, 0) for v in swept(s, specs)["colours"].ravel().tolist()}
    assert swept_ones == {"red", "green", "blau"}
    children = mutate({"colours": every[:4]}, specs, np.random.default_rng(0), 9)
    assert children["colours"].shape == (9, 2)
    assert set(children["colours"].ravel().tolist()) <= {"red", "green", "blau"}
    one, other = np.array([["red", "red"]]), np.array([["blau", "blau"]])
    mixed = between({"colours": one}, {"colours": other}, np.array([0.5]), specs)["colours"]
    assert set(mixed.ravel().tolist()) == {"red", "blau"}


def test_strings_come_from_samples(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("eins\nzwei\ndrei\nöl\n", encoding="utf-8")
    path = str(tmp_path / "words.txt")
    single = {"word": InputSpec((), "string", samples=path)}
    assert [feeds["word"].tolist() for feeds in sample_batches(single)] == [
        ["eins", "zwei", "drei", "öl"]
    ]
    assert {w for feeds in drawn(single) for w in feeds["word"].tolist()} == {
        "eins",
        "zwei",
        "drei",
        "öl",
    }
    (tmp_path / "few.txt").write_text("eins\n")  # fewer than a row has: a list of words
    few = {"words": InputSpec((3,), "string", samples=str(tmp_path / "few.txt"))}
    assert list(sample_batches(few)) == []
    assert {w for feeds in drawn(few) for w in feeds["words"].ravel().tolist()} == {"eins"}
    np.save(tmp_path / "rows.npy", np.array([["a", "b"], ["c", "dd"]]))
    rows = {"words": InputSpec((2,), "string", samples=str(tmp_path / "rows.npy"))}
    assert [feeds["words"].tolist() for feeds in sample_batches(rows)] == [
        [["a", "b"], ["c", "dd"]]
    ]
    np.save(tmp_path / "numbers.npy", np.zeros((2, 2)))
    with pytest.raises(SettingError, match="has dtype float64; expected strings"):
        collect({"words": InputSpec((2,), "string", samples=str(tmp_path / "numbers.npy"))})


def test_failing_strings_are_made_smaller(tmp_path: Path) -> None:
    specs = {"colours": InputSpec((6,), "string", choices=["red", "green", "blau"])}

    def apart(feeds: Any) -> Any:
        return 3.0 * (feeds["colours"][:, 4] == "blau")

    failing = {"colours": np.array([["blau"] * 6, ["red", "green", "blau"] * 2])}
    failing["colours"][1, 4] = "blau"
    found = Shrinker(apart, specs, 2.0).shrink(failing)
    assert found.feeds["colours"][0, 4] == "blau"
    assert found.away <= 1
    saved = Saved("m", "a", None, 0, 1, found.background, None, {}, found.feeds, {}, {})
    assert misfit(saved, specs) is None
    save(tmp_path / "failing.npz", saved)
    again = read(tmp_path / "failing.npz")
    assert again.feeds["colours"].tolist() == found.feeds["colours"].tolist()
    assert misfit(again, specs) is None
    assert "takes strings" in str(
        misfit(
            Saved("m", "a", None, 0, 1, {}, None, {}, {"colours": np.zeros((1, 6))}, {}, {}), specs
        )
    )
