"""Keeps a process that makes checks: starts it, asks it, ends it, and starts another."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.declared.job import Job
from pytest_freezecheck.declared.model import Model
from pytest_freezecheck.errors import CrashedError, OutOfMemoryError, RunnerError
from pytest_freezecheck.messages.raised import in_short
from pytest_freezecheck.result import progress
from pytest_freezecheck.result.reasons import ERROR
from pytest_freezecheck.runner import limits, sending
from pytest_freezecheck.runner.limits import Limits
from pytest_freezecheck.runner.process import Process
from pytest_freezecheck.settings import Run, Settings

#: What ended so many processes is not tried again.
_ENOUGH = 2
#: What C++ writes that gets no memory, and among how many of the last characters it stands.
_BAD_ALLOC, _LAST = "std::bad_alloc", 4000
#: Seconds between two looks at memory and clock.
_INTERVAL = 0.05
#: Seconds in which a process that has nothing to do may end by itself.
_GRACE = 2.0
_START = "starting the process that makes checks"


@dataclasses.dataclass
class Check:
    """A check that another process makes, or made.

    Attributes:
        results: those of its comparisons, as the report has them.
        end: how it ended, as that process has it; None if the process ended first.
        error: how the process ended, in that case.
        output: {"stdout", "stderr", "log": what was written}.
        stage: what it has come to.
    """

    results: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    end: dict[str, Any] | None = None
    error: RunnerError | None = None
    output: dict[str, str] = dataclasses.field(default_factory=dict)
    stage: str = _START


class Keeper:
    """One for each process of pytest.

    Args:
        settings: of the run.
        folder: returns the folder of the run.
        formats: those that the repository adds.
        abandoned: tells whether nobody waits for results any more.

    Raises:
        Exception: the formats cannot be sent; what it is depends on them.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Callable[[], Path],
        formats: Sequence[Any] = (),
        abandoned: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._abandoned = abandoned
        self._formats = sending.dumps(list(formats))
        self._process: Process | None = None
        self._refused: dict[str, str | None] = {}
        self._ends: dict[str, list[RunnerError]] = {}
        self._answers: dict[str, float] = {}

    def refusal(self, model: Model | None) -> str | None:
        """Return why a model cannot be sent to another process, or None if it can."""
        if model is None:
            return None
        if model.name not in self._refused:
            self._refused[model.name] = unsendable(model)
        return self._refused[model.name]

    def start(self) -> Process:
        """Start the process, unless it runs."""
        if self._process is None:
            self._process = Process(self._folder())
        return self._process

    def check(self, job: Job, run: Run, what: str) -> Check:
        """Have a check made.

        A process that has made others before may have been damaged by one of them: if it ends, a
        new one makes the check, and what that comes to holds.

        Args:
            job: what to check.
            run: with which settings, of which test.
            what: what to call it in messages.
        """
        live = "making the live model"
        model = "" if job.model is None else job.model.name
        keys = {_START: _START, live: f"{live} {model}", what: str(run.nodeid)}
        for stage, key in keys.items():
            ends = self._ends.get(key, [])
            if len(ends) >= _ENOUGH:
                said = str(ends[-1]).removesuffix(_AGAIN)
                return Check(error=type(ends[-1])(f"{said}{_AGAIN}"), stage=stage)
        stages = dict(zip(("live", "check"), list(keys)[1:], strict=True))
        check, used = self._attempt(job, run, stages, keys)
        if used and isinstance(check.error, CrashedError | OutOfMemoryError):
            check, _ = self._attempt(job, run, stages, keys)
        return check

    def _attempt(
        self, job: Job, run: Run, stages: dict[str, str], keys: dict[str, str]
    ) -> tuple[Check, bool]:
        """Have a process make a check; return whether it had made others before, too."""
        check, process = Check(), self.start()
        used = process.asked > 0
        try:
            why = self._listen(check, process, job, run, stages)
        finally:
            # Not at its end: interrupted, or it is to be ended. There is no telling what it does.
            if check.end is None:
                check.output = process.output()
                self._drop()
        if isinstance(why, CrashedError) and _BAD_ALLOC in check.output["stderr"][-_LAST:]:
            why = OutOfMemoryError(f"{why}, as it asked for more memory (freezecheck_memory)")
        if why is not None:
            check.error = type(why)(f"{check.stage} {why}")
            self._ends.setdefault(keys[check.stage], []).append(check.error)
        else:
            check.output = process.output()
        return check, used

    def _listen(
        self, check: Check, process: Process, job: Job, run: Run, stages: dict[str, str]
    ) -> RunnerError | None:
        """Take what the process sends; return how it ended, if it did before the check."""
        name = "" if job.model is None else job.model.name
        chosen = self._settings
        examples, answer = run.settings.examples, self._answers.get(name, 0.0)
        bounds = Limits(process.pid, chosen.timeout, chosen.memory, examples, answer)
        bounds.bind()
        with contextlib.suppress(OSError):  # it is no more: that is what is found below
            process.send(self._request(job, run))
        while True:
            gone = process.gone  # before what it sent last is taken
            try:
                messages = process.receive(_INTERVAL)
            except ValueError:
                return CrashedError("wrote over what the process that makes checks had to say")
            if messages is None or (gone and not messages):
                return _ended(process.status(), bounds)
            for message in messages:
                kind = message["is"]
                if kind in stages:
                    check.stage = stages[kind]
                    bounds.begin(limits.LIVE if kind == "live" else limits.CHECK)
                elif kind == "answer":
                    bounds.answer = max(bounds.answer, message["seconds"])
                    self._answers[name] = bounds.answer
                elif kind == "progress":
                    progress.tell(message["stage"], message["share"], message["apart"])
                elif kind == "result":
                    check.results.append(message["result"])
                elif kind == "end" and message["how"] == limits.NO_MEMORY:
                    # Its error is in the last result, and told by what is returned here.
                    failed = check.results and check.results[-1]["outcome"] == ERROR
                    check.results = check.results[:-1] if failed else check.results
                    return bounds.refused
                elif kind == "end":
                    check.end, check.results = message, message["results"]
                    return None
            if self._abandoned():
                raise KeyboardInterrupt("whoever controls this run has ended it")
            exceeded = bounds.exceeded()
            if exceeded is not None:
                return exceeded

    def _request(self, job: Job, run: Run) -> bytes:
        filters: list[Any] | None = list(warnings.filters)
        if unsendable(filters) is not None:
            filters = None
        return sending.dumps(
            {
                "folder": str(self._folder()),
                "formats": self._formats,
                "job": sending.dumps(job),
                "run": run,
                "cwd": str(Path.cwd()),
                "path": sys.path,
                # Its temporary files are to go to a folder that is removed.
                "environment": {k: v for k, v in os.environ.items() if k != "TMPDIR"},
                "filters": filters,
            }
        )

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def finish(self) -> None:
        """Let the process end by itself while pytest has other things to do."""
        if self._process is not None:
            self._process.finish()

    def close(self, grace: float = _GRACE) -> None:
        """End the process; in so many seconds it may end by itself."""
        process, self._process = self._process, None
        if process is not None:
            process.end(grace)


#: Follows what is said of a check that is not made any more.
_AGAIN = "; this is not tried again"


def unsendable(value: object) -> str | None:
    """Return why something cannot be sent to another process, or None if it can."""
    try:
        sending.dumps(value)
    except Exception as error:  # noqa: BLE001 - what pickle raises depends on what it meets
        return in_short(error)
    return None


def _ended(status: int, bounds: Limits) -> RunnerError:
    if status >= 0:
        return CrashedError(f"ended the process that makes checks: exit code {status}")
    if -status == signal.SIGKILL and bounds.near:
        return limits.out_of_memory(bounds.largest, chosen=False)
    try:
        name = signal.Signals(-status).name
    except ValueError:  # one of those that have no name
        name = str(-status)
    return CrashedError(f"ended the process that makes checks: signal {name}")
