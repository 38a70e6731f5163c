"""Checks as pytest sees them: collectors for files and models, an item for an artifact or way.

The items are `pytest.Function`s, so that fixtures, marks and other plugins treat them as any test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# What pytest keeps of a failure; no public name makes one, and xdist passes on no other kind.
from _pytest._code.code import ReprExceptionInfo, ReprFileLocation, ReprTracebackNative

from pytest_freezecheck.declaration import EXPORT, Artifact, Model
from pytest_freezecheck.errors import (
    FreezecheckError,
    FreezeError,
    FrozenMismatch,
    InapplicableError,
    UnavailableError,
)
from pytest_freezecheck.raised import rest, told
from pytest_freezecheck.workshop import Workshop

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.settings import Settings

#: First part of the node ids of what is checked without a file that declares it.
ROOT = "freezecheck"
REFERENCE = "reference"
#: Stands in for `reference` where a repository has a live model of its own as a fixture.
OVERRIDDEN = "live_model"
FIXTURE = "freezecheck_live_model"
WORKSHOP = pytest.StashKey[Workshop]()
_NATIVE_LOG = re.compile(
    r"^(INFO: Created TensorFlow Lite|WARNING: All log messages before absl::InitializeLog|"
    r"[IWE]\d{4} |To enable the following instructions|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] )"
)


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

    def settings(self, settings: Settings) -> Settings:
        """Return the run's settings with those of the declaration in their place."""
        return settings if self.model is None else self.model.settings(settings, self.artifact)

    def check(self, live: LiveModel) -> None:
        """Check what this item stands for, with the operations that its declaration allows."""
        __tracebackhide__ = True
        from pytest_freezecheck import formats

        owners = [owner for owner in (self.model, self.artifact) if owner is not None]
        with formats.allowing(pattern for owner in owners for pattern in owner.allow_ops):
            self._check(live)

    def _check(self, live: LiveModel) -> None:
        __tracebackhide__ = True
        from pytest_freezecheck import shipping

        scratch = self.config.stash[WORKSHOP].scratch
        if self.artifact is not None and self.model is not None:
            root, model = self.model.root or Path(), self.model
            shipping.check_artifact(
                live, self.artifact, root, model.ignore_outputs, model.ignore_weights
            )
        elif self.way is not None:
            try:
                shipping.check_way(live, self.way, scratch(self.way), skipped=self._skipped_errors)
            except UnavailableError as error:
                pytest.skip(str(error))
        elif self.model is not None:
            shipping.check_export(live, self.model, scratch(EXPORT))

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
            return str(excinfo.value)
        if isinstance(excinfo.value, FreezecheckError):
            line, more = self._line(excinfo.value), rest(excinfo.value, self.config)
            return _with_rest(self.path, line, more) if more else line
        return super().repr_failure(excinfo, **kwargs)

    def in_short(self, call: pytest.CallInfo[None]) -> str | None:
        """Return the one line of an error of ours, or None if it was another."""
        error = None if call.excinfo is None else call.excinfo.value
        return self._line(error) if isinstance(error, FreezecheckError) else None

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
    request.node.check(request.config.stash[WORKSHOP].reference())


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
    request.node.check(request.config.stash[WORKSHOP].live(request.node.model))


def _with_rest(path: Path, line: str, more: str) -> ReprExceptionInfo:
    """Return what pytest shows of a failure whole, and in its summary by the line alone.

    Of mere text the summary shows all, with `-vv` and on CI.
    """
    return ReprExceptionInfo(
        reprtraceback=ReprTracebackNative([f"{line}{more}\n"]),
        reprcrash=ReprFileLocation(str(path), 0, line),
    )


def without_native_log(sections: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the lines that TensorFlow's C++ side prints when it starts, and sections left empty.

    Nothing else of what was captured is touched.
    """
    kept = []
    for title, content in sections:
        lines = [x for x in content.splitlines(keepends=True) if not _NATIVE_LOG.match(x)]
        if "".join(lines).strip():
            kept.append((title, "".join(lines)))
    return kept
