"""What a run proved: collects the results, decides the exit status, writes and prints reports.

Registered where the run is controlled; the workers of a distributed run have none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_freezecheck.gate.expected import Expected, expected
from pytest_freezecheck.gate.github import GitHub
from pytest_freezecheck.gate.shown import coloured
from pytest_freezecheck.messages.wording import counted, listed
from pytest_freezecheck.report import files, kinds, terminal
from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.report.repository import folder_in_repository
from pytest_freezecheck.settings import Settings
from pytest_freezecheck.versions import versions

#: How pytest marks up each outcome.
_MARKUP: dict[str, dict[str, bool]] = {
    "passed": {"green": True},
    "failed": {"red": True, "bold": True},
    "error": {"red": True, "bold": True},
    "skipped": {"yellow": True},
}
_QUIET = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Verdict:
    """Turns the results of the tests into that of the run.

    Args:
        config: pytest's.
        settings: of the run.
        nothing: says why nothing was compared, and what to add.
        overlooked: says what fails a run that compared something, or returns None.
        told: returns what the workers of a distributed run collected.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        nothing: Callable[[], str],
        overlooked: Callable[[], str | None],
        told: Callable[[], Sequence[Expected]],
    ) -> None:
        self.config = config
        self.settings = settings
        self._nothing, self._overlooked, self._told = nothing, overlooked, told
        self.results: list[dict[str, Any]] = []
        self.skipped = 0
        self.failures: list[str] = []
        self._expected: Sequence[Expected] = ()
        #: Node ids of tests that began, and that came to a result or were skipped.
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        #: {node id: how it failed, in a line}, of tests that failed without a result.
        self._failed: dict[str, str] = {}
        self._interrupted = False
        folder = config.invocation_params.dir
        inside = folder_in_repository(config.rootpath)
        self._reports = {
            path: kinds.report(folder / path, inside) for path in dict.fromkeys(settings.reports)
        }
        self._github = GitHub(config) if GitHub.is_here() else None
        if self._github is not None:
            config.pluginmanager.register(self._github, "freezecheck-github")
        self._started = time.perf_counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what may make checks."""
        self._expected = expected(session.items)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Keep which tests began."""
        self._begun.add(nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the results: here in a plain run, on the controller in a distributed one."""
        results = getattr(report, "freezecheck", ())
        self.results.extend(results)
        if results and report.failed:
            report.longrepr = coloured(report.longrepr)
        for result in results:
            self._write(lambda file, check=result: file.add(check))  # type: ignore[misc]
        if results or report.skipped:
            self._ended.add(report.nodeid)
        elif report.failed:
            self._failed[report.nodeid] = _in_a_line(report)
        expected_failure = hasattr(report, "wasxfail")  # pytest counts those as skipped too
        if report.skipped and not expected_failure and "freezecheck" in report.keywords:
            self.skipped += 1

    def pytest_keyboard_interrupt(self) -> None:
        """Keep that somebody ended the run: with `pytest.exit`, the exit status may be any."""
        self._interrupted = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Turn a run that proved nothing into a failed one, and write the reports."""
        if session.config.option.collectonly:
            return
        self._expected = self._expected or self._told()
        compared = [r for r in self.results if r["outcome"] in ("passed", "failed")]
        missing = [each for each in self._expected if each.nodeid not in self._ended]
        if exitstatus in _QUIET:
            said = self._overlooked() if compared else self._why_nothing()
            self.failures += [] if said is None else [said]
        if missing and (compared or exitstatus not in _QUIET):
            names = listed([each.nodeid for each in missing])
            self.failures.append(f"no result of {counted(len(missing), 'check')}: {names}")
        if self.failures and exitstatus in _QUIET:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._write_reports(session, missing)
        if not self.config.pluginmanager.has_plugin("terminalreporter"):  # -p no:terminal
            for failure in self.failures:
                print(f"freezecheck: {failure}", file=sys.stderr)

    def _why_nothing(self) -> str:
        if self.skipped:
            return f"nothing was compared: all {self.skipped} checks were skipped"
        return f"nothing was compared: {self._nothing()}"

    def _write_reports(self, session: pytest.Session, missing: Sequence[Expected]) -> None:
        without = [e.without_result(self.settings.atol, self._why(e)) for e in missing]
        for check in without:
            self._write(lambda file, check=check: file.add(check))  # type: ignore[misc]
        seconds = time.perf_counter() - self._started
        while True:
            if session.exitstatus in _QUIET and self.failures:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            status = int(session.exitstatus)
            ended = json_report.Session(
                seconds=seconds,
                collected=len(self._expected),
                with_result=len(self._expected) - len(missing),
                exit_status=status,
                interrupted=self._interrupted or status == pytest.ExitCode.INTERRUPTED,
            )
            checks = [*self.results, *without]
            document = json_report.document(checks, versions(), self.settings.seed, ended)
            self._write(lambda file, document=document: file.end(document))  # type: ignore[misc]
            # One that cannot be written changes the exit status that the others tell.
            if not (self.failures and status in _QUIET):
                break
        if self._github is not None:
            self._github.take(document, self.failures)

    def _write(self, write: Callable[[files.Whole | files.Lines], None]) -> None:
        """Do something with each report; one that cannot be written is told, and let go."""
        for path, file in list(self._reports.items()):
            try:
                write(file)
            except OSError as error:
                del self._reports[path]
                self.failures.append(f"the report {path} cannot be written: {files.why(error)}")

    def _why(self, check: Expected) -> str:
        """Return why a check has no result, in a line."""
        if check.nodeid in self._failed:
            return self._failed[check.nodeid]
        how = "was interrupted" if self._interrupted else "was stopped"
        when = "while it ran" if check.nodeid in self._begun else "before it began"
        return f"no result: the run {how} {when}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if self.config.option.collectonly or not (self.results or self.failures):
            return
        terminalreporter.section("freezecheck")
        if self.results:
            shown, verbose = self.results, self.config.get_verbosity() > 0
            for row in terminal.table(shown):
                terminalreporter.write(f"{row.text}  ")
                terminalreporter.line(row.verdict, **_MARKUP.get(row.outcome, {}))
            for line in terminal.notes(shown, verbose=verbose):
                terminalreporter.line(line)
            for line in terminal.warnings(shown):
                terminalreporter.line(line, yellow=True)
            for result in shown:
                # What a failed replay says stands above, with the failure.
                if result["outcome"] == "passed" and result["replayed"] is not None:
                    terminalreporter.line(result["message"])
        if self.skipped:
            terminalreporter.line(f"{self.skipped} skipped")
        for failure in self.failures:
            terminalreporter.line(f"freezecheck: {failure}", red=True)


def _in_a_line(report: pytest.TestReport) -> str:
    """Return how a test failed: what its exception says first, or whoever ran it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).strip().splitlines()
    return f"no result: {lines[0] if lines else f'{report.when} failed'}"
