"""Repositories that call `tf.disable_v2_behavior()`: reference variables, no eager execution."""

from __future__ import annotations

import json
from pathlib import Path

from tests.gate.test_gate import make_repository
from tests.kit import mistakes
from tests.kit.freezing import differently, freeze
from tests.kit.subjects import Subject
from tests.kit.subprocesses import run_pytest
from tests.kit.ways import CLASSIC, EXACT, HERE

REPOSITORY = """
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

import net
import pytest
import pytest_freezecheck as freezecheck


@pytest.fixture(scope="session")
def live(freezecheck_live_model):
    assert freezecheck_live_model.has_reference_variables
    return freezecheck_live_model


@pytest.fixture(scope="module")
def raw():
    return freezecheck.LiveModel.from_checkpoint(net.build, {checkpoint!r}, net.INPUTS, ema="none")


@pytest.mark.freezecheck
def test_a_file_made_elsewhere(live):
    assert freezecheck.assert_agreement(live, "correct.pb").exact
    assert not freezecheck.check(live, "raw.pb")


@pytest.mark.freezecheck
@pytest.mark.parametrize("way", {ways!r})
def test_the_correct_and_the_wrong_twin_side_by_side(live, raw, way, tmp_path):
    frozen = freezecheck.load(freezecheck.freeze(live, way, tmp_path / "right"), way=way)
    wrong = freezecheck.load(freezecheck.freeze(raw, way, tmp_path / "wrong"), way=way)
    assert freezecheck.assert_agreement(live, frozen).exact
    text = freezecheck.check(live, wrong).text
    # What a function captures is frozen under the name of its reader.
    assert ("lacks" if way == "graph_def_v2" else "5 of 7 differ") in text
    assert freezecheck.assert_agreement(raw, wrong).exact


@pytest.mark.freezecheck
def test_a_session_with_reference_variables(live, tmp_path):
    own = freezecheck.LiveModel.from_session(
        live.session, live.inputs, live.outputs, live.specs, name="own"
    )
    assert freezecheck.assert_agreement(own, "correct.pb").exact
    with pytest.raises(freezecheck.FreezeError, match="graph_def_v2 cannot freeze a session with"):
        freezecheck.freeze(own, "graph_def_v2", tmp_path)


@pytest.mark.freezecheck
def test_freeze_graph_without_a_saver_takes_raw_weights(live, tmp_path):
    own = freezecheck.LiveModel.from_session(
        live.session,
        live.inputs,
        live.outputs,
        live.specs,
        name="own",
        checkpoint=live.checkpoint,
    )
    agreement = freezecheck.check(own, freezecheck.freeze(own, "freeze_graph", tmp_path))
    assert not agreement
    assert (agreement.cause["id"], agreement.cause["proven"]) == ("raw-weights", True)


def test_behaviour_is_as_it_was():
    import tensorflow

    assert not tensorflow.executing_eagerly()
"""


def test_everything_works_there(tmp_path: Path, flowers: Subject) -> None:
    make_repository(tmp_path, flowers)
    freeze(flowers, tmp_path / "correct.pb")
    differently(keys=mistakes.raw_keys)(flowers, tmp_path / "raw.pb")
    (tmp_path / "test_export.py").write_text(
        REPOSITORY.replace("{checkpoint!r}", repr(flowers.checkpoint)).replace(
            "{ways!r}", repr(CLASSIC)
        )
    )
    few = ("--freezecheck", "--freezecheck-examples=5")
    code, printed = run_pytest(tmp_path, *few, "--freezecheck-report=r.json")
    assert code == 0, printed
    checks = json.loads((tmp_path / "r.json").read_text())["checks"]
    ours = [c for c in checks if c["nodeid"].startswith("freezecheck::live_model::")]
    exact = {c["way"]: c["max_abs_diff"] for c in ours if c["way"] in EXACT}
    assert exact == dict.fromkeys(EXACT, 0.0)
    assert {c["way"] for c in ours if c["outcome"] == "passed"} == set(HERE)
