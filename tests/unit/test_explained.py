"""What a difference is put down to, in words and as the JSON has it; no TensorFlow needed."""

from __future__ import annotations

import math
from typing import Any

from pytest_freezecheck import Agreement
from pytest_freezecheck.report import explained
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.result.findings import Blamed, Explanation

RAW = Blamed("raw-weights", ("a/w", "b/w", "c/w", "d/w"), "a/w is the key a/w", proven=True)
ORDER = Blamed("class-order", ("y",), "its classes are the live ones 1, 0", proven=True)
DROPOUT = Blamed("dropout", (), "its answer is computed from the random r", proven=False)


def result(*causes: Blamed, **facts: Any) -> Agreement:
    found = Explanation(causes, **{"computed": True, "simulated": True, **facts})
    return Agreement("flowers", "frozen.pb", "graph_def", None, "failed", explanation=found)


def test_what_was_not_looked_into_has_neither() -> None:
    passed = Agreement("flowers", "frozen.pb", "graph_def", None, "passed")
    assert explained.cause(passed) is None
    assert explained.causes(passed) == explained.fixes(passed) == explained.proofs(passed) == []
    assert explained.short(passed) is None


def test_a_proven_cause_says_where_it_was_met_and_that_repairing_helps() -> None:
    one = result(RAW, DROPOUT, first=("Conv2D", 0.03))
    entry = CAUSES["raw-weights"]
    assert explained.short(one) == ("raw-weights", "4 weights are raw, not averaged")
    assert explained.fixes(one) == [f"  fix: {entry.fix}"]
    assert explained.causes(one) == [
        f"  cause: raw-weights: the frozen model {entry.meaning} (a/w, b/w, c/w and 1 more)",
        "    a/w is the key a/w",
    ]
    assert explained.proofs(one) == [
        "  raw-weights was met before in google/automl#314, tensorflow#9724",
        "  with this, the live model computes what the file does, for every input",
        "  first tensor that differs: Conv2D, by 3.0e-02",
    ]
    assert explained.cause(one) == {
        "id": "raw-weights",
        "proven": True,
        "tensors": ["a/w", "b/w", "c/w", "d/w"],
        "explanation": f"the frozen model {entry.meaning}: a/w is the key a/w",
        "fix": entry.fix,
    }
    assert one.first_difference == {"tensor": "Conv2D", "max_abs_diff": 0.03}


def test_several_are_told_if_they_were_proven_together() -> None:
    several = result(RAW, DROPOUT, ORDER)
    told = explained.causes(several)
    assert told[2].startswith("  and cause: class-order: the frozen model has its classes in anoth")
    assert explained.proofs(several)[-1] == (
        "  with these, the live model computes what the file does, for every input"
    )
    assert len(explained.fixes(several)) == 2
    cause = explained.cause(several)
    assert cause is not None
    assert [other["id"] for other in cause["others"]] == ["class-order"]


def test_a_suspicion_is_called_one() -> None:
    first, second = explained.causes(result(DROPOUT))
    assert first.startswith("  suspected, not proven: dropout: the frozen model still drops units")
    assert second == "    its answer is computed from the random r"
    assert explained.short(result(DROPOUT)) is None
    assert explained.fixes(result(DROPOUT)) == [f"  if dropout: {CAUSES['dropout'].fix}"]


def test_what_the_live_model_was_made_to_do_is_said() -> None:
    told = explained.proofs(result(RAW, computed=False))
    assert told[-1] == "  the live model answers the same when it makes this mistake"


def test_what_is_unknown_says_what_was_ruled_out() -> None:
    unknown = result(
        ruled_out=("the weights are equal", "nothing is random"), first=("y", math.nan)
    )
    assert explained.causes(unknown) == [
        "  cause: unknown: none of the known causes could be proven",
        "    the weights are equal; nothing is random",
    ]
    assert explained.proofs(unknown) == [
        "  first tensor that differs: y, in its shape, or in where it is finite",
    ]
    cause = explained.cause(unknown)
    assert cause is not None
    assert (cause["id"], cause["proven"], cause["tensors"]) == ("unknown", False, [])
    assert unknown.first_difference == {"tensor": "y", "max_abs_diff": None}


def test_the_live_model_itself_is_a_cause_of_its_own() -> None:
    same = Agreement("flowers", "x", "graph_def", None, "failed", suspicion="it runs in its graph")
    assert explained.cause(same) == {
        "id": "self-comparison",
        "proven": True,
        "tensors": [],
        "explanation": "it runs in its graph",
        "fix": "load the artifact into a graph and session of its own",
    }
