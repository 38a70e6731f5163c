"""What an armed run collects: declared models, or the reference model."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck import items as our_items
from pytest_freezecheck import pyproject
from pytest_freezecheck.declaration import Model
from pytest_freezecheck.errors import SettingError


class Collection:
    """Adds our collectors to the session, whatever paths are named; not if node ids are.

    Models of pyproject.toml are collected from that file, as any test is from its file. Others
    have no file: their collector is added to the session, and their node ids, which name no path,
    are taken off the command line before pytest looks for one.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.path: Path | None = None
        self.declared: list[Model] = []
        self.hooked: list[Model] = []
        self._file: our_items.DeclarationFile | None = None
        self.asked: list[str] = []
        self.others_asked = False
        try:
            found = pyproject.find(config.rootpath)
            if found is not None:
                self.path, table = found
                self.declared = pyproject.read(self.path, table)
        except SettingError as error:
            raise pytest.UsageError(f"freezecheck: {error}") from None

    @property
    def description(self) -> str:
        """What is checked, for the header."""
        names = ", ".join(model.name for model in (*self.declared, *self.hooked))
        if not names:
            return "no model declared, so the reference model is checked"
        return f"declared: {names}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Ask the conftest files for models, before the header names them."""
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
        models: list[Model] = []
        try:
            answers = self.config.hook.pytest_freezecheck_models()
        except SettingError as error:
            raise pytest.UsageError(f"freezecheck: {error}") from None
        for answer in answers:
            for model in answer or ():
                if not isinstance(model, Model):
                    raise pytest.UsageError(
                        "freezecheck: pytest_freezecheck_models returned a list with "
                        f"{type(model).__name__}; expected freezecheck.Model"
                    )
                rooted = model.root or self.config.rootpath
                models.append(dataclasses.replace(model, root=rooted))
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
        wanted = bool(self.hooked or not self.declared)
        if (
            isinstance(collector, pytest.Session)
            and wanted
            and (self.asked or not self.others_asked)
        ):
            ours: our_items.FreezecheckCollector = our_items.FreezecheckCollector.from_parent(
                collector, name=our_items.ROOT, nodeid=our_items.ROOT
            )
            ours.models = self.hooked
            ours.overridden = _is_overridden(collector, ours)
            report.result.append(ours)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was asked for by node id."""
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


def _is_overridden(session: pytest.Session, node: Any) -> bool:
    """Return whether a conftest.py that this node can see has a live model of its own."""
    definitions = session._fixturemanager.getfixturedefs(our_items.FIXTURE, node) or ()
    return any(
        definition.func.__module__ != "pytest_freezecheck.plugin" for definition in definitions
    )
