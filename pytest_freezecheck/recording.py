"""Collects the results of the checks that are made meanwhile, for the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_freezecheck.agreement import Agreement

_records: list[list[Agreement]] = []


@contextlib.contextmanager
def recording() -> Iterator[list[Agreement]]:
    """Collect the results of every check made meanwhile, for the gate."""
    record: list[Agreement] = []
    _records.append(record)
    try:
        yield record
    finally:
        _records.pop()


def record(agreement: Agreement) -> None:
    """Hand a finished check, unread as yet, to whoever is recording."""
    agreement.read = False
    for made in _records:
        made.append(agreement)
