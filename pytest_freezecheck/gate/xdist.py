"""Under xdist, all checks of a model go to one worker, so that it is built once."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_freezecheck.declared.pyproject import NAME
from pytest_freezecheck.gate.items import ROOT


def model_of(nodeid: str) -> str | None:
    """Return the first two parts of one of our node ids, which name a model; else None."""
    parts = nodeid.split("::")
    ours = len(parts) > 2 and (parts[0] == ROOT or parts[0].rpartition("/")[2] == NAME)
    return "::".join(parts[:2]) if ours else None


def make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return a scheduler for `--dist=load` (the default of `-n`) and `loadgroup`, or None.

    Tests that are not ours are handed out one by one, or by their group. The other ways to
    distribute are left alone: `loadscope` and `loadfile` keep a model together by themselves.
    """
    distribution = config.getoption("dist", None)
    if distribution not in ("load", "loadgroup"):
        return None
    from xdist.scheduler import LoadGroupScheduling, LoadScopeScheduling

    by_group = distribution == "loadgroup"
    base: Any = LoadGroupScheduling if by_group else LoadScopeScheduling

    class ModelScheduling(base):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            other = super()._split_scope(nodeid) if by_group else nodeid
            return model_of(nodeid) or str(other)

        def schedule(self) -> None:
            """Hand out, as xdist does, and enough to a worker that takes a dead one's place.

            A worker runs a test when it knows what comes next, or that nothing does.
            """
            again = self.collection is not None
            super().schedule()
            if again:
                for node in self.nodes:
                    self._reschedule(node)

        def _reschedule(self, node: Any) -> None:
            if node in self.registered_collections:  # else it is asked again when it has collected
                super()._reschedule(node)

        def remove_node(self, node: Any) -> str | None:
            """Take back what a dead worker was handed, but for the test that it died of.

            xdist would hand that out again, until it has ended as many workers as may end.
            """
            units = self.assigned_work.pop(node)
            died: str | None = next(
                (n for unit in units.values() for n in unit if not unit[n]), None
            )
            if died is None:
                return None
            for scope, unit in units.items():
                if died in unit:
                    unit[died] = True
                if not all(unit.values()):
                    self.workqueue[scope] = unit
            for other in self.assigned_work:
                self._reschedule(other)
            return died

    return ModelScheduling(config, log)
