"""Whether declared checks run in a process of their own, and the life of that process in a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_freezecheck.gate import items as our_items
from pytest_freezecheck.messages.raised import in_short

if TYPE_CHECKING:
    from pytest_freezecheck.gate.collection import Collection
    from pytest_freezecheck.runner.keeper import Keeper
    from pytest_freezecheck.settings import Settings

#: Where checks run if nobody chose.
USUAL = "process"


class Isolation:
    """Registered with pytest when the gate is armed; on the workers of a distributed run too.

    Args:
        config: pytest's.
        settings: of the run.
        folder: returns the folder of the run.
        formats: those that the repository adds.
        collection: what is collected.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        folder: Callable[[], Path],
        formats: Sequence[Any],
        collection: Collection,
    ) -> None:
        self.config = config
        self._collection = collection
        self._keeper: Keeper | None = None
        self._why_not = _why_not(config, settings)
        if self._why_not is None:
            from pytest_freezecheck.runner.keeper import Keeper

            try:
                self._keeper = Keeper(settings, folder, formats, self._is_abandoned)
            except Exception as error:  # noqa: BLE001 - what pickle raises depends on what it meets
                said = f"added formats cannot be sent to another: {in_short(error)}"
                self._why_not = f"whose {said}"
        if self._keeper is not None:
            config.stash[our_items.KEEPER] = self._keeper
        self._channel: Any = None
        self._given: dict[str, Any] = getattr(config, "workerinput", {})

    @property
    def header(self) -> list[str]:
        """What the header says of what runs in pytest's own process."""
        if self._keeper is None:
            return [f"checks run in pytest's own process, {self._why_not}"]
        models = (*self._collection.declared, *self._collection.hooked)
        refusals = ((model.name, self._keeper.refusal(model)) for model in models)
        return [
            f"{name}: checked in pytest's own process, as it cannot be sent to another: {why}"
            for name, why in refusals
            if why is not None
        ]

    @pytest.hookimpl
    def pytest_collection(self) -> None:
        """Start the process while pytest collects, if a check is sure to need it.

        Of several workers, each starts its own then only if there is a model for each.
        """
        if self._keeper is None or self.config.option.collectonly or self._controls_others:
            return
        workers = self._given.get("workercount", 1)
        if sum(self._keeper.refusal(m) is None for m in self._collection.expected) >= workers:
            self._keeper.start()

    def _is_abandoned(self) -> bool:
        """Whether this is a worker of a run that has ended, which it would be told much later."""
        if not self._given:
            return False
        if self._channel is None:
            plugins = self.config.pluginmanager.get_plugins()
            channels = (getattr(plugin, "channel", None) for plugin in plugins)
            self._channel = next((c for c in channels if hasattr(c, "waitclose")), None)
        if self._channel is None:
            return False
        try:
            self._channel.waitclose(0)
        except self._channel.TimeoutError:
            return False
        except (self._channel.RemoteError, EOFError):
            return True
        return True

    @property
    def _controls_others(self) -> bool:
        return self.config.pluginmanager.has_plugin("dsession")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """End the process if nothing needs it after all."""
        ours = any(isinstance(item, our_items.FreezeItem) for item in session.items)
        if self._keeper is not None and not ours:
            self._keeper.close(0.0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Let the process end while reports are written."""
        if self._keeper is not None:
            self._keeper.finish()

    def close(self) -> None:
        """End the process."""
        if self._keeper is not None:
            self._keeper.close()


def _why_not(config: pytest.Config, settings: Settings) -> str | None:
    """Return why checks run in pytest's process, to follow a comma; None if they do not."""
    for option, dest in (("--pdb", "usepdb"), ("--trace", "trace")):
        if config.getoption(dest, False):
            return f"as {option} is given"
    if os.name != "posix":
        return "as this system has no process groups"
    if (settings.isolation or USUAL) == "none":
        return "as freezecheck_isolation is none"
    return None
