"""`freezecheck repair`: a mended copy of a file, checked like any other."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import tempfile
from pathlib import Path

from pytest_freezecheck.command import options
from pytest_freezecheck.command.check import (
    Checks,
    commands,
    describe,
    of_the_live_model,
    one,
)
from pytest_freezecheck.command.lives import Declared, declared
from pytest_freezecheck.command.printing import Printer
from pytest_freezecheck.command.running import Maker, making
from pytest_freezecheck.declared.model import Artifact
from pytest_freezecheck.errors import RepairError, SettingError
from pytest_freezecheck.messages.wording import counted, listed
from pytest_freezecheck.report import files
from pytest_freezecheck.result.reasons import PASSED
from pytest_freezecheck.runner.interrupts import terminated_as_interrupted
from pytest_freezecheck.settings import Settings

_AGREES, _DIFFERS = 0, 1
#: What the check of a file wrote beside its mended copy: what was changed in it.
_CHANGES = ".changes.json"


def run(given: argparse.Namespace, printer: Printer) -> int:
    """Check, mend, check what was written, and return the exit code.

    Raises:
        SettingError: something on the command line, or in a table, cannot be used.
    """
    settings = options.settings(given)
    found = declared(given, [given.artifact])
    (artifact,) = found.artifacts
    target = _target(given)
    describe(printer, settings, found, given)
    command = commands(given, [given.artifact])(artifact)
    with terminated_as_interrupted(), making(settings) as maker:
        beside = _beside(target)
        repair = _Repair(maker, found, artifact, settings, printer)
        live = f"--model={shlex.quote(given.live)}{of_the_live_model(given)}"
        again = f"freezecheck repair {shlex.quote(given.artifact)} {live}"
        try:
            return repair.run(beside / target.name, target, (command, again), force=given.force)
        except KeyboardInterrupt:
            return repair.interrupted()
        finally:
            shutil.rmtree(beside, ignore_errors=True)


class _Repair:
    def __init__(
        self,
        maker: Maker,
        found: Declared,
        artifact: Artifact,
        settings: Settings,
        printer: Printer,
    ) -> None:
        self.maker, self.found, self.artifact, self.settings = maker, found, artifact, settings
        self.printer = printer
        self.checks = Checks(settings, printer)

    def run(self, draft: Path, target: Path, commands: tuple[str, str], *, force: bool) -> int:
        """Check the file, write a draft, check that, and put it in its place if it agrees.

        Args:
            draft: where to write it first.
            target: its place.
            commands: what checks the file again, and what mends it again.
            force: whether something may be there.
        """
        first, second = commands
        made = one(self.maker, self.found, self.artifact, self.settings, first, repaired=draft)
        refused = isinstance(made.error, RepairError)
        self.checks.add(made.results, None if refused else made.behind)
        shown = files_shown(target)
        if refused:
            return self._end(_DIFFERS, f"{self.artifact.path} {made.error}")
        if made.error is not None:
            return self._end(_DIFFERS, f"{self.artifact.path} could not be checked: not mended")
        if made.results[-1]["outcome"] == PASSED:
            return self._end(_AGREES, f"{self.artifact.path} agrees: there is nothing to repair")
        changes = json.loads(draft.with_name(f"{draft.name}{_CHANGES}").read_text("utf-8"))
        mended = dict(vars(self.artifact)) | {"path": os.path.relpath(target, self._root)}
        copy = Artifact(**mended)
        again = one(self.maker, self.found, copy, self.settings, second, lies=draft)
        self.checks.add(again.results, again.behind)
        if again.results[-1]["outcome"] != PASSED:
            return self._end(
                _DIFFERS, f"the mended copy does not agree either: nothing was written to {shown}"
            )
        try:
            _put(draft, target, force=force)
        except OSError as error:
            return self._end(_DIFFERS, f"{shown} cannot be written: {files.why(error)}")
        changed: list[str] = changes["changed"]
        said = f"wrote {shown}: {counted(len(changed), 'change')} ({listed(changed, 4)}), mending "
        return self._end(_AGREES, f"{said}{listed(changes['causes'])}; it agrees")

    def interrupted(self) -> int:
        """Write the reports of what there is; return the exit code."""
        self.checks.interrupted = True
        if not self.checks.ended:
            self.checks.missing(self.found, self.artifact)
        return self.checks.end()

    @property
    def _root(self) -> Path:
        return self.found.model.root or Path.cwd()

    def _end(self, status: int, said: str) -> int:
        self.checks.end(status)
        if status == _AGREES:
            self.printer.line(f"freezecheck: {said}")
        else:
            self.printer.error(said)
        return status


def files_shown(path: Path) -> str:
    """Return a path from the current folder, if that is shorter."""
    shown = os.path.relpath(path)
    return str(path) if shown.startswith("..") else shown


def _target(given: argparse.Namespace) -> Path:
    """Return where to write.

    Raises:
        SettingError: something is there already, or it is the file itself.
    """
    source = Path(given.artifact).absolute()
    target = source.with_name(f"{source.stem}.repaired{source.suffix}")
    if source.is_dir():
        target = source.with_name(f"{source.name}.repaired")
    if given.output is not None:
        target = Path(given.output).absolute()
    if target.resolve() == source.resolve() or source.resolve() in target.resolve().parents:
        raise SettingError(
            f"--output={given.output} is the file to repair, or in it; it is never written over"
        )
    there = os.path.lexists(target)
    if there and not given.force:
        raise SettingError(f"{files_shown(target)} is there already: --force replaces it")
    if there and (target.is_symlink() or target.is_dir() != source.is_dir()):
        raise SettingError(f"{files_shown(target)} is something else: it is not replaced")
    if there and target.is_dir() and not (target / "saved_model.pb").is_file():
        raise SettingError(f"{files_shown(target)} is no SavedModel: it is not replaced")
    if not target.parent.is_dir():
        raise SettingError(f"{files_shown(target.parent)}: no such folder")
    return target


def _beside(target: Path) -> Path:
    """Return a new folder beside the target, from which a rename is all or nothing.

    Raises:
        SettingError: none can be made there.
    """
    try:
        return Path(tempfile.mkdtemp(prefix=".freezecheck-repair-", dir=target.parent))
    except OSError as error:
        raise SettingError(
            f"{files_shown(target.parent)} cannot be written to: {files.why(error)}"
        ) from None


def _put(draft: Path, target: Path, *, force: bool) -> None:
    """Put a draft in its place; what an earlier repair left there goes once this is whole."""
    if force and target.is_dir():
        old = draft.with_name("old")
        target.rename(old)
        try:
            draft.rename(target)
        except OSError:
            old.rename(target)
            raise
        return
    if not force and os.path.lexists(target):
        raise FileExistsError(17, "it has come to be there meanwhile")
    draft.replace(target)
