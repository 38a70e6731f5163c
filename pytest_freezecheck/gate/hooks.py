"""The armed gate: adds the checks, gives each test its settings, and records what it compared."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from pytest_freezecheck.declared.model_cache import ModelCache
from pytest_freezecheck.errors import RunnerError, SettingError
from pytest_freezecheck.formats import registry
from pytest_freezecheck.gate import items as our_items
from pytest_freezecheck.gate import shown
from pytest_freezecheck.gate.collection import Collection, answers_of
from pytest_freezecheck.gate.expected import Expected, expected, makes_checks, tell, told
from pytest_freezecheck.gate.isolation import Isolation
from pytest_freezecheck.gate.places import declared_at
from pytest_freezecheck.gate.progress import Line
from pytest_freezecheck.gate.replay import Replay
from pytest_freezecheck.gate.summary import Verdict
from pytest_freezecheck.result import reasons
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.progress import watching
from pytest_freezecheck.result.recording import recording
from pytest_freezecheck.runner.interrupts import terminated_as_interrupted
from pytest_freezecheck.runner.output import without_native_log
from pytest_freezecheck.settings import FOLDER, Run, Settings, using
from pytest_freezecheck.versions import remarks

_MADE = pytest.StashKey[list[Agreement]]()


class Gate:
    """Registered with pytest only when armed; on the workers of a distributed run too."""

    def __init__(
        self, config: pytest.Config, settings: Settings, replay: str | None = None
    ) -> None:
        if importlib.util.find_spec("tensorflow") is None:
            raise pytest.UsageError(
                "freezecheck: --freezecheck needs TensorFlow, which is not installed here: "
                "pip install tensorflow"
            )
        given: dict[str, Any] = getattr(config, "workerinput", {})
        cache = settings.cache and str(config.invocation_params.dir / settings.cache)
        # A seed that was drawn has to be the same one on every worker.
        self.settings = dataclasses.replace(
            settings,
            seed=given.get("freezecheck_seed", settings.seed),
            cache=cache,
        )
        self.config = config
        self.model_cache = config.stash[our_items.MODEL_CACHE] = ModelCache(
            given.get("freezecheck_folder")
        )
        if not given:
            verdict = Verdict(
                config,
                self.settings,
                nothing=lambda: self.collection.why_nothing(),
                overlooked=lambda: self.collection.overlooked(),
                told=lambda: told(self.model_cache.folder) if self._distributed else [],
            )
            config.pluginmanager.register(verdict, "freezecheck-verdict")
        self.replay = None if replay is None else Replay(config, replay)
        if self.replay is not None:
            config.pluginmanager.register(self.replay, "freezecheck-replay")
        self._worker, self._distributed = bool(given), False
        self._line = Line(config)
        self._run = contextlib.ExitStack()
        try:
            formats = self._run.enter_context(_added_formats(config))
            replayed = None if self.replay is None else self.replay.nodeid
            self.collection = Collection(config, replayed)
            self.isolation = Isolation(
                config, self.settings, lambda: self.model_cache.folder, formats, self.collection
            )
        except BaseException:
            self._run.close()
            raise
        if not self._worker:  # a worker ends when whoever controls it says so
            self._run.enter_context(terminated_as_interrupted())
        config.pluginmanager.register(self.collection, "freezecheck-collection")
        config.pluginmanager.register(self.isolation, "freezecheck-isolation")

    # Start and end of the run.

    def pytest_report_header(self) -> list[str]:
        """Say what is checked with what."""
        s = self.settings
        apart_ = [f"freezecheck: {line}" for line in (*remarks(), *self.isolation.header)]
        if self.replay is not None:
            return [f"freezecheck: replays {self.replay.given}; atol {s.atol:g}", *apart_]
        return [
            f"freezecheck: seed {s.seed}, {s.examples} examples for each artifact, "
            f"atol {s.atol:g}; {self.collection.description}",
            *(f"freezecheck: {line}" for line in self.collection.misspelt),
            *apart_,
        ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker the seed, and where the trained model is shared."""
        self._distributed = True
        node.workerinput["freezecheck_seed"] = self.settings.seed
        node.workerinput["freezecheck_folder"] = str(self.model_cache.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep the checks of a model on one worker, where that can be had."""
        from pytest_freezecheck.gate.xdist import make_scheduler

        return make_scheduler(config, log)

    def pytest_unconfigure(self) -> None:
        """Remove what the run made, and forget the formats that its conftest.py added."""
        self.isolation.close()
        self._run.close()
        self.model_cache.close()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """On a worker, leave word of what is expected of the run."""
        if self._worker:
            tell(self.model_cache.folder, expected(session.items))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read every marker before anything runs: a wrong one is a usage error."""
        for item in items:
            if item.get_closest_marker("freezecheck") is not None:
                self._settings_of(item)

    def _settings_of(self, item: pytest.Item) -> Settings:
        """Return the run's settings, overridden by the item's markers, the closest last."""
        settings = self.settings
        if isinstance(item, our_items.FreezeItem):
            settings = item.settings(settings)
        for marker in reversed(list(item.iter_markers("freezecheck"))):
            if marker.args:
                raise pytest.UsageError(
                    f"{item.nodeid}: the freezecheck marker takes keywords only, such as atol=1e-4"
                )
            try:
                settings = settings.override(marker.kwargs, f"{item.nodeid}: freezecheck marker")
            except SettingError as error:
                raise pytest.UsageError(f"freezecheck: {error}") from None
        return settings

    # One test.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Give `check` this test's settings, and record the checks it makes."""
        run = Run(
            self._settings_of(item),
            item.nodeid,
            item.config.rootpath / FOLDER,
            None if self.replay is None else self.replay.path,
        )
        if our_items.APART in item.stash:  # of the same test, which a plugin runs again
            del item.stash[our_items.APART]
        with using(run), recording() as made:
            item.stash[_MADE] = made
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Fail a test that compared nothing, or that dropped a failed result unread."""
        made = item.stash[_MADE]
        try:
            with self._watched(item):
                result = yield
        finally:
            for each in _results(item):
                item.user_properties.extend(_properties(each))
        if makes_checks(item) and not _results(item):
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

    @contextlib.contextmanager
    def _watched(self, item: pytest.Item) -> Iterator[None]:
        """Show how far the checks of a test have come; a worker has nothing to show it on."""
        if self._worker or not (isinstance(item, our_items.FreezeItem) or makes_checks(item)):
            yield
            return
        self._line.begin(item.reportinfo()[2])
        try:
            with watching(self._line.show):
                yield
        finally:
            self._line.end()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Carry the results on the report, which xdist brings to the controller."""
        report = yield
        error = None if call.excinfo is None else call.excinfo.value
        shown.shorten(report.longrepr, error, self.config.get_verbosity())
        made = item.stash.get(_MADE, [])
        results = _results(item) if report.when == "call" else []
        known = any(result["outcome"] in ("failed", "error") for result in results)
        # A process that ended may have failed something before, and left the rest unchecked.
        known = known and not (call.excinfo is not None and call.excinfo.errisinstance(RunnerError))
        if isinstance(item, our_items.FreezeItem) and report.failed and not known:
            text = item.in_short(call) or str(report.longrepr)
            reason = "exception" if error is None else reasons.of_error(error).reason
            atol = self._settings_of(item).atol
            missing = Expected.of(item).without_result(atol, text, reason, report.duration)
            results.append(missing)
        report.freezecheck = results  # type: ignore[attr-defined]
        if isinstance(item, our_items.FreezeItem) or made:
            report.sections = without_native_log(report.sections)
        return report


@contextlib.contextmanager
def _added_formats(config: pytest.Config) -> Iterator[list[Any]]:
    """Know the formats of the conftest.py files and plugins, before models name their ways."""
    hook = "pytest_freezecheck_formats"
    formats = answers_of(config, hook, "freezecheck.Format")
    try:
        with registry.added(formats, hook):
            yield formats
    except SettingError as error:
        raise pytest.UsageError(f"freezecheck: {error}") from None


def _results(item: pytest.Item) -> list[dict[str, Any]]:
    """Return the results of a test's comparisons, in this process or in another."""
    made = [agreement.as_json() for agreement in item.stash.get(_MADE, [])]
    apart_ = item.stash.get(our_items.APART, None)
    place = declared_at(item)
    every = [*made, *(apart_.results if apart_ is not None else ())]
    return [{**result, "declared_at": place} for result in every]


def _properties(result: dict[str, Any]) -> list[tuple[str, object]]:
    """Return what JUnit XML says of a check, as plain Python values."""
    names = (
        "model",
        "artifact",
        "outcome",
        "reason",
        "max_abs_diff",
        "atol",
        "inputs",
        "examples",
        "exact",
    )
    power = result["power"]
    share = None if power is None else round(power["in_all"] / power["planted"], 4)
    found: list[tuple[str, object]] = [] if share is None else [("freezecheck.power", share)]
    if result["cause"] is not None:
        found.append(("freezecheck.cause", result["cause"]["id"]))
    if result["proof"] is not None:
        found.append(("freezecheck.proof", result["proof"]["result"]))
    return [*((f"freezecheck.{name}", result[name]) for name in names), *found]
