"""Causes in converted files, which keep neither names nor weights: proven on the normal form.

Each file has one mistake, or several, and is exported rightly; its twin has none, and passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pytest_freezecheck as freezecheck
from benchmarks.fault_networks import NETWORKS, Trained
from benchmarks.faults import SEVERAL, SINGLE, Fault
from pytest_freezecheck import Agreement

FAULTS = {fault.name: fault for fault in (*SINGLE, *SEVERAL)}
#: (mistake, format, the causes that it gets, what they say): one for each way to find one.
CASES: list[tuple[str, str, set[str], str]] = [
    ("one raw gamma", "tflite", {"raw-weights"}, r"gamma is the raw 'conv1/BatchNorm/gamma'"),
    ("averaged statistics of one layer", "onnx", {"averaged-statistics"}, "is the shadow"),
    ("folded weight negated", "tflite", {"other-weights"}, "conv2/weights is the live.*negated"),
    ("folded weight altered", "onnx", {"altered-weights"}, "differs in 1 of 576 elements"),
    ("all initialised", "tflite", {"initial-values"}, "looks initialised"),
    ("kernel flipped", "onnx", {"other-weights"}, "in another order, reversed along axis 0 and 1"),
    ("scaled", "tflite", {"other-weights"}, r"is the live value, times 1\.25"),
    ("gates permuted", "tflite", {"other-weights"}, "in another order"),
    ("heads exchanged", "onnx", {"other-weights"}, "open/weights is the live value of click"),
    ("BatchNorm dropped", "tflite", {"changed-operation"}, "as if BatchNorm were left out"),
    ("another slope", "tflite", {"changed-operation"}, r"alpha = 0\.3, in the live .*alpha = 0\.1"),
    ("layer dropped", "onnx", {"changed-operation"}, "is read where the live model reads"),
    ("concat in another order", "tflite", {"changed-operation"}, "in this order"),
    ("relu for tanh in a cell", "onnx", {"changed-operation"}, "so in 10 places"),
    ("threshold moved", "tflite", {"changed-operation"}, r"0\.6, in the live model 0\.5"),
    ("flipped left and right", "onnx", {"input-transform"}, "it flips left and right"),
    ("not normalised", "tflite", {"input-transform"}, r"it maps \[-1, 1\] to \[0, 1\]"),
    ("another mean", "onnx", {"input-transform"}, r"is -0\.9, in the live model -1"),
    ("softmax left out", "tflite", {"output-tensor"}, "it answers with logits"),
    ("classes shifted", "onnx", {"class-order"}, "its classes are the live ones 4, 0, 1, 2, 3"),
    ("raw, and relu6", "tflite", {"raw-weights", "changed-operation"}, "raw 'conv1/weights'"),
    (
        "averaged statistics, transposed, and another slope",
        "onnx",
        {"averaged-statistics", "other-weights", "changed-operation"},
        "its last two axes exchanged",
    ),
    # Names tell that something is another, and the computation what.
    ("relu6, and another slope", "graph_def", {"changed-operation"}, r"alpha = 0\.3.*high = 1"),
    ("another stride", "graph_def", {"changed-operation"}, r"strides = \[1, 2, 2, 1\], in the li"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trained]]:
    """Return {network: what its training left}."""
    found = {name: Trained(name, tmp_path_factory.mktemp(name)) for name in NETWORKS}
    yield found
    for run in found.values():
        run.live.close()


def _checked(run: Trained, fault: Fault | None, way: str, folder: Path) -> Agreement:
    values = fault.alter(run.right, run) if fault and fault.alter else run.right
    model = run.model(values, **(fault.changed if fault else {}))
    try:
        frozen = freezecheck.load(freezecheck.freeze(model, way, folder), way=way)
    except freezecheck.UnavailableError as error:
        pytest.skip(str(error))
    finally:
        model.close()
    try:
        return freezecheck.check(run.live, frozen, examples=10)
    finally:
        frozen.close()


def _cases() -> list[Any]:
    """Return the mistakes, every other one slow."""
    marks: tuple[list[Any], ...] = ([], [pytest.mark.slow])
    return [
        pytest.param(*case, id=f"{case[0]}, {case[1]}", marks=marks[number % 2])
        for number, case in enumerate(CASES)
    ]


@pytest.mark.parametrize(("name", "way", "causes", "says"), _cases())
def test_a_mistake_gets_its_cause(
    name: str, way: str, causes: set[str], says: str, trained: dict[str, Trained], tmp_path: Path
) -> None:
    fault = FAULTS[name]
    result = _checked(trained[fault.network], fault, way, tmp_path)
    assert (result.outcome, result.reason) == ("failed", "differs"), result.text
    assert result.cause is not None
    found = [result.cause, *result.cause.get("others", [])]
    assert {cause["id"] for cause in found} == causes, result.text
    assert all(cause["proven"] for cause in found), result.text
    said = " ".join(cause["explanation"] for cause in found)
    assert re.search(says, said), said
    if way != "graph_def" and name != "all initialised":
        assert re.search("the live model (computes what the file|answers the same)", result.text)


@pytest.mark.parametrize(
    ("network", "way"),
    [("picture", "tflite"), ("series", "onnx"), ("tabular", "tflite"), ("tokens", "onnx")],
)
def test_the_twin_without_a_mistake_passes(
    network: str, way: str, trained: dict[str, Trained], tmp_path: Path
) -> None:
    result = _checked(trained[network], None, way, tmp_path)
    assert (result.outcome, result.cause) == ("passed", None), result.text


def test_weights_that_may_be_one_of_several_are_suspected(
    trained: dict[str, Trained], tmp_path: Path
) -> None:
    """A bias that was folded: its term, or the mean that it was added to, nobody can tell."""
    run = trained["picture"]

    def alter(values: dict[str, object], _: Trained) -> dict[str, object]:
        name = "conv2/BatchNorm/moving_mean"
        return {**values, name: run.right[name] + 0.17 * run.right["conv1/BatchNorm/gamma"]}

    fault = Fault("mean", "picture", (), alter)
    result = _checked(run, fault, "tflite", tmp_path)
    assert result.outcome == "failed"
    assert result.cause is not None
    assert not result.cause["proven"], result.text


def test_one_empty_vector_was_left_out_or_never_restored(
    trained: dict[str, Trained], tmp_path: Path
) -> None:
    result = _checked(trained["picture"], FAULTS["bias dropped"], "tflite", tmp_path)
    assert result.cause is not None
    assert result.cause["id"] != "partial-restore", result.text
    assert result.cause["tensors"] == ["hidden/biases"]
