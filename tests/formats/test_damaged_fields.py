"""Files of which one value is another, and damaged bytes, in processes that may die of them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import damage
from tests.kit.damaged_fields import change


@pytest.mark.slow
def test_no_damaged_file_passes_that_a_raw_executor_tells_apart() -> None:
    done = damage.run(30, seed=1)
    assert len(done) == 30
    for case, said in done:
        assert not damage.told_apart(said), (case, said)
        assert said["line"] or said["outcome"] in ("died", "hung"), (case, said)
    assert {said["outcome"] for _, said in done} >= {"error"}


@pytest.mark.parametrize("apart", [None, float("nan"), float("inf"), 1e-3])
def test_what_passes_and_is_another_model_is_counted(apart: float | None) -> None:
    case = damage.cases(1, {"tflite": [""]})[0]
    wrong = {"outcome": "passed", "line": True, "said": "", "apart": apart}
    right = {**wrong, "apart": 1e-7}
    assert damage.told_apart(wrong)
    assert not damage.told_apart(right)
    *_, every = damage.rows([(case, wrong), (case, right)])
    assert (every["files"], every["passed"], every["passed, and another model"]) == (2, 2, 1)


def test_one_value_is_changed_and_the_file_stays_readable() -> None:
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    node = graph.node.add(name="y", op="Softmax", input=["x"])
    node.attr["T"].type = 1
    content = graph.SerializeToString()
    changed = {change("graph_def", "", content, np.random.default_rng(n)) for n in range(40)}
    assert len(changed) > 4
    for one in changed:
        graph_pb2.GraphDef.FromString(one)
