"""Collects the results of the checks that are made meanwhile, for the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from pytest_freezecheck.result.agreement import Agreement

_listeners: list[Callable[[Agreement], None]] = []


@contextlib.contextmanager
def telling(listener: Callable[[Agreement], None]) -> Iterator[None]:
    """Hand the result of every check made meanwhile to a function, at once."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextlib.contextmanager
def recording() -> Iterator[list[Agreement]]:
    """Collect the results of every check made meanwhile, for the gate."""
    record: list[Agreement] = []
    with telling(record.append):
        yield record


def record(agreement: Agreement) -> None:
    """Hand a finished check, unread as yet, to whoever is recording."""
    agreement.read = False
    for listener in _listeners:
        listener(agreement)
