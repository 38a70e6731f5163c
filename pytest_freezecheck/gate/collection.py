"""What an armed run collects: declared models, the fixture's, and ours where it is asked for."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.declared import pyproject
from pytest_freezecheck.declared.model import Model
from pytest_freezecheck.declared.told import rest, told
from pytest_freezecheck.errors import FreezecheckError, SettingError
from pytest_freezecheck.gate import items as our_items
from pytest_freezecheck.gate import undeclared
from pytest_freezecheck.gate.places import Places


class Collection:
    """Adds our collectors to the session, whatever paths are named; not if node ids are.

    Models of pyproject.toml are collected from that file, as any test is from its file. Others
    have no file: their collector is added to the session, and their node ids, which name no path,
    are taken off the command line before pytest looks for one.

    The reference model is there if its node id is named, and by itself only where there is nothing
    that could have a model of its own: a mistyped table is no green run.

    Args:
        config: pytest's.
        replayed: node id of the check whose saved input is replayed, if one is.
    """

    def __init__(self, config: pytest.Config, replayed: str | None = None) -> None:
        self.config = config
        self._replayed = replayed
        self._session: pytest.Session | None = None
        self.path: Path | None = None
        self.declared: list[Model] = []
        self.hooked: list[Model] = []
        self._file: our_items.DeclarationFile | None = None
        self.asked: list[str] = []
        self.others_asked = False
        self._table = False
        self._places = Places(config.rootpath)
        try:
            found = pyproject.find(config.rootpath)
            if found is not None:
                self.path, table = found
                self.declared = pyproject.read(self.path, table)
                self._places.file = self.path
                self._table = True
        except SettingError as error:
            raise pytest.UsageError(f"freezecheck: {error}") from None
        files = dict.fromkeys((config.rootpath / pyproject.NAME, self.path))
        self.misspelt = [f"{p.name}: {line}" for p in files if p for line in undeclared.misspelt(p)]
        self._lost = any(map(undeclared.looks_declared, files))

    @property
    def description(self) -> str:
        """What is checked, for the header."""
        names = ", ".join(model.name for model in (*self.declared, *self.hooked))
        if names:
            return f"declared: {names}"
        ours = "checking freezecheck's own reference model"
        if self._names_reference(self.config.args):
            return ours
        if self._overridden:
            return f"no model declared: checking the one of the fixture {our_items.FIXTURE}"
        return f"no model declared here: {ours}" if self._anywhere else "no model declared"

    @functools.cached_property
    def _anywhere(self) -> bool:
        """Whether the run is started where there is nothing that could have a model."""
        return not undeclared.is_repository(self.config)

    @property
    def _overridden(self) -> Callable[..., Any] | None:
        """The live model of a conftest.py of the root folder, or of a plugin, if one has one."""
        session = self._session
        if session is None:
            return None
        definitions = session._fixturemanager.getfixturedefs(our_items.FIXTURE, session) or ()
        own = [d.func for d in definitions if d.func.__module__ != "pytest_freezecheck.plugin"]
        return own[-1] if own else None

    @property
    def expected(self) -> list[Model | None]:
        """Models whose checks are to be expected; None is ours.

        Not all of them have to be: what is named and what is deselected is not looked at here.
        """
        ours: list[Model | None] = [None] if our_items.REFERENCE in self._others() else []
        if self.others_asked and not self.asked:
            return []
        return [*self.declared, *self.hooked, *ours]

    def _names_reference(self, nodes: Sequence[str]) -> bool:
        """Return whether the reference model is among these node ids, or what is replayed."""
        ours = f"{our_items.ROOT}::{our_items.REFERENCE}"
        named = any(f"{node}::".startswith(f"{ours}::") for node in (*nodes, self._replayed or ""))
        return named and all(model.name != our_items.REFERENCE for model in self.hooked)

    def why_nothing(self) -> str:
        """Return why nothing was compared although nothing failed, and what to add."""
        models = [*self.declared, *self.hooked]
        empty = [m.name for m in models if not (m.artifacts or m.freeze or m.export is not None)]
        if models and len(empty) == len(models):
            return f"{', '.join(empty)}: no artifacts, freeze or export is declared"
        if models or self.asked or self._overridden or self._anywhere:
            return "no check was collected, or every one was deselected"
        return undeclared.what_to_add(self.config, self.path, self._table)

    def overlooked(self) -> str | None:
        """Return what a run that compared something has to fail for: a mistyped table."""
        if self._lost and not (self.asked or self.others_asked):
            return f"a model that is declared was not compared: {self.misspelt[0]}"
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Ask the conftest files for models, before the header names them."""
        self._session = session
        self.hooked = self._hooked()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Look at what the command line names."""
        args = session.config.args
        self.asked = [arg for arg in args if arg.startswith(f"{our_items.ROOT}::")]
        rest = [arg for arg in args if arg not in self.asked]
        self.others_asked = any("::" in arg for arg in rest)
        named = bool(self.asked or self.others_asked)
        if self.path is not None and self.declared and not named and not self._is_below(rest):
            rest.append(str(self.path))
        session.config.args = rest

    def _is_below(self, args: list[str]) -> bool:
        """Return whether a folder on the command line holds the declaration already.

        Named besides, it would hide the folder's other tests from pytest before 9
        (pytest-dev/pytest#12083).
        """
        here = self.config.invocation_params.dir
        folders = [(here / arg).resolve() for arg in args]
        return any(folder in self.path.resolve().parents for folder in folders if self.path)

    def _hooked(self) -> list[Model]:
        hook = "pytest_freezecheck_models"
        models: list[Model] = []
        for model, function in answers_by(self.config, hook, "freezecheck.Model"):
            if not isinstance(model, Model):
                raise pytest.UsageError(
                    f"freezecheck: {hook} returned a list with {type(model).__name__}; "
                    "expected freezecheck.Model"
                )
            rooted = model.root or self.config.rootpath
            models.append(dataclasses.replace(model, root=rooted))
            self._places.functions[model.name] = function
        names = [model.name for model in (*self.declared, *models)]
        for name in names:
            if names.count(name) > 1:
                raise pytest.UsageError(f"freezecheck: two models are called {name!r}")
        return models

    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Collect the pyproject.toml that declares models.

        It is met twice where its folder is collected too; pytest before 9 tells that only by being
        handed the same collector.
        """
        if not self.declared or file_path != self.path:
            return None
        if self._file is not None:
            return self._file
        # Named from the rootdir also where it lies above it, which pytest would name nothing.
        nodeid = Path(os.path.relpath(file_path, self.config.rootpath)).as_posix()
        collector: our_items.DeclarationFile = our_items.DeclarationFile.from_parent(
            parent, path=file_path, nodeid=nodeid
        )
        collector.models = self.declared
        self._file = collector
        return collector

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the collector of what no file declares."""
        report = yield
        if isinstance(collector, pytest.Session) and (self.asked or not self.others_asked):
            others = self._others()
            if self.hooked or others:
                ours: our_items.FreezecheckCollector = our_items.FreezecheckCollector.from_parent(
                    collector, name=our_items.ROOT, nodeid=our_items.ROOT
                )
                ours.models, ours.others = self.hooked, others
                report.result.append(ours)
        return report

    def _others(self) -> list[str]:
        """Return the names of the models that nothing declares."""
        named = [our_items.REFERENCE] if self._names_reference(self.asked) else []
        if self.declared or self.hooked:
            return named
        if self._overridden:
            return [our_items.OVERRIDDEN, *named]
        return named or ([our_items.REFERENCE] if not self.asked and self._anywhere else [])

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Say where each check is declared, and keep what was asked for by node id."""
        self._places.fixture = self._overridden
        for item in items:
            if isinstance(item, our_items.FreezeItem):
                item.declared_at = self._places.of(item)
        if not self.asked:
            return

        def named(item: pytest.Item, node: str) -> bool:
            return item.nodeid == node or item.nodeid.startswith(f"{node}::")

        for node in self.asked:
            if not any(named(item, node) for item in items):
                raise pytest.UsageError(f"freezecheck: no check is called {node}")
        items[:] = [
            item
            for item in items
            if not item.nodeid.startswith(f"{our_items.ROOT}::")
            or any(named(item, node) for node in self.asked)
        ]


def answers_of(config: pytest.Config, hook: str, expected: str) -> list[Any]:
    """Return what all conftest files and plugins answer to a hook of ours, as one list.

    Raises:
        pytest.UsageError: one raises, or returns no list.
    """
    return [answer for answer, _ in answers_by(config, hook, expected)]


def answers_by(
    config: pytest.Config, hook: str, expected: str
) -> list[tuple[Any, Callable[..., Any] | None]]:
    """Return the same, each with the function that answered it, or None where that is not told.

    Raises:
        pytest.UsageError: one raises, or returns no list.
    """
    found: list[tuple[Any, Callable[..., Any] | None]] = []
    asked = getattr(config.hook, hook)
    try:
        with told(hook, config.rootpath, SettingError):
            answers = asked()
            for answer, function in zip(answers, _functions(asked, len(answers)), strict=True):
                if answer is not None and not isinstance(answer, Iterable):
                    raise SettingError(
                        f"{hook} returned {type(answer).__name__}; expected a list of {expected}"
                    )
                found += [(each, function) for each in answer or ()]
    except FreezecheckError as error:
        raise pytest.UsageError(f"freezecheck: {error}{rest(error, config)}") from None
    return found


def _functions(hook: Any, answers: int) -> list[Callable[..., Any] | None]:
    """Return which function gave each answer of a hook, if all gave one and none wraps others."""
    every = hook.get_hookimpls()
    wrapped = any(each.wrapper or each.hookwrapper for each in every)
    if wrapped or len(every) != answers:
        return [None] * answers
    return [each.function for each in reversed(every)]
