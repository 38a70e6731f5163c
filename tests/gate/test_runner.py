"""What a file does to the process that checks it is told of that file, and of no other."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.kit.freezing import control_flow_of_tensorflow_1
from tests.kit.inprocess import Here
from tests.kit.subprocesses import at_once, heeding_interrupts, run_pytest

v1 = tf.compat.v1

BUILDING = """
import tensorflow as tf

def build(features):
    v1 = tf.compat.v1
    weights = v1.get_variable("weights", [6, 3], initializer=v1.random_normal_initializer(seed=1))
    biases = v1.get_variable("biases", [3], initializer=v1.random_normal_initializer(seed=2))
    return tf.nn.softmax(tf.matmul(features, weights) + biases, name="probabilities")

def abort(features):
    import os
    os.abort()
"""
#: A format of the repository's own, whose loader does what the file says.
CONFTEST = """
import ctypes, os, signal, sys, time
from pathlib import Path
import numpy as np
import pytest_freezecheck as freezecheck


def load(path, way=None):
    deed = path.read_text()
    Path(f"pid of {deed}").write_text(str(os.getpid()))
    print("loading", path.name)
    print(f"about to {deed}", file=sys.stderr)
    if deed == "exit":
        os._exit(0)
    if deed == "abort":
        os.abort()
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "segfault":
        ctypes.string_at(0)
    if deed == "loop":
        while True:
            pass
    if deed == "sleep":
        time.sleep(600)
    if deed == "allocate":
        np.ones(2 * 10**9)
    if deed == "raise":
        raise ZeroDivisionError("of the loader's own")
    if deed == "skip":
        import pytest
        pytest.skip("of the loader's own")
    raise SystemExit(3)


def recognises(path):
    return path.suffix == ".deed"


def pytest_freezecheck_formats():
    return [freezecheck.Format("deed", recognises, load, ())]
"""
TABLE = """
[tool.pytest.ini_options]
freezecheck_timeout = "%(timeout)s"
freezecheck_memory = "4 GB"

[tool.freezecheck.models.linear]
build = "building:%(build)s"
checkpoint = "model.ckpt"
ema = "none"
artifacts = %(artifacts)s

[tool.freezecheck.models.linear.inputs.features]
shape = [6]
"""
Make = Any


def write(folder: Path, values: Mapping[str, Any], name: str, after: Make = None) -> None:
    """Write a GraphDef of the model; `after` changes its answer."""
    with tf.Graph().as_default() as graph:
        features = v1.placeholder(tf.float32, [None, 6], name="features")
        logits = tf.matmul(features, tf.constant(values["weights"])) + values["biases"]
        answer = tf.nn.softmax(logits)
        tf.identity(answer if after is None else after(answer), name="probabilities")
    (folder / name).write_bytes(graph.as_graph_def().SerializeToString())


def for_ever(answer: Any) -> Any:
    """A loop of TensorFlow's own that does not end."""
    with control_flow_of_tensorflow_1():
        return v1.while_loop(lambda x: tf.reduce_sum(x) < np.inf, lambda x: x * 1.0, [answer])[0]


def sixteen_gigabytes(answer: Any) -> Any:
    return answer * tf.reduce_max(tf.fill([2**32], 1.0))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, whose files are all right, but for what they are copied for."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "building.py").write_text(BUILDING)
    (folder / "conftest.py").write_text(CONFTEST)
    with tf.Graph().as_default(), v1.Session() as session:
        space: dict[str, Any] = {}
        exec(BUILDING, space)
        space["build"](v1.placeholder(tf.float32, [None, 6]))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "model.ckpt"))
        values = {v.op.name: session.run(v) for v in v1.global_variables()}
    for name in ("right.pb", "again.pb", "last.pb"):
        write(folder, values, name)
    write(folder, values, "wrong.pb", lambda answer: answer * 0.99)
    write(folder, values, "for_ever.pb", for_ever)
    write(folder, values, "sixteen_gigabytes.pb", sixteen_gigabytes)
    for deed in ("exit", "abort", "kill", "segfault", "loop", "allocate", "raise", "skip", "sleep"):
        (folder / f"{deed}.deed").write_text(deed)
    return folder


@pytest.fixture
def repository(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path


def declare(folder: Path, *artifacts: str, timeout: float = 20, build: str = "build") -> None:
    table = TABLE % {"artifacts": list(artifacts), "timeout": timeout, "build": build}
    (folder / "pyproject.toml").write_text(table)


def report(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text())


def reasons(folder: Path) -> dict[str, tuple[str, str]]:
    checks = report(folder)["checks"]
    assert len(checks) == len({check["artifact"] for check in checks})
    return {check["artifact"]: (check["outcome"], check["reason"]) for check in checks}


def left_over(folder: Path) -> list[str]:
    """Return what is in the folder for temporary files, but for pytest's own, which stays."""
    return [path.name for path in (folder / "temporary").iterdir() if path.name[:6] != "pytest"]


RUN = ("--freezecheck", "--freezecheck-report=report.json")
#: For a run of pytest in the tests' own process: its checks are made in another all the same.
APART = (*RUN, "-p", "no:xdist", "-o", "freezecheck_isolation=process")
IDENTICAL = ("passed", "identical")
EVERY = {
    "right.pb": IDENTICAL,
    "exit.deed": ("error", "crashed"),
    "segfault.deed": ("error", "crashed"),
    "again.pb": IDENTICAL,
    "for_ever.pb": ("error", "timed-out"),
    "wrong.pb": ("failed", "differs"),
    "sixteen_gigabytes.pb": ("error", "out-of-memory"),
    "last.pb": IDENTICAL,
}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_every_file_is_judged_whatever_those_before_it_did(
    repository: Path, workers: tuple[str, ...]
) -> None:
    declare(repository, *EVERY)
    code, printed = run_pytest(repository, *RUN, *workers)
    assert code == 1, printed
    assert reasons(repository) == EVERY, printed
    for line in (
        "linear: exit.deed ended the process that makes checks: exit code 0",
        "linear: segfault.deed ended the process that makes checks: signal SIGSEGV",
        "linear: for_ever.pb took longer than 20 s, and was ended (freezecheck_timeout)",
        "linear: sixteen_gigabytes.pb took more than 4.0 GB of memory and was ended",
    ):
        assert f"freezecheck: {line}" in printed
    assert "  about to segfault\n" in printed
    assert "  Fatal Python error: Segmentation fault" in printed
    assert left_over(repository) == []
    assert report(repository)["interrupted"] is False


def test_what_is_written_and_raised_there_is_told_as_if_it_were_here(
    repository: Path, pytester: pytest.Pytester
) -> None:
    deeds = {
        "raise.deed": ("error", "exception"),
        "skip.deed": ("", ""),
        "allocate.deed": ("error", "out-of-memory"),
        "kill.deed": ("error", "crashed"),
        "abort.deed": ("error", "crashed"),
    }
    declare(repository, "right.pb", *deeds, timeout=60)
    code, printed = Here(pytester).pytest(repository, *APART, "-rs")
    assert code == 1, printed
    found = reasons(repository)
    assert found.pop("right.pb") == IDENTICAL
    assert found == {name: how for name, how in deeds.items() if name != "skip.deed"}, printed
    assert "of the loader's own" in printed
    assert "1 skipped" in printed
    assert "Captured stdout call" in printed
    assert "loading abort.deed" in printed
    assert "freezecheck: linear: abort.deed ended the process" in printed
    assert "ended the process that makes checks: signal SIGKILL" in printed
    assert "ended the process that makes checks: signal SIGABRT" in printed


@pytest.mark.slow
def test_code_hosts_are_told_of_a_file_that_ends_the_process(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(repository / "summary.md"))
    (repository / "wrong.pb").rename(repository / "it's <wrong>.pb")
    declare(repository, "right.pb", "kill.deed", "it's <wrong>.pb")
    hosts = (f"--freezecheck-report=report.{ending}" for ending in ("sarif", "gitlab.json"))
    code, printed = run_pytest(repository, *RUN, *hosts, "-q")
    assert code == 1, printed
    line = 1 + (repository / "pyproject.toml").read_text().splitlines().index(
        "artifacts = ['right.pb', 'kill.deed', \"it's <wrong>.pb\"]"
    )
    wrong, killed = (text for text in printed.splitlines() if text.startswith("::"))
    where = f"::error file=pyproject.toml,line={line},title=freezecheck%3A linear%2C "
    assert wrong.startswith(f"{where}it's <wrong>.pb::")
    assert killed.startswith(
        f"{where}kill.deed::freezecheck: linear: kill.deed ended the process that makes checks"
    )
    summary = (repository / "summary.md").read_text("utf-8")
    assert "| linear | it's &lt;wrong&gt;.pb | ❌ DIFFERS |" in summary
    assert "| linear | kill.deed | ⚠️ ERROR |" in summary
    (run,) = json.loads((repository / "report.sarif").read_text("utf-8"))["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "error"]
    assert run["results"][1]["ruleId"] == "crashed"
    quality = json.loads((repository / "report.gitlab.json").read_text("utf-8"))
    assert [entry["location"]["lines"]["begin"] for entry in quality] == [line, line]


def test_pytest_imports_no_tensorflow(repository: Path) -> None:
    declare(repository, "right.pb", "wrong.pb")
    (repository / "probe.py").write_text(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    heavy = {'tensorflow', 'numpy', 'hypothesis'} & set(sys.modules)\n"
        "    print('heavy:', sorted(heavy))\n"
    )
    (repository / "conftest.py").unlink()  # which imports NumPy
    code, printed = run_pytest(repository, *RUN, "-p", "probe", "-p", "no:hypothesispytest")
    assert code == 1
    assert reasons(repository) == {"right.pb": IDENTICAL, "wrong.pb": ("failed", "differs")}
    assert "heavy: []" in printed


def test_a_live_model_that_ends_two_processes_is_not_made_again(
    repository: Path, pytester: pytest.Pytester
) -> None:
    declare(repository, "right.pb", "again.pb", "last.pb", build="abort")
    code, printed = Here(pytester).pytest(repository, *APART)
    assert code == 1
    assert set(reasons(repository).values()) == {("error", "crashed")}
    said = "making the live model ended the process that makes checks: signal SIGABRT"
    assert f"freezecheck: linear: {said}\n" in printed
    assert f"freezecheck: linear: {said}; this is not tried again\n" in printed


def test_without_a_process_of_its_own_all_is_as_before(
    repository: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_freezecheck.gate.isolation.USUAL", "process")  # as elsewhere
    here = Here(pytester)
    declare(repository, "right.pb", "again.pb")
    process, printed = here.pytest(repository, *RUN)
    assert process == 0, printed
    assert "pytest's own process" not in printed
    checks = report(repository)["checks"]
    for given, said in (
        (("-o", "freezecheck_isolation=none"), "freezecheck_isolation is none"),
        (("--pdb",), "--pdb is given"),
    ):
        code, printed = here.pytest(repository, *RUN, *given)
        assert code == 0, printed
        assert f"freezecheck: checks run in pytest's own process, as {said}" in printed
        for check in (*checks, *(others := report(repository)["checks"])):
            check.pop("seconds", None)
        assert checks == others


def test_a_model_that_cannot_be_sent_is_checked_here(
    repository: Path, pytester: pytest.Pytester
) -> None:
    (repository / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (repository / "conftest.py").write_text(
        "import pytest_freezecheck as freezecheck\n"
        "def build(features):\n"
        "    import os, building\n"
        "    open(f'pid of {os.getpid()}', 'w').close()\n"
        "    return building.build(features)\n"
        "def pytest_freezecheck_models():\n"
        "    def local(features):\n"
        "        return build(features)\n"
        "    inputs = {'features': {'shape': [6]}}\n"
        "    common = dict(inputs=inputs, checkpoint='model.ckpt', ema='none')\n"
        "    return [\n"
        "        freezecheck.Model('sent', build=build, artifacts=['right.pb'], **common),\n"
        "        freezecheck.Model('local', build=local, artifacts=['right.pb'], **common),\n"
        "    ]\n"
    )
    code, printed = Here(pytester).pytest(repository, *APART)
    assert code == 0, printed
    assert "2 passed" in printed
    said = "freezecheck: local: checked in pytest's own process, as it cannot be sent to another: "
    assert said in printed
    assert "freezecheck: sent: checked in" not in printed
    pids = {int(path.name.split()[-1]) for path in repository.glob("pid of *")}
    assert len(pids) == 2
    assert os.getpid() in pids


@pytest.mark.slow  # two runs, each with two processes
def test_two_gates_in_one_repository_that_is_read_only_without_a_home_or_a_locale(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    declare(repository, "right.pb", "exit.deed", "wrong.pb")
    (repository / "conftest.py").write_text(CONFTEST.replace("Path(f", "Path(os.devnull or f"))
    left_out = ("HOME", "TMPDIR", "LANG", "PYTEST_ADDOPTS", "CI")
    environment = {key: value for key, value in os.environ.items() if key not in left_out}
    environment |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    reports = [tmp_path_factory.mktemp("reports") / "report.json" for _ in range(2)]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--freezecheck"]
    repository.chmod(0o555)  # which root may write to all the same
    try:
        commands = [[*command, f"--freezecheck-report={path}"] for path in reports]
        codes, printed = at_once(repository, *commands, env=environment)
    finally:
        repository.chmod(0o755)
    assert codes == [1, 1], printed
    for path in reports:
        assert reasons(path.parent) == {
            "right.pb": IDENTICAL,
            "exit.deed": ("error", "crashed"),
            "wrong.pb": ("failed", "differs"),
        }


def running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_until(true: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextlib.contextmanager
def looping(repository: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Yield a run of pytest whose second check loops, and the process that it loops in."""
    declare(repository, "right.pb", "loop.deed", "last.pb", timeout=600)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *RUN, *arguments]
    with (repository / "printed").open("w") as printed:
        run = subprocess.Popen(
            command,
            cwd=repository,
            stdout=printed,
            stderr=printed,
            text=True,
            preexec_fn=heeding_interrupts,
        )
    try:
        where = repository / "pid of loop"
        wait_until(lambda: where.exists() and where.read_text(), 120)
        yield run, int(where.read_text())
    finally:
        run.kill()
        run.wait()


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ("-n", "1")),
        pytest.param(signal.SIGINT, ("-n", "1"), marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, (), marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_the_run_whatever_a_file_does(
    repository: Path, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    with looping(repository, *workers) as (run, runner):
        run.send_signal(number)
        assert run.wait(timeout=60) == pytest.ExitCode.INTERRUPTED  # the file would go on for ever
        wait_until(lambda: not running(runner), 10.0)
    document = report(repository)
    assert document["interrupted"] is True
    missing = ("error", "no-result")
    found = reasons(repository)
    # A worker may be ended before the controller has heard of what it did last.
    assert found.pop("right.pb") in ((IDENTICAL, missing) if workers else (IDENTICAL,))
    assert found == {"loop.deed": missing, "last.pb": missing}
    assert left_over(repository) == []


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "worker"])
def test_the_process_does_not_outlive_pytest(repository: Path, workers: tuple[str, ...]) -> None:
    with looping(repository, *workers) as (run, runner):
        run.send_signal(signal.SIGKILL)
        wait_until(lambda: not running(runner), 30.0)


def test_a_process_that_somebody_kills_is_an_error_of_its_check(repository: Path) -> None:
    with looping(repository) as (run, runner):
        (repository / "pid of loop").unlink()
        os.kill(runner, signal.SIGKILL)
        # It had made another check before, so that this one is tried in a new one.
        where = repository / "pid of loop"
        wait_until(lambda: where.exists() and where.read_text(), 120)
        os.kill(int(where.read_text()), signal.SIGKILL)
        assert run.wait(timeout=120) == pytest.ExitCode.TESTS_FAILED
    crashed = ("error", "crashed")
    assert reasons(repository) == {
        "right.pb": IDENTICAL,
        "loop.deed": crashed,
        "last.pb": IDENTICAL,
    }
