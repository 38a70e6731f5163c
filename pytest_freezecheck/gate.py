"""The armed gate: adds the checks, gives each test its settings, and records what it compared."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from pytest_freezecheck import items as our_items
from pytest_freezecheck.agreement import Agreement, recording
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.settings import Settings, using
from pytest_freezecheck.verdict import Verdict
from pytest_freezecheck.workshop import Workshop

_WORKSHOP = pytest.StashKey[Workshop]()
_MADE = pytest.StashKey[list[Agreement]]()


def workshop_of(config: pytest.Config) -> Workshop:
    """Return the workshop of an armed run."""
    return config.stash[_WORKSHOP]


class Gate:
    """Registered with pytest only when armed; on the workers of a distributed run too."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        if importlib.util.find_spec("tensorflow") is None:
            raise pytest.UsageError(
                "freezecheck: --freezecheck needs TensorFlow, which is not installed here: "
                "pip install tensorflow"
            )
        given: dict[str, Any] = getattr(config, "workerinput", {})
        # A seed that was drawn has to be the same one on every worker.
        self.settings = dataclasses.replace(
            settings, seed=given.get("freezecheck_seed", settings.seed)
        )
        self.config = config
        self.workshop = config.stash[_WORKSHOP] = Workshop(given.get("freezecheck_folder"))
        if not given:
            config.pluginmanager.register(Verdict(config, self.settings), "freezecheck-verdict")
        self.asked: list[str] = []
        self.others_asked = False

    # Start and end of the run.

    def pytest_report_header(self) -> str:
        """Say what is checked with what."""
        s = self.settings
        return (
            f"freezecheck: seed {s.seed}, {s.examples} examples for each artifact, "
            f"atol {s.atol:g}; no model declared, so the reference model is checked"
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker the seed, and where the trained model is shared."""
        node.workerinput["freezecheck_seed"] = self.settings.seed
        node.workerinput["freezecheck_folder"] = str(self.workshop.folder)

    def pytest_unconfigure(self) -> None:
        """Remove what the run made."""
        self.workshop.close()

    # Collection.

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Take our node ids off the command line: they name no file that pytest could find."""
        prefix = f"{our_items.ROOT}::"
        args = session.config.args
        self.asked = [arg for arg in args if arg.startswith(prefix)]
        session.config.args = [arg for arg in args if arg not in self.asked]
        self.others_asked = any("::" in arg for arg in session.config.args)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add our collector to the session, whatever paths are named; not if node ids are."""
        report = yield
        if isinstance(collector, pytest.Session) and (self.asked or not self.others_asked):
            report.result.append(
                our_items.FreezecheckCollector.from_parent(
                    collector, name=our_items.ROOT, nodeid=our_items.ROOT
                )
            )
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was asked for by node id, and read every marker before anything runs."""
        if self.asked:
            self._select(items)
        for item in items:
            if item.get_closest_marker("freezecheck") is not None:
                self._settings_of(item)

    def _select(self, items: list[pytest.Item]) -> None:
        def named(item: pytest.Item, node: str) -> bool:
            return item.nodeid == node or item.nodeid.startswith(f"{node}::")

        for node in self.asked:
            if not any(named(item, node) for item in items):
                raise pytest.UsageError(f"freezecheck: no check is called {node}")
        items[:] = [
            item
            for item in items
            if not isinstance(item, our_items.FreezeItem)
            or any(named(item, node) for node in self.asked)
        ]

    def _settings_of(self, item: pytest.Item) -> Settings:
        """Return the run's settings, overridden by the item's markers, the closest last."""
        settings = self.settings
        for marker in reversed(list(item.iter_markers("freezecheck"))):
            if marker.args:
                raise pytest.UsageError(
                    f"{item.nodeid}: the freezecheck marker takes keywords only, such as atol=1e-4"
                )
            try:
                if "reports" in marker.kwargs:
                    raise SettingError(f"{item.nodeid}: a marker cannot set 'reports'")
                settings = settings.override(marker.kwargs, f"{item.nodeid}: freezecheck marker")
            except SettingError as error:
                raise pytest.UsageError(f"freezecheck: {error}") from None
        return settings

    # One test.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Give `check` this test's settings, and record the checks it makes."""
        with using(self._settings_of(item), item.nodeid), recording() as made:
            item.stash[_MADE] = made
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Fail a test that compared nothing, or that dropped a failed result unread."""
        result = yield
        made = item.stash[_MADE]
        expected = item.get_closest_marker("freezecheck") is not None or "freezecheck" in getattr(
            item, "fixturenames", ()
        )
        if expected and not made:
            pytest.fail(
                "freezecheck: this test compared nothing: it is marked freezecheck or uses the "
                "fixture, but called neither check nor assert_agreement",
                pytrace=False,
            )
        for agreement in made:
            if not agreement.read and not agreement:
                pytest.fail(
                    f"{agreement.text}\n  the test dropped this result: write "
                    "`assert freezecheck(live, frozen)`, or use assert_agreement",
                    pytrace=False,
                )
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Carry the results on the report, which xdist brings to the controller."""
        report = yield
        ours = isinstance(item, our_items.FreezeItem)
        made = item.stash.get(_MADE, [])
        if report.when == "call":
            results = [agreement.as_json() for agreement in made]
            if ours and not made and report.failed:
                results = [_without_result(item, report, "error", str(report.longrepr))]
            report.freezecheck = results  # type: ignore[attr-defined]
        if ours or made:
            report.sections = our_items.without_native_log(report.sections)
        return report


def _without_result(
    item: pytest.Item, report: pytest.TestReport, outcome: str, reason: str
) -> dict[str, Any]:
    from pytest_freezecheck.formats import format_of

    agreement = Agreement(
        model=item.parent.name if item.parent else "",
        artifact=item.name,
        format=format_of(item.name),
        way=item.name,
        outcome=outcome,
        seconds=report.duration,
        text=reason,
        nodeid=item.nodeid,
    )
    return agreement.as_json()
