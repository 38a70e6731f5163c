"""Checks as pytest sees them: collectors for files and models, an item for an artifact or way.

The items are `pytest.Function`s, so that fixtures, marks and other plugins treat them as any test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# What pytest keeps of a failure; no public name makes one, and xdist passes on no other kind.
from _pytest._code.code import ReprExceptionInfo, ReprFileLocation, ReprTracebackNative

from pytest_freezecheck.declared.job import Job
from pytest_freezecheck.declared.model import EXPORT, Artifact, Model
from pytest_freezecheck.declared.model_cache import ModelCache
from pytest_freezecheck.declared.told import rest, told
from pytest_freezecheck.errors import (
    FreezecheckError,
    FreezeError,
    InapplicableError,
    RaisedError,
    UnavailableError,
)
from pytest_freezecheck.gate import remote
from pytest_freezecheck.report.text import brief
from pytest_freezecheck.result.agreement import FrozenMismatch
from pytest_freezecheck.settings import current

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.runner.keeper import Check, Keeper
    from pytest_freezecheck.settings import Settings

#: First part of the node ids of what is checked without a file that declares it.
ROOT = "freezecheck"
REFERENCE = "reference"
#: Stands in for `reference` where a repository has a live model of its own as a fixture.
OVERRIDDEN = "live_model"
FIXTURE = "freezecheck_live_model"
MODEL_CACHE = pytest.StashKey[ModelCache]()
#: The process that declared checks are made in; absent where they are made in pytest's.
KEEPER: pytest.StashKey[Keeper] = pytest.StashKey()
#: What that process came to, of one check.
APART: pytest.StashKey[Check] = pytest.StashKey()


class DeclarationFile(pytest.File):
    """A pyproject.toml that declares models."""

    models: Sequence[Model] = ()

    def collect(self) -> Iterator[pytest.Collector]:
        """Collect the models."""
        for model in self.models:
            yield ModelCollector.make(self, model)


class FreezecheckCollector(pytest.Collector):
    """Holds the checks that no file of the repository declares."""

    models: Sequence[Model] = ()
    others: Sequence[str] = ()

    def collect(self) -> Iterator[pytest.Collector]:
        """Collect the models of the hook, the live model of the fixture, and ours."""
        for model in self.models:
            yield ModelCollector.make(self, model)
        for name in self.others:
            yield ModelCollector.from_parent(self, name=name)


class ModelCollector(pytest.Collector):
    """Holds the checks of one model: a declared one, that of the fixture, or ours."""

    model: Model | None = None

    @classmethod
    def make(cls, parent: pytest.Collector, model: Model) -> ModelCollector:
        """Return the collector of a declared model."""
        collector: ModelCollector = cls.from_parent(parent, name=model.name)
        collector.model = model
        return collector

    def collect(self) -> Iterator[pytest.Item]:
        """Collect one item for each artifact, way and exporting function."""
        if self.model is None:
            from pytest_freezecheck import formats

            check = _check_reference if self.name == REFERENCE else _check_fixture
            for way in formats.WAYS:
                yield self._item(way, check, way=way)
            return
        for artifact in self.model.artifacts:
            yield self._item(artifact.path, _check_declared, artifact=artifact)  # type: ignore[union-attr, arg-type]
        for way in self.model.freeze:
            yield self._item(way, _check_declared, way=way)
        if self.model.export is not None:
            yield self._item(EXPORT, _check_declared)

    def _item(
        self,
        name: str,
        function: Callable[..., None],
        artifact: Artifact | None = None,
        way: str | None = None,
    ) -> FreezeItem:
        item: FreezeItem = FreezeItem.from_parent(self, name=name, callobj=function)
        item.model, item.artifact, item.way = self.model, artifact, way
        item.add_marker(ROOT)
        return item


class FreezeItem(pytest.Function):
    """Checks an artifact, a fresh freeze, or what an exporting function writes."""

    model: Model | None
    artifact: Artifact | None
    way: str | None
    #: As in a result; set once all are collected.
    declared_at: dict[str, Any] | None = None

    def settings(self, settings: Settings) -> Settings:
        """Return the run's settings with those of the declaration in their place."""
        return settings if self.model is None else self.model.settings(settings, self.artifact)

    @property
    def job(self) -> Job:
        """What to check, as plain data."""
        return Job(self.model, self.artifact, self.way, self._skipped_errors)

    def check(self, live: LiveModel) -> None:
        """Check what this item stands for, in this process."""
        __tracebackhide__ = True
        from pytest_freezecheck.checking import targets

        try:
            targets.do(self.job, live, self.config.stash[MODEL_CACHE].scratch)
        except UnavailableError as error:
            if self.way is None:
                raise
            pytest.skip(str(error))

    def check_apart(self) -> None:
        """Check it in a process of its own, whose live model it is; or in this one if none is."""
        __tracebackhide__ = True
        keeper = self.config.stash.get(KEEPER, None)
        if keeper is None or keeper.refusal(self.model) is not None:
            self.check(self.config.stash[MODEL_CACHE].of(self.model))
            return
        check = keeper.check(self.job, current(), self.name)
        self.stash[APART] = check
        remote.show(self, check)
        remote.conclude(check, skips=self.way is not None)

    @property
    def _skipped_errors(self) -> tuple[type[FreezeError], ...]:
        """What is no error where nobody asked for a way: that it is for other models.

        The reference model can be frozen in all others; a repository's own model need not be.
        """
        if self.model is not None:
            return ()
        of_ours = self.parent is not None and self.parent.name == REFERENCE
        return (InapplicableError,) if of_ours else (FreezeError,)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], **kwargs: Any) -> Any:  # type: ignore[override]
        """Show our own errors as their text, everything else as pytest does."""
        if isinstance(excinfo.value, FrozenMismatch):
            shown = brief(str(excinfo.value), self.config.get_verbosity())
            line, _, more = shown.partition("\n")
            return _with_rest(self.path, line, f"\n{more}" if more else "")
        if isinstance(excinfo.value, FreezecheckError):
            line, more = self._line(excinfo.value), rest(excinfo.value, self.config)
            more = remote.last_words(excinfo.value) or more
            return _with_rest(self.path, line, more) if more else line
        if isinstance(excinfo.value, RaisedError):
            return _with_rest(self.path, str(excinfo.value), f"\n\n{excinfo.value.behind}")
        return super().repr_failure(excinfo, **kwargs)

    def in_short(self, call: pytest.CallInfo[None]) -> str | None:
        """Return the one line of an error of ours, or None if it was another."""
        error = None if call.excinfo is None else call.excinfo.value
        if not isinstance(error, FreezecheckError):
            return None
        return f"{self._line(error)}{remote.last_words(error)}"

    def _line(self, error: FreezecheckError) -> str:
        model = self.parent.name if self.parent else ""
        return f"freezecheck: {model}: {str(error).removeprefix(f'{model}: ')}"

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Head its failure with model and artifact.

        pytest takes the end of a node id for dotted names if it reads the same.
        """
        return self.path, None, f"{self.parent.name if self.parent else ''}, {self.name}"


def _check_reference(request: pytest.FixtureRequest) -> None:
    """Check our own model, also where a repository overrides the fixture."""
    __tracebackhide__ = True
    request.node.check_apart()


def _check_fixture(request: pytest.FixtureRequest) -> None:
    """Check the live model of the repository's own fixture.

    It is asked for here and not before, so that what it raises is told in one line for each check.
    """
    __tracebackhide__ = True
    try:
        with told(f"the fixture {FIXTURE}", request.config.rootpath):
            live = request.getfixturevalue(FIXTURE)
    except FreezecheckError as error:
        if isinstance(error.__cause__, pytest.FixtureLookupError):
            raise error.__cause__ from None  # pytest lists the fixtures that there are
        raise
    request.node.check(live)


def _check_declared(request: pytest.FixtureRequest) -> None:
    """Check a declared model."""
    __tracebackhide__ = True
    request.node.check_apart()


def _with_rest(path: Path, line: str, more: str) -> ReprExceptionInfo:
    """Return what pytest shows of a failure whole, and in its summary by the line alone.

    Of mere text the summary shows all, with `-vv` and on CI.
    """
    return ReprExceptionInfo(
        reprtraceback=ReprTracebackNative([f"{line}{more}\n"]),
        reprcrash=ReprFileLocation(str(path), 0, line),
    )
