"""Kill -9 of pytest, a worker or the process that checks, at random moments: is any report untrue?

A small repository, one of whose files is wrong, is checked again and again, alone and with two
workers, and something of it is killed. Its report has then to be the old one (or none, where there
was none), or whole and true: a line for each file, none of which is better than the file. Nothing
of the run may be there ten seconds later. Exits with 1 if one of these is not so.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import table

VICTIMS = ("pytest", "runner", "worker")
#: {artifact: its outcome}; one that came to none is an error.
TRUE = {"right.pb": "passed", "wrong.pb": "failed", "again.pb": "passed", "last.pb": "passed"}
OLD = '{"of": "an earlier run"}\n'
#: Seconds in which all processes of a run have to be gone.
GONE = 10.0
_RUNNER, _WORKER = "pytest_freezecheck.runner.child", "sys.stdin.readline()"


@dataclasses.dataclass
class Moment:
    """What became of a run.

    Attributes:
        workers: whether it had two workers.
        wanted, killed: what was to be killed, and what was there to be; "" if the run had ended.
        seconds: when, after its start.
        old: whether there was a report before.
        code: exit code of pytest.
        report: "none", "old", or "whole"; else what is wrong with it.
        left: processes that were there ten seconds later.
    """

    workers: bool
    wanted: str
    killed: str
    seconds: float
    old: bool
    code: int
    report: str
    left: int

    @property
    def good(self) -> bool:
        """Whether the report is none, the old one or true, and nothing is left."""
        allowed = {"whole", "old" if self.old else "none"}
        return self.report in allowed and not self.left and self.code != 0


def repository(folder: Path) -> None:
    """Write a model, its checkpoint and its files."""
    import tensorflow as tf

    from tests.gate.test_runner import BUILDING, TABLE, write

    v1 = tf.compat.v1
    (folder / "building.py").write_text(BUILDING)
    with tf.Graph().as_default(), v1.Session() as session:
        space: dict[str, Any] = {}
        exec(BUILDING, space)  # noqa: S102 - ours
        space["build"](v1.placeholder(tf.float32, [None, 6]))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "model.ckpt"))
        values = {v.op.name: session.run(v) for v in v1.global_variables()}
    for name, outcome in TRUE.items():
        write(folder, values, name, None if outcome == "passed" else lambda answer: answer * 0.99)
    filled = TABLE % {"artifacts": list(TRUE), "timeout": 60, "build": "build"}
    (folder / "pyproject.toml").write_text(filled)


def start(folder: Path, *, workers: bool) -> subprocess.Popen[bytes]:
    """Start a run."""
    given = ["--freezecheck", "--freezecheck-report=report.json", "-p", "no:cacheprovider"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *given, *(["-n", "2"] if workers else [])],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "temporary")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def descendants(pid: int) -> dict[int, str]:
    """Return {process: its command} of what a process has started, and they have."""
    parents, commands = {}, {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(place.name)] = int(
                (place / "stat").read_text().rpartition(")")[2].split()[1]
            )
            commands[int(place.name)] = (place / "cmdline").read_text("utf-8", "replace")
    found = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return {p: commands.get(p, "") for p in found - {pid}}


def running(pid: int) -> bool:
    """Return whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def chosen(victim: str, pytest: int, rng: np.random.Generator) -> tuple[str, int]:
    """Return what is killed: pytest, where there is no such process yet or any more."""
    marks = {"runner": _RUNNER, "worker": _WORKER}
    every = descendants(pytest)
    pids = [p for p, command in sorted(every.items()) if marks.get(victim, "\0\0") in command]
    return (victim, int(rng.choice(pids))) if pids else ("pytest", pytest)


def judged(folder: Path) -> str:
    """Return what the report is."""
    path = folder / "report.json"
    if not path.exists():
        return "none"
    text = path.read_text()
    if text == OLD:
        return "old"
    try:
        document = json.loads(text)
    except ValueError:
        return "half"
    checks = {check["artifact"]: check["outcome"] for check in document["checks"]}
    if checks.keys() != TRUE.keys():
        return f"of {sorted(checks)}"
    untrue = {name for name, outcome in checks.items() if outcome not in (TRUE[name], "error")}
    return f"untrue of {sorted(untrue)}" if untrue else "whole"


def one(folder: Path, number: int, rng: np.random.Generator, lasts: dict[bool, float]) -> Moment:
    """Make a run, kill something of it, and return what became of it."""
    workers = bool(number % 2)
    victim = VICTIMS[number // 2 % (3 if workers else 2)]
    path, old = folder / "report.json", bool(rng.integers(0, 2))
    path.unlink(missing_ok=True)
    if old:
        path.write_text(OLD)
    moment = float(rng.uniform(0.0, lasts[workers]))
    run = start(folder, workers=workers)
    time.sleep(moment)
    run.poll()
    every = {run.pid, *descendants(run.pid)}
    killed = ""
    if run.returncode is None:
        killed, pid = chosen(victim, run.pid, rng)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while run.poll() is None:  # what it starts afterwards has to end, too
        every |= descendants(run.pid).keys()
        time.sleep(0.05)
    deadline = time.monotonic() + GONE
    while any(map(running, every)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = sum(map(running, every))
    return Moment(workers, victim, killed, moment, old, run.returncode, judged(folder), left)


def moments(count: int, seed: int) -> Iterator[Moment]:
    """Yield what became of each run."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "temporary").mkdir()
        repository(folder)
        lasts = {}
        for workers in (False, True):
            began = time.monotonic()
            code = start(folder, workers=workers).wait()
            lasts[workers] = time.monotonic() - began
            if code != 1 or judged(folder) != "whole":
                raise SystemExit(f"a run that nobody disturbed: {code}, {judged(folder)}")
        number = 0
        while number < count:
            moment = one(folder, number, rng, lasts)
            if moment.killed:  # of a run that was done before, nothing is learned
                number += 1
                yield moment


def rows(done: list[Moment]) -> Iterator[dict[str, object]]:
    """Yield the lines of the table."""
    groups: dict[str, list[Moment]] = collections.defaultdict(list)
    for moment in done:
        groups[f"{moment.killed}{', two workers' if moment.workers else ''}"].append(moment)
    for name, every in [*sorted(groups.items()), ("**all**", done)]:
        kinds = collections.Counter(moment.report for moment in every)
        yield {
            "killed": name,
            "moments": len(every),
            "no report": kinds["none"],
            "the old one": kinds["old"],
            "whole and true": kinds["whole"],
            "half or untrue": len(every) - kinds["none"] - kinds["old"] - kinds["whole"],
            "exit code 0": sum(moment.code == 0 for moment in every),
            "processes left": sum(moment.left for moment in every),
        }


def main() -> None:
    """Print the table, and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="moments (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    given = parser.parse_args()
    done = []
    for moment in moments(given.count, given.seed):
        done.append(moment)
        print(f"\r{len(done)} of {given.count}", end="", file=sys.stderr, flush=True)
    print(table(rows(done)))
    wrong = [moment for moment in done if not moment.good]
    for moment in wrong:
        print(moment)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
