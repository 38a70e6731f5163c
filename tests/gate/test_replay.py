"""Failing inputs: small, saved, replayed bit for bit in another process, and tried first again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.inputs.saved import Saved, read, save
from tests.kit import mistakes, tiny
from tests.kit.faults import FAULTS, Fault, dropout, not_a_number
from tests.kit.freezing import differently, freeze
from tests.kit.subjects import Subject

v1 = tf.compat.v1

TABLE = """
[tool.freezecheck.models.flowers]
build = "net:build"
checkpoint = {checkpoint!r}
artifacts = {artifacts!r}

[tool.freezecheck.models.flowers.inputs.images]
shape = [4, 4, 3]
"""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_smallest_input_is_small_and_shows_it_alone(
    fault: Fault, live: LiveModel, faulty: Callable[[Fault], Path]
) -> None:
    found = freezecheck.check(live, faulty(fault)).counterexample
    assert found is not None
    assert found.batch == 1
    assert found.size == 1728
    assert found.away <= 1728 * 0.02
    assert found.max_abs_diff >= 2e-5
    assert found.path is None  # nothing is written outside of an armed run
    images = np.asarray(found.feeds["images"])
    assert ((images >= -1.0) & (images <= 1.0)).all()
    if fault is not dropout:
        frozen = freezecheck.load(faulty(fault))
        (one,), (other,) = (side.predict({"images": images}).values() for side in (live, frozen))
        apart = np.abs(one.astype(np.float64) - other).max()
        assert apart >= 2e-5 or (fault is not_a_number and np.isnan(other).any())
        frozen.close()


def _one_weight_altered(subject: Subject, path: Path) -> None:
    freeze(subject, path, afterwards=mistakes.one_weight_times(1.01))


def _unseeded_dropout(subject: Subject, images: Any) -> Any:
    dropped = tf.nn.dropout(subject.build(images).op.inputs[0], rate=0.3)
    return tf.nn.softmax(dropped, name="answer")


#: {artifact: writes it}
_WRONG = {
    "one_weight_altered.pb": _one_weight_altered,
    "dropout.pb": differently(build=_unseeded_dropout),
    "training_batch_norm.pb": differently(build=mistakes.training_batch_norm),
}
raw_weights = differently(keys=mistakes.raw_keys)


def _declare(folder: Path, subject: Subject, artifacts: list[str]) -> None:
    shutil.copy(tiny.__file__, folder / "net.py")
    (folder / "pyproject.toml").write_text(
        TABLE.format(checkpoint=subject.checkpoint, artifacts=artifacts)
    )


@pytest.fixture
def repository(flowers: Subject, pytester: pytest.Pytester) -> pytest.Pytester:
    for name, ship in _WRONG.items():
        ship(flowers, pytester.path / name)
    freeze(flowers, pytester.path / "correct.pb")
    _declare(pytester.path, flowers, [*_WRONG, "correct.pb"])
    return pytester


def _report(folder: Path) -> dict[str, Any]:
    checks = json.loads((folder / "report.json").read_text())["checks"]
    return {check["artifact"]: check for check in checks}


def test_a_failing_input_is_saved_and_replayed_bit_for_bit_in_another_process(
    repository: pytest.Pytester, flowers: Subject
) -> None:
    folder = repository.path
    result = _run(repository, "--freezecheck-report=report.json")
    assert result.ret == 1
    first = _report(folder)
    assert first["correct.pb"]["counterexample"] is None
    assert first["correct.pb"]["replay"] is None
    assert not (folder / ".freezecheck" / "flowers-correct.pb.npz").exists()
    for name in _WRONG:
        found = first[name]["counterexample"]
        assert found["path"] == f".freezecheck/flowers-{name}.npz"
        assert found["batch"] == 1
        assert found["size"] == 48
        command = f"pytest --freezecheck --freezecheck-replay={found['path']}"
        assert first[name]["replay"] == command
        assert f"  that input alone: {command}" in result.stdout.str()
        in_another = ("-o", "freezecheck_isolation=process", "--freezecheck-report=report.json")
        again = _run(repository, *command.split()[2:], *in_another)
        assert again.ret == 1
        assert "both sides answer bit for bit as when it was saved" in again.stdout.str()
        again.assert_outcomes(failed=1, deselected=3)
        (check,) = _report(folder).values()
        assert check["artifact"] == name
        assert check["outcome"] == "failed"
        assert (check["inputs"], check["examples"]) == (1, 1)
        assert check["max_abs_diff"] >= 2e-5
    # Repaired, the same input passes, and says that the artifact answers otherwise now.
    freeze(flowers, folder / "one_weight_altered.pb")
    replay = "--freezecheck-replay=.freezecheck/flowers-one_weight_altered.pb.npz"
    result = _run(repository, replay, "-v")
    assert result.ret == 0
    result.assert_outcomes(passed=1, deselected=3)


def test_two_runs_report_the_same_although_the_second_knows_the_failing_input(
    repository: pytest.Pytester,
) -> None:
    reports = []
    for _ in range(2):
        _run(
            repository,
            "--freezecheck-report=report.json",
            "pyproject.toml::flowers::one_weight_altered.pb",
        )
        (check,) = _report(repository.path).values()
        check.pop("seconds")
        reports.append(check)
    assert reports[0] == reports[1]


def _hidden_fault(flowers: Subject, path: Path) -> None:
    """Answer wrongly where two cells have values that no drawn input gives both of them."""

    def build(subject: Subject, images: Any) -> Any:
        here, there = images[:, 1, 2, 1:2], images[:, 3, 0, 0:1]
        rare = (tf.abs(here - 0.125) < 1e-4) & (tf.abs(there + 0.75) < 1e-4)
        logits = subject.build(images).op.inputs[0]
        push = tf.cast(rare, tf.float32) * tf.constant([1.0, 0, 0])
        return tf.nn.softmax(logits + push, name="answer")

    freeze(flowers, path, build=build)


def _hidden_input(folder: Path, **changes: Any) -> Path:
    images = np.zeros((1, 4, 4, 3), np.float32)
    images[0, 1, 2, 1], images[0, 3, 0, 0] = 0.125, -0.75
    given: dict[str, Any] = {
        "model": "flowers",
        "artifact": "hidden.pb",
        "nodeid": "pyproject.toml::flowers::hidden.pb",
        "seed": 0,
        "away": 2,
        "background": {"images": 0.0},
        "max_abs_diff": 0.01,
        "versions": {"tensorflow": "2.15.1"},
        "feeds": {"images": images},
        "live": {"probabilities": np.zeros((1, 3), np.float32)},
        "frozen": {"probabilities": np.zeros((1, 3), np.float32)},
    }
    path = folder / ".freezecheck" / "flowers-hidden.pb.npz"
    save(path, Saved(**{**given, **changes}))
    return path


@pytest.fixture
def hidden(flowers: Subject, pytester: pytest.Pytester) -> pytest.Pytester:
    _hidden_fault(flowers, pytester.path / "hidden.pb")
    _declare(pytester.path, flowers, ["hidden.pb"])
    return pytester


def _run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.syspathinsert()
    return pytester.runpytest("--freezecheck", "-p", "no:xdist", *arguments)


def test_an_input_that_failed_before_is_tried_first(hidden: pytest.Pytester) -> None:
    assert _run(hidden).ret == 0  # nothing that is drawn shows it
    _hidden_input(hidden.path)
    result = _run(hidden, "-v")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "  flowers, hidden.pb: output probabilities *",
            "  smallest input that shows it: batch of 1, 2 of 48 cells away *",
            "*a failing input that was saved",
        ]
    )


def test_a_saved_input_that_no_longer_fits_is_said_and_not_fed(hidden: pytest.Pytester) -> None:
    _hidden_input(hidden.path, feeds={"images": np.zeros((1, 9, 9, 3), np.float32)})
    result = _run(hidden)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["warning: flowers, hidden.pb: a failing input of an earlier run is not tried again: *"]
    )
    replay = _run(hidden, "--freezecheck-replay=.freezecheck/flowers-hidden.pb.npz")
    assert replay.ret == 1
    replay.stdout.fnmatch_lines(["*cannot be replayed: input 'images' has shape (1, 9, 9, 3)*"])


def test_a_replay_says_what_has_changed_since(hidden: pytest.Pytester) -> None:
    _hidden_input(hidden.path)
    result = _run(hidden, "--freezecheck-replay=.freezecheck/flowers-hidden.pb.npz")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "  replayed a saved input: live and frozen answer otherwise than when it was saved "
            "(TensorFlow 2.15.1)"
        ]
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.npz", "--freezecheck-replay: no such file: missing.npz"),
        ("other.npz", "no failing input that --freezecheck saved"),
    ],
)
def test_a_replay_of_no_saved_input_is_misuse(
    name: str, says: str, hidden: pytest.Pytester
) -> None:
    np.savez(hidden.path / "other.npz", images=np.zeros(3))
    result = _run(hidden, f"--freezecheck-replay={name}")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: freezecheck: *{says}*"])


def test_a_replay_of_a_check_that_is_not_there_is_misuse(hidden: pytest.Pytester) -> None:
    path = _hidden_input(hidden.path, nodeid="pyproject.toml::flowers::gone.pb")
    result = _run(hidden, f"--freezecheck-replay={path}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: *was found by pyproject.toml::flowers::gone.pb, which was not collected*"]
    )


def test_a_replay_without_the_gate_is_misuse(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--freezecheck-replay=x.npz")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: freezecheck: --freezecheck-replay needs --freezecheck*"])


def test_a_folder_that_cannot_be_written_is_a_warning(
    flowers: Subject, pytester: pytest.Pytester
) -> None:
    raw_weights(flowers, pytester.path / "raw.pb")
    _declare(pytester.path, flowers, ["raw.pb"])
    (pytester.path / ".freezecheck").write_text("a file in its place")
    result = _run(pytester)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["warning: flowers, raw.pb: the failing input cannot be saved: *"])
    assert "that input alone" not in result.stdout.str()


def test_a_test_that_calls_check_has_its_failing_input_saved_too(
    flowers: Subject, pytester: pytest.Pytester
) -> None:
    differently(build=mistakes.channels_reversed)(flowers, pytester.path / "reversed.pb")
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    pytester.makepyfile(
        f"""
        import net
        from pytest_freezecheck import LiveModel

        def test_export(freezecheck):
            live = LiveModel.from_checkpoint(net.build, {flowers.checkpoint!r}, net.INPUTS)
            assert freezecheck(live, "reversed.pb")
        """
    )
    result = _run(pytester, "-k", "test_export")
    assert result.ret == 1
    (path,) = (pytester.path / ".freezecheck").glob("live-reversed.pb-*.npz")
    saved = read(path)
    assert saved.nodeid is not None
    assert saved.nodeid.endswith(".py::test_export")
    assert saved.away == 1
    replay = _run(pytester, f"--freezecheck-replay={path}")
    assert replay.ret == 1
    replay.assert_outcomes(failed=1)


def test_each_test_has_a_failing_input_of_its_own(
    flowers: Subject, pytester: pytest.Pytester
) -> None:
    """A test that expects the failure saves its input elsewhere than the test that does not."""
    raw_weights(flowers, pytester.path / "raw.pb")
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    pytester.makepyfile(
        f"""
        import net
        import pytest
        from pytest_freezecheck import FrozenMismatch, LiveModel, assert_agreement

        def live():
            return LiveModel.from_checkpoint(net.build, {flowers.checkpoint!r}, net.INPUTS)

        def test_fails(freezecheck):
            assert freezecheck(live(), "raw.pb")

        @pytest.mark.freezecheck
        def test_expects_it():
            with pytest.raises(FrozenMismatch):
                assert_agreement(live(), "raw.pb")
        """
    )
    assert _run(pytester, "-k", "test_").ret == 1
    paths = list((pytester.path / ".freezecheck").glob("*.npz"))
    ends = {str(read(path).nodeid).rpartition("::")[2]: path for path in paths}
    assert set(ends) == {"test_fails", "test_expects_it"}
    assert _run(pytester, f"--freezecheck-replay={ends['test_fails']}").ret == 1
    assert _run(pytester, f"--freezecheck-replay={ends['test_expects_it']}").ret == 0


def test_a_replay_that_passes_says_so(hidden: pytest.Pytester, flowers: Subject) -> None:
    path = _hidden_input(hidden.path)
    freeze(flowers, hidden.path / "hidden.pb")
    result = _run(hidden, f"--freezecheck-replay={path}", "--freezecheck-report=report.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            f"freezecheck: replays {path}; atol 1e-05",
            "freezecheck: flowers, hidden.pb agrees with the live model: *",
            "  replayed a saved input: live and frozen answer otherwise than when it was saved *",
        ]
    )
    (check,) = _report(hidden.path).values()
    assert check["counterexample"] is None
    assert (check["examples"], check["inputs"]) == (1, 1)
