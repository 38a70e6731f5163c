"""A repository in which every other file does harm: all are judged, and nothing is touched."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from tests.gate.test_runner import (
    BUILDING,
    CONFTEST,
    IDENTICAL,
    RUN,
    for_ever,
    left_over,
    reasons,
    report,
    sixteen_gigabytes,
    write,
)
from tests.kit.subprocesses import run_pytest

pytestmark = pytest.mark.slow
v1 = tf.compat.v1
#: Seconds that a run may take: three minutes where nothing else runs, and a hang takes for ever.
MOST = 600.0
ENDED = "ended the process that makes checks"
REFUSED, CRASHED = ("error", "artifact"), ("error", "crashed")
TABLE = """
[tool.pytest.ini_options]
freezecheck_timeout = "15"
freezecheck_memory = "4 GB"

[tool.freezecheck.models.linear]
build = "building:build"
checkpoint = "train/model.ckpt"
ema = "none"
artifacts = [{artifacts}]

[tool.freezecheck.models.linear.inputs.features]
shape = [6]
"""


def after(deed: Any, answer: Any) -> Any:
    with tf.control_dependencies([deed]):
        return answer * 1.0


def ends_without_error(answer: Any) -> Any:
    return after(tf.raw_ops.Abort(error_msg="", exit_without_error=True), answer)


def calls_python(answer: Any) -> Any:
    return v1.py_func(lambda value: value, [answer], tf.float32)


def rarely_random(answer: Any) -> Any:
    return tf.where(v1.random_uniform([]) < 1e-4, answer * 0.5, answer)


def writes(canary: Path) -> Callable[[Any], Any]:
    path, text = str(canary / "kept.txt"), tf.strings.as_string
    return lambda answer: after(
        tf.raw_ops.WriteFile(filename=path, contents=text(tf.reduce_sum(answer))), answer
    )


def reads(canary: Path) -> Callable[[Any], Any]:
    path = str(canary / "kept.txt")
    return lambda answer: (
        answer + 0.0 * tf.cast(tf.strings.length(tf.raw_ops.ReadFile(filename=path)), tf.float32)
    )


def borrowing(folder: Path) -> bytes:
    """Return a GraphDef that takes its weights from the live checkpoint when it runs."""
    with tf.Graph().as_default() as graph:
        features = v1.placeholder(tf.float32, [None, 6], name="features")
        weights, biases = tf.raw_ops.RestoreV2(
            prefix=str(folder / "train" / "model.ckpt"),
            tensor_names=["weights", "biases"],
            shape_and_slices=["", ""],
            dtypes=[tf.float32, tf.float32],
        )
        logits = tf.matmul(features, tf.reshape(weights, [6, 3])) + tf.reshape(biases, [3])
        tf.nn.softmax(logits, name="probabilities")
    return bytes(graph.as_graph_def().SerializeToString())


def saved(path: Path, values: dict[str, Any], start: Callable[[], Any] | None = None) -> None:
    """Write a SavedModel; `start` is done when it is loaded."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        features = v1.placeholder(tf.float32, [None, 6], name="features")
        held = {k: v1.get_variable(k, initializer=value) for k, value in values.items()}
        answer = tf.nn.softmax(tf.matmul(features, held["weights"]) + held["biases"])
        session.run(v1.global_variables_initializer())
        main = None if start is None else start()
        builder = v1.saved_model.Builder(str(path))
        ends = {"features": features}, {"probabilities": answer}
        signature = v1.saved_model.predict_signature_def(*ends)
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=main
        )
        builder.save()


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("metadata.json", "config.json"):
            archive.writestr(name, "{}")
        archive.writestr("model.weights.h5", bytes(2**30))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """The repository, the folder that its files are after, and {file: (verdict, line)}."""
    folder, canary = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("canary")
    (canary / "kept.txt").write_text("kept")
    (folder / "building.py").write_text(BUILDING)
    (folder / "conftest.py").write_text(CONFTEST.replace("Path(f", "Path(os.devnull or f"))
    (folder / "train").mkdir()
    with tf.Graph().as_default(), v1.Session() as session:
        space: dict[str, Any] = {}
        exec(BUILDING, space)
        space["build"](v1.placeholder(tf.float32, [None, 6]))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "train" / "model.ckpt"))
        values = {v.op.name: session.run(v) for v in v1.global_variables()}
    right: tuple[Any, str] = (IDENTICAL, "")
    expected = {"right.pb": right}
    write(folder, values, "right.pb")

    def graph_def(name: str, after: Any, verdict: Any, said: str) -> None:
        write(folder, values, name, after)
        expected[name] = (verdict, said)

    graph_def("abort.pb", ends_without_error, REFUSED, "'Abort' .* ends the process")
    # Which of TensorFlow's threads end first decides whether the others crash.
    how = "(exit code 0|signal SIG)"
    graph_def("allowed.pb", ends_without_error, CRASHED, f"{ENDED}: {how}")
    saved(folder / "starts", values, lambda: tf.raw_ops.Abort(exit_without_error=True, name="go"))
    expected["starts"] = (REFUSED, r"'Abort' \(node 'go'\) that loading runs ends the process")
    (folder / "segfault.deed").write_text("segfault")
    expected["segfault.deed"] = (CRASHED, f"{ENDED}: signal SIGSEGV")
    graph_def("for_ever.pb", for_ever, ("error", "timed-out"), "took longer than 15 s")
    graph_def(
        "sixteen.pb", sixteen_gigabytes, ("error", "out-of-memory"), "took more than 4.0 GB of mem"
    )
    expected["saved"] = right
    saved(folder / "saved", values)
    graph_def("writes.pb", writes(canary), REFUSED, "'WriteFile' .* writes files")
    log = str(canary / "log.txt")
    saved(
        folder / "logs",
        values,
        lambda: tf.raw_ops.WriteFile(filename=log, contents="here", name="go"),
    )
    expected["logs"] = (REFUSED, r"'WriteFile' \(node 'go'\) that loading runs writes files")
    graph_def("reads.pb", reads(canary), REFUSED, "'ReadFile' .* reads files")
    (folder / "borrows.pb").write_bytes(borrowing(folder))
    expected["borrows.pb"] = (REFUSED, "'RestoreV2' .* restores values from a checkpoint")
    graph_def("python.pb", calls_python, REFUSED, "'PyFunc' .* calls a Python function")
    graph_def("random.pb", rarely_random, REFUSED, "'RandomUniform' .* draws random numbers")
    if "keras" in freezecheck.available_ways():
        bomb(folder / "bomb.keras")
        expected["bomb.keras"] = (REFUSED, "it would unpack to 1,024 MB")
    write(folder, values, "wrong.pb", lambda answer: answer * 0.99)
    expected["wrong.pb"] = (("failed", "differs"), "differs from the live model")
    write(folder, values, "last.pb")
    expected["last.pb"] = right
    named = {name: f"{name!r}" for name in expected}
    named["allowed.pb"] = '{ path = "allowed.pb", allow_ops = ["Abort"] }'
    (folder / "pyproject.toml").write_text(TABLE.format(artifacts=", ".join(named.values())))
    return folder, canary, expected


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return what lies in a folder, but for what pytest and Python leave in any."""
    ours = ("temporary", "__pycache__", ".freezecheck", "report.json", "report.jsonl")
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(path.relative_to(folder).parts) & set(ours)
    }


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_every_file_is_judged_and_nothing_is_touched(
    made: tuple[Path, Path, dict[str, Any]],
    workers: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, canary, expected = made
    (folder / "temporary").mkdir(exist_ok=True)
    monkeypatch.setenv("TMPDIR", str(folder / "temporary"))
    before = contents(folder), contents(canary)
    began = time.monotonic()
    code, printed = run_pytest(folder, *RUN, *workers)
    took = time.monotonic() - began
    print(f"{len(expected)} files, {workers}: {took:.0f} s")  # `-s` shows it
    assert code == 1, printed
    assert reasons(folder) == {name: verdict for name, (verdict, _) in expected.items()}, printed
    lines = {check["artifact"]: check["message"] for check in report(folder)["checks"]}
    for name, (_, said) in expected.items():
        assert re.search(said, lines[name]), (name, lines[name])
    assert (contents(folder), contents(canary)) == before
    assert left_over(folder) == []
    assert report(folder)["interrupted"] is False
    assert took < MOST
