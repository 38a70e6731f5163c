"""Which checks were collected, and what a report says of one that came to no result."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.formats import format_of
from pytest_freezecheck.gate.items import FreezeItem
from pytest_freezecheck.gate.places import declared_at
from pytest_freezecheck.report import files
from pytest_freezecheck.result import reasons
from pytest_freezecheck.result.agreement import Agreement

MARKER = FIXTURE = "freezecheck"
#: In the folder that the workers of a distributed run share with whoever controls it.
_NAME = "collected.json"


@dataclasses.dataclass(frozen=True)
class Expected:
    """A check, or a test that makes checks, that was collected.

    Attributes:
        nodeid: pytest's name of it.
        model: name of the model; empty for a test of the team's own, which says so when it runs.
        artifact: path or way; likewise.
        way: name of the way to freeze, or None.
        declared_at: as in a result.
    """

    nodeid: str
    model: str = ""
    artifact: str = ""
    way: str | None = None
    declared_at: dict[str, Any] | None = None

    @classmethod
    def of(cls, item: FreezeItem) -> Expected:
        """Return what is expected of a check of ours."""
        model = item.model.name if item.model else item.parent.name if item.parent else ""
        return cls(item.nodeid, model, item.name, item.way, declared_at(item))

    def without_result(
        self, atol: float, text: str, reason: str = "no-result", seconds: float = 0.0
    ) -> dict[str, Any]:
        """Return what the report has in place of a result.

        Args:
            atol: what would have been allowed.
            text: why there is none, in a line.
            reason: one of `reasons.REASONS`.
            seconds: how long it ran.
        """
        agreement = Agreement(
            model=self.model,
            artifact=self.artifact,
            format=format_of(self.way) if self.way else "",
            way=self.way,
            outcome=reasons.ERROR,
            reason=reason,
            atol=atol,
            seconds=seconds,
            text=text,
            nodeid=self.nodeid,
            declared_at=self.declared_at,
        )
        return agreement.as_json()


def makes_checks(item: pytest.Item) -> bool:
    """Return whether a test has to come to a check, or is one."""
    asks = FIXTURE in getattr(item, "fixturenames", ())
    return asks or item.get_closest_marker(MARKER) is not None


def expected(items: Sequence[pytest.Item]) -> list[Expected]:
    """Return what is expected of a run of these tests."""
    return [
        Expected.of(item)
        if isinstance(item, FreezeItem)
        else Expected(item.nodeid, declared_at=declared_at(item))
        for item in items
        if makes_checks(item)
    ]


def tell(folder: Path, every: Sequence[Expected]) -> None:
    """Leave what a worker collected to whoever controls the run, although the worker may die.

    All workers of a run collect the same.
    """
    files.replace(folder / _NAME, json.dumps([dataclasses.asdict(each) for each in every]))


def told(folder: Path) -> list[Expected]:
    """Return what the workers collected; nothing if none came so far."""
    path = folder / _NAME
    if not path.exists():
        return []
    return [Expected(**each) for each in json.loads(path.read_text("utf-8"))]
