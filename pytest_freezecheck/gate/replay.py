"""Run only a failing input that an earlier run saved: keeps the check that found it."""

from __future__ import annotations

import pytest

from pytest_freezecheck.errors import SettingError


class Replay:
    """Registered with pytest when an input is to be replayed.

    Args:
        config: pytest's.
        file: the saved input, as it was given.

    Attributes:
        path: the file.
        nodeid: pytest's name of the check that found it, if any.
        given: what it was called on the command line.
    """

    def __init__(self, config: pytest.Config, file: str) -> None:
        from pytest_freezecheck.inputs.saved import read

        self.config = config
        self.given = file
        self.path = config.invocation_params.dir / file
        if not self.path.is_file():
            raise pytest.UsageError(f"freezecheck: --freezecheck-replay: no such file: {file}")
        try:
            self.nodeid = read(self.path).nodeid
        except SettingError as error:
            raise pytest.UsageError(f"freezecheck: --freezecheck-replay: {error}") from None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect everything but the check that found the input."""
        kept = [item for item in items if item.nodeid == self.nodeid]
        if not kept:
            raise pytest.UsageError(
                f"freezecheck: --freezecheck-replay: {self.path.name} was found by {self.nodeid}, "
                "which was not collected; was it renamed, or does the command line leave it out?"
            )
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
