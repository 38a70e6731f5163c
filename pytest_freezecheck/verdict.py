"""What a run proved: collects the results, decides the exit status, writes and prints reports.

Registered where the run is controlled; the workers of a distributed run have none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.report import terminal
from pytest_freezecheck.settings import Settings
from pytest_freezecheck.versions import versions


class Verdict:
    """Turns the results of the tests into that of the run.

    Args:
        config: pytest's.
        settings: of the run.
        nothing: says why nothing was compared, and what to add.
        overlooked: says what fails a run that compared something, or returns None.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        nothing: Callable[[], str],
        overlooked: Callable[[], str | None],
    ) -> None:
        self.config = config
        self.settings = settings
        self._nothing, self._overlooked = nothing, overlooked
        self.results: list[dict[str, Any]] = []
        self.skipped = 0
        self.failure: str | None = None
        self.collected = 0
        self._started = time.perf_counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count what may make checks."""
        self.collected = sum("freezecheck" in item.keywords for item in session.items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the results: here in a plain run, on the controller in a distributed one."""
        self.results.extend(getattr(report, "freezecheck", ()))
        expected_failure = hasattr(report, "wasxfail")  # pytest counts those as skipped too
        if report.skipped and not expected_failure and "freezecheck" in report.keywords:
            self.skipped += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Turn a run that proved nothing into a failed one, and write the reports."""
        if session.config.option.collectonly:
            return
        compared = [r for r in self.results if r["outcome"] in ("passed", "failed")]
        quiet = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if exitstatus in quiet:
            self.failure = self._overlooked() if compared else self._why_nothing()
            if self.failure is not None:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._write_reports(session)
        if self.failure and not self.config.pluginmanager.has_plugin("terminalreporter"):
            print(f"freezecheck: {self.failure}", file=sys.stderr)  # -p no:terminal

    def _why_nothing(self) -> str:
        if self.skipped:
            return f"nothing was compared: all {self.skipped} checks were skipped"
        return f"nothing was compared: {self._nothing()}"

    def _write_reports(self, session: pytest.Session) -> None:
        status = int(session.exitstatus)
        ended = json_report.Session(
            seconds=time.perf_counter() - self._started,
            collected=self.collected,
            exit_status=status,
            interrupted=status == pytest.ExitCode.INTERRUPTED,
        )
        document = json_report.document(self.results, versions(), self.settings.seed, ended)
        for path in self.settings.reports:
            try:
                json_report.write(self.config.invocation_params.dir / Path(path), document)
            except OSError as error:
                self.failure = f"the report {path} cannot be written: {error.strerror}"
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if self.config.option.collectonly or not (self.results or self.failure):
            return
        terminalreporter.section("freezecheck")
        if self.results:
            shown = self.results
            for line in (
                *terminal.table(shown),
                *terminal.skips(shown),
                *terminal.weaknesses(shown),
                *terminal.warnings(shown),
            ):
                terminalreporter.line(line)
            for result in shown:
                # What a failed replay says stands above, with the failure.
                if result["outcome"] == "passed" and result["replayed"] is not None:
                    terminalreporter.line(result["message"])
        if self.skipped:
            terminalreporter.line(f"{self.skipped} skipped")
        if self.failure:
            terminalreporter.line(f"freezecheck: {self.failure}", red=True)
