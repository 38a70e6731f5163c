"""`freezecheck check`: files against a live model."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.command import options
from pytest_freezecheck.command.lives import Declared, declared
from pytest_freezecheck.command.printing import Printer
from pytest_freezecheck.command.running import Made, Maker, making
from pytest_freezecheck.declared.job import Job
from pytest_freezecheck.declared.model import Artifact
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.report import files, kinds
from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.report.repository import folder_in_repository
from pytest_freezecheck.result import reasons
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.runner.interrupts import terminated_as_interrupted
from pytest_freezecheck.settings import FOLDER, Run, Settings
from pytest_freezecheck.versions import versions

_AGREES, _DIFFERS, _INTERRUPTED = 0, 1, 2


def run(given: argparse.Namespace, printer: Printer) -> int:
    """Check, print, write the reports, and return the exit code.

    Raises:
        SettingError: something on the command line, or in a table, cannot be used.
    """
    settings = options.settings(given)
    found = declared(given, given.artifacts)
    replay = None if given.replay is None else Path(given.replay).absolute()
    artifacts = found.artifacts if replay is None else _of_replay(replay, given.replay, found)
    describe(printer, settings, found, given)
    checks = Checks(settings, printer)
    again = commands(given, given.artifacts)
    with terminated_as_interrupted(), making(settings) as maker:
        try:
            for artifact in artifacts:
                made = one(maker, found, artifact, settings, again(artifact), replay=replay)
                checks.add(made.results, made.behind)
        except KeyboardInterrupt:
            checks.interrupted = True
    for artifact in artifacts[len(checks.ended) :]:
        checks.missing(found, artifact)
    return checks.end()


def describe(
    printer: Printer, settings: Settings, found: Declared, given: argparse.Namespace
) -> None:
    """Say what is checked with what."""
    printer.line(
        f"freezecheck: seed {settings.seed}, {settings.examples} examples for each artifact, "
        f"atol {settings.atol:g}; live model: {given.live}"
    )
    if found.model.inferred and not found.model.inputs:
        printer.line(
            "freezecheck: inputs as the live model's placeholders tell them, floats from -1 to 1; "
            "--input NAME=SHAPE,low=X,high=X declares another range"
        )


def one(
    maker: Maker,
    found: Declared,
    artifact: Artifact,
    settings: Settings,
    command: str,
    *,
    replay: Path | None = None,
    repaired: Path | None = None,
    lies: Path | None = None,
) -> Made:
    """Check one artifact.

    Args:
        maker: makes the check.
        found: the model.
        artifact: what to check.
        settings: of the run.
        command: what makes this check again.
        replay: the only input to feed.
        repaired: where to write a mended copy, if it differs.
        lies: where it lies, if not where its path says.
    """
    chosen = found.model.settings(settings, artifact)
    # An input of a draft that nobody will find is of no use to anybody.
    folder = None if lies is not None else Path.cwd() / FOLDER
    run = Run(chosen, found.nodeid(artifact), folder, replay, command)
    job = Job(
        found.model,
        artifact,
        repaired=None if repaired is None else str(repaired),
        lies=None if lies is None else str(lies),
    )
    made = maker.check(job, run, artifact.path)
    place = found.place(artifact)
    made.results = [{**result, "declared_at": place} for result in made.results]
    return made


class Checks:
    """Results of a run: printed as they come, and put into the reports.

    Args:
        settings: of the run.
        printer: prints them.

    Attributes:
        ended: the results of each artifact that was checked.
        interrupted: whether the run was stopped before its end.
    """

    def __init__(self, settings: Settings, printer: Printer) -> None:
        self.settings, self.printer = settings, printer
        self.ended: list[list[dict[str, Any]]] = []
        self._missing: list[dict[str, Any]] = []
        self.interrupted = False
        self._began = time.perf_counter()
        paths = dict.fromkeys(settings.reports)
        place = folder_in_repository(Path.cwd())
        self._reports = {path: kinds.report(Path.cwd() / path, place) for path in paths}
        self._unwritten = False
        self._chosen: int | None = None

    def add(self, results: list[dict[str, Any]], behind: str | None = None) -> None:
        """Take the results of an artifact, and the traceback behind an error of its."""
        self.ended.append(results)
        for result in results:
            self.printer.result(result)
            self._write(lambda file, check=result: file.add(check))
        if behind and self.printer.verbosity > 0:
            self.printer.line(behind.rstrip())

    def missing(self, found: Declared, artifact: Artifact) -> None:
        """Note an artifact that was not checked any more."""
        result = Agreement(
            model=found.model.name,
            artifact=artifact.path,
            format="",
            way=None,
            outcome=reasons.ERROR,
            reason="no-result",
            atol=self.settings.atol,
            text="no result: the run was interrupted",
            nodeid=found.nodeid(artifact),
            declared_at=found.place(artifact),
        ).as_json()
        self._missing.append(result)
        self._write(lambda file: file.add(result))

    @property
    def every(self) -> list[dict[str, Any]]:
        """All results."""
        return [*(result for results in self.ended for result in results), *self._missing]

    def end(self, status: int | None = None) -> int:
        """Print the table, write the reports, and return the exit code.

        Args:
            status: of the run, where not only its checks decide.
        """
        self._chosen = status
        if self.every:
            self.printer.table(self.every)
        self._write(lambda file: file.end(self._document()))
        if self._unwritten:  # which changes the exit code that the others tell
            self._write(lambda file: file.end(self._document()))
        if self.interrupted:
            self.printer.error("interrupted")
        return self._status

    @property
    def _status(self) -> int:
        if self.interrupted:
            return _INTERRUPTED
        if self._chosen is not None:
            return _DIFFERS if self._unwritten else self._chosen
        good = [result["outcome"] == reasons.PASSED for result in self.every]
        return _AGREES if good and all(good) and not self._unwritten else _DIFFERS

    def _document(self) -> dict[str, Any]:
        session = json_report.Session(
            seconds=time.perf_counter() - self._began,
            collected=len(self.ended) + len(self._missing),
            with_result=len(self.ended),
            exit_status=self._status,
            interrupted=self.interrupted,
        )
        return json_report.document(self.every, versions(), self.settings.seed, session)

    def _write(self, write: Any) -> None:
        """Do something with each report; one that cannot be written is told, and let go."""
        for path, file in list(self._reports.items()):
            try:
                write(file)
            except OSError as error:
                del self._reports[path]
                self._unwritten = True
                self.printer.error(f"the report {path} cannot be written: {files.why(error)}")


def _of_replay(path: Path, given: str, found: Declared) -> tuple[Artifact, ...]:
    """Return the artifact that a saved input is of.

    Raises:
        SettingError: the file is none that was saved, or is of another check.
    """
    from pytest_freezecheck.inputs.saved import read

    try:
        saved = read(path)
    except SettingError as error:
        raise SettingError(f"--replay: {error}") from None
    kept = tuple(a for a in found.artifacts if a.path == saved.artifact)
    if saved.model != found.model.name or not kept:
        raise SettingError(
            f"--replay: {given} was found by a check of {saved.model}, {saved.artifact}, which "
            "this command line does not name"
        )
    return kept


def commands(given: argparse.Namespace, paths: Sequence[str]) -> Callable[[Artifact], str]:
    """Return what makes the command that checks an artifact again.

    Args:
        given: the command line.
        paths: the artifacts that it names.
    """
    more = of_the_live_model(given)
    typed = {str(Path(path).resolve()): path for path in paths}

    def command(artifact: Artifact) -> str:
        path = typed.get(str(Path(artifact.path).resolve()), artifact.path)
        return f"freezecheck check {shlex.quote(given.live)} {shlex.quote(path)}{more}"

    return command


def of_the_live_model(given: argparse.Namespace) -> str:
    """Return the options of a command line that say what the live model is, each after a blank."""
    kept = [f"--input={text}" for text in given.input]
    kept += [f"--checkpoint={given.checkpoint}"] if given.checkpoint else []
    kept += [f"--ema={given.ema}"] if given.ema else []
    return "".join(f" {shlex.quote(text)}" for text in kept)
