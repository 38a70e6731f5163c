"""Where the gate keeps what is made once in a run: the folder it works in, and trained models."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_freezecheck.errors import FreezecheckError, ModelError
from pytest_freezecheck.messages.raised import in_short

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_freezecheck.declared.model import Model
    from pytest_freezecheck.models.live import LiveModel

#: A worker waits this many seconds for another one to train before it trains for itself.
_PATIENCE = 120.0


class ModelCache:
    """Makes each model once.

    Args:
        shared: folder that the workers of a distributed run share, or None to make one's own.
    """

    def __init__(self, shared: str | None = None) -> None:
        self._shared = Path(shared) if shared else None
        self._owned: Path | None = None
        self._models: dict[str, LiveModel] = {}
        self._failures: dict[str, tuple[type[FreezecheckError], str]] = {}

    @property
    def folder(self) -> Path:
        """The shared folder; made on first use, and removed by `close` if this made it."""
        if self._shared is None:
            self._shared = self._owned = Path(tempfile.mkdtemp(prefix="freezecheck-"))
        return self._shared

    def scratch(self, name: str) -> Path:
        """Return a new folder of this process's own."""
        return Path(tempfile.mkdtemp(prefix=f"{name[:40]}-", dir=self.folder))

    def reference(self) -> LiveModel:
        """Return the reference model: trained once in a run, restored once in a process."""

        def make() -> LiveModel:
            from pytest_freezecheck.models import reference

            return reference.load(self._trained())

        return self._once("", make)

    def live(self, model: Model) -> LiveModel:
        """Return the live model of a declaration, built once in a process.

        A model that cannot be built fails each of its checks with the same line, at once.
        """
        __tracebackhide__ = True

        def make() -> LiveModel:
            __tracebackhide__ = True
            from pytest_freezecheck.declared.live import build_live

            return build_live(model)

        return self._once(model.name, make)

    def of(self, model: Model | None) -> LiveModel:
        """Return the live model of a declaration, or our own, made once in a process."""
        __tracebackhide__ = True
        return self.reference() if model is None else self.live(model)

    def _once(self, name: str, make: Callable[[], LiveModel]) -> LiveModel:
        __tracebackhide__ = True
        if name in self._failures:
            # A new error each time: one that is raised again gets a longer traceback by it.
            kind, message = self._failures[name]
            raise kind(message)
        if name not in self._models:
            try:
                self._models[name] = make()
            except FreezecheckError as error:
                self._failures[name] = type(error), str(error)
                raise
            except Exception as error:
                said = f"{name}: the live model could not be made: {in_short(error)}"
                self._failures[name] = ModelError, f"{said}; its first check shows the rest"
                raise
        return self._models[name]

    def _trained(self) -> Path:
        """Return the folder of the trained checkpoints, training if no other process has or does.

        Training happens in a folder of its own that is then renamed, which is atomic: what is
        there under the final name is complete.
        """
        from pytest_freezecheck.models import reference

        done, claim = self.folder / "reference", self.folder / "reference.claimed"
        try:
            claim.mkdir()
        except FileExistsError:
            deadline = time.monotonic() + _PATIENCE
            while not done.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
        if done.exists():
            return done
        private = self.scratch("training")
        reference.train(private)
        try:
            os.rename(private, done)  # noqa: PTH104 - its failure on an existing folder is wanted
        except OSError:
            if not done.exists():
                raise
        return done

    def close(self) -> None:
        """Free the models and remove the folder, if this process made it."""
        for model in self._models.values():
            model.close()
        if self._owned is not None:
            shutil.rmtree(self._owned, ignore_errors=True)
