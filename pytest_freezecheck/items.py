"""Checks as pytest sees them: a collector for a model, an item for an artifact or way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_freezecheck.errors import FreezecheckError, FrozenMismatch

if TYPE_CHECKING:
    from pytest_freezecheck.workshop import Workshop

#: First part of the node ids of what is checked without a file that declares it.
ROOT = "freezecheck"
REFERENCE = "reference"
_NATIVE_LOG = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog|[IWE]\d{4} |To enable the following "
    r"instructions|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] )"
)


class FreezecheckCollector(pytest.Collector):
    """Holds the checks that no file of the repository declares."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Collect the reference model."""
        yield ModelCollector.from_parent(self, name=REFERENCE)


class ModelCollector(pytest.Collector):
    """Holds the checks of one model."""

    def collect(self) -> Iterator[pytest.Item]:
        """Collect one item for each way of freezing that can run here."""
        from pytest_freezecheck.formats import available_ways

        for way in available_ways():
            yield FreezeItem.from_parent(self, name=way)


class FreezeItem(pytest.Item):
    """Freezes a model in one way and checks the result."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_marker("freezecheck")

    @property
    def workshop(self) -> Workshop:
        """Where the run keeps its models."""
        from pytest_freezecheck.gate import workshop_of

        return workshop_of(self.config)

    def runtest(self) -> None:
        """Freeze, load and check."""
        __tracebackhide__ = True
        from pytest_freezecheck import formats
        from pytest_freezecheck.checking import assert_agreement

        live = self.workshop.reference()
        path = formats.freeze(live, self.name, self.workshop.scratch(self.name))
        frozen = formats.load(path, way=self.name)
        try:
            assert_agreement(live, frozen)
        finally:
            frozen.close()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show our own errors as their text, everything else as pytest does."""
        if isinstance(excinfo.value, (FrozenMismatch, FreezecheckError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Name the item by its node id in headings and durations."""
        return self.path, None, self.nodeid


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
