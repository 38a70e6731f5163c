"""Checks made for the command, in a process of their own as the gate's are, or in this one."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck import errors
from pytest_freezecheck.command.progress import shown
from pytest_freezecheck.declared.job import Job
from pytest_freezecheck.declared.model_cache import ModelCache
from pytest_freezecheck.declared.told import behind_of
from pytest_freezecheck.errors import FreezecheckError, RunnerError, SettingError
from pytest_freezecheck.messages.raised import in_short
from pytest_freezecheck.result import reasons
from pytest_freezecheck.result.agreement import Agreement, FrozenMismatch
from pytest_freezecheck.result.recording import recording
from pytest_freezecheck.runner.output import telling
from pytest_freezecheck.settings import Run, Settings, using

if TYPE_CHECKING:
    from pytest_freezecheck.runner.keeper import Keeper


@dataclasses.dataclass
class Made:
    """What a job came to.

    Attributes:
        results: of its comparisons, as reports have them.
        error: why there is no more, or None.
        behind: traceback of what is behind that, or None.
    """

    results: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    error: BaseException | None = None
    behind: str | None = None


class Maker:
    """Makes checks one after the other, and keeps the live model between them.

    Args:
        settings: of the run.

    Raises:
        SettingError: checks cannot be made here.
    """

    def __init__(self, settings: Settings) -> None:
        if importlib.util.find_spec("tensorflow") is None:
            raise SettingError(
                "a check needs TensorFlow, which is not installed here: pip install tensorflow"
            )
        apart = (settings.isolation or "process") == "process"
        if apart and os.name != "posix":
            raise SettingError("this system has no process groups to check in: --isolation=none")
        self._cache = ModelCache()
        self._keeper: Keeper | None = None
        if apart:
            from pytest_freezecheck.runner.keeper import Keeper

            self._keeper = Keeper(settings, lambda: self._cache.folder)

    @property
    def folder(self) -> Path:
        """A folder that is gone when this is closed."""
        return self._cache.folder

    def make(self, job: Job, run: Run, what: str) -> Made:
        """Do a job.

        Args:
            job: what to do.
            run: with which settings.
            what: what to call it in messages.
        """
        with shown(what):
            return self._here(job, run) if self._keeper is None else self._apart(job, run, what)

    def check(self, job: Job, run: Run, what: str) -> Made:
        """Do a job that checks; there is at least one result of it.

        Args:
            job: what to do.
            run: with which settings.
            what: what to call it in messages.
        """
        began = time.perf_counter()
        made = self.make(job, run, what)
        known = any(result["outcome"] in (reasons.FAILED, reasons.ERROR) for result in made.results)
        if made.error is not None and (not known or isinstance(made.error, RunnerError)):
            seconds = time.perf_counter() - began
            made.results.append(_without_numbers(job, run, what, made.error, seconds))
        if not made.results:
            nothing = FreezecheckError("nothing was compared")
            made.results.append(_without_numbers(job, run, what, nothing, 0.0))
        return made

    def _here(self, job: Job, run: Run) -> Made:
        from pytest_freezecheck.checking import targets

        made = Made()
        with using(run), recording() as recorded:
            try:
                targets.do(job, self._cache.of(job.model), self._cache.scratch)
            except FrozenMismatch:
                pass  # what disagrees has been recorded
            except FreezecheckError as error:
                made.error, made.behind = error, behind_of(error)
            except Exception as error:  # noqa: BLE001 - told as what another process raises is
                made.error = RuntimeError(in_short(error))
                made.behind = "".join(traceback.format_exception(error))
        made.results = [agreement.as_json() for agreement in recorded]
        return made

    def _apart(self, job: Job, run: Run, what: str) -> Made:
        assert self._keeper is not None  # noqa: S101 - for mypy
        check = self._keeper.check(job, run, what)
        if check.error is not None:
            last = telling(check.output.get("stderr", ""))
            text = "\n".join(["the last lines of its stderr:", *last]) if last else None
            return Made(check.results, check.error, text)
        end: dict[str, Any] = check.end or {}
        how, text = end["how"], end.get("text", "")
        if how in ("done", "mismatch"):
            return Made(check.results)
        kind = getattr(errors, how, None)
        raised = isinstance(kind, type) and issubclass(kind, FreezecheckError)
        error = kind(text) if raised and kind is not None else RuntimeError(text)
        return Made(check.results, error, end.get("behind"))

    def close(self) -> None:
        """End the process, and remove what was made."""
        if self._keeper is not None:
            self._keeper.close()
        self._cache.close()


@contextlib.contextmanager
def making(settings: Settings) -> Iterator[Maker]:
    """Make checks for a while."""
    maker = Maker(settings)
    try:
        yield maker
    finally:
        maker.close()


def _without_numbers(
    job: Job, run: Run, what: str, error: BaseException, seconds: float
) -> dict[str, Any]:
    """Return what the report has of a check that came to no comparison."""
    return Agreement(
        model="" if job.model is None else job.model.name,
        artifact=what,
        format="",
        way=job.way,
        outcome=reasons.ERROR,
        reason=reasons.of_error(error).reason,
        atol=run.settings.atol,
        seconds=seconds,
        text=str(error),
        nodeid=run.nodeid,
    ).as_json()
