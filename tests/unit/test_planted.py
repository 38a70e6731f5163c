"""What is planted: a mistake in every layer, none that is no mistake, each what it says it is."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from pytest_freezecheck.power.planted import altered_weights, class_orders, freezing_mistakes
from pytest_freezecheck.power.vacuity import digests, idle_inputs, moved, still_answers

rng = np.random.default_rng(0)
RAW: dict[str, Any] = {
    "conv/weights": rng.normal(size=(3, 3, 2, 4)).astype(np.float32),
    "conv/BatchNorm/beta": np.zeros(4, np.float32),
    "conv/BatchNorm/moving_mean": rng.normal(size=4).astype(np.float32),
    "conv/BatchNorm/moving_variance": rng.uniform(0.5, 2, size=4).astype(np.float32),
    "global_step": np.array(160, np.int64),
}
SHADOWS: dict[str, Any] = {
    f"{name}/ExponentialMovingAverage": (value + 0.01).astype(np.float32)
    for name, value in RAW.items()
    if value.dtype.kind == "f"
}
CHECKPOINT = {**RAW, **SHADOWS}
OLDER = {key: (value - 0.5).astype(value.dtype) for key, value in CHECKPOINT.items()}
#: What the live model reads: shadows of what is trained, BatchNorm's own statistics.
LIVE = {
    name: value
    if "moving" in name or name not in str(list(SHADOWS))
    else SHADOWS[f"{name}/ExponentialMovingAverage"]
    for name, value in RAW.items()
}


def _freezing(checkpoint: Any = CHECKPOINT, older: Any = OLDER, live: Any = None) -> dict[str, Any]:
    found = freezing_mistakes(
        LIVE if live is None else live,
        None if checkpoint is None else checkpoint.get,
        None if older is None else older.get,
    )
    return {mistake.name: mistake.changes() for mistake in found}


def test_every_altered_weight_differs_in_one_element_and_says_which() -> None:
    names = []
    for mistake in altered_weights(LIVE, seed=0):
        ((name, value),) = mistake.changes().items()
        assert (value != LIVE[name]).sum() == 1
        assert value.dtype == LIVE[name].dtype
        place = tuple(int(i) for i in mistake.name.partition("[")[2].partition("]")[0].split(","))
        assert value[place] != LIVE[name][place]
        names.append(mistake.name)
    assert len(set(names)) == len(names)
    for name in LIVE:
        assert any(n.startswith(name) for n in names) == (name != "global_step")


@pytest.mark.parametrize("shape", [(3,), ()])
def test_a_weight_that_is_all_zeros_is_shifted(shape: tuple[int, ...]) -> None:
    zeros: dict[str, Any] = {"w": np.zeros(shape, np.float32)}
    mistakes = list(altered_weights(zeros, seed=0))
    assert len(mistakes) == zeros["w"].size
    for mistake in mistakes:
        assert mistake.name.endswith("] shifted by 0.01")
        assert np.abs(mistake.changes()["w"]).sum() == np.float32(0.01)


def test_what_changes_nothing_is_no_mistake() -> None:
    names = [m.name for m in altered_weights({"w": np.array([0.0, 2.0], np.float32)}, seed=0)]
    assert "w[0] set to 0" not in names
    assert "w[0] negated" not in names
    assert "w[1] set to 0" in names
    assert "w[1] negated" in names


def test_a_variance_is_not_made_negative() -> None:
    names = [m.name for m in altered_weights(LIVE, seed=0) if "moving_variance" in m.name]
    assert names
    assert not any("negated" in name for name in names)


LARGEST = [(kind, float(np.finfo(kind).max)) for kind in (np.float16, np.float32, np.float64)]


@pytest.mark.parametrize(
    ("kind", "value"), [*LARGEST, (np.float32, np.inf), (np.float32, -np.inf), (np.float32, np.nan)]
)
def test_what_is_no_number_is_not_planted_and_nothing_is_warned_of(kind: Any, value: float) -> None:
    weights: dict[str, Any] = {"w": np.array([value, 1.0], kind)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mistakes = [*altered_weights(weights, seed=0), *freezing_mistakes(weights, None, None)]
        altered = [m for m in mistakes if m.name.startswith("w[")]
        for mistake in mistakes:
            mistake.changes()
    assert any(m.name.startswith("w[0]") for m in altered) == bool(np.isfinite(value))
    for mistake in altered:
        place = int(mistake.name[2])
        assert np.isfinite(mistake.changes()["w"][place]), mistake.name
    assert sum(m.name.startswith("w[1]") for m in altered) == 4


def test_the_live_model_is_left_as_it_is() -> None:
    before = {name: value.tobytes() for name, value in LIVE.items()}
    for mistake in altered_weights(LIVE, seed=1):
        mistake.changes()
    _freezing()
    assert {name: value.tobytes() for name, value in LIVE.items()} == before


def test_raw_stands_in_for_shadows_and_shadows_for_raw() -> None:
    mistakes = _freezing()
    raw = mistakes["all 2 weights: raw instead of its shadow"]
    assert {name: value.tobytes() for name, value in raw.items()} == {
        name: RAW[name].tobytes() for name in ("conv/weights", "conv/BatchNorm/beta")
    }
    shadow = mistakes["conv/BatchNorm/moving_mean: its shadow instead of the variable"]
    (value,) = shadow.values()
    assert (value == SHADOWS["conv/BatchNorm/moving_mean/ExponentialMovingAverage"]).all()


def test_another_step_is_read_under_the_keys_that_the_live_model_reads() -> None:
    before = _freezing()["all 4 weights: of another step's checkpoint"]
    assert (before["conv/weights"] == OLDER["conv/weights/ExponentialMovingAverage"]).all()
    assert (before["conv/BatchNorm/moving_mean"] == OLDER["conv/BatchNorm/moving_mean"]).all()


def test_statistics_are_planted_at_their_initial_values_and_with_more_epsilon() -> None:
    mistakes = _freezing()
    both = mistakes["all 2 weights: still at its initial value"]
    assert (both["conv/BatchNorm/moving_mean"] == 0.0).all()
    assert (both["conv/BatchNorm/moving_variance"] == 1.0).all()
    (value,) = mistakes["conv/BatchNorm/moving_variance: with an epsilon larger by 1e-3"].values()
    assert value - RAW["conv/BatchNorm/moving_variance"] == pytest.approx(9.9e-4, rel=1e-2)


def test_shadows_under_doubled_scopes_are_found() -> None:
    """As tensorflow#2740 writes them."""
    doubled = {
        (f"{key.split('/')[0]}/{key}" if key.endswith("Average") else key): value
        for key, value in CHECKPOINT.items()
    }
    assert "all 2 weights: raw instead of its shadow" in _freezing(doubled, None)


def test_without_a_checkpoint_only_what_needs_none_is_planted() -> None:
    names = list(_freezing(None, None))
    assert any("float16" in name for name in names)
    assert not any("shadow" in name or "another step" in name for name in names)


def test_classes_are_put_into_other_orders() -> None:
    answer = np.array([[0.1, 0.2, 0.7]])
    found = {m.name: m.classes(answer).tolist() for m in class_orders() if m.classes is not None}
    assert found == {
        "classes shifted by one": [[0.7, 0.1, 0.2]],
        "classes in reverse order": [[0.7, 0.2, 0.1]],
        "the first two classes swapped": [[0.2, 0.1, 0.7]],
    }


class Answer:
    def __init__(self, **outputs: Any) -> None:
        self.outputs = {name: np.asarray(value, np.float32) for name, value in outputs.items()}
        self.logits: dict[str, Any] = {}


def test_answers_that_do_not_move_are_called_by_name() -> None:
    answers: Any = [Answer(y=[[0.5, 0.5]], p=[[1.0, 0.0]], ok=[[0.3, 0.7]]) for _ in range(3)]
    answers[1] = Answer(y=[[0.5, 0.5]], p=[[0.0, 1.0]], ok=[[0.6, 0.4]])
    constant, saturated = still_answers(answers, 1e-5)
    assert constant.startswith("constant: 'y' is the same for all 3 drawn inputs: ")
    assert saturated.startswith("saturated: 'p' gives one class a probability of 1 for 3 of 3 ")


def test_a_loose_tolerance_makes_no_model_constant_or_saturated() -> None:
    answers: Any = [Answer(p=[[0.4, 0.6]]), Answer(p=[[0.6, 0.4]])]
    assert still_answers(answers, 1.0) == []


def test_an_input_that_changes_nothing_is_idle_and_one_that_does_is_not() -> None:
    feeds = {"x": np.arange(4.0)[:, None], "y": np.arange(4.0, 8.0)[:, None]}
    assert idle_inputs(lambda f: Answer(out=f["x"]), feeds) == ["y"]  # type: ignore[arg-type, return-value]
    assert idle_inputs(lambda f: Answer(out=f["x"] + f["y"]), feeds) == []  # type: ignore[arg-type, return-value]
    assert idle_inputs(lambda f: Answer(out=0), {"x": feeds["x"]}) == []  # type: ignore[arg-type, return-value]


def test_only_what_moved_is_drifting() -> None:
    after = {**RAW, "conv/BatchNorm/moving_mean": RAW["conv/BatchNorm/moving_mean"] + 1}
    assert moved(digests(RAW), digests(dict(RAW))) == []
    assert moved(digests(RAW), digests(after)) == ["conv/BatchNorm/moving_mean"]
